"""Files are read some rows at a time, and nobody can tell by what comes out of it."""

import csv
import json
import math
import subprocess
import sys
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

from mtc_keras.config import check_config
from mtc_keras.data import split_sources
from mtc_keras.data.reading import read_rows, read_splits
from mtc_keras.data.sources import file_blocks, own_blocks
from mtc_keras.errors import DataError
from mtc_keras.model import building
from tests.conftest import ROOT

repeatable = settings(derandomize=True, deadline=None, max_examples=60)


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def read(config, rows, frames=None):
    """Returns all that reading tells, with blocks of so many rows: a dataset, or problems."""
    with (
        mock.patch.object(split_sources, "file_blocks", partial(file_blocks, rows=rows)),
        mock.patch.object(split_sources, "own_blocks", partial(own_blocks, rows=rows)),
    ):
        try:
            dataset = read_splits(config, frames)
        except DataError as error:
            return error.headline, error.problems
    splits = [dataset.train, dataset.validation, dataset.test]
    tasks = [task.model_dump() for task in dataset.tasks]
    return tasks, dataset.notes, dataset.files, [rows and plain(rows) for rows in splits]


def plain(rows):
    """Returns rows as plain values; NaN is a text, as it equals nothing."""
    arrays = {**rows.targets, **{f"weight {k}": v for k, v in (rows.sample_weight or {}).items()}}
    ids = None if rows.ids is None else [(type(value), value) for value in rows.ids]
    return (
        rows.name,
        [list(column) for column in rows.texts],
        {name: (str(a.dtype), a.shape, str(a.tolist())) for name, a in arrays.items()},
        ids,
        list(rows.where),
        rows.left_out,
    )


TASKS = {
    "mood": {"kind": "multiclass"},
    "topics": {"kind": "multilabel", "separator": "|"},
    "known": {"kind": "multilabel", "classes": ["a", "b"]},
    "first": {"kind": "multiclass", "column": "labels[0]"},
    "level": {"kind": "ordinal", "num_classes": 3},
    "stars": {"kind": "regression"},
}
# Cells of every sort, each mostly right, so that some files are whole and others are not.
CELLS = {
    "text": st.sampled_from(["a", "b", "x\ud800", "ü 日", "", None, 7, "line\nbreak"]),
    "reply": st.sampled_from(["yes", "no"]),
    "mood": st.sampled_from(["good", "bad", "good", 1, True, None, " "]),
    "topics": st.sampled_from([["bus"], ["fee", "bus"], [], {"bus": 1, "fee": 0}, "bus|form"]),
    "known": st.sampled_from([["a"], {"a": 0}, {"b": 1, "a": None}, None]),
    "labels": st.sampled_from([["x"], ["y", 2], '["x"]', None]),
    "level": st.sampled_from([0, 1, 2, "1", None]),
    "stars": st.sampled_from([1, 2.5, "3", 1e30, None, math.nan]),
    "id": st.sampled_from(["r1", 2, 2**70, None]),
    "weight": st.sampled_from([1, 0.5, "2", None]),
}
WRONG = {
    "text": st.sampled_from([["t"], {"t": 1}]),
    "mood": st.sampled_from([["good", "bad"], 1.5, {}]),
    "topics": st.sampled_from([1.5, True, "[1", {"bus": 1, " bus": 0}]),
    "known": st.sampled_from([["c"], {"a": 2}]),
    "labels": st.sampled_from([[], "x", "[", [["x"]]]),
    "level": st.sampled_from([9, "low"]),
    "stars": st.sampled_from(["many", 1e300, True, []]),
    "weight": st.sampled_from([-1, "heavy", [1, 2]]),
}
OTHERS = {name: cells for name, cells in CELLS.items() if name != "text"}
right = st.fixed_dictionaries({"text": CELLS["text"]}, optional=OTHERS)
wrong = st.sampled_from(sorted(WRONG)).flatmap(
    lambda name: st.fixed_dictionaries({"text": CELLS["text"], name: WRONG[name]})
)
tables = st.lists(right, min_size=2, max_size=14) | st.lists(right | wrong, max_size=14)
some_tasks = st.sets(st.sampled_from(sorted(TASKS)), min_size=1, max_size=3)
sizes = st.integers(1, 6)
# Lines that are no rows, put between the others.
broken = st.lists(
    st.sampled_from(["", "  ", "{", "3", "[1]", '{"text": 1} x', "NaN", "\ufeff{}"]), max_size=7
)
BASE = [
    {"text": "a", "mood": "good", "topics": ["bus"], "labels": ["x"], "level": 1, "stars": 1},
    {"text": "b", "mood": "bad", "topics": ["fee"], "labels": ["y"], "level": 0, "stars": 2},
    {"text": "c", "known": ["a"]},
]


