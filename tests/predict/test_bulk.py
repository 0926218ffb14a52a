"""Prediction in bulk: files in, parts out, and everything that may go wrong on the way."""

import csv
import datetime
import decimal
import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from mtc_keras.config import DataConfig
from mtc_keras.errors import DataError
from mtc_keras.files import held
from mtc_keras.predict import program as predict
from mtc_keras.predict.bulk import part_predictor
from mtc_keras.predict.bulk.columns import prediction_columns, prediction_types
from mtc_keras.predict.bulk.job import Job, Options, Part
from mtc_keras.predict.bulk.survey import BadRows, Survey
from mtc_keras.predict.predictors import RunPredictor, open_predictor
from mtc_keras.run.directory import Run
from mtc_keras.tasks import Multiclass, Multilabel, Ordinal, Regression
from tests.conftest import ROOT, rows, tiny_config

ROWS = 50
PART = 20  # rows: three parts


MODELS: dict[Path, object] = {}


@pytest.fixture(autouse=True)
def loaded_once(monkeypatch):
    """Loads the model of a run once for all tests, which takes a second."""
    load = RunPredictor.load

    def found(self):
        if self.path not in MODELS:
            load(self)
            MODELS[self.path] = self._model
        self._model = MODELS[self.path]

    monkeypatch.setattr(RunPredictor, "load", found)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Rows with columns to keep, and with a true label."""
    table = rows(ROWS, 3)[["id", "text", "mood"]]
    table["text"] = [["", "  ", "fee\tform", "bad\nqueue 😀", "مرحبا"][i % 5] if i % 4 == 0 else t
                     for i, t in enumerate(table["text"])]  # fmt: skip
    table["stars"] = np.arange(ROWS) % 5
    return table


@pytest.fixture(scope="module")
def expected(finished, frame):
    """What the model itself says of the rows."""
    return finished.model.classify(frame["text"].tolist(), batch_size=16)


def write(frame: pd.DataFrame, path: Path) -> str:
    """Writes rows in the format of a file's name."""
    name = path.name.removesuffix(".gz")
    if name.endswith(".jsonl"):
        frame.to_json(path, orient="records", lines=True)
    elif name.endswith(".json"):
        frame.to_json(path, orient="records")
    elif name.endswith(".parquet"):
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if name.endswith(".tsv") else ",")
    return str(path)


def is_separated(path: Path) -> bool:
    """Whether a file is csv or tsv, where an empty cell is a missing text."""
    return path.name.removesuffix(".gz").endswith((".csv", ".tsv"))


def predict_to(model, data, out, *options) -> int:
    """Runs the program on a run or an export."""
    model = getattr(model, "directory", model)
    data = [data] if isinstance(data, (str, Path)) else data
    arguments = ["--model", str(model), "--data", *map(str, data), "--out", str(out)]
    return predict.main([*arguments, "--rows-per-part", str(PART), *options])


def read(out: Path) -> list[dict]:
    """Returns the rows of all parts, in order."""
    found = []
    for path in sorted(out.glob("part-*")):
        if path.suffix == ".parquet":
            found += parquet.read_table(path).to_pylist()
            continue
        open_ = gzip.open if path.suffix == ".gz" else open
        with open_(path, "rt", encoding="utf-8", newline="") as file:
            is_csv = ".csv" in path.name
            found += list(csv.DictReader(file)) if is_csv else map(json.loads, file)
    return found


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def predicted(finished, frame, tmp_path_factory):
    """An input file and the folder that an undisturbed prediction has left."""
    directory = tmp_path_factory.mktemp("predicted")
    data = write(frame, directory / "in.jsonl")
    assert predict_to(finished, data, directory / "out") == 0
    return data, directory / "out"


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
    assert "is no Unicode; --format jsonl can" in capsys.readouterr().err
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


# === Columns ===

PROBABILITIES = {
    "mood": np.array([[0.2, 0.8], [0.6, 0.4]], "float32"),
    "stars": np.array([[0.1, 0.3, 0.6], [0.4, 0.4, 0.2]], "float32"),
    "topics": np.array([[0.9, 0.1], [0.5, 0.2]], "float32"),
    "price": np.array([1.5, np.nan], "float32"),
}
TASKS = [
    Multiclass(name="mood", classes=["bad", "good"], class_names={"good": "Good!"}),
    Ordinal(name="stars", classes=["1", "2", "3"]),
    Multilabel(name="topics", classes=["bus", "fee"]),
    Regression(name="price", mean=0.0, scale=1.0),
]


