"""Compressed files, archives and workbooks are read as what is in them; nothing is unpacked."""

import bz2
import datetime
import gzip
import io
import lzma
import os
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

openpyxl = pytest.importorskip("openpyxl")

from mtc_keras.data.formats import zip_archives  # noqa: E402
from mtc_keras.data.reading import read_splits  # noqa: E402
from mtc_keras.data.sources import expand, hash_files  # noqa: E402
from mtc_keras.errors import DataError  # noqa: E402
from mtc_keras.files import sha256  # noqa: E402
from tests.data.layouts import predicted, problems, read, training, write  # noqa: E402
from tests.fuzzing import tries  # noqa: E402

CSV = "text,label\nTrès bon,a\nbad,b\n"
COLUMNS = {"text": ["Très bon", "bad"], "label": ["a", "b"]}


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def archive(name: str, files: dict[str, str | bytes]) -> str:
    with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED) as file:
        for inner, content in files.items():
            file.writestr(inner, content)
    return name


@pytest.mark.parametrize(
    ("ending", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)]
)
def test_compressed_files_are_read_and_broken_ones_named(ending, pack):
    name = write(f"x.csv{ending}", pack(CSV.encode("cp1252")))
    columns, [note] = read(name)
    assert columns == COLUMNS
    assert "is read as cp1252" in note
    assert predicted(name)[0] == COLUMNS["text"]
    write(name, pack(CSV.encode() * 100)[:-9])
    kind = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz"}[ending]
    assert f"{name}: is not a complete {kind} file" in problems(name)[0]
    write(name, b"text,label\nno,a\n")
    assert f"{name}: is not a complete {kind} file" in problems(name)[0]


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("x.csv.zip", {"x.csv": CSV}),
        ("x.csv.zip", {"x": CSV}),
        ("X.ZIP", {"__MACOSX/._x.csv": "?", "data/": "", "data/x.csv": CSV, ".DS_Store": "?"}),
        (
            "x.zip",
            {"x.csv.gz": gzip.compress(CSV.encode()), "README.txt": "About", "LICENSE": "MIT"},
        ),
        ("x.zip", {"../x.csv": CSV}),
        ("x.zip", {"/etc/x.csv": CSV}),
        (
            "x.zip",
            {"x.json": '[{"text": "Très bon", "label": "a"}, {"text": "bad", "label": "b"}]'},
        ),
    ],
)
def test_the_only_data_file_of_an_archive_is_read(name, files):
    archive(name, files)
    assert read(name) == (COLUMNS, [])
    assert os.listdir() == [name]


def test_a_pandas_frame_survives_every_compression():
    frame = pd.DataFrame(COLUMNS)
    for name in ("x.csv.zip", "x.csv.bz2", "x.csv.xz", "x.csv.gz"):
        frame.to_csv(name, index=False)
        assert read(name) == (COLUMNS, [])


def test_one_of_several_files_is_named():
    archive("x.zip", {"train.csv": CSV, "sub/test.csv": CSV, "notes.md": "?"})
    assert problems("x.zip") == [
        "data.train: x.zip: the archive holds 2 data files, 'train.csv', 'sub/test.csv'; name "
        'one or several, such as "x.zip/train.csv"'
    ]
    assert read("x.zip/sub/test.csv") == (COLUMNS, [])
    assert predicted("x.zip/train.csv")[0] == COLUMNS["text"]
    assert expand("x.zip/*.csv") == ["x.zip/sub/test.csv", "x.zip/train.csv"]
    assert hash_files(["x.zip/train.csv"]) == {"x.zip/train.csv": sha256(Path("x.zip"))}
    assert problems("x.zip/tran.csv") == [
        "data.train: x.zip/tran.csv: the archive holds no 'tran.csv'. Did you mean 'train.csv'? It "
        "holds 'train.csv', 'sub/test.csv', 'notes.md'"
    ]
    with pytest.raises(DataError, match=r"no file of the archive matches"):
        expand("x.zip/*.tsv")
    archive("x.zip", {"train.csv": CSV, "notes.md": "?"})
    assert read("x.zip")[1] == ["x.zip: 'train.csv' is read of it, not 'notes.md'"]
    os.mkdir("y.zip")
    write("y.zip/x.csv", CSV)
    assert read("y.zip/x.csv") == (COLUMNS, [])


