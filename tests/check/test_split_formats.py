"""The parts of a split are files of the format of the whole, row for row as it is written."""

import gzip
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mtc_keras.check.splitting.splitting import split_config
from mtc_keras.config import check_config, load_config
from mtc_keras.data.reading import read_splits
from mtc_keras.errors import DataError
from tests.data.layouts import training, write

COUNT = 60
PARTS = ("train", "validation", "test")


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def cells(row: int) -> tuple[str, str]:
    return f"Höfliche Antwort {row}, gut; „{row}“", ("à", "b", "c")[row % 3]


def csv_text() -> str:
    rows = (f'"{text}\r\nzwei ""Zeilen""";{label};n{row}' for row, (text, label) in ALL)
    return "".join(f"{line}\r\n" for line in ["text;label;other", *rows])


ALL = [(row, cells(row)) for row in range(COUNT)]
LINES = [json.dumps({"text": t, "label": a, "n": n}, ensure_ascii=False) for n, (t, a) in ALL]
FASTTEXT = "".join(f"__label__{label} {text}\n" for _, (text, label) in ALL)


def split(name: str, tasks=None, **data):
    found = split_config(training(name, tasks, **data), "0.5,0.25,0.25", "out")
    return found, [Path(file).read_bytes() for file in found.files.values()]