def columns_of(tasks=TASKS, **options) -> dict[str, list]:
    decisions = {task.name: task.decision() for task in tasks if task.has_probabilities}
    if "topics" in decisions:
        decisions["topics"].thresholds[tasks[2].classes[0]] = 0.6
    found = prediction_columns(tasks, PROBABILITIES, decisions, Options(**options))
    assert list(found) == list(prediction_types(tasks, Options(**options)))
    return found


def test_labels_follow_the_decisions_of_every_kind():
    assert columns_of(columns=("labels",)) == {
        "predicted_mood": ["Good!", "bad"],
        "predicted_stars": ["3", "2"],
        "predicted_topics": [["bus"], []],
        "predicted_price": [1.5, None],
    }


def test_probabilities_are_shortest_decimals_by_class():
    found = columns_of(columns=("probabilities",))
    assert found["mood_probabilities"][0] == {"bad": 0.2, "Good!": 0.8}
    assert "predicted_mood" not in found
    assert found["predicted_price"] == [1.5, None]  # a number is all that there is of it


def test_rows_that_the_model_is_less_sure_of_have_no_label():
    found = columns_of(columns=("labels", "confidence"), abstain_below=0.7, format="csv")
    assert found["predicted_mood"] == ["Good!", None]
    assert found["mood_abstained"] == [False, True]
    assert found["mood_confidence"] == [0.8, 0.6]
    assert found["predicted_topics"] == ["bus", None]
    assert "price_abstained" not in found


def test_csv_writes_labels_as_json_where_a_class_holds_the_separator():
    tasks = [*TASKS[:2], Multilabel(name="topics", classes=["bus|tram", "fee"]), TASKS[3]]
    assert columns_of(tasks, format="csv")["predicted_topics"] == ['["bus|tram"]', "[]"]
    assert columns_of(format="csv")["predicted_topics"] == ["bus", ""]


def test_a_column_that_predictions_would_overwrite_is_an_error(finished, tmp_path, capsys):
    (tmp_path / "in.csv").write_text("text,predicted_mood\ngood,bad\n")
    assert predict_to(finished, tmp_path / "in.csv", tmp_path / "out") == 2
    assert "column 'predicted_mood' of the input" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert (
        predict_to(finished, tmp_path / "in.csv", tmp_path / "out", "--columns", "confidence") == 0
    )


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
    assert "in.parquet: two columns are called 'a'" in capsys.readouterr().err


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
        ("in.jsonl.gz", gzip.compress(b'{"text": "good"}\n' * 9)[:-9], "is no whole gzip file"),
        ("in.parquet", b"text", "is no Parquet file"),
        ("in.txt", b"text", "unknown extension '.txt'"),
    ],
)
def test_files_that_cannot_be_read_are_refused(name, content, message, finished, tmp_path, capsys):
    (tmp_path / name).write_bytes(content)
    assert predict_to(finished, tmp_path / name, tmp_path / "out") == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


# === Resuming ===

KILLED = """
import os, signal, sys
from mtc_keras.predict import program as predict
from mtc_keras.predict.bulk import part_predictor
write = part_predictor.write_rows
def killed(file, *arguments):
    if "part-00001.jsonl" in file.name:
        file.write(b"half a part")
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    write(file, *arguments)
part_predictor.write_rows = killed
predict.main(sys.argv[1:])
"""


def test_a_killed_prediction_goes_on_to_the_bytes_of_an_undisturbed_one(
    finished, predicted, tmp_path
):
    data, undisturbed = predicted
    out = tmp_path / "out"
    arguments = ["--model", str(finished.directory), "--data", data, "--out", str(out)]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments, "--rows-per-part", str(PART)], cwd=ROOT
    )
    assert done.returncode == -9
    assert "part-00000.jsonl" in contents(out) and "part-00001.jsonl" not in contents(out)
    assert [path.name for path in out.glob(".part-00001.jsonl.*.part")]
    assert predict_to(finished, data, out, "--resume") == 0
    assert contents(out) == contents(undisturbed)


