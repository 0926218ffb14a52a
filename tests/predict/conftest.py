"""Rows, a run that is loaded once, and what predictions leave on the disk."""

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet

from mtc_keras.predict import program as predict
from mtc_keras.predict.predictors import RunPredictor
from tests.conftest import rows

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


@pytest.fixture(scope="session")
def frame() -> pd.DataFrame:
    """Rows with columns to keep, and with a true label."""
    table = rows(ROWS, 3)[["id", "text", "mood"]]
    table["text"] = [["", "  ", "fee\tform", "bad\nqueue 😀", "مرحبا"][i % 5] if i % 4 == 0 else t
                     for i, t in enumerate(table["text"])]  # fmt: skip
    table["stars"] = np.arange(ROWS) % 5
    return table


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def predicted(finished, frame, tmp_path_factory):
    """An input file and the folder that an undisturbed prediction has left."""
    directory = tmp_path_factory.mktemp("predicted")
    data = write(frame, directory / "in.jsonl")
    assert predict_to(finished, data, directory / "out") == 0
    return data, directory / "out"
