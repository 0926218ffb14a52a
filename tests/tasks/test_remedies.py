"""Every refusal of a label cell names its row and a line of config that reads it."""

import datetime
import json
import tomllib

import numpy as np
import pytest

from mtc_keras.config import check_config
from mtc_keras.data.reading import read_splits
from mtc_keras.errors import DataError
from mtc_keras.tasks import Multiclass

ONE = {"kind": "multiclass", "classes": ["joy", "fear"]}
LEARNED = {"kind": "multiclass"}
SEVERAL = {"kind": "multilabel", "classes": ["joy", "fear"]}
FLAGS = {"kind": "multilabel", "column": ["joy", "fear"], "labels": "flags"}
VECTOR = {"kind": "multilabel", "classes": ["joy", "fear"], "labels": "flags"}
STARS = {"kind": "ordinal", "classes": ["1", "2", "3"]}
NUMBER = {"kind": "regression"}
OBJECT = {"id": 3, "name": "joy"}
VOTES = {**ONE, "labels": "votes"}
STATED = {**ONE, "labels": "probabilities"}
SAID = {"who": "x", "what": "joy"}
SHARES = {"joy": 0.75, "fear": 0.25}
MARKED = {"joy": 1, "fear": "?"}
RATED = {"by": "x", "value": 4}

# The task, a cell that reads, one that does not, the line, and what it makes of the latter.
CASES = {
    "an unknown class": (ONE, "joy", "rage", 'unknown_classes = "ignore"', None),
    "a marker": (ONE, "joy", "?", 'unknown_classes = "ignore"', None),
    "a marker of csv": (ONE, "joy", "N/A", 'missing = ["N/A"]', None),
    "a marker beside others": (
        {**ONE, "missing": ["-"]},
        "joy",
        "NA",
        'missing = ["-", "NA"]',
        None,
    ),
    "several for one": (ONE, "joy", ["joy", "fear"], 'kind = "multilabel"', ["joy", "fear"]),
    "answers for one": (ONE, "joy", ["joy", "joy"], 'labels = "votes"', "joy"),
    "an object for one": (ONE, {"name": "joy"}, OBJECT, 'column = "label.name"', "joy"),
    "objects for one": (ONE, [OBJECT], [OBJECT], 'column = "label[0].name"', "joy"),
    "lists for one": (ONE, [["joy"]], [["joy"]], 'column = "label[0][0]"', "joy"),
    "shares for one": (
        ONE,
        {"joy": 1},
        {"joy": 0.75, "fear": 0.25},
        'labels = "probabilities"',
        "joy",
    ),
    "counts for one": (ONE, {"joy": 2}, {"joy": 1, "fear": 2}, 'labels = "votes"', "fear"),
    "a fraction": (LEARNED, 1, 1.5, 'kind = "regression"', 1.5),
    "an unknown class of several": (SEVERAL, ["joy"], ["rage"], 'unknown_classes = "ignore"', None),
    "another separator": (SEVERAL, "joy", "joy;fear", 'separator = ";"', ["joy", "fear"]),
    "an ampersand": (SEVERAL, "joy", "joy & fear", 'separator = " & "', ["joy", "fear"]),
    "hashtags": (SEVERAL, "#joy", "#joy #fear", 'separator = "#"', ["joy", "fear"]),
    "brackets": (SEVERAL, "<joy>", "<joy><fear>", 'separator = "><"', ["joy", "fear"]),
    "lines": (SEVERAL, "joy", "joy\nfear", 'separator = "\\n"', ["joy", "fear"]),
    "objects": (SEVERAL, [OBJECT], [OBJECT], 'column = "label[].name"', ["joy"]),
    "lists of lists": (
        SEVERAL,
        [["joy"]],
        [["joy"], ["fear"]],
        'column = "label[][]"',
        ["joy", "fear"],
    ),
    "objects as Python": (
        SEVERAL,
        "[{'id': 3, 'name': 'joy'}]",
        "[{'id': 3, 'name': 'fear'}]",
        'column = "label[].name"',
        ["fear"],
    ),
    "a share": (SEVERAL, {"joy": 1}, {"joy": 0.75}, 'labels = "probabilities"', ["joy"]),
    "a marker in a table": (
        SEVERAL,
        {"joy": 1},
        {"joy": 1, "fear": "?"},
        'missing = ["?"]',
        ["joy"],
    ),
    "a number for several": ({"kind": "multilabel"}, ["a", "b"], 1.5, 'kind = "regression"', 1.5),
    "a broken list": (SEVERAL, "joy", "['joy'", "missing = [\"['joy'\"]", None),
    "a shortened list": (SEVERAL, "joy", "[joy ... fear]", 'missing = ["[joy ... fear]"]', None),
    "not known": (FLAGS, [1, 0], [-1, 1], 'missing = ["-1"]', ["fear"]),
    "a question mark": (FLAGS, ["1", "0"], ["?", "1"], 'missing = ["?"]', ["fear"]),
    "names in columns": (FLAGS, ["1", "0"], ["joy", ""], 'labels = "names"', ["joy"]),
    "a share in columns": (FLAGS, [1, 0], [0.75, 0.25], 'labels = "probabilities"', ["joy"]),
    "too long a vector": (
        {**VECTOR, "classes": None, "num_classes": 2},
        [1, 0, 0],
        [0, 0, 1],
        "num_classes = 3",
        ["2"],
    ),
    "names for a vector": (VECTOR, [1, 0], "joy", 'labels = "names"', ["joy"]),
    "two of one": (
        {**FLAGS, "kind": "multiclass"},
        [1, 0],
        [1, 1],
        'kind = "multilabel"',
        ["joy", "fear"],
    ),
    "shares in a list": (ONE, None, [0.75, 0.25], 'labels = "probabilities"', "joy"),
    "shares of several": (SEVERAL, None, [0.75, 0.25], 'labels = "probabilities"', ["joy"]),
    "answers that are separated": (VOTES, "joy", "joy;joy;fear", 'separator = ";"', "joy"),
    "a number that is a share": (STATED, {"joy": 1}, 0.75, 'kind = "regression"', 0.75),
    "names in place of shares": (STATED, {"joy": 1}, ["joy"], 'labels = "votes"', "joy"),
    "percentages": (STATED, {"joy": 1}, {"joy": 70, "fear": 30}, "normalise = true", "joy"),
    "shares deeper inside": (
        STATED,
        {"by": "x", "shares": {"joy": 0.75, "fear": 0.25}},
        {"by": "x", "shares": {"joy": 0.75, "fear": 0.25}},
        'column = "label.shares"',
        "joy",
    ),
    "fields of annotators": (VOTES, [SAID], [SAID], 'column = "label[].what"', "joy"),
    "no star": (STARS, 1, 7, 'unknown_classes = "ignore"', None),
    "a decimal comma": (NUMBER, "1", "4,5", 'decimal = ","', 4.5),
    "thousands": (NUMBER, "1", "1.234,5", 'missing = ["1.234,5"]', None),
    "text for a number": (NUMBER, "1", "good", 'missing = ["good"]', None),
    "a marker for a number": (NUMBER, 1, "N/A", 'missing = ["N/A"]', None),
    "an object for a number": (
        NUMBER,
        {"value": 1},
        {"by": "x", "value": 4},
        'column = "label.value"',
        4,
    ),
    "a list for a number": (NUMBER, [1], [4, 5], 'column = "label[0]"', 4),
}