def test_an_interrupted_prediction_says_how_far_it_came(
    finished, predicted, tmp_path, capsys, monkeypatch
):
    data, undisturbed = predicted
    write_rows = part_predictor.write_rows

    def interrupted(file, *arguments):
        if "part-00002.jsonl" in file.name:
            raise KeyboardInterrupt
        write_rows(file, *arguments)

    monkeypatch.setattr(part_predictor, "write_rows", interrupted)
    assert predict_to(finished, data, tmp_path / "out") == 130
    assert "stopped: 2 of 3 parts done; --resume goes on" in capsys.readouterr().err
    names = {"part-00000.jsonl", "part-00001.jsonl", "_manifest.json"}
    assert set(contents(tmp_path / "out")) == names
    monkeypatch.undo()
    assert predict_to(finished, data, tmp_path / "out", "--resume") == 0
    assert "resumed: 2 of 3 parts done" in capsys.readouterr().out
    assert contents(tmp_path / "out") == contents(undisturbed)


def test_a_prediction_killed_as_it_began_can_begin_again(finished, predicted, tmp_path):
    data, undisturbed = predicted
    for name in ("._manifest.json.99.0123abcd.part", "_manifest.json.part", ".lock"):
        (tmp_path / name).write_bytes(b"{")
    assert predict_to(finished, data, tmp_path, "--resume") == 0
    assert contents(tmp_path) == contents(undisturbed)


def test_what_is_finished_says_so(finished, predicted, capsys):
    data, out = predicted
    before = contents(out)
    assert predict_to(finished, data, out, "--resume") == 0
    assert "already finished" in capsys.readouterr().out
    assert contents(out) == before
    assert json.loads(before["_manifest.json"])["finished"]


def test_parts_that_are_damaged_or_gone_are_predicted_anew(finished, predicted, tmp_path, capsys):
    data, undisturbed = predicted
    out = tmp_path / "out"
    out.mkdir()
    for name, content in contents(undisturbed).items():
        (out / name).write_bytes(content)
    (out / "part-00000.jsonl").unlink()
    (out / "part-00002.jsonl").write_bytes(b"{}\n")
    assert predict_to(finished, data, out, "--resume") == 0
    assert "part-00002.jsonl is damaged or gone" in capsys.readouterr().out
    assert contents(out) == contents(undisturbed)


def test_resume_without_a_beginning_begins(finished, predicted, tmp_path, capsys):
    data, undisturbed = predicted
    assert predict_to(finished, data, tmp_path / "new" / "out", "--resume") == 0
    assert contents(tmp_path / "new" / "out") == contents(undisturbed)
    assert "nothing is there to go on with" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--columns", "labels"], 'columns: ["labels", "probabilities"] then, ["labels"] now'),
        (["--rows-per-part", "10"], "rows_per_part: 20 then, 10 now"),
        (["--format", "csv"], 'format: "jsonl" then, "csv" now'),
        (["--abstain-below", "0.5"], "abstain_below: null then, 0.5 now"),
    ],
)
def test_resume_refuses_other_options(options, message, finished, predicted, capsys):
    data, out = predicted
    before = contents(out)
    assert predict_to(finished, data, out, "--resume", *options) == 2
    assert message in capsys.readouterr().err
    assert contents(out) == before


def test_resume_refuses_other_input_and_another_model(finished, predicted, tmp_path, capsys):
    data, out = predicted
    more = write(rows(3), tmp_path / "more.jsonl")
    assert predict_to(finished, [data, more], out, "--resume") == 2
    assert f"input file {more!r} was not there" in capsys.readouterr().err
    assert predict_to(finished, more, out, "--resume") == 2
    assert f"input file {data!r} is not given any more" in capsys.readouterr().err
    content = Path(data).read_bytes()
    try:
        Path(data).write_bytes(content + b'{"text": "one more"}\n')
        assert predict_to(finished, data, out, "--resume") == 2
    finally:
        Path(data).write_bytes(content)
    assert f"input file {data!r} has changed" in capsys.readouterr().err
    task = finished.directory / "model" / "task.json"
    content = task.read_bytes()
    try:
        changed = json.loads(content)
        changed["config"]["decisions"]["mood"]["temperature"] = 2.0
        task.write_text(json.dumps(changed))
        assert predict_to(finished, data, out, "--resume") == 2
    finally:
        task.write_bytes(content)
    assert "the model: " in capsys.readouterr().err