def test_archives_of_nothing_to_read_are_refused(monkeypatch):
    archive("x.zip", {"inner.zip": b"PK", "a.md": "?"})
    assert "holds no data file, but 'inner.zip', 'a.md'" in problems("x.zip")[0]
    archive("x.zip", {})
    assert "holds no data file, but nothing" in problems("x.zip")[0]
    write("x.zip", b"PK\x03\x04 no archive")
    assert "is not a complete zip file" in problems("x.zip")[0]
    content = Path(archive("x.zip", {"x.csv": CSV})).read_bytes()
    at = content.index(b"PK\x01\x02") + 8
    write("x.zip", content[:6] + b"\1" + content[7:at] + b"\1" + content[at + 1 :])
    assert "'x.csv' is encrypted" in problems("x.zip")[0]
    monkeypatch.setattr(zip_archives, "_FREE_BYTES", 10_000)
    archive("x.zip", {"x.csv": "text,label\n" + " " * 1_000_000})
    assert "would grow from" in problems("x.zip")[0]


def test_parquet_is_read_from_archives_and_compressed():
    frame = pd.DataFrame(COLUMNS)
    frame.to_parquet("x.parquet")
    content = Path("x.parquet").read_bytes()
    archive("x.zip", {"x.parquet": content})
    write("y.parquet.gz", gzip.compress(content))
    for name in ("x.zip", "x.zip/x.parquet", "y.parquet.gz"):
        assert read(name) == (COLUMNS, [])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04\x14", "is a zip archive or an Excel workbook"),
        # Of one time, as every process must know the test by the same name.
        (gzip.compress(b"text", mtime=0), "is a gzip file; add .gz to its name"),
        (bz2.compress(b"text"), "is a bzip2 file"),
        (b"PAR1\x15", "is a Parquet file"),
        (b"\n<!DOCTYPE html><html>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "is a pointer of Git LFS"),
    ],
)
@pytest.mark.parametrize("name", ["x.csv", "x.jsonl"])
def test_a_file_that_is_something_else_than_its_name_says_is_told(name, content, message):
    [problem] = problems(write(name, content))
    assert f"{name}: {message}" in problem


def book(name: str, sheets: dict[str, list[list]]) -> str:
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for title, rows in sheets.items():
        sheet = workbook.create_sheet(title)
        for row in rows:
            sheet.append(row)
    workbook.save(name)
    return name


def test_cells_of_a_sheet_are_the_text_of_their_values():
    rows = [
        [None, "text", "label", "n", None],
        [None, "été", 1, 2.5, None],
        [],
        [None, "No", 2.0, 1e20, None],
        [None, 7, True, 0.1, None],
    ]
    name = book("x.xlsx", {"Data": rows, "Empty": []})
    columns, notes = read(name)
    assert columns == {
        "text": ["été", "No", "7"],
        "label": ["1", "2", "TRUE"],
        "n": ["2.5", "1e+20", "0.1"],
    }
    assert notes == []
    dataset = read_splits(training(name))
    assert list(dataset.train.where) == ["x.xlsx:2", "x.xlsx:4", "x.xlsx:5"]
    assert dataset.tasks[0].classes == ["1", "2", "TRUE"]


def test_a_sheet_is_named_like_a_file_of_an_archive():
    one, two = [["text", "label"], ["one", "a"]], [["text", "label"], ["two", "b"]]
    name = book("x.xlsx", {"Notes": [], "First": one, "Second one": two})
    columns, notes = read(name)
    assert columns == {"text": ["one"], "label": ["a"]}
    assert notes == [
        "x.xlsx: sheet 'First' is read, not 'Second one'; to read another one, name it: "
        "x.xlsx/Second one"
    ]
    assert read("x.xlsx/Second one") == ({"text": ["two"], "label": ["b"]}, [])
    assert "the workbook has no sheet 'Frist'. Did you mean 'First'?" in problems("x.xlsx/Frist")[0]
    assert "holds no rows; its sheets are 'Notes'" in problems(book("y.xlsx", {"Notes": []}))[0]


def test_headers_of_sheets_are_found_or_given():
    rows = [["Reviews of May"], [], ["text", "label"], ["fine", "a"], ["bad", "b", "note"]]
    columns, notes = read(book("x.xlsx", {"S": rows}))
    assert columns == {"text": ["fine", "bad"], "label": ["a", "b"]}
    assert notes == [
        "x.xlsx: its header is line 3; 1 row above it is not read",
        "x.xlsx: 1 row has cells under no name, which are not read, first x.xlsx:5",
    ]
    book("x.xlsx", {"S": [["good", "A text of quite some words, really"], ["bad", None]]})
    assert 'set data.header = ["label", "text"] (2 columns)' in problems("x.xlsx")[0]
    columns, _ = read("x.xlsx", header=["label", "text"])
    assert columns == {"label": ["good", "bad"], "text": ["A text of quite some words, really", ""]}
    book("x.xlsx", {"S": [["text", "label", "label"], ["a", "b", "c"]]})
    assert problems("x.xlsx") == [
        "data.train: x.xlsx: two columns are called 'label'; rename one of them in the file"
    ]
    book("x.xlsx", {"S": [["text", "label", "n", "n"], ["a", "b", 1, 2]]})
    assert read("x.xlsx") == (
        {"text": ["a"], "label": ["b"]},
        ["x.xlsx: several columns are called 'n', and are not read"],
    )


