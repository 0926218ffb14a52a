"""Files of every layout that trains are predicted, too, as the run's own config reads them."""

import io
import json
import zipfile

import pytest

from mtc_keras.predict.predictors import RunPredictor
from tests.predict.conftest import predict_to

TEXTS = ["Très bon café", "La queue à midi"]


def workbook() -> bytes:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in [["text", "n"], *([text, 1.0] for text in TEXTS)]:
        book.active.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def archive() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name in ("in.csv", "other.csv"):
            file.writestr(name, "text,n\n" + "".join(f"{text},1\n" for text in TEXTS))
    return content.getvalue()


def predictions(finished, data, out) -> list[dict]:
    assert predict_to(finished, data, out) == 0
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_every_layout_is_predicted_in_bulk(finished, tmp_path):
    table = "text;n\n" + "".join(f"{text};1\n" for text in TEXTS)
    files = {
        "in.csv": table.encode("cp1252"),
        "in.tsv": table.encode("utf-16"),
        "in.txt": "\n".join(TEXTS).encode("cp1252"),
        "in.train": "".join(f"__label__a {text}\n" for text in TEXTS).encode(),
        "in.xlsx": workbook(),
        "in.zip": archive(),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    names = [tmp_path / name for name in files if name != "in.zip"]
    out = tmp_path / "out.jsonl"
    found = predictions(finished, [*names, tmp_path / "in.zip" / "in.csv"], out)
    assert [row["text"] for row in found] == TEXTS * 6
    assert all(
        row["predicted_mood"] == found[i % 2]["predicted_mood"] for i, row in enumerate(found)
    )
    assert [row.get("n") for row in found] == ["1", "1", "1", "1", *[None] * 4, "1", "1", "1", "1"]


def test_the_keys_of_the_run_say_how_its_files_are_laid_out(finished, tmp_path, monkeypatch):
    keys = {"encoding": "cp866", "delimiter": "^", "header": ["n", "text"]}
    made = RunPredictor.__init__

    def with_keys(self, *args, **kwargs):
        made(self, *args, **kwargs)
        self.data = self.data.model_copy(update=keys)

    monkeypatch.setattr(RunPredictor, "__init__", with_keys)
    (tmp_path / "in.csv").write_bytes("1^Привет\n2^Да, да\n".encode("cp866"))
    found = predictions(finished, tmp_path / "in.csv", tmp_path / "out.jsonl")
    assert [row["text"] for row in found] == ["Привет", "Да, да"]