def test_resume_refuses_parts_of_another_rule_of_what_is_a_bad_row(
    finished, predicted, tmp_path, capsys
):
    data, undisturbed = predicted
    out = shutil.copytree(undisturbed, tmp_path / "out")
    manifest = json.loads((out / "_manifest.json").read_text())
    (out / "_manifest.json").write_text(json.dumps({**manifest, "bad_rows": 2}))
    assert predict_to(finished, data, out, "--resume") == 2
    assert "2 bad rows then, 0 now, in the same files: another version" in capsys.readouterr().err


def test_a_folder_that_holds_something_is_refused(finished, predicted, tmp_path, capsys):
    data, out = predicted
    assert predict_to(finished, data, out) == 2
    assert "already holds files; go on with --resume" in capsys.readouterr().err
    (tmp_path / "notes.txt").write_text("mine")
    assert predict_to(finished, data, tmp_path) == 2
    assert predict_to(finished, data, tmp_path, "--resume") == 2
    assert "holds files but no _manifest.json" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    assert predict_to(finished, data, tmp_path / "notes.txt") == 2
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "_manifest.json").write_text("[]")
    assert predict_to(finished, data, tmp_path / "bad", "--resume") == 2
    assert "is damaged" in capsys.readouterr().err


def test_parts_are_not_taken_for_input(finished, frame, tmp_path, capsys):
    data = write(frame, tmp_path / "in.jsonl")
    out = tmp_path / "out"
    assert predict_to(finished, f"{tmp_path}/**/*.jsonl", out) == 0
    before = contents(out)
    assert predict_to(finished, f"{tmp_path}/**/*.jsonl", out, "--resume") == 2
    assert "part-00000.jsonl', which lies in --out" in capsys.readouterr().err
    assert predict_to(finished, data, out, "--resume") == 0
    assert contents(out) == before


@pytest.mark.parametrize("change", ["replace", "remove"])
def test_input_that_changes_while_it_is_predicted_is_noticed(
    change, finished, frame, tmp_path, capsys, monkeypatch
):
    data = Path(write(frame, tmp_path / "in.jsonl"))
    write_rows = part_predictor.write_rows

    def changing(file, *arguments):
        if "part-00001.jsonl" in file.name:
            content = data.read_text()
            data.unlink()
            if change == "replace":
                data.write_text(content.replace("good", "evil"))
        write_rows(file, *arguments)

    monkeypatch.setattr(part_predictor, "write_rows", changing)
    assert predict_to(finished, data, tmp_path / "out") == 2
    assert "in.jsonl: has changed while it was read" in capsys.readouterr().err
    manifest = json.loads((tmp_path / "out" / "_manifest.json").read_text())
    assert [part["part"] for part in manifest["parts"]] == [0]


def test_input_that_is_gone_before_it_is_predicted_is_told(tmp_path):
    job = Job("", "", str(tmp_path), Options(), {})
    with pytest.raises(DataError, match=r"in.jsonl: cannot be read: No such file"):
        part_predictor.PartReader(job, DataConfig()).read(Part(0, "in.jsonl", 0, 1))


def test_on_ray_an_error_of_the_data_is_told_as_here(finished, tmp_path):
    from mtc_keras.predict.bulk import ray_engine

    class Predicted:
        def iter_rows(self):
            positions = {"item": np.array([0])}
            for record in ray_engine.PartActor(job, parts)(positions)["record"]:
                yield {"record": record}

    class Ray:
        def shutdown(self):
            stopped.append(True)

    stopped = []
    parts = [Part(0, "in.jsonl", 0, 1)]
    job = Job(str(finished.directory), str(tmp_path), str(tmp_path), Options(), {"text": None})
    with pytest.raises(DataError, match=r"in.jsonl: cannot be read"):
        list(ray_engine._records(Ray(), Predicted()))
    (tmp_path / "in.jsonl").write_text('{"text": "good"}\n')
    assert [record["rows"] for record in ray_engine._records(Ray(), Predicted())] == [1]
    assert stopped == [True, True]


