"""Files of every format, and a user's own rows, become blocks of plain Python cells."""

import gzip
import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtc_keras.data.blocks import plain
from mtc_keras.data.sources import expand, file_blocks, hash_files
from mtc_keras.errors import DataError
from tests.conftest import own_block, read_block

repeatable = settings(derandomize=True, deadline=None)

RECORDS = [
    {"id": 1, "text": "naïve 日本 🎉", "label": 2, "tags": ["a"]},
    {"id": 2, "text": 'a "quoted", long\ntext', "label": None, "tags": []},
]
JSONL = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in RECORDS)


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(name: str, content: str | bytes) -> str:
    content = content if isinstance(content, bytes) else content.encode("utf-8")
    Path(name).write_bytes(gzip.compress(content, mtime=0) if name.endswith(".gz") else content)
    return name


def records(block) -> list[dict]:
    """Returns the rows of a block."""
    return [
        dict(zip(block.columns, row, strict=True))
        for row in zip(*block.columns.values(), strict=True)
    ]


def problems(files) -> list[str]:
    with pytest.raises(DataError) as caught:
        list(file_blocks(files))
    return caught.value.problems


# === Formats ===


@pytest.mark.parametrize(
    ("name", "content", "places"),
    [
        ("x.jsonl", JSONL, ["1", "2"]),
        ("x.ndjson.gz", "\n" + JSONL.replace("\n", "\r\n"), ["2", "3"]),
        ("x.JSONL.GZ", JSONL, ["1", "2"]),
        ("x.json", json.dumps(RECORDS), ["row 0", "row 1"]),
        ("x.json.gz", json.dumps(RECORDS), ["row 0", "row 1"]),
    ],
)
def test_json_keeps_types_and_integers_beside_gaps(name, content, places):
    if name.endswith(".GZ"):
        content = gzip.compress(content.encode(), mtime=0)
    block = read_block(write(name, content))
    assert records(block) == RECORDS
    assert type(block.columns["label"][0]) is int
    assert block.where == [f"{name}:{place}" for place in places]
    assert block.has_null


@pytest.mark.parametrize(("name", "tab"), [("x.csv", ","), ("x.tsv", "\t"), ("x.csv.gz", ",")])
def test_separated_cells_stay_text_as_written(name, tab):
    rows = [["text", "n", "v"], ['"a ""b"",\nc"', "1", ""], ["NA", "01", "1.0"], ["null", "", " "]]
    content = "\r\n".join(tab.join(row) for row in rows)
    block = read_block(write(name, b"\xef\xbb\xbf" + content.encode()))
    assert list(block.columns) == ["text", "n", "v"]
    expected = [['a "b",\nc', "1", ""], ["NA", "01", "1.0"], ["null", "", " "]]
    assert [list(row.values()) for row in records(block)] == expected
    assert not block.has_null
    # The quoted cell holds a line break, so the second row starts in the fourth line.
    assert block.where == [f"{name}:2", f"{name}:4", f"{name}:5"]


def test_blank_lines_are_skipped_and_very_long_cells_are_read():
    long = "x" * 200_000
    block = read_block(write("x.csv", f"text,label\n\n{long},a\n\nNUL\0,b\n"))
    assert block.columns["text"] == [long, "NUL\0"]
    assert block.where == ["x.csv:3", "x.csv:5"]


def test_a_line_separator_inside_json_text_ends_no_row():
    text = "one\u2028two\x85three"
    block = read_block(write("x.jsonl", json.dumps({"text": text}, ensure_ascii=False)))
    assert block.columns["text"] == [text]


def test_parquet_gives_lists_and_plain_scalars_and_none():
    frame = pd.DataFrame(
        {
            "text": ["a", None],
            "label": pd.array([2, None], dtype="Int64"),
            "tags": [["x"], []],
            "score": [0.5, math.nan],
            "kind": pd.Categorical(["u", "v"]),
        }
    )
    frame.to_parquet("x.parquet")
    block = read_block("x.parquet")
    assert records(block) == [
        {"text": "a", "label": 2, "tags": ["x"], "score": 0.5, "kind": "u"},
        {"text": None, "label": None, "tags": [], "score": None, "kind": "v"},
    ]
    assert type(block.columns["label"][0]) is int
    assert block.where == ["x.parquet:row 0", "x.parquet:row 1"]


