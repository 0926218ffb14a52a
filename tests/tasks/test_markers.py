"""Texts that mean that no label is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas._libs.parsers import STR_NA_VALUES  # type: ignore[import-not-found]

from mtc_keras.tasks import Multiclass, Multilabel, Regression, task_from_config
from mtc_keras.tasks.markers import MARKERS
from mtc_keras.tasks.spelling import class_key
from tests.fuzzing import tries


def test_the_markers_are_those_of_pandas_and_databases():
    assert MARKERS | {""} == STR_NA_VALUES | {"\\N"}


def test_a_cell_without_a_label_is_told_by_the_texts_of_missing():
    task = Multiclass(name="topic", missing=["N/A", " ? "]).learn(["bus", "N/A", "fee", " ?"])
    assert task.classes == ["bus", "fee"]
    assert task.encode(["N/A", "?", " N/A ", "fee"])[0].tolist() == [-1, -1, -1, 1]
    assert task_from_config(task.model_dump()).encode(["N/A"])[0].tolist() == [-1]
    number = Regression(name="score", missing=["-"])
    np.testing.assert_array_equal(number.encode(["1.5", "-"])[0], [1.5, np.nan])


def test_a_vector_and_a_table_may_hold_markers():
    flags = Multilabel(name="flags", column=["a", "b"], missing=["?"])
    np.testing.assert_array_equal(flags.encode([["1", "?"]])[0], [[1, np.nan]])
    assert flags.is_missing(["?", None])
    table = Multilabel(name="flags", classes=["a", "b"], missing=["?"])
    np.testing.assert_array_equal(table.encode([{"a": "?", "b": 0}])[0], [[np.nan, 0]])


@pytest.mark.parametrize("empty_cell", ["missing", "none"])
def test_a_marker_alone_in_a_cell_is_no_label_of_any_class(empty_cell):
    task = Multilabel(name="t", missing=["NA"], classes=["a", "b"], empty_cell=empty_cell)
    assert not task.labelled(task.encode(["NA"])[0]).any()
    assert task.labelled(task.encode([""])[0]).any() == (empty_cell == "none")
    assert "class 'NA' is unknown" in task.encode(["a|NA"])[1][0][1]


@pytest.mark.parametrize(
    "values",
    [
        {"classes": ["None", "some"]},
        {"class_names": {"None": "nothing"}},
        {"class_weights": {"None": 2.0}},
        {"classes": ["None", "some"], "class_counts": [3, 4]},
    ],
)
def test_a_class_that_the_config_names_is_no_marker(values):
    task = Multiclass(name="topic", **values)
    assert task.markers(MARKERS) == MARKERS - {"None"}
    assert "None" not in task.markers()


def test_nothing_is_a_marker_where_missing_is_empty():
    assert Multiclass(name="topic", missing=[]).markers(MARKERS) == frozenset()
    assert Multiclass(name="topic").learn(["NA", "US"]).classes == ["NA", "US"]


def test_an_unknown_class_that_may_be_a_marker_says_what_makes_it_one():
    task = Multiclass(name="topic", classes=["bus", "fee"])
    assert (
        'If it means that no label is known, set missing = ["N/A"]'
        in (task.encode(["N/A"])[1][0][1])
    )
    message = Regression(name="score").encode(["N/A"])[1][0][1]
    assert message == "expected a number, received 'N/A'; missing = [\"N/A\"] reads it as no label"


@pytest.mark.parametrize("cell", ["1,5", "-0,25", "1_000,5"])
def test_a_decimal_comma_is_refused(cell):
    message = Regression(name="score").encode([cell])[1][0][1]
    assert "expected a number" in message
    assert message.endswith('decimal = "," reads it') == ("_" not in cell)


@tries(50)
@given(st.sets(st.sampled_from(sorted(MARKERS))), st.data())
def test_fuzz_a_marker_is_a_class_where_it_is_listed_and_no_label_elsewhere(listed, data):
    classes = [*sorted(listed, key=class_key), "a", "b"]
    task = Multiclass(name="t", classes=classes)
    markers = task.markers(MARKERS)
    assert markers | listed == MARKERS and markers.isdisjoint(listed)
    reading = task.model_copy(update={"missing": sorted(MARKERS)})
    for text in data.draw(st.lists(st.sampled_from(sorted(MARKERS)))):
        target = classes.index(text) if text in listed else -1
        assert reading.encode([f" {text} "])[0].tolist() == [target]