def test_cells_that_are_blank_only_in_the_file_are_told():
    book("x.xlsx", {"S": [["text", "label"], ["a", "b"], ["c", '="x"&"y"'], ["d", '="y"']]})
    columns, [note] = read("x.xlsx")
    assert columns["label"] == ["b", "", ""]
    assert note.startswith("x.xlsx: 2 formulas have no value in the file and are read as blank")
    assert "first x.xlsx:3; open the file in Excel and save it" in note
    book("x.xlsx", {"S": [["text", "label", "n"], ["a", "b", "=1+1"], ["c", "d", 1]]})
    workbook = openpyxl.load_workbook("x.xlsx")
    workbook.active.merge_cells("B2:B3")
    workbook.active.merge_cells("E7:E9")  # of no column that is read
    workbook.save("y.xlsx")
    columns, notes = read("y.xlsx")
    assert columns["label"] == ["b", ""]
    assert "1 cell is merged over several rows, of which only the first one is filled" in notes[1]
    assert "first y.xlsx:2" in notes[1]
    workbook.active.merge_cells("A5:A6")
    workbook.active.merge_cells("A4:C4")  # of one row
    workbook.create_sheet("other").append(["=1+1"])  # which is not read
    workbook.save("z.xlsx")
    _, notes = read("z.xlsx")
    assert "z.xlsx: 2 cells are merged" in notes[-1] and "first z.xlsx:2" in notes[-1]


def test_a_date_is_no_text_and_a_cell_far_away_costs_nothing():
    rows = [["text", "label"], [datetime.date(2024, 1, 2), "a"], ["fine", "b"]]
    assert "date" in problems(book("x.xlsx", {"S": rows}))[0]
    workbook = openpyxl.Workbook()
    for place, value in {
        "A1": "text",
        "B1": "label",
        "A2": "x",
        "B2": "a",
        "XFD60000": "?",
    }.items():
        workbook.active[place] = value
    workbook.save("x.xlsx")
    columns, [note] = read("x.xlsx")
    assert columns == {"text": ["x", ""], "label": ["a", ""]}
    assert "first x.xlsx:60000" in note


def test_what_is_no_workbook_and_a_missing_library_are_told(monkeypatch):
    write("x.xlsx", b"text,label\n")
    assert "x.xlsx: is not an Excel workbook that can be read" in problems("x.xlsx")[0]
    write("x.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    assert "x.xlsx: is an old or encrypted Excel workbook" in problems("x.xlsx")[0]
    assert "unknown extension '.xls'; save it as .xlsx or .csv" in problems(write("x.xls", b"?"))[0]
    archive("x.zip", {"x.xlsx": Path(book("y.xlsx", {"S": [["text"], ["a"]]})).read_bytes()})
    assert read("x.zip") == ({"text": ["a"]}, [])
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    assert "pip install 'mtc-keras[excel]'" in problems("y.xlsx")[0]


@tries(40)
@given(content=st.binary(max_size=60), at=st.integers(0, 5000), data=st.data())
@pytest.mark.parametrize("name", ["x.xlsx", "x.zip", "x.csv.bz2", "x.csv.xz"])
def test_fuzz_damaged_containers_are_refused_or_read(name, content, at, data):
    whole = {
        "x.xlsx": lambda: Path(book(name, {"S": [["text", "label"], ["a", "b"]]})).read_bytes(),
        "x.zip": lambda: Path(archive(name, {"x.csv": CSV})).read_bytes(),
        "x.csv.bz2": lambda: bz2.compress(CSV.encode()),
        "x.csv.xz": lambda: lzma.compress(CSV.encode()),
    }[name]()
    at %= len(whole)
    cut = data.draw(st.integers(0, 40))
    write(name, whole[:at] + content + whole[at + cut :])
    try:
        read(name)
    except DataError as error:
        assert name in str(error)


values = st.none() | st.integers() | st.floats(allow_nan=False) | st.booleans()
values |= st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc"]), max_size=5)


@tries(20)
@given(rows=st.lists(st.tuples(st.just("x"), values), min_size=1, max_size=4))
def test_fuzz_values_of_a_sheet_are_read_as_text(rows):
    buffer = io.BytesIO()
    workbook = openpyxl.Workbook()
    for row in [("text", "label"), *rows]:
        workbook.active.append(row)
    workbook.save(buffer)
    write("x.xlsx", buffer.getvalue())
    columns, _ = read("x.xlsx")
    assert columns["text"] == ["x"] * len(rows)
    assert all(isinstance(cell, str) for cell in columns["label"])
