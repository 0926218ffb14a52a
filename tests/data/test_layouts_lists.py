"""Rows of JSON that are lists of cells are named by the config; an empty list is no label."""

import json

import pytest

from mtc_keras.data.reading import read_splits
from tests.data.layouts import predicted, problems, read, training, write

CELLS = [["text 0", "a"], ["text 1", "b"], ["text 2", "a"]]
TEXTS = ["text 0", "text 1", "text 2"]


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.json", json.dumps(CELLS)),
        ("x.json", json.dumps({"version": 1, "data": CELLS})),
        ("x.jsonl", "\n".join(map(json.dumps, CELLS))),
    ],
)
def test_rows_that_are_lists_take_the_names_of_the_header(name, content):
    columns, _ = read(write(name, content), header=["text", "label"])
    assert columns == {"text": TEXTS, "label": ["a", "b", "a"]}
    assert predicted(name, header=["text", "label"])[0] == TEXTS
    [problem, *_] = problems(name)
    assert "header" in problem
    if name == "x.json":
        assert 'set data.header = ["text", "label"]' in problem


def test_lists_of_another_length_than_the_header_are_no_rows():
    lines = "\n".join(map(json.dumps, [*CELLS, ["only"]]))
    [problem] = problems(write("x.jsonl", lines), header=["text", "label"])
    assert problem == (
        "data.train: x.jsonl:4: must be an object such as {…}, or a list with the cells of "
        "data.header, received list"
    )
    [problem] = problems(write("x.json", json.dumps([*CELLS, ["only"]])), header=["text", "label"])
    assert problem == "data.train: x.json:row 3: must be an object, received list"


def test_lists_by_split_are_read_as_the_splits_of_their_rows():
    document = {"val": CELLS[:1], "train": CELLS, "oos_train": [["odd", "oos"]]}
    write("x.json", json.dumps(document))
    dataset = read_splits(
        training(
            "x.json", header=["text", "label"], split="split", split_values={"ignore": "oos_train"}
        )
    )
    assert (list(dataset.train.texts[0]), len(dataset.validation)) == (TEXTS, 1)
    [problem] = problems("x.json")
    assert 'set records = "val" or records = "train"' in problem


def test_where_rows_are_is_told_to_be_of_no_use_for_lines():
    lines = "\n".join(
        json.dumps({"text": text, "label": "ab"[n % 2]}) for n, text in enumerate(TEXTS)
    )
    _, notes = read(write("x.jsonl", lines), records="data")
    assert notes == ["x.jsonl: holds a row per line; data.records is for one document"]


def test_several_names_of_label_studio_are_a_list_beside_single_ones():
    lines = ["text,topic", "a,bus", 'b,"{""choices"": [""fee"", ""bus""]}"', "c,", "d,fee"]
    write("x.csv", "\n".join(lines))
    dataset = read_splits(training("x.csv", {"topic": {"kind": "multilabel"}}))
    found = dataset.train.targets["topic"].tolist()
    assert (found[:2], found[3]) == ([[1, 0], [1, 1]], [0, 1])


def test_an_empty_list_is_a_missing_label_of_one_class_per_row():
    rows = [
        {"text": "a", "accept": ["x"]},
        {"text": "b", "accept": []},
        {"text": "c", "accept": ["y"]},
    ]
    write("x.jsonl", "\n".join(map(json.dumps, rows)))
    dataset = read_splits(training("x.jsonl", {"t": {"kind": "multiclass", "column": "accept"}}))
    assert dataset.train.targets["t"].tolist() == [0, -1, 1]