def configs(draw_tasks, data):
    return check_config({"data": data, "tasks": {name: TASKS[name] for name in sorted(draw_tasks)}})


@repeatable
@given(tables, tables, broken, some_tasks, sizes, st.booleans(), st.booleans())
def test_jsonl_in_blocks_of_any_size_gives_the_same(
    first, second, lines, names, rows, is_based, crlf
):
    first = [*(BASE if is_based else []), *first]
    texts = [json.dumps(record) for record in first]
    for at, line in enumerate(lines):
        texts.insert(at * 2, line)
    Path("a.jsonl").write_bytes(("\r\n" if crlf else "\n").join(texts).encode())
    Path("b.ndjson").write_text("".join(json.dumps(record) + "\n" for record in second))
    rename = {"reply": "weight"} if len(second) % 3 == 0 else {}
    data = {"train": ["a.jsonl", "b.ndjson"], "test": "b.ndjson", "rename": rename}
    config = configs(names, data)
    assert read(config, rows) == read(config, 10_000)


@repeatable
@given(tables, st.lists(st.sampled_from(["", "a", "a,b,c", '"x"y,1', "\r"])), some_tasks, sizes)
def test_csv_in_blocks_of_any_size_gives_the_same(records, lines, names, rows):
    columns = ["text", *(name for name in CELLS if name not in ("text", "reply"))]
    records = [*BASE, *records]
    with open("a.csv", "w", newline="", encoding="utf-8", errors="replace") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for record in records:
            cells = [record.get(name) for name in columns]
            as_json = [json.dumps(c) if isinstance(c, (list, dict)) else c for c in cells]
            writer.writerow(["" if cell is None else cell for cell in as_json])
        file.write("\n".join(lines))
    config = configs(names, {"train": "a.csv", "validation": 0.3})
    assert read(config, rows) == read(config, 10_000)


@repeatable
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "text": st.sampled_from(["a", "b", None]),
                "mood": st.sampled_from(["good", "bad", None]),
                "topics": st.sampled_from([["bus"], ["fee", "bus"], [], None]),
                "stars": st.floats(allow_infinity=False) | st.none(),
                "id": st.integers(-(2**63), 2**63 - 1),
            }
        ),
        min_size=1,
        max_size=20,
    ),
    sizes,
)
def test_parquet_in_blocks_of_any_size_gives_the_same(records, rows):
    columns = ["text", "mood", "topics", "stars", "id"]
    cells = {name: [row.get(name) for row in [*records, *BASE]] for name in columns}
    parquet.write_table(pyarrow.table(cells), "a.parquet", row_group_size=7)
    config = configs({"mood", "topics", "stars"}, {"train": "a.parquet", "limit": 4})
    assert read(config, rows) == read(config, 10_000)


@repeatable
@given(tables, some_tasks, sizes)
def test_frames_and_dicts_in_blocks_of_any_size_give_the_same(records, names, rows):
    config = configs(names, {})
    frame = pd.DataFrame([*BASE, *records], dtype=object)
    assert read(config, rows, {"train": frame}) == read(config, 10_000, {"train": frame})
    dicts = [{"train": iter([*BASE, *records])} for _ in range(2)]
    assert read(config, rows, dicts[0]) == read(config, 10_000, dicts[1])


