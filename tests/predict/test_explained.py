"""Words that speak for a prediction, on the screen and as lines of JSON."""

import io
import json
import sys

import pytest
from rich.console import Console

from mtc_keras.model.explanation import Explanation, Word
from mtc_keras.predict import program as predict
from mtc_keras.predict.explained_texts import ExplainedText
from tests.test_imports import EXPORT

TEXT = "Never  again!\x1b[2J [so"
FOUND = Explanation(
    text=TEXT,
    task="mood",
    label="bad",
    logit=3.0,
    baseline_logit=0.5,
    words=(
        Word("Never", 0, 5, 2.0),
        Word("again", 7, 12, -1.0),
        Word("!", 12, 13, 0.01),
        Word("so", 19, 21, None),
    ),
    completeness_gap=1.49,
    baseline="mask",
    steps=8,
)


def shown(explanation, **options) -> str:
    console = Console(file=io.StringIO(), width=80, markup=False, highlight=False, **options)
    console.print(ExplainedText(explanation))
    return console.file.getvalue()


def test_colours_are_blue_for_and_red_against_and_the_text_stands_whole():
    found = shown(FOUND, force_terminal=True, color_system="truecolor", no_color=False)
    assert "\x1b[30;48;2;90;150;255mNever\x1b[0m" in found
    assert "\x1b[30;48;2;255;182;172magain\x1b[0m" in found  # half as strong
    assert "\x1b[2mso\x1b[0m" in found
    assert "\x1b[2J" not in found  # what a text would do to the screen
    assert "1 word not read" in found


@pytest.mark.parametrize("options", [{"no_color": True, "force_terminal": True}, {}])
def test_without_colours_there_are_numbers(options):
    lines = shown(FOUND, **options).splitlines()
    plain = [line.replace("\x1b[1m", "").replace("\x1b[0m", "") for line in lines]
    assert plain[0] == "mood: bad (logit 3.00, without the words 0.50)"
    assert plain[1].startswith("Never(+2.00)  again(-1.00)!")
    assert plain[2] == "most: Never +2.00, again -1.00, ! +0.01"
    assert "these numbers miss +1.49 of the difference" in plain


def test_a_text_without_words_and_a_number_are_shown_too():
    empty = Explanation("", "price", None, 4.5, 4.5, (), 0.0, "pad", 8)
    assert "price (value 4.50, without the words 4.50)" in shown(empty)


def test_the_program_explains_all_tasks_or_those_that_are_named(finished, capsys, monkeypatch):
    command = ["--model", str(finished.directory), "--text", "good  bus", "--explain"]
    assert predict.main([*command, "--json"]) == 0
    [line] = map(json.loads, capsys.readouterr().out.splitlines())
    for task in ("mood", "topics", "length"):
        found = line[f"{task}_explanation"]
        assert [word["text"] for word in found["words"]] == ["good", "bus"]
        total = sum(word["attribution"] for word in found["words"]) + found["completeness_gap"]
        assert total == pytest.approx(found["logit"] - found["baseline_logit"], abs=1e-3)
        assert not {"text", "task"} & found.keys()
    assert predict.main([*command, "topics=bus", "--explain", "mood", "--json"]) == 0
    [line] = map(json.loads, capsys.readouterr().out.splitlines())
    assert line["topics_explanation"]["label"] == "bus"
    assert "length_explanation" not in line and "mood_explanation" in line
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert predict.main([*command, "mood=bad", "--no-color"]) == 0
    printed = capsys.readouterr().out
    assert "mood: bad (logit" in printed and "good(" in printed


def test_rows_of_standard_input_are_explained_line_by_line(finished, capsys, monkeypatch):
    lines = b'{"text": "good"}\n{"text": null}\n{"text": "bad fee"}\n'
    monkeypatch.setattr(sys, "stdin", type("Stdin", (), {"buffer": io.BytesIO(lines)})())
    command = ["--model", str(finished.directory), "--data", "-", "--explain", "mood=good"]
    assert predict.main(command) == 0
    rows = map(json.loads, capsys.readouterr().out.splitlines())
    words = [[word["text"] for word in row["mood_explanation"]["words"]] for row in rows]
    assert words == [["good"], ["bad", "fee"]]


def test_what_is_asked_wrongly_is_refused_before_the_model_is_loaded(
    finished, capsys, monkeypatch, tmp_path
):
    monkeypatch.setattr("mtc_keras.predict.predictors.RunPredictor.load", None)
    command = ["--model", str(finished.directory), "--text", "good", "--explain"]
    for more, message in [
        (["mod"], "there is no task 'mod'. Did you mean 'mood'?"),
        (["mood=god"], "label must be a class of task 'mood'"),
        (["length=3"], "task 'length' is explained as a number"),
        (["topics=bus", "--explain", "topics=fee"], "is asked for twice"),
        (["--out", str(tmp_path / "x.jsonl")], "--explain is shown on the screen"),
    ]:
        assert predict.main([*command, *more]) == 2
        assert message in capsys.readouterr().err
    assert predict.main(["--model", str(EXPORT), "--text", "good", "--explain"]) == 2
    assert "an export has none; name the run" in capsys.readouterr().err
