"""What separates names of classes in a cell is found, proposed and kept."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.tasks import Multiclass, Multilabel, task_from_config
from mtc_keras.tasks.separators import (
    BRACKETS,
    CANDIDATES,
    find_separator,
    joined_names,
    split_names,
)
from tests.fuzzing import tries

FILMS = ["Action, Adventure", "Comedy, Family", "Drama", "Action, Drama"]


@pytest.mark.parametrize(
    "cells, separator",
    [
        (FILMS, ","),
        (["a|b", "b", "a"], "|"),
        (["a; b", "b; c", "c; a"], ";"),
        (["a\tb", "a", "b"], "\t"),
        (["a/b", "a", "b"], "/"),
        (["a#b", "a", "b"], "#"),
        (["#bus #late", "#fee #late", "#door"], "#"),  # each in one kind of cell alone
        (["<python><pandas>", "<python>"], BRACKETS),
        (["joy fear", "joy", "fear"], " "),
        (["Sci-Fi/Fantasy, Drama", "Drama", "Sci-Fi/Fantasy"], ","),
        (["very good", "very bad"], None),
        (["Paris, France", "Lyon, France", "bus", "fee", "form"], None),
        (["a, b", "c, d"], ","),  # of every other cell
        (["R&D / Sales", "Legal", "Support"], None),
        (["a", "b"], None),
        ([], None),
    ],
)
def test_the_separator_is_what_splits_cells_into_names_seen_elsewhere(cells, separator):
    assert find_separator(cells) == separator
    assert find_separator(cells[::-1]) == separator
    learned = Multilabel(name="t", separator="auto")
    if separator is not None:
        assert learned.learn(cells).separator == separator


def test_auto_splits_learns_and_is_kept_as_what_was_found():
    task = Multilabel(name="genres", separator="auto").learn(FILMS)
    assert task.classes == ["Action", "Adventure", "Comedy", "Drama", "Family"]
    saved = task_from_config(task.model_dump())
    assert saved.separator == ","
    assert saved.encode(["Drama ,Action"])[0].tolist() == [[1, 0, 0, 1, 0]]
    [remark] = task.remarks(Multilabel(name="genres", separator="auto"), FILMS)
    assert remark == (
        'separator = "auto" is ",": it splits 3 of 4 different cells such as \'Action, Adventure\''
    )


def test_auto_finds_what_splits_cells_into_listed_classes():
    task = Multilabel(name="t", separator="auto", classes=["x", "y", "x, y"])
    assert not task.can_encode
    learned = task.learn(["x; y", "x, y"])
    assert (learned.separator, learned.learned) == (";", None)
    assert learned.encode(["x;y", "x, y"])[0].tolist() == [[1, 1, 0], [0, 0, 1]]


def test_auto_without_anything_to_separate_is_the_default():
    assert Multilabel(name="t", separator="auto").learn([["a"], ["b"]]).separator == "|"
    vector = Multilabel(name="t", separator="auto", column="t[0:2]")
    assert vector.can_encode and vector.learn([]).separator == "|"
    message = Multilabel(name="t", separator="auto", classes=["a", "b"]).encode(["a"])[1][0][1]
    assert message == 'separator = "auto" is found by `learn`: call it first'


def test_names_that_another_separator_would_split_are_told():
    asked = Multilabel(name="genres")
    task = asked.learn(FILMS)
    assert task.classes == sorted(FILMS)
    assert task.remarks(asked, FILMS) == [
        "3 of 4 classes such as 'Action, Adventure' read as lists with separator = \",\"; set it, "
        'or separator = "auto"'
    ]


@pytest.mark.parametrize("cells", [["a|b, c", "a", "b, c"], ["a", "b"], [["a, b"], ["a"], ["b"]]])
def test_nothing_is_told_where_the_separator_splits_cells_or_none_could(cells):
    asked = Multilabel(name="t")
    assert asked.learn(cells).remarks(asked, cells) == []


def test_an_unknown_list_of_known_classes_proposes_the_separator():
    task = Multilabel(name="genres", classes=["Action", "Drama"])
    message = task.encode(["Action, Drama"])[1][0][1]
    assert 'If it is a list, set separator = ","' in message


def test_brackets_read_what_they_write():
    task = Multilabel(name="tags", separator=BRACKETS).learn(["<c++><c#>", "<java>"])
    assert task.classes == ["c#", "c++", "java"]
    assert task.encode(["<java>", ""])[0][0].tolist() == [0, 0, 1]
    assert task.label_cell(["c#", "java"]) == "<c#><java>"


def test_a_list_of_json_separates_itself():
    cells = [json.dumps(["a, b", "c"]), json.dumps({"c": 1, "d": 0})]
    task = Multilabel(name="t", separator="auto").learn(cells)
    assert task.classes == ["a, b", "c", "d"]


# === Remarks on classes ===


def test_classes_that_differ_only_in_case_or_blanks_are_told():
    asked = Multiclass(name="topic")
    cells = ["Bus stop", "bus  stop", "fee", "FEE", "form"]
    assert asked.learn(cells).remarks(asked, cells) == [
        "classes 'Bus stop', 'bus  stop' differ only in case or blanks",
        "classes 'FEE', 'fee' differ only in case or blanks",
    ]


def test_classes_that_look_like_lists_are_told_where_a_row_has_one_class():
    asked = Multiclass(name="topic")
    cells = ["['a', 'b']", '["a"]', "c"]
    assert asked.learn(cells).remarks(asked, cells) == [
        '2 of 3 classes such as \'["a"]\' look like lists, which kind = "multilabel" reads; '
        'labels = "votes" reads several answers, and labels = "probabilities" a table, of one '
        "class per row"
    ]


def test_a_class_called_like_a_marker_is_told():
    asked = Multiclass(name="topic")
    cells = ["bus", "N/A", "fee"]
    assert asked.learn(cells).remarks(asked, cells) == [
        "class 'N/A' may mean that no label is known; missing = [\"N/A\"] reads it so"
    ]
    several = Multilabel(name="topic")  # in a list of names it is a name
    assert several.learn(["bus|N/A", "fee"]).remarks(several, ["bus|N/A", "fee"]) == []
    kept = Multiclass(name="topic", missing=[])
    assert kept.learn(cells).remarks(kept, cells) == []


# === Properties ===

letters = st.text(st.characters(categories=["Ll", "Lu"]), min_size=1, max_size=5)


@tries(100)
@given(st.lists(letters, unique_by=str.casefold, min_size=2, max_size=6), st.data())
def test_fuzz_auto_reads_what_was_joined(names, data):
    separator = data.draw(st.sampled_from([*CANDIDATES, BRACKETS]))
    sets = data.draw(st.lists(st.lists(st.sampled_from(names), min_size=1, unique=True)))
    sets = [[name] for name in names] + [names] + sets
    cells = [joined_names(found, separator) for found in sets]
    assert [split_names(cell, separator) for cell in cells] == sets
    task = Multilabel(name="t", separator="auto").learn(cells)
    expected = Multilabel(name="t").learn(sets)
    assert (task.separator, task.classes) == (separator, expected.classes)
    np.testing.assert_array_equal(task.encode(cells)[0], expected.encode(sets)[0])


@tries(100)
@given(st.lists(st.text(max_size=8)), st.sampled_from([*CANDIDATES, BRACKETS]))
def test_fuzz_any_text_is_split_into_names_that_hold_no_separator(texts, separator):
    for text in texts:
        for name in split_names(text, separator):
            assert name == name.strip() != ""
            assert separator not in name
    found = find_separator(texts)
    assert (
        found is None
        or any(len(split_names(text, found)) > 1 for text in texts)
        or (found == BRACKETS)
    )
