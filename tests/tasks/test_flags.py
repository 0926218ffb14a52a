"""How 0 and 1 are written in columns and vectors."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.config import check_config
from mtc_keras.data.reading import read_rows
from mtc_keras.errors import DataError
from mtc_keras.tasks import Multiclass, Multilabel, task_from_config
from mtc_keras.tasks.flags import bit
from tests.fuzzing import tries
from tests.tasks.test_tag_columns import notes, read, shown  # noqa: F401  (`read` is a fixture)

NAN = np.nan
COLUMNS = ["joy", "fear"]


def targets(dataset, name="train"):
    return getattr(dataset, name).targets["label"]


@pytest.mark.parametrize(
    "one, zero",
    [
        ("1", "0"),
        ("1.0", "0.0"),
        ("True", "False"),
        ("TRUE", "FALSE"),
        ("tRuE", "fAlsE"),
        ("yes", "no"),
        ("Y", "N"),
        ("T", "F"),
        ("On", "Off"),
        ("✓", "✗"),
        ("1,0", "0,0"),
        ("Ja", "nein"),
        ("oui", "non"),
        ("si\u0301", "no"),
        ("WAHR", "FALSCH"),
        ("VRAI", "FAUX"),
    ],
)
def test_0_and_1_are_read_in_every_spelling_and_words_are_told(read, one, zero):  # noqa: F811
    found = read([[one, zero], [zero, one], [one, ""]], COLUMNS)
    np.testing.assert_array_equal(targets(found), [[1, 0], [0, 1], [1, NAN]])
    assert found.tasks[0].labels == "flags"
    told = [line for line in notes(found) if "are read as '1', '0'" in line]
    assert len(told) == (one not in ("1", "1.0", "True", "TRUE"))
    assert all("5 cells such as " in line and "train.csv:2" in line for line in told)


@pytest.mark.parametrize("mark", ["x", "X", "✓", "✔", "☑\ufe0f"])
def test_a_blank_cell_beside_marks_is_0_and_told_and_kept(read, tmp_path, mark):  # noqa: F811
    columns = ["rain", "wind", "hail", "cost"]
    rows = [[mark, "", "", "1"], ["", mark, "", "0"], ["", "", "", ""], [mark, "N/A", "", ""]]
    found = read(rows, columns, validation=[["", "", mark, "1"], ["", "", "", ""]])
    expected = [[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, NAN], [1, NAN, 0, NAN]]
    np.testing.assert_array_equal(targets(found), expected)
    np.testing.assert_array_equal(targets(found, "validation"), [[0, 0, 1, 1], [0, 0, 0, NAN]])
    assert found.tasks[0].marked_classes == ["rain", "wind", "hail"]
    [told] = [line for line in notes(found) if "empty cells" in line and "train.csv" in line]
    assert told == (
        f"tasks.label: 8 empty cells are read as 0 beside marks such as x, first {tmp_path}/"
        "train.csv:2; marked_classes = [] reads them as not known"
    )
    again = task_from_config(found.tasks[0].model_dump())
    path = str(tmp_path / "train.csv")
    rows_again = read_rows(
        path,
        [again],
        check_config(
            {"data": {"train": path}, "tasks": {"label": {"kind": "multilabel", "column": columns}}}
        ).data,
        "again",
    )
    np.testing.assert_array_equal(rows_again.targets["label"], expected)


def test_what_a_blank_cell_is_can_be_said(read):  # noqa: F811
    rows = [["x", ""], ["", "x"], ["", ""]]
    missing = read(rows, COLUMNS, marked_classes=[])
    np.testing.assert_array_equal(targets(missing), [[1, NAN], [NAN, 1], [NAN, NAN]])
    assert not [line for line in notes(missing) if "empty cell" in line]
    ones = [["1", ""], ["", "1"], ["", ""]]
    found = read(ones, COLUMNS)
    np.testing.assert_array_equal(targets(found), targets(missing))
    assert notes(found) == [
        "tasks.label: columns 'joy', 'fear' hold 1 and empty cells, which are read as missing; "
        'empty_cell = "none" reads them as 0'
    ]
    none = read(ones, COLUMNS, empty_cell="none")
    np.testing.assert_array_equal(targets(none), [[1, 0], [0, 1], [0, 0]])
    assert notes(none) == []


def test_a_blank_cell_is_missing_beside_another_0(read):  # noqa: F811
    found = read([["x", "x"], ["no", ""], ["", "x"]], COLUMNS)
    np.testing.assert_array_equal(targets(found), [[1, 1], [0, 0], [NAN, 1]])


def test_one_mark_in_a_row_is_the_class_of_a_multiclass_task(read):  # noqa: F811
    found = read([["x", ""], ["", "x"], ["", ""]], COLUMNS, kind="multiclass")
    assert shown(found) == ["joy", "fear", None]


def test_words_are_read_in_tables_and_vectors_and_told():
    task = Multilabel(name="t", classes=COLUMNS)
    np.testing.assert_array_equal(task.encode([{"joy": "yes", "fear": "n"}])[0], [[1, 0]])
    [one, other] = task.readings({"joy": "yes", "fear": "n"})
    assert (one.kind, one.written, one.read_as) == ("flag", "yes", "1")
    assert (other.written, other.read_as) == ("n", "0")
    vector = Multilabel(name="t", classes=COLUMNS, labels="flags")
    np.testing.assert_array_equal(vector.encode(['["no", "yes"]'])[0], [[0, 1]])


def test_words_for_true_and_false_stay_names_of_classes():
    for cells in (["yes", "no"], ["True", "False"], ["x", "o"], ["oui", "non"], ["on", "off"]):
        task = Multiclass(name="t").learn(cells)
        assert task.classes == sorted(cells)
        assert [task.label(target) for target in task.encode(cells)[0]] == cells
        assert not any(map(task.readings, cells))


# === What is neither 0 nor 1 ===


@pytest.mark.parametrize("marker", ["-1", "-1.0", "?", "unknown", "2"])
def test_another_value_is_refused_with_the_line_that_reads_it_as_missing(read, marker):  # noqa: F811
    rows = [["1", "0"], ["0", marker], [marker, "1"]]
    with pytest.raises(DataError) as caught:
        read(rows, COLUMNS, labels="flags")
    key = marker.removesuffix(".0")
    [problem] = caught.value.problems
    assert problem.split("tasks.label: ")[1].startswith(
        f"expected only 0, 1 or null, received {marker!r}; if it means that no label is known, "
        f'set missing = ["{key}"]'
    )
    assert "train.csv:3 (and 1 more row)" in problem
    for labels in ({}, {"labels": "flags"}):
        found = read(rows, COLUMNS, missing=[key], **labels)
        np.testing.assert_array_equal(targets(found), [[1, 0], [0, NAN], [NAN, 1]])
        assert len(notes(found)) == 1


def test_a_marker_that_is_a_number_is_one_in_every_format():
    task = Multilabel(name="t", column=COLUMNS, labels="flags", missing=["-1"])
    cells = [[-1, 1], [-1.0, 0], ["-1", "1"], ["-1.0", "0"], [-1, -1]]
    expected = [[NAN, 1], [NAN, 0], [NAN, 1], [NAN, 0], [NAN, NAN]]
    np.testing.assert_array_equal(task.encode(cells)[0], expected)
    stars = Multiclass(name="t", classes=["good", "bad"], missing=["-1"])
    assert stars.encode(["good", -1, "-1", -1.0])[0].tolist() == [0, -1, -1, -1]


def test_a_share_is_refused_with_the_key_that_reads_it(read):  # noqa: F811
    with pytest.raises(DataError, match=r"received '0.3'.* set labels = \"probabilities\""):
        read([["1", "0.3"], ["0", "1"]], COLUMNS)


@tries(100)
@given(st.text() | st.integers() | st.floats() | st.booleans() | st.none() | st.lists(st.none()))
def test_fuzz_any_value_is_0_or_1_or_neither_in_any_case(value):
    assert bit(value) in (0.0, 1.0, None)
    if isinstance(value, str):
        assert bit(value) == bit(f" {value}\t")
        if value.isascii():
            assert bit(value.upper()) == bit(value.lower())
    task = Multilabel(name="t", column=COLUMNS, labels="flags")
    _, mistakes = task.encode([[value, 1]])
    assert len(mistakes) == (bit(value) is None and not task.says_nothing(value))


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, 1), (Decimal("1.0"), 1), (0.0, 0), (2, None), (Decimal("sNaN"), None), ([1], None)],
)
def test_values_of_every_type_are_0_or_1_or_neither(value, expected):
    assert bit(value) == expected
