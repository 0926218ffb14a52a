"""Names of files, tasks and classes are shown as they are; nothing in them acts on a terminal."""

import io
import sys

import pytest

from mtc_keras.console.listing import Listing
from mtc_keras.console.log import Log
from mtc_keras.console.progress import RowProgress
from mtc_keras.errors import DataError, legible
from mtc_keras.predict.tables import text_tables
from mtc_keras.tasks import Multiclass

# As they are given, and as they are shown.
NAMES = {
    "x[/]y.jsonl": "x[/]y.jsonl",
    "[bold red]x[/]": "[bold red]x[/]",
    ":smile: **x**": ":smile: **x**",
    "\x1b[31mred\x1b]0;t\x07": r"\x1b[31mred\x1b]0;t\x07",
    "a\rb\bc\x9b2J": r"a\rb\x08c\x9b2J",
    "\u202egnp.exe\u2066": r"\u202egnp.exe\u2066",
    "t\udcff\ud800": r"t\udcff\ud800",
    "a\nb": r"a\nb",
    "naïve 😀 \u200d": "naïve 😀 \u200d",
}
by_name = pytest.mark.parametrize(("name", "shown"), NAMES.items(), ids=ascii)


def test_only_what_cannot_be_seen_is_escaped():
    assert legible("plain – text, 日本語\nof two lines") == "plain – text, 日本語\nof two lines"
    assert str(DataError("a\x1bb", ["c\ud800d\r"])) == "a\\x1bb\n  c\\ud800d\\r"


@by_name
def test_names_in_tables_lines_and_the_log_file(name, shown, tmp_path, capsys):
    table = Listing(name, ["task", name], note=name)
    table.add_row(name, "1")
    with Log(tmp_path / "train.log") as log:
        log.show(table)
        log.line(f"{name}: 3 rows")
        progress = RowProgress(log, name, 3)
        progress.advance(3)
        progress.close()
    for text in (capsys.readouterr().out, (tmp_path / "train.log").read_text("utf-8")):
        in_lines = shown.replace("\\n", "\n") if "\n" in name else shown  # of which it may have two
        assert text.count(in_lines) + text.count(shown) >= 4
        assert f"{in_lines}: 3 rows" in text
        assert not set(text) & set("\x1b\r\b\x9b\u202e\u2066\udcff\ud800")


@by_name
def test_names_in_the_table_of_one_text(name, shown, capsys):
    task = Multiclass(name="mood", classes=["other", "x"]).model_copy(
        update={"classes": ["x", name]}
    )
    row = {"text": name, "predicted_mood": name, "mood_probabilities": {name: 0.9}}
    log = Log()
    for table in text_tables(iter([row]), ["text"], [task]):
        log.show(table)
    out = capsys.readouterr().out
    assert shown in out and not set(out) & set("\x1b\r\b\x9b\u202e\u2066\udcff\ud800")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_whatever_the_encoding_of_the_screen(encoding, monkeypatch):
    buffer = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(buffer, encoding))
    table = Listing("ü – …", ["task", "日本"])
    table.add_row("😀", "–")
    log = Log()
    log.show(table)
    log.line("done – 日本")
    sys.stdout.flush()
    text = buffer.getvalue().decode(encoding)
    expected = {"ascii": r"\u65e5\u672c", "latin-1": "ü", "utf-8": "日本"}[encoding]
    assert expected in text and "done" in text


@pytest.mark.parametrize("width", [1, 2, 7, 30])
@pytest.mark.parametrize("terminal", ["dumb", "unknown", "xterm-256color", ""])
def test_any_screen(width, terminal, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    table = Listing("a title", ["task", "f1 macro"], note="of some", optional=["f1 macro"])
    table.add_row("a_long_name_of_a_task", "0.1234 (0.5678)")
    with Log() as log:
        log.show(table)
        progress = RowProgress(log, "predicting", 3)
        progress.advance(3)
        progress.close()
    out = capsys.readouterr().out
    assert "\x1b[3" not in out and "predicting: 3 rows" in out