@repeatable
@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.none() | st.integers() | st.text())))
def test_jsonl_and_json_and_dicts_give_the_same_cells(rows):
    rows = [{"text": "t", **row} for row in [{}, *rows]]
    write("x.jsonl", "\n".join(json.dumps(row) for row in rows))
    write("x.json", json.dumps(rows))
    columns = own_block(iter(rows), "train").columns
    assert read_block("x.jsonl").columns == columns
    assert read_block("x.json").columns == columns


# === Several files ===


def test_the_blocks_of_a_list_come_in_order_and_lacking_columns_are_none():
    write("b.csv", "text,label\none,1\n")
    write("a.jsonl", '{"text": "two", "extra": 3}\n')
    blocks = list(file_blocks(["b.csv", "a.jsonl"]))
    cells = [[block.cells(name) for name in ("text", "label", "extra")] for block in blocks]
    assert cells == [[["one"], ["1"], [None]], [["two"], [None], [3]]]
    assert [block.where for block in blocks] == [["b.csv:2"], ["a.jsonl:1"]]


def test_a_block_has_so_many_rows_at_most_and_its_rows_can_be_chosen():
    blocks = list(file_blocks(write("x.jsonl", JSONL * 2 + JSONL.splitlines()[0]), rows=2))
    assert [len(block) for block in blocks] == [2, 2, 1]
    chosen = blocks[1].select([1]).renamed({"label": "stars", "absent": "text"})
    assert (records(chosen)[0]["stars"], chosen.where) == (None, ["x.jsonl:4"])
    assert list(chosen.columns) == ["id", "text", "stars", "tags"]


def test_a_glob_is_sorted_and_names_each_file_once():
    for name in ("part-2.jsonl", "part-10.jsonl", "part-1.jsonl", "[x].jsonl"):
        write(name, '{"text": "x"}')
    parts = ["part-1.jsonl", "part-10.jsonl", "part-2.jsonl"]
    assert expand("part-*.jsonl") == parts
    assert expand(["part-2.jsonl", "part-*.jsonl"]) == ["part-2.jsonl", *parts[:2]]
    assert expand("[x].jsonl") == ["[x].jsonl"]  # a file of that name is not a glob


def test_files_are_hashed_by_path():
    write("a.csv", "text\nx\n")
    assert hash_files("*.csv") == {"a.csv": hashlib.sha256(b"text\nx\n").hexdigest()}


# === Bad files ===


def test_a_missing_file_is_named_with_the_nearest_one():
    write("train.jsonl", JSONL)
    assert problems("trian.jsonl") == [
        "trian.jsonl: file does not exist. Did you mean 'train.jsonl'?"
    ]
    assert "does not exist, nor does the directory 'nowhere'" in problems("nowhere/x.csv")[0]


def test_a_glob_without_a_match_and_a_directory_are_no_files():
    Path("folder").mkdir()
    assert problems(["*.csv", "folder"]) == [
        "*.csv: no file matches this glob",
        "folder: is a directory; name its files, or a glob such as folder/*.jsonl",
    ]
    assert problems([]) == ["the list of files is empty"]


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.json", "x.tsv.gz"])
@pytest.mark.parametrize("content", ["", "\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_holds_no_rows(name, content):
    assert problems(write(name, content if name != "x.json" else "[]")) == [
        f"{name}: holds no rows"
    ]


def test_a_header_alone_is_no_row():
    assert problems(write("x.csv", "text,label\n")) == ["x.csv: holds no rows"]


def test_an_undecodable_file_is_named_with_line_and_byte():
    content = "text,label\nok,1\nthé,1\n".encode() + "café,2\n".encode("latin-1")
    assert problems(write("x.csv", content)) == [
        "x.csv:4: byte 0xe9 is not UTF-8, though 1 other line with such letters is; mend the line, "
        'or set data.encoding = ["utf-8", "cp1252"] to read each line by the first that can'
    ]


@pytest.mark.parametrize("content", [b"text\nx\n", gzip.compress(b"text\nx\n", mtime=0)[:-9]])
def test_a_broken_gzip_file_is_said_to_be_one(content):
    Path("x.csv.gz").write_bytes(content)
    assert "x.csv.gz: is not a complete gzip file" in problems("x.csv.gz")[0]


def test_broken_lines_of_jsonl_are_named_up_to_five():
    lines = ['{"text": "x"}', "{", '"text"', "[1]", *["}"] * 5]
    found = problems(write("x.jsonl", "\n".join(lines)))
    assert found[0].startswith("x.jsonl:2: is not JSON: Expecting property name")
    assert found[1] == "x.jsonl:3: must be an object such as {…}, received str"
    assert found[4].startswith("x.jsonl:6: is not JSON")
    assert found[5] == "x.jsonl: … and 3 more broken lines"


def test_a_ragged_line_is_named_with_both_widths():
    found = problems(write("x.csv", "text,label\na,1\nb\nc,d,e\n"))
    assert found == [
        "x.csv:3: 1 cell, but the header has 2",
        "x.csv:4: 3 cells, but the header has 2",
    ]


@pytest.mark.parametrize("row", ['"never closed,1', '"a"b,1'])
def test_wrong_quotes_are_named_with_the_remedy(row):
    [found] = problems(write("x.csv", f"text,label\nok,0\n{row}\n"))
    assert found.startswith("x.csv:3: ")
    assert "inner ones doubled" in found


def test_two_columns_of_one_name_are_refused():
    assert problems(write("x.csv", "text,a,a\nx,1,2\n")) == [
        "x.csv:1: two columns are called 'a'; rename one of them in the file"
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"text": "x"}', "x.json: must be an array of objects, or an object with one inside"),
        ('[{"text": "x"}, 3]', "x.json:row 1: must be an object, received int"),
        ('[\n{"text": }]', "x.json:2: is not JSON"),
        ('{"text": "x"}\n["y"]', "x.json:2: must be an object such as {…}, or a list with the"),
    ],
)
def test_json_must_be_an_array_of_objects(content, message):
    assert message in problems(write("x.json", content))[0]


