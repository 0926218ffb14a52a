"""Prediction in bulk: files in, parts out, and rows that are bad."""

import datetime
import decimal
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from mtc_keras.config import DataConfig
from mtc_keras.predict import program as predict
from mtc_keras.predict.bulk.job import BulkOptions, Job
from mtc_keras.predict.bulk.survey import BadRows, Survey
from mtc_keras.tasks import Multiclass
from tests.conftest import ROOT, rows
from tests.predict.conftest import PART, ROWS, contents, is_separated, predict_to, read, write

# === Formats ===


FORMATS = [
    ("in.csv", "csv"),
    ("in.tsv", "jsonl"),
    ("in.csv.gz", "parquet"),
    ("in.jsonl", "jsonl"),
    ("in.jsonl.gz", "csv.gz"),
    ("in.json", "jsonl.gz"),
    ("in.parquet", "parquet"),
    ("in.parquet", "csv"),
]


@pytest.mark.parametrize(("name", "form"), FORMATS, ids=lambda value: value)
def test_every_format_keeps_rows_order_and_columns(
    name, form, finished, frame, expected, tmp_path, capsys
):
    data = write(frame, tmp_path / name)
    out = tmp_path / "out"
    assert predict_to(finished, data, out, "--format", form) == 0
    parts = [f"part-{number:05d}.{form}" for number in range(3)]
    others = ["_manifest.json"]
    predictions = "50 predictions in 3 parts"
    if is_separated(tmp_path / name):  # there an empty text is none
        others.insert(0, "_bad_rows.jsonl")
        reasons = {reason for _, _, reason in bad_rows(out)}
        assert reasons == {"text column 'text' is empty"}
        kept = np.flatnonzero(frame["text"] != "")
        assert len(bad_rows(out)) == ROWS - len(kept) == 3
        frame, expected = frame.iloc[kept], [expected[row] for row in kept]
        predictions = "47 predictions in 3 parts"
    assert sorted(path.name for path in out.iterdir()) == [*others, *parts]
    found = read(out)
    names = [*frame, "predicted_mood", "mood_probabilities", "predicted_topics"]
    assert list(found[0]) == [*names, "topics_probabilities", "predicted_length"]
    for column in ("id", "text", "mood"):
        assert [row[column] for row in found] == frame[column].tolist()
    as_text = name.endswith((".csv", ".csv.gz", ".tsv")) or form.startswith("csv")
    stars = [str(n) if as_text else n for n in frame["stars"].tolist()]
    assert [row["stars"] for row in found] == stars
    assert [row["predicted_mood"] for row in found] == [e["mood"]["label"] for e in expected]
    topics = [row["predicted_topics"] for row in found]
    if form.startswith("csv"):
        topics = [cell.split("|") if cell else [] for cell in topics]
    assert topics == [e["topics"]["labels"] for e in expected]
    assert [float(row["predicted_length"]) for row in found] == pytest.approx(
        [e["length"]["value"] for e in expected], abs=1e-5
    )
    for row, known in zip(found, expected, strict=True):
        of_classes = row["topics_probabilities"]
        if isinstance(of_classes, str):
            of_classes = json.loads(of_classes)
        assert of_classes == pytest.approx(known["topics"]["probabilities"], abs=1e-5)
    assert predictions in capsys.readouterr().out


NESTED_MAP = pa.map_(pa.string(), pa.map_(pa.string(), pa.int8()))
STRUCT_OF_MAP = pa.struct([("m", pa.map_(pa.string(), pa.int8()))])


