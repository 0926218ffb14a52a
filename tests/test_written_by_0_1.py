"""What version 0.1.0 wrote, before modules moved, still loads and answers as it did."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

import mtc_keras
from mtc_keras.predict.predictors import open_predictor
from tests.conftest import ROOT

OLD = Path(__file__).parent / "written_by_0_1"
EXPECTED = json.loads((OLD / "predictions.json").read_text(encoding="utf-8"))
TEXTS = EXPECTED["texts"]


def check(probabilities):
    assert list(probabilities) == list(EXPECTED["probabilities"])
    for name, values in EXPECTED["probabilities"].items():
        np.testing.assert_allclose(probabilities[name], values, rtol=1e-4, atol=1e-5)


def test_a_run_loads_and_predicts():
    run = mtc_keras.Run(OLD / "run")
    check(run.model.predict(TEXTS, verbose=0))
    labels = [{task: row[task].get("label") for task in row} for row in run.model.classify(TEXTS)]
    assert labels == [
        {task: row[task].get("label") for task in row} for row in EXPECTED["classify"]
    ]
    assert run.config.seed == 3
    assert run.metrics["best_epoch"] in (1, 2, 3)
    assert len(run.history) == 3
    assert run.environment["versions"]["mtc-keras"] == "0.1.0"


def test_a_preset_loads():
    model = mtc_keras.MultiTaskClassifier.from_preset(str(OLD / "run" / "model"))
    check(model.predict(TEXTS, verbose=0))


def test_a_keras_file_loads():
    import mtc_keras.model.classifier  # noqa: F401  registers the classes, as its docs said

    check(keras.saving.load_model(OLD / "model.keras").predict(TEXTS, verbose=0))


def test_a_saved_model_answers():
    predictor = open_predictor(OLD / "export" / "1")
    predictor.load()
    check(predictor.predict((TEXTS,)))


def test_an_onnx_export_answers():
    pytest.importorskip("onnxruntime")
    from mtc_keras.export.onnx.ask import ServedOnnx

    answers = ServedOnnx(OLD / "export_onnx" / "1").ask(TEXTS)
    assert answers.keys() == EXPECTED["probabilities"].keys()
    check(
        {name: answers[name] for name in EXPECTED["probabilities"]}
    )  # the graph's order is its own


def test_a_stopped_training_is_resumed_to_the_numbers_of_one_that_was_not(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)  # the paths of the data are part of what a checkpoint belongs to
    shutil.copytree(OLD / "stopped.unfinished", tmp_path / "stopped.unfinished")
    config = mtc_keras.load_config(
        OLD / "config.toml", [f"output.directory={tmp_path / 'stopped'}"]
    )
    run = mtc_keras.fit(config, resume=True, verbose=0)
    undisturbed = mtc_keras.Run(OLD / "run")
    assert [line["epoch"] for line in run.history] == [1, 2, 3]
    for resumed, expected in zip(run.history, undisturbed.history, strict=True):
        assert resumed["loss"] == pytest.approx(expected["loss"], rel=1e-4)
    assert run.metrics["test"]["score"] == pytest.approx(
        undisturbed.metrics["test"]["score"], abs=1e-3
    )