def test_a_folder_that_cannot_be_written_to_is_refused(
    finished, predicted, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    assert predict_to(finished, predicted[0], tmp_path) == 2
    assert "cannot be written to" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_two_processes_do_not_write_into_one_folder(finished, predicted, tmp_path, capsys):
    with held(tmp_path, "the other one", inside=True):
        assert predict_to(finished, predicted[0], tmp_path) == 2
    message = capsys.readouterr().err
    assert f"--out {str(tmp_path)!r}: another process (pid {os.getpid()} " in message
    assert "is writing it; wait until that has ended" in message
    assert not any(tmp_path.iterdir())


# === The command line ===


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--text", "good", "--strict"], "--strict needs --data, and --out with the folder"),
        (["--data", "x.csv", "--out", "p.jsonl", "--format", "csv"], "--format needs --data"),
        (["--data", "x.csv", "--out", "p.csv"], "a file must be .jsonl"),
        (["--data", "x.csv", "--out", "p.ndjson"], "a file must be .jsonl"),
        (["--text", "good", "--out", "folder"], "a folder of parts needs --data"),
        (["--data", "x.csv", "--out", "o", "--columns", "label"], "received 'label'"),
        (["--data", "x.csv", "--out", "o", "--rows-per-part", "0"], "must be 1 or more"),
        (["--data", "x.csv", "--out", "o", "--workers", "2"], "--workers needs --engine ray"),
        (["--data", "no.csv", "--out", "o"], "no.csv: file does not exist"),
    ],
)
def test_options_that_do_not_fit_are_told(arguments, message, finished, capsys):
    assert predict.main(["--model", str(finished.directory), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not Path("o").exists()


# === Other models ===


def test_text_pairs_and_renamed_columns(tmp_path):
    from mtc_keras import fit

    table = rows(32).rename(columns={"text": "question"})
    table["reply"] = table["question"].str.upper()
    data = {"text": ["question", "answer"], "rename": {"reply": "answer"}}
    config = tiny_config(tmp_path / "run", data=data, training={"epochs": 1})
    run = fit(config, train=table, verbose=0)
    path = write(table[["reply", "question"]], tmp_path / "in.csv")
    assert predict_to(run, path, tmp_path / "out") == 0
    found = read(tmp_path / "out")
    assert list(found[0])[:2] == ["reply", "question"]
    expected = Run(run.directory).model.classify(
        (table["question"].tolist(), table["reply"].tolist()), batch_size=16
    )
    assert [row["predicted_topics"] for row in found] == [e["topics"]["labels"] for e in expected]
    both = table.assign(answer="good")
    assert predict_to(run, write(both, tmp_path / "both.csv"), tmp_path / "other") == 2


def make_export(path: Path, inputs=("text",)) -> None:
    """Saves a model that tells the lengths of texts in bytes."""
    import tensorflow as tf

    class Lengths(tf.Module):
        def __init__(self):
            super().__init__()
            self.scale = tf.Variable(0.01)

        def serve(self, *texts):
            share = tf.add_n([tf.cast(tf.strings.length(t), "float32") for t in texts]) * self.scale
            both = tf.stack([share, 1 - share], axis=1)
            return {"mood": both, "topics": both, "price": share * 100}

    module = Lengths()
    specs = [tf.TensorSpec([None], tf.string, name=name) for name in inputs]
    function = tf.function(module.serve, input_signature=specs)
    tf.saved_model.save(module, str(path), {"serving_default": function.get_concrete_function()})
    names = {"bad": "bad", "good": "Good!"}
    mood = {"kind": "multiclass", "classes": list(names), "class_names": names, "temperature": 2.0}
    topics = {"kind": "multilabel", "classes": ["bus", "fee"], "temperature": 1.0}
    topics["thresholds"] = {"bus": 0.5, "fee": 0.9}
    about = {
        "inputs": {name: name for name in inputs},
        "max_length": 16,
        "tasks": {"mood": mood, "topics": topics, "price": {"kind": "regression"}},
    }
    (path / "assets.extra").mkdir()
    (path / "assets.extra" / "mtc_keras.json").write_text(json.dumps(about))


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    path = tmp_path_factory.mktemp("exports") / "1"
    make_export(path)
    return path


def test_an_export_predicts_with_its_own_decisions(export, tmp_path):
    texts = ["x" * (n * 7 % 100) for n in range(ROWS)]
    write(pd.DataFrame({"text": texts}), tmp_path / "in.jsonl")
    assert predict_to(export, tmp_path / "in.jsonl", tmp_path / "out") == 0
    for text, row in zip(texts, read(tmp_path / "out"), strict=True):
        share = np.float32(len(text)) * np.float32(0.01)
        assert row["predicted_price"] == pytest.approx(len(text), abs=1e-4)
        assert row["predicted_mood"] == ("bad" if share >= 0.5 else "Good!")
        fee = ["fee"] if 1 - share >= np.float32(0.9) else []
        assert row["predicted_topics"] == (["bus"] if share >= 0.5 else []) + fee
        assert row["topics_probabilities"]["bus"] == pytest.approx(share, abs=1e-6)


def test_an_export_knows_separators_ids_and_renamed_columns(export, tmp_path):
    path = tmp_path / "export"
    shutil.copytree(export, path)
    file = path / "assets.extra" / "mtc_keras.json"
    about = json.loads(file.read_text())
    about["tasks"]["topics"]["separator"] = ";"
    about["data"] = {"id": "key", "rename": {"comment": "text"}, "reader": "some.module:function"}
    file.write_text(json.dumps(about))
    write(pd.DataFrame({"comment": ["x" * 60], "key": ["a"]}), tmp_path / "in.csv")
    assert predict_to(path, tmp_path / "in.csv", tmp_path / "out", "--format", "csv") == 0
    [row] = read(tmp_path / "out")
    assert row["predicted_topics"] == "bus" and row["key"] == "a"
    predictor = open_predictor(path)
    assert predictor.tasks[1].label_cell(["bus", "fee"]) == "bus;fee"
    assert predictor.data.id == "key" and predictor.data.reader is None


def test_an_export_predicts_to_the_screen(export, capsys):
    assert predict.main(["--model", str(export), "--text", "x" * 80]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["mood"] == {"label": "bad", "probability": pytest.approx(0.8)}
    assert found["price"]["value"] == pytest.approx(80)


def test_an_export_of_text_pairs_takes_both(tmp_path):
    make_export(tmp_path / "1", ("text", "text_pair"))
    write(pd.DataFrame({"text_pair": ["xx", "yy"], "text": ["", "x"]}), tmp_path / "in.jsonl")
    assert predict_to(tmp_path / "1", tmp_path / "in.jsonl", tmp_path / "out") == 0
    assert [row["predicted_price"] for row in read(tmp_path / "out")] == [2.0, 3.0]


def test_of_several_versions_the_newest_is_named(tmp_path, capsys):
    for version in ("9", "10", "kept"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "saved_model.pb").write_bytes(b"")
    assert predict.main(["--model", str(tmp_path), "--text", "good"]) == 2
    assert f"such as {str(tmp_path / '10')!r}" in capsys.readouterr().err


def test_an_export_that_does_not_say_what_it_predicts_is_refused(tmp_path, export, capsys):
    assert predict.main(["--model", str(export.parent), "--text", "good"]) == 2
    assert f"name one of them, such as {str(export)!r}" in capsys.readouterr().err
    (tmp_path / "saved_model.pb").write_bytes(b"")
    assert predict.main(["--model", str(tmp_path), "--text", "good"]) == 2
    assert "does not say what the export predicts" in capsys.readouterr().err
    (tmp_path / "assets.extra").mkdir()
    about = tmp_path / "assets.extra" / "mtc_keras.json"
    for content in ("[]", '{"tasks": {"a": {"config": {"kind": "multiclass"}}}}', "{"):
        about.write_text(content)
        assert predict.main(["--model", str(tmp_path), "--text", "good"]) == 2
        assert "does not say what the export predicts" in capsys.readouterr().err


# === Parts ===


class Reader:
    """What a survey asks of a predictor."""

    data = DataConfig()
    tasks = TASKS


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
    options = Options(rows_per_part=rows_per_part)
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
def test_many_rows_need_little_memory(finished, tmp_path):
    with (tmp_path / "in.jsonl").open("w") as file:
        for start in range(0, 200_000, 20_000):
            rows(20_000, start)[["id", "text"]].to_json(file, orient="records", lines=True)
    code = (
        "import resource, sys; from mtc_keras import predict; assert not predict.main(sys.argv[1:])"
    )
    code += "; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    arguments = ["--model", str(finished.directory), "--data", str(tmp_path / "in.jsonl")]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments, "--out", str(tmp_path / "out")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout.split()[-1]) < 3 * 1024**2  # kilobytes
    assert "200,000 predictions in 20 parts" in done.stdout
