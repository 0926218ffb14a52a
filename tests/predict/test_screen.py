"""Predictions on the screen: a table on a terminal, lines of JSON elsewhere."""

import io
import json
import subprocess
import sys

import pytest
from rich.console import Console

from mtc_keras.predict import program as predict
from mtc_keras.predict.tables import text_tables
from mtc_keras.tasks import Multiclass, Multilabel, Regression
from tests.conftest import ROOT

TASKS = [
    Multiclass(name="a_name_that_is_long_but_never_cut", classes=["bad", "good"]),
    Multilabel(name="topics", classes=["bus", "[fee]"]),
    Regression(name="price", mean=0.0, scale=1.0),
]
ROW = {
    "text": "The clerk\nwas kind.",
    "predicted_a_name_that_is_long_but_never_cut": "good",
    "a_name_that_is_long_but_never_cut_probabilities": {"bad": 0.07, "good": 0.93},
    "predicted_topics": ["bus", "[fee]"],
    "topics_confidence": 0.5,
    "topics_probabilities": {"bus": 0.7, "[fee]": 0.6},
    "predicted_price": 4.5,
}


def shown(row, width=72) -> list[list[str]]:
    """Returns the words of each line of a row's table."""
    console = Console(file=io.StringIO(), width=width)
    for table in text_tables(iter([row]), ["text"], TASKS):
        console.print(table)
    lines = console.file.getvalue().splitlines()
    return [line.split() for line in lines if any(c.isalnum() for c in line)]


def test_a_table_has_a_line_per_label():
    assert shown(ROW) == [
        ["The", "clerk", "was", "kind."],
        ["task", "label", "probability"],
        ["a_name_that_is_long_but_never_cut", "good", "0.9300"],
        ["topics", "bus", "0.7000"],
        ["[fee]", "0.6000"],
        ["price", "4.5000"],
    ]


def test_a_table_says_what_was_left_out():
    row = ROW | {"predicted_topics": None, "topics_abstained": True}
    assert ["topics", "abstained", "0.5000"] in shown(row)
    assert ["topics", "none", "0.5000"] in shown(ROW | {"predicted_topics": []})


def predict_text(finished, *options) -> int:
    return predict.main(["--model", str(finished.directory), "--text", "good bus", *options])


def test_a_terminal_gets_a_table_and_json_if_asked(finished, capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert predict_text(finished) == 0
    printed = capsys.readouterr().out
    assert "probability" in printed and "mood" in printed
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert predict_text(finished, "--json") == 0
    [line] = capsys.readouterr().out.splitlines()
    for value in json.loads(line)["topics_probabilities"].values():
        assert value == round(value, 4)


def test_a_file_gets_every_digit(finished, tmp_path):
    assert predict_text(finished, "--out", str(tmp_path / "out.jsonl")) == 0
    row = json.loads((tmp_path / "out.jsonl").read_text())
    probabilities = row["topics_probabilities"].values()
    assert any(value != round(value, 4) for value in probabilities)
    assert predict_text(finished, "--out", str(tmp_path / "out.csv"), "--columns", "labels") == 0
    header = "text,predicted_mood,predicted_topics,predicted_length"
    assert (tmp_path / "out.csv").read_text().splitlines()[0] == header


class Stdin:
    """Standard input that holds some bytes."""

    def __init__(self, content: bytes) -> None:
        self.buffer = io.BytesIO(content)


def test_lines_of_standard_input_become_lines(finished, capsys, monkeypatch):
    lines = [b'\xef\xbb\xbf{"id": 1, "text": "good"}', b"3", b'{"text": null}', b"{", b"\xff"]
    monkeypatch.setattr(sys, "stdin", Stdin(b"\n".join([*lines, b'{"text": "bad"}'])))
    assert predict.main(["--model", str(finished.directory), "--data", "-"]) == 0
    printed = capsys.readouterr()
    rows = [json.loads(line) for line in printed.out.splitlines()]
    assert [(row.get("id"), row["text"]) for row in rows] == [(1, "good"), (None, "bad")]
    assert "predicted_mood" in rows[0]
    for line in (2, 3, 4, 5):
        assert f"bad row left out: -:{line}: " in printed.err


def test_of_many_bad_rows_of_standard_input_some_are_shown(finished, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Stdin(b'{"text": "good"}\n' + b"[]\n" * 7))
    assert predict.main(["--model", str(finished.directory), "--data", "-"]) == 0
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 6 and errors[-1] == "7 bad rows left out"


def test_strict_stops_at_the_first_bad_row_of_standard_input(finished, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Stdin(b'{"text": "good"}\n{\n'))
    assert predict.main(["--model", str(finished.directory), "--data", "-", "--strict"]) == 2
    assert "-:2: is not JSON" in capsys.readouterr().err


def test_standard_input_without_the_text_column_is_refused(finished, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Stdin(b'{"txt": "good"}\n'))
    assert predict.main(["--model", str(finished.directory), "--data", "-"]) == 2
    assert "-: no text column 'text'. Did you mean 'txt'?" in capsys.readouterr().err


def test_files_without_out_come_to_the_screen_row_by_row(finished, tmp_path, capsys):
    (tmp_path / "in.csv").write_text("id,text\n1,good\n2,\n")
    arguments = ["--model", str(finished.directory), "--data", str(tmp_path / "in.csv")]
    assert predict.main([*arguments, "--columns", "labels"]) == 0
    printed = capsys.readouterr()
    [row] = [json.loads(line) for line in printed.out.splitlines()]
    assert list(row) == ["id", "text", "predicted_mood", "predicted_topics", "predicted_length"]
    assert "in.csv:3: text column 'text' is empty" in printed.err


@pytest.mark.slow
def test_a_reader_that_has_seen_enough_may_leave(finished):
    command = f'yes \'{{"text": "good"}}\' | head -n 20000 | {sys.executable} -m mtc_keras.predict'
    done = subprocess.run(
        ["sh", "-c", f"{command} --model {finished.directory} --data - | head -n 2"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert [json.loads(line)["text"] for line in done.stdout.splitlines()] == ["good", "good"]
    assert done.stderr == ""


def test_where_every_row_is_bad_the_screen_ends_as_a_file_does(finished, tmp_path, capsys):
    (tmp_path / "in.jsonl").write_text('{"text": null}\n{"text": null}\n')
    arguments = ["--model", str(finished.directory), "--data", str(tmp_path / "in.jsonl")]
    for out in ([], ["--out", str(tmp_path / "out.jsonl")]):
        assert predict.main([*arguments, *out]) == 2
        assert "hold no row that can be predicted" in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_json_on_a_screen_that_is_not_utf_8_has_the_same_value(finished, encoding, monkeypatch):
    text = "naïve 日本 😀 good"
    screen = io.TextIOWrapper(io.BytesIO(), encoding)
    monkeypatch.setattr(sys, "stdout", screen)
    assert predict.main(["--model", str(finished.directory), "--text", text]) == 0
    screen.flush()
    assert json.loads(screen.buffer.getvalue().decode("ascii"))["text"] == text
