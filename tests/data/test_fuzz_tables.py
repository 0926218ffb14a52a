"""Whatever stands in a table, it is read, or one error says what is wrong; no text is in it."""

import csv
import datetime
import gzip
import io
import json
import math
from decimal import Decimal
from pathlib import Path

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from mtc_keras.config import check_config
from mtc_keras.data.inputs import read_inputs
from mtc_keras.data.reading import read_rows, read_splits
from mtc_keras.errors import UserError
from tests.fuzzing import tries

SECRET = "Confidential"
FEW = 40
COLUMNS = ["label", "tags", "level", "stars", "flag_a", "flag_b", "id", "weight", " id", "who", ""]

odd = st.text(st.characters(codec="utf-8"), max_size=4) | st.sampled_from(
    ['"', '""', "\n", "\r", "\t", ",", ";", "\0", "\ufeff", "\u2028", '"\n', '",', "'"]
)
texts = st.builds("".join, st.tuples(st.sampled_from(["", '"', " "]), st.just(SECRET), odd, odd))
plain = st.sampled_from(["good", "bad", "1", "0", "2.0", "a|b", "[1, 0]", '{"a": 1}', "", "nan"])
cells = plain | odd
nested = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | cells,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(cells, inner, max_size=2),
    max_leaves=5,
)

TASKS = {
    "label": {"kind": "multiclass"},
    "tags": {"kind": "multilabel"},
    "level": {"kind": "ordinal", "num_classes": 3},
    "stars": {"kind": "regression"},
    "flags": {"kind": "multilabel", "column": ["flag_a", "flag_b"]},
    "second": {"kind": "multiclass", "column": "tags[1]"},
    "slice": {"kind": "multilabel", "column": "tags[0:2]"},
    "nested": {"kind": "multiclass", "column": "tags.a"},
    "each": {"kind": "multilabel", "column": "tags[].a"},
    "given": {"kind": "multiclass", "column": "label", "classes": ["bad", "good"]},
}
some_tasks = st.sets(st.sampled_from(sorted(TASKS)), min_size=1, max_size=3)
options = st.fixed_dictionaries(
    {},
    optional={
        "id": st.sampled_from(["id", " id", "key"]),
        "weight": st.sampled_from(["weight", "w"]),
        "group": st.sampled_from(["who", "label", "tags[0]"]),
        "split": st.sampled_from(["who", "stars.split"]),
        "validation": st.sampled_from([0.3, 1, 3]),
        "limit": st.integers(1, 4),
        "rename": st.sampled_from([{"label": "tags"}, {"who": "weight"}, {"none": "x"}]),
        "quoting": st.sampled_from(["minimal", "escaped", "none"]),
        "delimiter": st.sampled_from([",", "|"]),
        "header": st.sampled_from([["text"], ["label", "text"]]),
        "encoding": st.sampled_from(["cp1252", "utf-16", ["utf-8", "cp1252"]]),
        "text": st.sampled_from(["text", ["text", "text2"], "body", "text.body"]),
    },
)


@st.composite
def damaged(draw, content: bytes) -> bytes:
    """Draws what is left of a file after some bytes were changed, put in, or cut off."""
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(content)))
        marks = st.sampled_from([b'"', b"\n", b",", b"\t", b"{", b"]"])
        patch = draw(st.binary(max_size=3) | marks)
        content = content[:at] + patch + content[at + draw(st.integers(0, 3)) :]
    if draw(st.integers(0, 4)) == 0:
        content = content[: draw(st.integers(0, len(content)))]
    return content


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def check(name: str, content: bytes, tasks: set[str], data: dict, is_whole: bool) -> None:
    """Reads a file as training, evaluation and prediction do."""
    Path(name).write_bytes(content)
    config = check_config(
        {"data": {"train": name, **data}, "tasks": {t: TASKS[t] for t in sorted(tasks)}}
    )
    told: list[str] = []
    try:
        dataset = read_splits(config)
        told += dataset.notes
        told += read_rows(name, dataset.tasks, config.data, "test").notes
    except UserError as error:
        assert any(word in str(error) for word in (name, "data.", "tasks.", "train", "test"))
        told.append(str(error))
    try:
        for inputs, bad in read_inputs(name, config.data, 3, notes=told):
            dict(inputs.columns)
            told += [why for _, why in bad]
    except UserError as error:
        told.append(str(error))
    if is_whole:
        assert SECRET not in "\n".join(told)


def compressed(name: str, content: bytes, cut: int | None) -> tuple[str, bytes]:
    """Returns name and content of a file, gzipped and cut off if `cut` is a number."""
    if cut is None:
        return name, content
    packed = gzip.compress(content, mtime=0)
    return f"{name}.gz", packed[: max(len(packed) - cut, 0)]


cuts = st.none() | st.sampled_from([0, 1, 9, 30])


@tries(FEW)
@given(data=st.data())
@pytest.mark.parametrize(("name", "tab"), [("x.csv", ","), ("x.tsv", "\t"), ("x.csv", ";")])
def test_fuzz_separated_tables(name, tab, data):
    header = ["text", *data.draw(st.lists(st.sampled_from(COLUMNS), max_size=6))]
    rows = data.draw(st.lists(st.tuples(texts, *[cells] * (len(header) - 1)), max_size=8))
    file = io.StringIO(newline="")
    quoting = data.draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    csv.writer(file, delimiter=tab, quoting=quoting).writerows([header, *rows])
    whole = file.getvalue().encode()
    content = data.draw(damaged(whole))
    name, packed = compressed(name, content, data.draw(cuts))
    settings = data.draw(options)
    # A quote that is read in another way than it was written moves texts to other columns.
    is_whole = content == whole and not {"quoting", "delimiter", "header"} & set(settings)
    check(name, packed, data.draw(some_tasks), settings, is_whole)


