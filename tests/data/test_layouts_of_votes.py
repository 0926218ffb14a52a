"""Layouts of files that hold votes and probabilities, each with its line of config."""

import json

import numpy as np
import pytest

from mtc_keras.config import check_config
from mtc_keras.data.reading import read_splits
from mtc_keras.errors import DataError

NAN = float("nan")


def read(path, task, **data):
    config = check_config({"tasks": {"mood": task}, "data": {"train": str(path), **data}})
    dataset = read_splits(config)
    return dataset, dataset.train.targets["mood"]


def jsonl(path, cells):
    rows = [{"text": f"text {number}", "mood": cell} for number, cell in enumerate(cells)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_columns_of_annotators_of_whom_some_are_blank(tmp_path):
    file = tmp_path / "annotators.csv"
    rows = ["a text,hate,none,hate", "b text,none,N/A,", "c text,none,hate,", "d text,,,"]
    file.write_text("\n".join(["text,ann_1,ann_2,ann_3", *rows, ""]))
    task = {"kind": "multiclass", "column": ["ann_1", "ann_2", "ann_3"], "labels": "votes"}
    dataset, targets = read(file, task)
    assert dataset.tasks[0].known_classes == ["hate", "none"]
    expected = np.array([[2 / 3, 1 / 3], [0, 1], [0.5, 0.5], [NAN, NAN]])
    assert targets == pytest.approx(expected, nan_ok=True)
    notes = "\n".join(dataset.notes)
    assert "tasks.mood: 1 row has several classes with the greatest share" in notes
    assert f"first {file}:4" in notes
    assert "'N/A' is read as missing" in notes


@pytest.mark.parametrize(
    "cells",
    [
        [["a", "a", "b"], ["b"], None],
        [[{"user": u, "label": label} for u, label in enumerate("aab")], [{"label": "b"}], []],
        [{"a": 2, "b": 1}, {"b": 5}, {"a": 0, "b": 0}],
        ["a|a|b", "b", ""],
        [{"ann": "a", "ben": "a", "eva": "b"}, {"ann": "b"}, None],
    ],
)
def test_votes_in_one_column(tmp_path, cells):
    dataset, targets = read(
        jsonl(tmp_path / "votes.jsonl", cells), {"kind": "multiclass", "labels": "votes"}
    )
    assert dataset.tasks[0].known_classes == ["a", "b"]
    expected = np.array([[2 / 3, 1 / 3], [0, 1], [NAN, NAN]])
    assert targets == pytest.approx(expected, nan_ok=True)
    assert dataset.tasks[0].class_counts == pytest.approx([2 / 3, 4 / 3])


def test_lists_of_answers_in_csv_and_a_path_to_the_answers(tmp_path):
    file = tmp_path / "votes.csv"
    file.write_text('text,mood\na text,"[""a"", ""a"", ""b""]"\nb text,"{""b"": 2}"\n')
    expected = np.array([[2 / 3, 1 / 3], [0, 1]])
    assert read(file, {"kind": "multiclass", "labels": "votes"})[1] == pytest.approx(expected)
    cells = [[{"who": "x", "what": "a"}, {"who": "y", "what": "b"}], [{"who": "x", "what": "b"}]]
    task = {"kind": "multiclass", "classes": ["a", "b"], "labels": "votes"}
    file = jsonl(tmp_path / "objects.jsonl", cells)
    with pytest.raises(DataError) as error:
        read(file, task)
    [problem] = error.value.problems
    assert f"{file}:1" in problem
    assert 'column = "mood[].who" or column = "mood[].what"' in problem
    found = read(file, {**task, "column": "mood[].what"})[1]
    assert found.tolist() == [[0.5, 0.5], [0, 1]]


def test_columns_that_count_votes_by_class(tmp_path):
    file = tmp_path / "counts.csv"
    file.write_text("text,count,hate,offensive,neither\na,3,0,2,1\nb,4,4,0,0\n")
    names = ["hate", "offensive", "neither"]
    task = {"kind": "multiclass", "column": names, "labels": "votes"}
    found = read(file, {**task, "classes": names})[1]
    assert found == pytest.approx(np.array([[0, 2 / 3, 1 / 3], [1, 0, 0]]))
    notes = "\n".join(read(file, task)[0].notes)
    assert "columns 'hate', 'offensive', 'neither' are read as annotators" in notes
    assert 'classes = ["hate", "offensive", "neither"]' in notes


def test_a_row_per_rater_with_flags(tmp_path):
    file = tmp_path / "raters.csv"
    rows = ["great,0,1,1,0", "great,0,2,0,1", "great,0,3,0,1", "dull,1,1,0,0", "dull,1,2,1,0"]
    file.write_text("\n".join(["text,id,rater_id,joy,anger", *rows, ""]))
    task = {"kind": "multilabel", "column": ["joy", "anger"]}
    dataset, targets = read(file, task, votes_by="text")
    assert targets == pytest.approx(np.array([[1 / 3, 2 / 3], [0.5, 0]]))
    notes = "\n".join(dataset.notes)
    assert "train: 5 rows become 2 rows by their 'text', each of 2 to 3 raters" in notes
    assert (
        f"a class with a share of one half, which metrics read as not there, first {file}:5"
        in notes
    )


@pytest.mark.parametrize(
    "cells",
    [
        [{"a": 0.75, "b": 0.25}, {"b": 1.0}, None],
        [[0.75, 0.25], [0.0, 1.0], [None, None]],
        [[{"label": "a", "score": 0.75}, {"label": "b", "score": 0.25}], {"b": 1}, None],
        ['{"a": 0.75, "b": 0.25}', "[0, 1]", ""],
    ],
)
def test_probabilities_in_one_column(tmp_path, cells):
    task = {"kind": "multiclass", "classes": ["a", "b"], "labels": "probabilities"}
    _, targets = read(jsonl(tmp_path / "stated.jsonl", cells), task)
    expected = [[0.75, 0.25], [0, 1], [NAN, NAN]]
    np.testing.assert_array_equal(targets, np.array(expected, "float32"))


def test_sums_that_are_not_1_are_told_or_refused_with_their_row(tmp_path):
    task = {"kind": "ordinal", "classes": ["a", "b"], "labels": "probabilities"}
    file = jsonl(tmp_path / "sums.jsonl", [{"a": 0.333, "b": 0.666}, {"a": 0.4, "b": 0.6}])
    dataset, targets = read(file, task)
    assert targets.sum(axis=1) == pytest.approx([1, 1], abs=1e-6)
    line = "tasks.mood: 1 cell 'sum of 0.999' is divided, so as to sum to 1, first "
    assert line + f"{file}:1" in "\n".join(dataset.notes)
    file = jsonl(tmp_path / "sums.jsonl", [{"a": 0.4, "b": 0.6}, {"a": 30, "b": 70}])
    with pytest.raises(DataError) as error:
        read(file, task)
    [problem] = error.value.problems
    assert f"{file}:2" in problem
    assert "normalise = true" in problem
    targets = read(file, {**task, "normalise": True})[1]
    assert targets == pytest.approx(np.array([[0.4, 0.6], [0.3, 0.7]]))


def test_columns_of_probabilities(tmp_path):
    file = tmp_path / "columns.csv"
    file.write_text("text,p_no,p_yes\na,0.25,0.75\nb,,\nc,1,0\n")
    task = {"kind": "multiclass", "column": ["p_no", "p_yes"], "labels": "probabilities"}
    dataset, targets = read(file, {**task, "classes": ["no", "yes"]})
    np.testing.assert_array_equal(targets, np.array([[0.25, 0.75], [NAN] * 2, [1, 0]], "float32"))
    assert dataset.tasks[0].known_classes == ["no", "yes"]
    file.write_text("text,p_no,p_yes\na,0.25,0.75\nb,,1\n")
    with pytest.raises(DataError, match="1 problem") as error:
        read(file, task)
    assert f"{file}:3" in error.value.problems[0]
    assert "write 0" in error.value.problems[0]