def rows(task, cells):
    """Returns rows of label cells; of several columns each value has its own."""
    columns = task.get("column", "label")
    for number, cell in enumerate(cells):
        values = (
            dict(zip(columns, cell, strict=True)) if isinstance(columns, list) else {"label": cell}
        )
        yield {"text": f"text {number}", **values}


def read(path, task):
    task = {key: value for key, value in task.items() if value is not None}
    return read_splits(check_config({"data": {"train": str(path)}, "tasks": {"label": task}}))


@pytest.mark.parametrize("case", CASES)
def test_a_refused_cell_names_the_line_that_reads_it(case, tmp_path):
    task, good, bad, line, expected = CASES[case]
    path = tmp_path / "train.jsonl"
    # Only the one cell is wrong, but where all of the column is written so.
    cells = [good, *([2] if task is LEARNED else []), bad, good]
    lines = [json.dumps(row) for row in rows(task, cells)]
    path.write_text("\n".join(lines))
    with pytest.raises(DataError) as caught:
        read(path, task)
    message = "\n".join(caught.value.problems)
    assert line in message
    assert f"{path}:" in message
    [(key, value)] = tomllib.loads(line).items()
    changed = {**task, key: value}
    if key == "kind" and value == "regression":
        changed = {"kind": "regression"}
        path.write_text(
            "\n".join(json.dumps(row) for row in rows(changed, [1, 2, bad, 3][-len(cells) :]))
        )
    found = read(path, changed)
    [learned] = found.tasks
    label = learned.label(learned.hard(found.train.targets["label"])[len(cells) - 2])
    assert label == (pytest.approx(expected) if isinstance(expected, float) else expected)


@pytest.mark.parametrize(
    "task, cell",
    [
        (STATED, {"joy": 0.5, "fear": 0.2}),
        (STATED, "joy"),
        (VOTES, {"joy": 0.5}),
        (VOTES, ["joy", "rage"]),
        ({**SEVERAL, "labels": "votes"}, ["joy", "joy"]),
        ({**SEVERAL, "labels": "probabilities"}, {"joy": 70}),
    ],
)
def test_no_path_leads_into_tables_that_are_labels_themselves(task, cell, tmp_path):
    path = tmp_path / "train.jsonl"
    cells = [{"joy": 1, "fear": 0}, [["joy"], ["fear"]], cell, cell]
    path.write_text("\n".join(json.dumps(row) for row in rows(task, cells)))
    with pytest.raises(DataError) as caught:
        read(path, task)
    assert "column = " not in "\n".join(caught.value.problems)