def test_a_broken_parquet_file_is_said_to_be_one():
    assert problems(write("x.parquet", b"PAR"))[0].startswith("x.parquet: is not a Parquet file: ")


@pytest.mark.parametrize("name", ["x.text", "x", "x.xls", "x.gz"])
def test_an_unknown_extension_lists_the_known_ones(name):
    [found] = problems(write(name, "x"))
    assert found.startswith(f"{name}: unknown extension")
    assert "'.csv', '.tsv', '.tab', '.txt', '.jsonl', '.ndjson', '.json', '.parquet'" in found


def test_what_is_wrong_with_several_files_is_told_at_once():
    write("a.csv", "")
    write("b.jsonl", "{")
    found = problems(["a.csv", "b.jsonl"])
    assert [problem.split(":")[0] for problem in found] == ["a.csv", "b.jsonl"]


# === A user's own source ===


def test_a_frame_is_normalised_and_its_rows_keep_their_labels():
    frame = pd.DataFrame(
        {
            "text": pd.array(["a", pd.NA], dtype="string"),
            7: [np.int64(3), np.nan],
            "tags": [np.array(["x", "y"]), ("z",)],
            "when": [pd.NaT, None],
        },
        index=["first", 9],
    )
    block = own_block(frame, "train")
    assert records(block) == [
        {"text": "a", "7": 3.0, "tags": ["x", "y"], "when": None},
        {"text": None, "7": None, "tags": ["z"], "when": None},
    ]
    assert block.where == ["train row first", "train row 9"]


def test_dicts_may_lack_keys():
    block = own_block(({"text": "a"}, {"text": "b", "label": 1}), "test")
    assert block.columns["label"] == [None, 1]
    assert block.where == ["test row 0", "test row 1"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (3, "train: expected a DataFrame or an iterator of dicts, received int"),
        ("train.csv", "expected a DataFrame or an iterator of dicts, received str"),
        ([{"text": "a"}, "b"], "train row 1: must be a dict, received str"),
        ([], "train: holds no rows"),
        (pd.DataFrame({"text": []}), "train: holds no rows"),
        (pd.DataFrame([["a", "b"]], columns=["x", "x"]), "several columns are called 'x'"),
    ],
)
def test_a_source_that_gives_no_rows_is_refused(source, message):
    with pytest.raises(DataError, match=message):
        own_block(source, "train")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float64(2), 2.0),
        (np.bool_(True), True),
        (np.array([[1, 0]]), [[1, 0]]),
        ([1, math.nan], [1, None]),
        ({"b", "a"}, ["a", "b"]),
        (np.str_("x"), "x"),
        (pd.NA, None),
    ],
)
def test_cells_become_plain_values(value, expected):
    found = plain(value)
    assert found == expected
    assert type(found) is type(expected)