def test_parquet_keeps_the_types_of_parquet(finished, tmp_path):
    columns = {
        "text": pa.array(["good", "bad", "fine"]),
        "small": pa.array([1, None, 3], pa.int8()),
        "time": pa.array(
            [datetime.datetime(2024, 1, 2, 3, 4, 5, 6)] * 3, pa.timestamp("us", "UTC")
        ),
        "day": pa.array([datetime.date(2024, 1, 2), None, None]),
        "price": pa.array([decimal.Decimal("1.50"), None, None], pa.decimal128(9, 2)),
        "kind": pa.array(["a", "b", "a"]).dictionary_encode(),
        "bytes": pa.array([b"\x00\xff", None, b""]),
        "nested": pa.array([[{"x": 1}], [], None], pa.list_(pa.struct([("x", pa.int16())]))),
        "map": pa.array([[("a", [("b", 1)])], [], None], NESTED_MAP),
        "maps": pa.array([[{"m": [("b", 1)]}], [{"m": None}], None], pa.list_(STRUCT_OF_MAP)),
    }
    table = pa.table(columns)
    parquet.write_table(table, tmp_path / "in.parquet")
    assert (
        predict_to(finished, tmp_path / "in.parquet", tmp_path / "out", "--format", "parquet") == 0
    )
    found = parquet.read_table(tmp_path / "out" / "part-00000.parquet").select(list(columns))
    assert found.schema.equals(parquet.read_schema(tmp_path / "in.parquet"))
    assert found.to_pylist() == table.to_pylist()
    assert predict_to(finished, tmp_path / "in.parquet", tmp_path / "lines") == 0
    first = read(tmp_path / "lines")[0]
    assert first["time"] == "2024-01-02T03:04:05.000006+00:00"
    assert (first["day"], first["price"], first["bytes"]) == ("2024-01-02", "1.50", "AP8=")


def test_all_parquet_parts_of_loose_json_have_one_schema(finished, tmp_path):
    lines = [{"text": "good", "n": None, "some": {}, "odd": "\ud83d"}] * PART
    lines += [{"text": "bad", "n": 1, "mixed": "a", "nothing": None, "list": [1]}] * PART
    lines += [{"text": "bad", "n": 0.5, "mixed": [1, "b"], "list": [0.5]}] * PART
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert predict_to(finished, tmp_path / "in.jsonl", tmp_path / "out", "--format", "parquet") == 0
    table = parquet.read_table(tmp_path / "out")  # the whole folder, as its readers do
    assert table.num_rows == 3 * PART
    types = {name: str(table.schema.field(name).type) for name in ("n", "mixed", "some", "list")}
    assert types == {
        "n": "double",
        "mixed": "string",
        "some": "string",
        "list": "list<element: double>",
    }
    found = table.to_pylist()
    assert found[0]["some"] == "{}"
    assert (found[PART]["mixed"], found[-1]["mixed"]) == ("a", '[1, "b"]')
    assert (found[PART]["n"], found[-1]["n"]) == (1.0, 0.5)


def test_cells_of_one_column_that_have_no_type_in_common_are_text(finished, tmp_path):
    cells = [
        [1, "a"],
        [True, 1],
        [2**70, 1],
        [{"x": 1}, {"x": "a"}],
        [[1], ["a"]],
        [2**60 + 1, 0.5],
    ]
    names = [f"column {number}" for number in range(len(cells))]
    lines = [
        {"text": "good", **dict(zip(names, row, strict=True))} for row in zip(*cells, strict=True)
    ]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert predict_to(finished, tmp_path / "in.jsonl", tmp_path / "out", "--format", "parquet") == 0
    table = parquet.read_table(tmp_path / "out" / "part-00000.parquet")
    for name, row in zip(names, cells, strict=True):
        texts = [cell if isinstance(cell, str) else json.dumps(cell) for cell in row]
        assert table[name].to_pylist() == texts


def test_columns_keep_names_of_every_sort(finished, tmp_path, capsys):
    line = json.dumps({"text": "good", "größe 😀": 1, "": 2, "a.b,c": 3})
    (tmp_path / "in.jsonl").write_text(line + "\n")
    for form in ("jsonl", "csv", "parquet"):
        assert predict_to(finished, tmp_path / "in.jsonl", tmp_path / form, "--format", form) == 0
        found = read(tmp_path / form)[0]
        assert [str(found[name]) for name in ("größe 😀", "", "a.b,c")] == ["1", "2", "3"]
    (tmp_path / "odd.jsonl").write_text('{"text": "good", "\\ud83d": 1}\n')
    assert predict_to(finished, tmp_path / "odd.jsonl", tmp_path / "odd") == 0
    assert read(tmp_path / "odd")[0]["\ud83d"] == 1
    out = tmp_path / "none"
    assert predict_to(finished, tmp_path / "odd.jsonl", out, "--format", "parquet") == 2
    assert "is not Unicode; --format jsonl can" in capsys.readouterr().err
    assert not out.exists()


