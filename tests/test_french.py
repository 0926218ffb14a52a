"""French comments from a config to predictions, on an encoder with SentencePiece."""

import csv
import json

import pytest

import mtc_keras
from tests.conftest import ROOT
from tests.fixtures import fixture

# KerasHub opens a preset's SentencePiece model without closing it.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file .*vocabulary.spm:ResourceWarning")

TEST = ROOT / "configs" / "data" / "public_services_fr" / "test.jsonl"


def comments():
    return [json.loads(line) for line in TEST.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of the shipped config on few rows and a tiny encoder."""
    folder = tmp_path_factory.mktemp("french")
    overrides = [
        "data.limit=16",
        f'model.backbone="{fixture("bert_sentencepiece", folder)}"',
        "model.max_length=32",
        "training.epochs=1",
        f'output.directory="{folder / "run"}"',
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        config = mtc_keras.load_config("configs/public_services_fr.toml", overrides)
        return mtc_keras.fit(config, verbose=0)


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_texts_come_back_as_they_were_written(form, run, tmp_path):
    out = tmp_path / f"out.{form}"
    mtc_keras.predict_files(str(run.directory), str(TEST), out)
    if form == "csv":
        with out.open(encoding="utf-8", newline="") as file:
            found = list(csv.DictReader(file))
    else:
        found = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [row["text"] for row in found] == [row["text"] for row in comments()]