def read_again(found) -> list[tuple[str, int]]:
    """Returns the texts and labels of all parts, as a training of the new config reads them."""
    dataset = read_splits(load_config(found.config))
    parts = [dataset.train, dataset.validation, dataset.test]
    assert [len(part) for part in parts] == [COUNT // 2, COUNT // 4, COUNT // 4]
    [task] = dataset.tasks
    return [
        (text, task.known_classes[target])
        for part in parts
        for text, target in zip(part.texts[0], part.targets[task.name], strict=True)
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("packed", ["", ".gz"])
def test_csv_keeps_its_bytes_under_the_header_of_the_whole(encoding, packed):
    content = csv_text().encode(encoding)
    write(f"x.csv{packed}", gzip.compress(content) if packed else content)
    found, parts = split(f"x.csv{packed}")
    assert list(found.files.values()) == [f"out/{name}.csv{packed}" for name in PARTS]
    if packed:
        parts = [gzip.decompress(part) for part in parts]
    mark = content[: len(content) - len(csv_text().encode(encoding.replace("-sig", "")))]
    texts = [part.decode(encoding) for part in parts]
    assert all(part.startswith(mark) for part in parts)
    header = "text;label;other\r\n"
    assert all(text.startswith(header) for text in texts)
    rows = [row for text in texts for row in text.removeprefix(header).split('\r\n"')]
    assert len(rows) == COUNT
    whole = csv_text().removeprefix(header).split('\r\n"')
    assert sorted(row.strip('"\r\n') for row in rows) == sorted(w.strip('"\r\n') for w in whole)
    assert len(set(read_again(found))) == COUNT


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_lines_of_json_keep_their_bytes_and_order(encoding):
    write("x.jsonl", "\n".join(LINES).encode(encoding))  # the last line has no end
    found, parts = split("x.jsonl")
    lines = [part.decode(encoding).splitlines() for part in parts]
    assert sorted(line for part in lines for line in part) == sorted(LINES)
    for part in lines:
        numbers = [json.loads(line)["n"] for line in part]
        assert numbers == sorted(numbers)
    assert len(read_again(found)) == COUNT


def test_items_of_an_array_stay_as_they_are_written():
    items = [line.replace('": ', '"  :\n ') for line in LINES]
    write("x.json", "[" + ", \n\n".join(items) + "]")
    found, parts = split("x.json")
    read = [row for part in parts for row in json.loads(part)]
    assert sorted(row["n"] for row in read) == list(range(COUNT))
    assert all(any(item.encode() in part for part in parts) for item in items)
    assert len(read_again(found)) == COUNT


def test_rows_within_a_document_are_refused_with_what_would_help():
    write("x.json", json.dumps({"version": 1, "data": [json.loads(line) for line in LINES]}))
    with pytest.raises(DataError, match=r"not split row by row; .* jq -c '.data\[\]'"):
        split("x.json")
    assert not Path("out").exists()
    assert [path.name for path in Path().iterdir()] == ["x.json"]


def test_lines_of_fasttext_stay_as_they_are():
    write("mood.train", FASTTEXT)
    tasks = {"mood": {"kind": "multiclass", "column": "__label__"}}
    found, parts = split("mood.train", tasks)
    assert list(found.files.values()) == [f"out/{name}.train" for name in PARTS]
    assert sorted(b"".join(parts).splitlines()) == sorted(FASTTEXT.encode().splitlines())
    assert len(read_again(found)) == COUNT


def test_a_table_in_an_archive_becomes_tables_beside_each_other():
    with zipfile.ZipFile("x.zip", "w") as archive:
        archive.writestr("data/all.csv", csv_text().encode())
        archive.writestr("data/other.csv", "a,b\n1,2\n")
    found, _ = split("x.zip/data/all.csv")
    assert list(found.files.values()) == [f"out/{name}.csv" for name in PARTS]
    assert len(read_again(found)) == COUNT


def test_parquet_keeps_its_columns_types_and_compression():
    from pyarrow import parquet

    frame = pd.DataFrame([{"text": t, "label": a, "n": np.int16(n)} for n, (t, a) in ALL])
    frame.to_parquet("x.parquet", compression="gzip")
    found, parts = split("x.parquet")
    whole = parquet.ParquetFile("x.parquet")
    for part in parts:
        written = parquet.ParquetFile(io.BytesIO(part))
        assert written.schema_arrow.equals(whole.schema_arrow, check_metadata=True)
        assert written.metadata.row_group(0).column(0).compression == "GZIP"
    read = pd.concat(pd.read_parquet(io.BytesIO(part)) for part in parts)
    pd.testing.assert_frame_equal(read.sort_values("n").reset_index(drop=True), frame)
    assert len(read_again(found)) == COUNT


def test_a_sheet_keeps_its_values_and_a_text_with_an_equals_sign_stays_one():
    frame = pd.DataFrame([{"text": f"{t}", "label": a, "n": n} for n, (t, a) in ALL])
    frame["when"] = pd.Timestamp("2024-02-03")
    frame.to_excel("x.xlsx", sheet_name="Answers", index=False)
    from openpyxl import load_workbook

    book = load_workbook("x.xlsx")
    book["Answers"]["A3"].value = "=1+1 is two"
    book["Answers"]["A3"].data_type = "s"
    book.save("x.xlsx")
    found, parts = split("x.xlsx")
    read = pd.concat(
        pd.read_excel(io.BytesIO(part), sheet_name="Answers", engine="openpyxl") for part in parts
    )
    read = read.sort_values("n").reset_index(drop=True)
    assert read.text[1] == "=1+1 is two"
    assert read.when.eq(pd.Timestamp("2024-02-03")).all()
    assert read.label.tolist() == frame.label.tolist()
    assert len(read_again(found)) == COUNT


def test_several_files_become_a_file_each_in_every_part():
    Path("b").mkdir()
    write("x.jsonl", "".join(f"{line}\n" for line in LINES[:30]))
    write("b/x.jsonl", "".join(f"{line}\n" for line in LINES[30:]))
    found = split_config(training(["x.jsonl", "b/x.jsonl"]), "0.5,0.25,0.25", "out")
    assert found.files["test"] == ["out/test/x.jsonl", "out/test/2_x.jsonl"]
    assert len(read_again(found)) == COUNT


def test_lines_of_parallel_files_stay_together():
    write("x.txt", "text\n" + "".join(f"{text}\n" for _, (text, _) in ALL))  # with a header
    write("y.txt", "".join(f"{label}\n" for _, (_, label) in ALL) + "\n\n")  # blank at its end
    files = {"text": "x.txt", "label": "y.txt"}
    config = check_config({"data": {"train": files}, "tasks": {"label": {"kind": "multiclass"}}})
    found = split_config(config, "0.5,0.25,0.25", "out")
    assert found.files["test"] == {"text": "out/test/x.txt", "label": "out/test/y.txt"}
    assert sorted(read_again(found)) == sorted(pair for _, pair in ALL)


def test_a_part_that_would_be_read_otherwise_is_refused_and_nothing_is_left():
    # R writes the number of each row under no name, which only shows while all are there.
    write(
        "x.csv",
        "text,label\n"
        + "".join(
            f"{n},{t},{a}\n"
            for n, (t, a) in enumerate(((f"thing {at}", "ab"[at % 2]) for at in range(60)), 1)
        ),
    )
    with pytest.raises(DataError, match="does not show how the whole is to be read"):
        split("x.csv")
    assert not Path("out").exists()


@pytest.mark.parametrize("name", ["x.jsonl", "x.csv", "x.parquet"])
def test_the_same_seed_gives_the_same_bytes_and_another_one_others(name):
    frame = pd.DataFrame([{"text": t, "label": a, "n": n} for n, (t, a) in ALL])
    if name == "x.parquet":
        frame.to_parquet(name)
    else:
        write(name, csv_text() if name == "x.csv" else "".join(f"{line}\n" for line in LINES))
    config = training(name)
    once, again, other = (
        [
            Path(file).read_bytes()
            for file in split_config(
                config.model_copy(update={"seed": seed}), "0.5,0.25,0.25", folder
            ).files.values()
        ]
        for seed, folder in ((3, "once"), (3, "again"), (4, "other"))
    )
    assert once == again
    assert once != other