def test_csv_keeps_texts_with_line_breaks_of_every_kind(finished, tmp_path):
    texts = ["one\rtwo", "one\r\ntwo", "one\ntwo", "\r", 'a "quote"']
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))
    assert predict_to(finished, tmp_path / "in.jsonl", tmp_path / "out", "--format", "csv") == 0
    assert [row["text"] for row in read(tmp_path / "out")] == texts
    header = (tmp_path / "out" / "part-00000.csv").read_bytes().split(b"\n")[0]
    assert not header.endswith(b"\r")


def test_json_lines_are_valid_json_whatever_the_cells(finished, tmp_path):
    (tmp_path / "in.jsonl").write_text('{"text": "\\ud83d good", "x": Infinity, "y": [NaN, 1]}\n')
    assert predict_to(finished, tmp_path / "in.jsonl", tmp_path / "out") == 0
    content = (tmp_path / "out" / "part-00000.jsonl").read_text(encoding="utf-8")
    found = json.loads(content, parse_constant=pytest.fail)
    assert (found["text"], found["x"]) == ("\ud83d good", None)
    assert found["y"][1] == 1


def test_globs_and_several_files_become_parts_in_order(finished, frame, tmp_path):
    frame = frame.assign(text=[text or "good" for text in frame["text"]])  # "" is none in csv
    for name, part in (("a.csv", frame[:25]), ("b.jsonl", frame[25:30]), ("c.csv", frame[30:])):
        write(part, tmp_path / name)
    (tmp_path / "empty.csv").write_text("id,text\n")
    data = [tmp_path / "*.csv", tmp_path / "b.jsonl"]
    assert predict_to(finished, data, tmp_path / "out") == 0
    found = json.loads((tmp_path / "out" / "_manifest.json").read_text())
    parts = [(Path(part["input"]).name, part["rows"]) for part in found["parts"]]
    assert parts == [("a.csv", 20), ("a.csv", 5), ("c.csv", 20), ("b.jsonl", 5)]
    assert [Path(entry["file"]).name for entry in found["inputs"]] == [
        "a.csv", "c.csv", "empty.csv", "b.jsonl"
    ]  # fmt: skip
    order = [*range(25), *range(30, 50), *range(25, 30)]
    assert [row["id"] for row in read(tmp_path / "out")] == frame["id"].iloc[order].tolist()


def test_a_file_that_is_named_in_two_ways_is_predicted_once(finished, tmp_path, monkeypatch):
    (tmp_path / "in.csv").write_text("id,text\n1,good\n")
    (tmp_path / "other.csv").write_text("id,text\n2,good\n")
    monkeypatch.chdir(tmp_path)
    data = ["in.csv", f"{tmp_path}/./*.csv", "./in.csv"]
    assert predict_to(finished, data, tmp_path / "out") == 0
    assert [row["id"] for row in read(tmp_path / "out")] == ["1", "2"]


# === Bad rows ===


BAD_LINES = b"""{"text": "good one", "id": 1}
{"text": "SECRET broken
"SECRET text"

{"id": 5}
{"text": 6}
{"text": "SECRET \xff bytes"}
{"text": null}
{"text": ["SECRET"]}
{"text": "good two", "id": 9}
"""


def bad_rows(out: Path) -> list[tuple]:
    lines = (out / "_bad_rows.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    return [
        (Path(row["file"]).name, row.get("line", row.get("row")), row["reason"]) for row in found
    ]


def test_bad_lines_are_listed_and_the_others_predicted(finished, tmp_path, capsys):
    (tmp_path / "in.jsonl").write_bytes(BAD_LINES)
    out = tmp_path / "out"
    assert predict_to(finished, tmp_path / "in.jsonl", out) == 0
    found = read(out)
    assert [(row.get("id"), row["text"]) for row in found] == [
        (1, "good one"), (None, 6), (9, "good two")
    ]  # fmt: skip
    found = bad_rows(out)
    assert [line for _, line, _ in found] == [2, 3, 5, 7, 8, 9]
    reasons = [reason for _, _, reason in found]
    assert reasons[0].startswith("is not JSON: ")
    assert reasons[1] == "must be an object such as {…}"
    assert reasons[2] == reasons[4] == "text column 'text' is missing or null"
    assert reasons[3] == "byte 0xff is not UTF-8"
    assert reasons[5] == "text column 'text' holds no text but list"
    printed = capsys.readouterr()
    assert "3 rows of 1 file in 1 part, 6 bad rows left out" in printed.out
    assert "SECRET" not in printed.out + printed.err + (out / "_bad_rows.jsonl").read_text()