def test_tables_that_multiclass_reads_as_names_are_told_with_their_line(tmp_path):
    path = tmp_path / "train.csv"
    path.write_text(
        'text,label\na,"{""joy"": 0.75, ""fear"": 0.25}"\nb,"{""joy"": 0.0, ""fear"": 1}"\n'
    )
    [note] = [note for note in read(path, LEARNED).notes if note.startswith("tasks.")]
    assert 'labels = "probabilities" a table' in note
    found = read(path, {**LEARNED, "labels": "probabilities"})
    np.testing.assert_array_equal(found.train.targets["label"], [[0.25, 0.75], [1, 0]])


@pytest.mark.parametrize(
    "cells",
    [
        ["#joy #fear", "#joy", "#fear"],
        ["joy;fear", "joy", "fear"],
        ["joy/fear", "joy", "fear"],
        ["joy + fear", "joy", "fear"],
        ["joy+fear", "joy", "fear"],
        ["joy & fear", "joy", "fear"],
        ["joy and fear", "joy", "fear"],
        ["joy\nfear", "joy", "fear"],
        ["joy、fear", "joy", "fear"],
        ["<joy><fear>", "<joy>", "<fear>"],
        ["joy\tfear", "joy", "fear"],
    ],
)  # fmt: skip
def test_auto_finds_what_separates_names(cells, tmp_path):
    path = tmp_path / "train.jsonl"
    task = {"kind": "multilabel", "separator": "auto"}
    path.write_text("\n".join(json.dumps(row) for row in rows(task, cells * 2)))
    found = read(path, task)
    assert found.tasks[0].known_classes == ["fear", "joy"]
    assert found.train.targets["label"][:3].tolist() == [[1, 1], [0, 1], [1, 0]]
    assert len([note for note in found.notes if 'separator = "auto" is' in note]) == 1


def test_names_in_quotes_are_a_list_and_told(tmp_path):
    path = tmp_path / "train.jsonl"
    task = {"kind": "multilabel", "classes": ["joy", "fear"]}
    cells = ['"joy", "fear"', "'joy'; 'fear'", "joy"]
    path.write_text("\n".join(json.dumps(row) for row in rows(task, cells)))
    found = read(path, task)
    assert found.train.targets["label"].tolist() == [[1, 1], [1, 1], [1, 0]]
    assert any("2 cells such as" in note and "are read as lists" in note for note in found.notes)


@pytest.mark.parametrize(
    "text, number",
    [("4,5", 4.5), ("1.234,5", 1234.5), ("-12", -12), (",5", 0.5), ("1.234", 1234), (" 3, ", 3)],
)
def test_a_decimal_comma_is_read_where_the_config_says_so(text, number, tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows(NUMBER, [text, "1", 2.5])))
    found = read(path, {**NUMBER, "decimal": ","})
    assert found.train.targets["label"].tolist() == pytest.approx([number, 1, 2.5])
    path.write_text("\n".join(json.dumps(row) for row in rows(NUMBER, ["1,234.5", "1"])))
    with pytest.raises(DataError, match=r"expected a number, received '1,234.5'"):
        read(path, {**NUMBER, "decimal": ","})


def test_classes_that_cannot_be_learned_name_the_row_and_one_line(tmp_path):
    path = tmp_path / "train.jsonl"
    cells = [None, {"joy": 0.7, "anger": 0.3}, {"joy": 0.5, "anger": 0.5}]
    path.write_text("\n".join(json.dumps({"text": "a", "label": cell}) for cell in cells))
    with pytest.raises(DataError) as caught:
        read(path, {"kind": "multiclass"})
    [problem] = caught.value.problems
    assert problem.startswith("tasks.label: found 0 classes in column 'label'")
    assert problem.endswith(f", first {path}:2")
    assert 'labels = "probabilities"' in problem
    assert "column = " not in problem  # which would read 0.7 as the name of a class
    several = [[{"choices": ["bus"]}], [{"choices": ["fee"]}]]
    path.write_text("\n".join(json.dumps({"text": "a", "label": cell}) for cell in several))
    task = {"kind": "multilabel", "column": "label[].choices"}
    with pytest.raises(DataError, match="found 0 classes") as caught:
        read(path, task)
    assert '; column = "label[].choices[]"), first ' in caught.value.problems[0]
    found = read(path, task | {"column": "label[].choices[]"})
    assert found.tasks[0].known_classes == ["bus", "fee"]


def test_a_date_is_told_as_one():
    with pytest.raises(ValueError, match="received the date 2024-01-02; write it as text"):
        Multiclass(name="a", classes=["x", "y"]).encode_cell(datetime.date(2024, 1, 2))