def test_a_reader_of_dicts_is_gone_through_once_and_never_held_whole():
    alive = []

    class Row(dict):
        def __del__(self):
            alive.pop()

    def rows():
        for number in range(50_000):
            alive.append(None)
            yield Row(text=str(number), mood="ab"[number % 2])
            most.append(len(alive))

    most: list[int] = []
    dataset = read_splits(configs({"mood"}, {}), {"train": rows()})
    assert len(dataset.train) == 50_000
    assert max(most) < 45_000


def test_bytes_that_are_no_text_are_told_alone_also_behind_broken_lines(tmp_path):
    lines = [b"{", *[b'{"text": "a", "mood": "x"}'] * 30_000, b'{"text": "\xff"}', b"["]
    Path("a.jsonl").write_bytes(b"\n".join(lines))
    with pytest.raises(DataError) as caught:
        read_splits(configs({"mood"}, {"train": "a.jsonl"}))
    [problem] = caught.value.problems
    assert problem.startswith("data.train: a.jsonl:30002: byte 0xff is not UTF-8")


def test_mistakes_of_a_large_file_are_counted_over_all_of_it():
    with open("a.jsonl", "w") as file:
        for row in range(50_000):
            file.write(
                json.dumps({"text": "t", "mood": "ab"[row % 2], "stars": f"no {row}"}) + "\n"
            )
    with pytest.raises(DataError) as caught:
        read_rows("a.jsonl", configs({"stars"}, {}).task_list, configs({"stars"}, {}).data, "test")
    assert caught.value.problems[4].startswith("a.jsonl:5: tasks.stars: expected a number")
    assert caught.value.problems[5] == "tasks.stars: … and 49,995 more messages on 49,995 rows"


MEASURE = """
import resource
from mtc_keras.config import check_config
from mtc_keras.data.reading import read_splits
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
config = {"data": {"train": "large.jsonl", "validation": 0.1}, "tasks": {
    "mood": {"kind": "multiclass"}, "topics": {"kind": "multilabel"}}}
dataset = read_splits(check_config(config))
assert len(dataset.train) == 450_000 and len(dataset.validation) == 50_000
assert dataset.tasks[0].classes == ["bad", "fine", "good"]
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
def test_a_row_takes_little_more_memory_than_its_text(tmp_path):
    random = np.random.default_rng(0)
    words = np.array([f"word{number}" for number in range(100)])
    with open("large.jsonl", "w") as file:
        for _ in range(500_000):
            text = " ".join(words[random.integers(0, 100, 10)])
            mood = ["bad", "fine", "good"][random.integers(3)]
            topics = [name for name in ("bus", "fee", "form", "queue") if random.random() < 0.3]
            file.write(json.dumps({"text": text, "mood": mood, "topics": topics}) + "\n")
    done = subprocess.run(
        [sys.executable, "-c", MEASURE],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
    )
    kilobytes = int(done.stdout)
    # 5 million rows would take ten times as much: 5 GB are far more than that.
    assert kilobytes / 500_000 < 1.0, f"{kilobytes / 500_000:.2f} kB per row"


def test_a_random_backbone_learns_its_word_pieces_from_so_many_texts_at_most(monkeypatch):
    given: list[str] = []

    class Enough(Exception):
        pass

    def load(config, texts, dtype):
        given[:] = texts
        raise Enough

    monkeypatch.setattr(building, "load_backbone", load)
    monkeypatch.setattr(building, "MOST_TEXTS", 10)
    plain = configs({"mood"}, {})
    prefixed_model = plain.model.model_copy(update={"prefix": "query: "})
    prefixed = plain.model_copy(update={"model": prefixed_model})
    for count, expected in [(10, range(10)), (25, range(0, 25, 3))]:
        rows = [{"text": str(row), "mood": "ab"[row % 2]} for row in range(count)]
        for config, first in [(plain, []), (prefixed, ["query: "])]:
            with pytest.raises(Enough):
                building.build_model(config, read_splits(config, {"train": rows}))
            assert given == first + [str(row) for row in expected]