def test_csv_is_read_on_after_a_broken_row(finished, tmp_path):
    content = b'id,text\n1,good\n2,good,more\n3,"bad" quotes\n4,\xff\n'
    content += b'5,"two\nlines"\n6,"never closed\n7,x\n'
    (tmp_path / "in.csv").write_bytes(content)
    assert predict_to(finished, tmp_path / "in.csv", tmp_path / "out") == 0
    assert [row["id"] for row in read(tmp_path / "out")] == ["1", "5"]
    found = bad_rows(tmp_path / "out")
    assert [line for _, line, _ in found] == [3, 4, 5, 8]
    assert found[0][2] == "3 cells, but the header has 2"
    assert found[3][2].endswith("lines 8 to 9 were read as one row")


@pytest.mark.parametrize("header", [b"id,text,\xff", b'id,text,"a"b'])
def test_a_row_does_not_take_the_place_of_a_broken_header(header, finished, tmp_path, capsys):
    (tmp_path / "in.csv").write_bytes(header + b"\n1,SECRET good,text\n2,good,text\n")
    assert predict_to(finished, tmp_path / "in.csv", tmp_path / "out") == 2
    message = capsys.readouterr().err
    assert "in.csv:1: the header cannot be read: " in message
    assert "SECRET" not in message
    assert not (tmp_path / "out").exists()


def test_rows_without_lines_are_told_by_their_number(finished, tmp_path):
    parquet.write_table(pa.table({"text": ["good", None, "bad"]}), tmp_path / "in.parquet")
    (tmp_path / "in.json").write_text('[{"text": "good"}, 3, {"text": "bad"}]')
    data = [tmp_path / "in.parquet", tmp_path / "in.json"]
    assert predict_to(finished, data, tmp_path / "out") == 0
    assert [(name, row) for name, row, _ in bad_rows(tmp_path / "out")] == [
        ("in.parquet", 1),
        ("in.json", 1),
    ]
    assert len(read(tmp_path / "out")) == 4


def test_parquet_with_two_columns_of_one_name_is_refused(finished, tmp_path, capsys):
    table = pa.Table.from_arrays(
        [pa.array(["good"]), pa.array([1]), pa.array([2])], ["text", "a", "a"]
    )
    parquet.write_table(table, tmp_path / "in.parquet")
    assert predict_to(finished, tmp_path / "in.parquet", tmp_path / "out") == 2
    assert "in.parquet: several columns are called 'a'" in capsys.readouterr().err


def test_strict_stops_before_anything_is_written(finished, tmp_path, capsys):
    (tmp_path / "in.jsonl").write_bytes(BAD_LINES)
    assert predict_to(finished, tmp_path / "in.jsonl", tmp_path / "out", "--strict") == 2
    message = capsys.readouterr().err
    assert "6 bad rows (--strict)" in message
    assert "in.jsonl:2: is not JSON" in message
    assert "… and 1 more" in message
    assert "SECRET" not in message
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("in.csv", b"id,txt\n1,good\n", "no text column 'text'. Did you mean 'txt'?"),
        ("in.csv", b"text,text\na,b\n", "two columns are called 'text'"),
        ("in.csv", b"text\n", "hold no row that can be predicted"),
        ("in.jsonl", b'{"text": [1]}\n', "hold no row that can be predicted"),
        ("in.csv", b"id,text\n1,\n", "hold no row that can be predicted"),
        (
            "in.jsonl.gz",
            gzip.compress(b'{"text": "good"}\n' * 9, mtime=0)[:-9],
            "is not a complete gzip file",
        ),
        ("in.parquet", b"text", "is not a Parquet file"),
        ("in.text", b"text", "unknown extension '.text'"),
    ],
)
def test_files_that_cannot_be_read_are_refused(name, content, message, finished, tmp_path, capsys):
    (tmp_path / name).write_bytes(content)
    assert predict_to(finished, tmp_path / name, tmp_path / "out") == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


