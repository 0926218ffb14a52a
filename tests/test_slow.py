"""Whole trainings on real weights, and the same code on TensorFlow. Minutes."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

import mtc_keras
from mtc_keras.config import load_config
from mtc_keras.model.classifier import MultiTaskClassifier
from tests.conftest import ROOT

TEXTS = ["good clerk", "", "   ", "bad queue 😀", "مرحبا bus", "fee\0form", "slow " * 20_000]
pytestmark = pytest.mark.slow


@pytest.mark.timeout(1800)
def test_the_quickstart_beats_the_most_frequent_class_by_far(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    leads = []
    for seed in range(3):
        overrides = [f"seed={seed}", f"output.directory={tmp_path / str(seed)}"]
        run = mtc_keras.fit(load_config("configs/quickstart.toml", overrides), verbose=0)
        test = run.metrics["test"]
        constant = test["baseline"]["tasks"]
        leads.append([v["f1_micro"] - constant[t]["f1_micro"] for t, v in test["tasks"].items()])
    assert (np.mean(leads, axis=0) >= 0.15).all(), leads


def test_positional_labels_train(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    overrides = ["training.epochs=1", f"output.directory={tmp_path / 'run'}"]
    run = mtc_keras.fit(load_config("configs/positional_labels.toml", overrides), verbose=0)
    assert list(run.metrics["validation"]["tasks"]) == ["urgency", "department", "flags"]


def test_minilm_round_trips_to_equal_bits(tasks, tmp_path):
    model = MultiTaskClassifier.from_preset("minilm", tasks=tasks, max_length=32)
    expected = model.predict(TEXTS, verbose=0)
    model.save(tmp_path / "model.keras")
    model.save_to_preset(str(tmp_path / "preset"))
    copies = [
        keras.saving.load_model(tmp_path / "model.keras"),
        MultiTaskClassifier.from_preset(str(tmp_path / "preset")),
    ]
    for copy in copies:
        for name, value in copy.predict(TEXTS, verbose=0).items():
            np.testing.assert_array_equal(value, expected[name])


def test_the_same_model_predicts_and_trains_on_tensorflow(finished, tmp_path):
    expected = finished.model.predict(TEXTS, verbose=0)
    (tmp_path / "texts.json").write_text(json.dumps(TEXTS))
    code = f"""
import json, keras, numpy as np, mtc_keras
assert keras.backend.backend() == "tensorflow"
model = mtc_keras.load({str(finished.directory)!r})
texts = json.load(open({str(tmp_path / "texts.json")!r}))
np.savez({str(tmp_path / "found.npz")!r}, **model.predict(texts, verbose=0))
targets = {{
    "mood": np.array([0, -1, 2, 1, -1, 0, 1], "int32"),
    "topics": np.full((7, 4), np.nan, "float32"),
    "length": np.array([1, np.nan, 3, 4, 5, 6, 7], "float32"),
}}
logs = model.fit(texts, targets, verbose=0).history
assert logs["topics_loss"] == [0.0] and np.isfinite(logs["loss"]).all(), logs
"""
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=ROOT)
    found = np.load(tmp_path / "found.npz")
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=1e-5)


@pytest.mark.timeout(1800)
def test_generated_rows_train_past_a_kill_in_little_memory(tmp_path):
    command = [sys.executable, "-m", "benchmarks.large_data", "--rows", "200000"]
    done = subprocess.run(
        [*command, "--directory", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    killed, resumed = [line.split("|")[1:-1] for line in done.stdout.splitlines()[-2:]]
    assert int(killed[1]) == -9 and int(resumed[1]) == 0
    assert float(resumed[3]) < 3
