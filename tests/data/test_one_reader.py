"""Whatever a row comes from, and whatever it is read for, it is the same row."""

import csv
import json
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from mtc_keras.config import DataConfig
from mtc_keras.data import reading
from mtc_keras.data.inputs import read_inputs
from mtc_keras.data.reading import read_rows
from mtc_keras.data.rows import LeftOut, Rows
from mtc_keras.data.sources import file_blocks, own_blocks
from mtc_keras.errors import DataError
from mtc_keras.tasks import Multiclass, Multilabel, Regression

repeatable = settings(derandomize=True, deadline=None, max_examples=60)
TASKS = [
    Multiclass(name="mood", classes=["bad", "good"]),
    Multilabel(name="topics", classes=["bus", "fee"]),
    Regression(name="stars"),
]
COLUMNS = ["id", "text", "reply", "mood", "topics", "stars", "weight"]
RIGHT = dict(zip(COLUMNS, ["r", "a", "b", "good", ["bus"], 1.5, 1.0], strict=True))
PAIR = DataConfig(text=["text", "reply"])

# What every format can say: csv has no empty text, and no empty list unlike a missing one.
words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=5)
records = st.fixed_dictionaries(
    {
        "id": st.text("ab1", min_size=1),
        "text": st.none() | words,
        "reply": st.none() | words,
        "mood": st.sampled_from(["good", "bad", None]),
        "topics": st.sampled_from([["bus"], ["bus", "fee"], None]),
        "stars": st.none() | st.floats(-1e6, 1e6),
        "weight": st.sampled_from([None, 0.0, 0.5, 2.0]),
    }
)


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@contextmanager
def blocks_of(rows: int):
    """Lets files and a user's own rows be read in blocks of so many rows."""
    with (
        mock.patch.object(reading, "file_blocks", partial(file_blocks, rows=rows)),
        mock.patch.object(reading, "own_blocks", partial(own_blocks, rows=rows)),
    ):
        yield


def write(name: str, rows: list[dict]) -> str:
    """Writes rows in the format of a file's name."""
    if name.endswith(".csv"):
        with open(name, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_ALL)
            writer.writerow(COLUMNS)
            for row in rows:
                cells = [row.get(name) for name in COLUMNS]
                joined = ["|".join(c) if isinstance(c, list) else c for c in cells]
                writer.writerow(["" if cell is None else cell for cell in joined])
    elif name.endswith(".parquet"):
        parquet.write_table(pyarrow.Table.from_pylist(rows), name)
    elif name.endswith(".json"):
        Path(name).write_text(json.dumps(rows))
    else:
        Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return name


def content(rows: Rows) -> tuple:
    """Returns all that rows say but their places; NaN is a text, as it equals nothing."""
    arrays = {**rows.targets, **{f"weight {k}": v for k, v in (rows.sample_weight or {}).items()}}
    texts = [list(column) for column in rows.texts]
    plain = {name: (str(array.dtype), str(array.tolist())) for name, array in arrays.items()}
    return texts, plain, list(rows.ids or []), rows.left_out.count


@repeatable
@given(st.lists(records, max_size=12), st.integers(1, 5))
def test_the_same_rows_of_every_source_are_the_same(drawn, size):
    drawn = [RIGHT, *drawn]
    names = ["x.csv", "x.jsonl", "x.json", "x.parquet"]
    sources = [write(name, drawn) for name in names]
    frame = pd.DataFrame(drawn, dtype=object)
    with blocks_of(size):
        found = [
            content(read_rows(source, TASKS, PAIR, "x"))
            for source in [*sources, frame, frame.convert_dtypes(), iter(drawn)]
        ]
    assert found[1:] == found[:1] * (len(found) - 1)
    lacking = [row for row in drawn if row["text"] is None or row["reply"] is None]
    assert found[0][-1] == len(lacking)


ABSENT = object()
cells = st.sampled_from([ABSENT, None, "", " ", "a", 7, 0.5, True, ["a"], {"a": 1}])


def is_missing(cell: object) -> bool:
    return cell is ABSENT or cell is None


def is_text(cell: object) -> bool:
    return isinstance(cell, (str, int, float)) and not isinstance(cell, bool)


def row_of(number: int, cell: object) -> dict:
    text = {} if cell is ABSENT else {"text": cell}
    return {"stars": number, "mood": "good", **text}


@repeatable
@given(st.lists(cells.filter(lambda cell: is_missing(cell) or is_text(cell))), st.integers(1, 5))
def test_rows_with_texts_stay_in_order_and_know_their_places(drawn, size):
    drawn = [*drawn, "last"]
    write("x.jsonl", [row_of(number, cell) for number, cell in enumerate(drawn, 1)])
    with blocks_of(size):
        rows = read_rows("x.jsonl", TASKS, DataConfig(), "x")
    kept = [number for number, cell in enumerate(drawn, 1) if not is_missing(cell)]
    assert rows.where == [f"x.jsonl:{number}" for number in kept]
    assert rows.targets["stars"].tolist() == kept
    assert rows.texts == ([str(drawn[number - 1]) for number in kept],)
    without = [f"x.jsonl:{number}" for number in range(1, len(drawn) + 1) if number not in kept]
    assert rows.left_out == LeftOut(len(without), tuple(without[:3]))


@repeatable
@given(st.lists(cells), st.integers(1, 5))
@pytest.mark.parametrize("name", ["x.jsonl", "x.csv"])
def test_training_and_all_predictions_agree_on_which_rows_have_a_text(name, drawn, size):
    if name == "x.csv":  # where each cell is a text, or empty
        drawn = ["" if is_missing(cell) else str(cell) for cell in drawn]
    drawn = [*drawn, "last"]
    write(name, [row_of(number, cell) for number, cell in enumerate(drawn)])
    with blocks_of(size):
        some = read_rows(name, [], DataConfig(), "x")
    bulk = list(read_inputs(name, DataConfig(), size))
    assert [text for inputs, _ in bulk for text in inputs.texts[0]] == list(some.texts[0])
    bad = [f"{name}:{place}" for _, bad in bulk for place, _ in bad]
    assert len(bad) == some.left_out.count
    assert tuple(bad[:3]) == some.left_out.first
    assert not {*bad} & {*some.where}
    try:
        trained = read_rows(name, TASKS, DataConfig(), "x")
    except DataError as error:
        assert "holds no text but" in error.problems[0]
        assert any(not is_text(cell) and not is_missing(cell) for cell in drawn)
    else:
        assert (trained.texts, trained.where) == (some.texts, some.where)
        assert trained.left_out == some.left_out
        numbers = np.flatnonzero([is_text(cell) and (cell != "" or name != "x.csv")
                                  for cell in drawn])  # fmt: skip
        assert trained.targets["stars"].tolist() == numbers.tolist()


def test_a_blank_cell_of_csv_is_no_text_and_a_space_is_one():
    Path("x.csv").write_text('text,mood\nThe bus,good\n,good\n" ",bad\n"",bad\n')
    rows = read_rows("x.csv", TASKS, DataConfig(), "x")
    assert rows.texts == (["The bus", " "],)
    assert rows.notes == ["x: 2 rows without a text are left out, first x.csv:3, x.csv:5"]