# === The command line ===


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--text", "good", "--resume"], "--resume needs --data FILE, and --out"),
        (["--data", "x.csv", "--format", "csv"], "--format needs --data FILE, and --out"),
        (["--data", "x.csv", "--out", "p.jsonl", "--format", "csv"], "is jsonl, and --format csv"),
        (["--data", "x.csv", "--out", "p.ndjson"], "a file's name ends in .jsonl, "),
        (["--text", "good", "--out", "folder"], "--text needs a file, .jsonl, "),
        (["--text", "good", "--abstain-below", "2"], "must lie between 0 and 1, received 2.0"),
        (["--data", "-", "--out", "p.jsonl"], "goes to standard output; redirect that: > p.jsonl"),
        (["--data", "-", "x.csv"], "--data - stands alone"),
        (["--data", "x.csv", "--out", "o", "--columns", "label"], "received 'label'"),
        (["--data", "x.csv", "--out", "o", "--rows-per-part", "0"], "must be 1 or more"),
        (["--data", "x.csv", "--out", "o", "--workers", "2"], "workers needs the engine ray"),
        (["--data", "no.csv", "--out", "o"], "no.csv: file does not exist"),
    ],
)
def test_options_that_do_not_fit_are_told(arguments, message, finished, capsys):
    assert predict.main(["--model", str(finished.directory), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not Path("o").exists()


# === Parts ===


class Reader:
    """What a survey asks of a predictor."""

    data = DataConfig()
    tasks = (Multiclass(name="mood", classes=["bad", "good"]),)


@given(st.lists(st.lists(st.booleans(), max_size=30), min_size=1, max_size=3), st.integers(1, 12))
def test_parts_hold_each_good_row_once_and_in_order(tmp_path_factory, files, rows_per_part):
    from mtc_keras.predict.bulk.part_predictor import PartReader

    directory = tmp_path_factory.mktemp("parts")
    paths, good, bad = [], [], 0
    for number, lines in enumerate(files):
        paths.append(str(directory / f"{number}.jsonl"))
        content = []
        for line, is_good in enumerate(lines):
            text = f"{number} {line}"
            content.append(json.dumps({"text": text}) if is_good else "{broken")
            good += [text] * is_good
            bad += not is_good
        Path(paths[-1]).write_text("".join(f"{line}\n" for line in content))
    options = BulkOptions(rows_per_part=rows_per_part)
    bad_rows = BadRows()
    survey = Survey(paths, Reader(), options, bad_rows)
    job = Job("", "", os.getcwd(), options, survey.types)
    reader = PartReader(job, Reader.data)
    found = {part.number: reader.read(part).texts[0] for part in reversed(survey.parts)}
    assert all(1 <= len(texts) <= rows_per_part for texts in found.values())
    assert [text for number in sorted(found) for text in found[number]] == good
    assert survey.rows == len(good)
    assert bad_rows.count == bad
    again = PartReader(job, Reader.data)
    assert [again.read(part).texts[0] for part in survey.parts] == [
        found[part.number] for part in survey.parts
    ]
    bad_rows.close()


# === Slow ===


@pytest.mark.slow
def test_ray_writes_the_same_rows_as_this_process(finished, frame, predicted, tmp_path):
    data, local = predicted
    out = tmp_path / "out"
    arguments = ["--model", str(finished.directory), "--data", data, "--out", str(out)]
    arguments += ["--rows-per-part", str(PART), "--engine", "ray", "--workers", "2"]
    done = subprocess.run(
        [sys.executable, "-m", "mtc_keras.predict", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert set(contents(out)) == set(contents(local))
    for found, known in zip(read(out), read(local), strict=True):
        for name, value in known.items():
            if name.endswith("_probabilities") or name == "predicted_length":
                assert found[name] == pytest.approx(value, abs=1e-5)
            else:
                assert found[name] == value


@pytest.mark.slow
@pytest.mark.parametrize("name", ["out", "out.parquet"])
def test_many_rows_need_little_memory(name, finished, tmp_path):
    with (tmp_path / "in.jsonl").open("w") as file:
        for start in range(0, 200_000, 20_000):
            rows(20_000, start)[["id", "text"]].to_json(file, orient="records", lines=True)
    code = (
        "import resource, sys; from mtc_keras import predict; assert not predict.main(sys.argv[1:])"
    )
    code += "; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    arguments = ["--model", str(finished.directory), "--data", str(tmp_path / "in.jsonl")]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments, "--out", str(tmp_path / name)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout.split()[-1]) < 3 * 1024**2  # kilobytes
    where = "20 parts in " if name == "out" else ""
    assert f"200,000 predictions in {where}{tmp_path / name}" in done.stdout
