"""Parquet holds what Python cannot: it is named where it is read, and harmless elsewhere."""

import datetime
import os
from decimal import Decimal
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from mtc_keras.config import DataConfig, check_config
from mtc_keras.data.formats.columnar import read_parquet
from mtc_keras.data.inputs import read_inputs
from mtc_keras.data.reading import read_rows, read_splits
from mtc_keras.errors import DataError
from mtc_keras.tasks import Multiclass

MOOD = Multiclass(name="mood", classes=["bad", "good"])
FAR = pyarrow.array([0, 2932897, 0], pyarrow.int32()).cast(pyarrow.date32())  # 10000-01-01
NOT_TEXT = pyarrow.StringArray.from_buffers(
    3, pyarrow.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0"), pyarrow.py_buffer(b"a\xffb")
)
NOWHERE = pyarrow.array([0, 1, 2], pyarrow.timestamp("s", "No/Where"))
ODD = {"FAR": FAR, "NOT_TEXT": NOT_TEXT, "NOWHERE": NOWHERE}


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(**columns) -> str:
    table = {"text": ["one", "two", "three"], "mood": ["bad", "good", "bad"], **columns}
    parquet.write_table(pyarrow.table(table), "x.parquet")
    return "x.parquet"


@pytest.mark.parametrize("odd", ODD)
def test_a_column_that_nobody_reads_does_no_harm(odd):
    rows = read_rows(write(odd=ODD[odd]), [MOOD], DataConfig(), "x")
    assert rows.targets["mood"].tolist() == [0, 1, 0]


@pytest.mark.parametrize("key", ["text", "mood", "id", "weight"])
@pytest.mark.parametrize(
    ("odd", "place", "reason"),
    [
        ("FAR", "row 1", "out of range"),
        ("NOT_TEXT", "row 1", "invalid start byte"),
        ("NOWHERE", "row 0", "No/Where"),
    ],
)
def test_what_python_cannot_hold_is_named_with_column_and_first_row(key, odd, place, reason):
    path = write(**{key: ODD[odd]})
    with pytest.raises(DataError) as caught:
        read_rows(path, [MOOD], DataConfig(), "x")
    assert str(caught.value).startswith(f"x.parquet:{place}: column {key!r} (")
    assert reason in str(caught.value)
    config = check_config({"data": {"train": path}, "tasks": {"mood": {"kind": "multiclass"}}})
    with pytest.raises(DataError, match=f"data.train: x.parquet:{place}: column {key!r} "):
        read_splits(config)


@pytest.mark.parametrize("odd", ODD)
def test_predictions_copy_all_columns_and_so_name_the_one_they_cannot(odd):
    [(inputs, _)] = read_inputs(write(odd=ODD[odd]), DataConfig(), 10)
    assert inputs.texts == (["one", "two", "three"],)
    with pytest.raises(DataError, match="column 'odd'"):
        dict(inputs.columns)


def test_decimals_are_the_numbers_that_they_are():
    one, two = Decimal("1.00"), Decimal("2.00")
    path = write(
        text=[Decimal("2.50"), one, two],  # a text keeps its digits
        mood=[one, two, one],
        several=[one, two, None],
        level=[one, two, one],
        stars=[Decimal("1.25"), None, two],
        flag_a=[one, Decimal("0.00"), one],
        flag_b=[one, one, None],
        weight=[two, one, None],
        who=[one, two, one],
    )
    tasks = {
        "mood": {"kind": "multiclass"},
        "several": {"kind": "multilabel"},
        "level": {"kind": "ordinal", "classes": ["1", "2"]},
        "stars": {"kind": "regression"},
        "flags": {"kind": "multilabel", "column": ["flag_a", "flag_b"]},
    }
    dataset = read_splits(check_config({"data": {"train": path, "group": "who"}, "tasks": tasks}))
    assert [task.known_classes for task in dataset.tasks] == [
        ["1", "2"], ["1", "2"], ["1", "2"], [], ["flag_a", "flag_b"]
    ]  # fmt: skip
    labels = {
        task.name: [task.label(target) for target in dataset.train.targets[task.name]]
        for task in dataset.tasks
    }
    assert labels["mood"] == labels["level"] == ["1", "2", "1"]
    assert labels["several"] == [["1"], ["2"], None]
    assert labels["stars"] == [1.25, None, 2.0]
    assert labels["flags"][:2] == [["flag_a", "flag_b"], ["flag_b"]]
    assert dataset.train.sample_weight["mood"].tolist() == [2, 1, 1]
    assert dataset.train.texts == (["2.50", "1.00", "2.00"],)
    assert dataset.train.groups[0] == dataset.train.groups[2] != dataset.train.groups[1]


def test_names_of_columns_that_are_no_text_make_no_traceback():
    write(when=[datetime.date(2024, 1, 1)] * 3)
    content = Path("x.parquet").read_bytes().replace(b"when", b"wh\xffn")
    Path("x.parquet").write_bytes(content)
    try:
        rows = read_rows("x.parquet", [MOOD], DataConfig(), "x")
    except DataError as error:
        assert "x.parquet: is not a Parquet file" in str(error)
    else:
        assert len(rows) == 3


def test_a_name_that_is_no_utf_8_is_read_as_any(tmp_path):
    path = tmp_path / os.fsdecode(b"t\xff.parquet")
    with path.open("wb") as file:
        parquet.write_table(pyarrow.table({"text": ["a", "b"]}), file)
    [block] = read_parquet(str(path), 8)
    assert list(block.columns["text"]) == ["a", "b"]