def records(data):
    columns = data.draw(st.lists(st.sampled_from(COLUMNS), max_size=6, unique=True))
    row = st.fixed_dictionaries({}, optional={"text": texts, **dict.fromkeys(columns, nested)})
    return data.draw(st.lists(row, max_size=8))


@tries(FEW)
@given(data=st.data())
@pytest.mark.parametrize("name", ["x.jsonl", "x.json"])
def test_fuzz_tables_of_json(name, data):
    rows = records(data)
    odd_lines = st.sampled_from(["", "3", f'"{SECRET}"', "NaN", "1e999", "[" * 3000])
    lines = data.draw(st.lists(odd_lines, max_size=4))
    if name == "x.json":
        whole = json.dumps(rows).encode()
    else:
        whole = "\n".join([*map(json.dumps, rows), *lines]).encode()
    content = data.draw(damaged(whole))
    name, packed = compressed(name, content, data.draw(cuts))
    check(name, packed, data.draw(some_tasks), data.draw(options), content == whole)


TYPES = {
    "string": (pyarrow.string(), cells),
    "dictionary": (pyarrow.dictionary(pyarrow.int8(), pyarrow.string()), plain),
    "binary": (pyarrow.binary(), st.binary(max_size=3)),
    "integer": (pyarrow.int64(), st.integers(-2, 3) | st.integers(-(2**63), 2**63 - 1)),
    "unsigned": (pyarrow.uint64(), st.integers(0, 2**64 - 1)),
    "float": (pyarrow.float64(), st.sampled_from([0.0, 1.0, 2.5, math.inf, math.nan, 1e300])),
    "half": (pyarrow.float16(), st.sampled_from([0.0, 1.0])),
    "boolean": (pyarrow.bool_(), st.booleans()),
    "decimal": (
        pyarrow.decimal128(38, 2),
        st.decimals(-(10**30), 10**30, places=2) | st.sampled_from([Decimal("1.00"), Decimal(0)]),
    ),
    "date": (pyarrow.date32(), st.integers(-(2**31), 2**31 - 1)),
    "seconds": (
        pyarrow.timestamp("s", "No/Where"),
        st.integers(-(2**40), 2**53),
    ),  # in ms it must fit 64 bits
    "nanoseconds": (pyarrow.timestamp("ns", "UTC"), st.integers(-(2**62), 2**62)),
    "time": (pyarrow.time64("ns"), st.integers(0, 86_399_999_999_999)),
    "duration": (pyarrow.duration("s"), st.integers(-(2**60), 2**60)),
    "list": (pyarrow.list_(pyarrow.int8()), st.lists(st.integers(0, 2) | st.none(), max_size=3)),
    "names": (pyarrow.list_(pyarrow.string()), st.lists(plain | st.none(), max_size=3)),
    "dates": (pyarrow.list_(pyarrow.date32()), st.lists(st.integers(0, 2**31 - 1), max_size=2)),
    "struct": (
        pyarrow.struct([("a", pyarrow.int8()), ("b", pyarrow.string())]),
        st.fixed_dictionaries({"a": st.integers(0, 1), "b": plain}),
    ),
    "map": (
        pyarrow.map_(pyarrow.string(), pyarrow.int8()),
        st.lists(st.tuples(plain, st.integers(0, 1)), max_size=2),
    ),
    "null": (pyarrow.null(), st.none()),
}


def array(data, kind: str, rows: int, contents=None):
    type_, values = TYPES[kind]
    drawn = data.draw(
        st.lists(
            (values if contents is None else contents) | st.none(), min_size=rows, max_size=rows
        )
    )
    return pyarrow.array(drawn, type_)


def broken_text(rows: int):
    """Returns strings of one byte that is not UTF-8 each."""
    ends = b"".join(number.to_bytes(4, "little") for number in range(rows + 1))
    buffers = pyarrow.py_buffer(ends), pyarrow.py_buffer(b"\xff" * rows)
    return pyarrow.StringArray.from_buffers(rows, *buffers)


@tries(FEW)
@given(data=st.data())
def test_fuzz_tables_of_parquet(data):
    rows = data.draw(st.integers(0, 6))
    names = data.draw(st.lists(st.sampled_from(COLUMNS), max_size=6, unique=True))
    columns = {"text": array(data, "string", rows, texts)}
    for name in names:
        kind = data.draw(st.sampled_from([*TYPES, "broken"]))
        columns[name] = broken_text(rows) if kind == "broken" else array(data, kind, rows)
    if data.draw(st.integers(0, 5)) == 0:
        columns["text"] = array(data, data.draw(st.sampled_from(sorted(TYPES))), rows)
    file = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), file)
    whole = file.getvalue()
    content = data.draw(damaged(whole)) if data.draw(st.booleans()) else whole
    check("x.parquet", content, data.draw(some_tasks), data.draw(options), content == whole)


@tries(FEW)
@given(content=st.binary(max_size=200), data=st.data())
@pytest.mark.parametrize(
    "ending",
    [
        *(".csv", ".tsv", ".txt", ".jsonl", ".json", ".parquet", ".csv.gz", ".csv.bz2", ".csv.xz"),
        *(".zip", ".xlsx", ".train", ""),
    ],
)
def test_fuzz_files_of_any_bytes(ending, content, data):
    check(f"x{ending}", content, data.draw(some_tasks), data.draw(options), is_whole=False)


def test_dates_of_a_cell_are_no_text():
    when = {"text": [SECRET, SECRET], "label": [datetime.date(2024, 1, 1), None]}
    file = io.BytesIO()
    parquet.write_table(pyarrow.table(when), file)
    check("x.parquet", file.getvalue(), {"label"}, {}, is_whole=True)
