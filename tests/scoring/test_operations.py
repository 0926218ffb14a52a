"""Judging and calibrating a run as functions: values in, a frozen result out, one prediction."""

import dataclasses
import json
import random
import shutil

import keras
import numpy as np
import pytest

import mtc_keras
from mtc_keras.errors import ConfigError
from mtc_keras.model.classifier import MultiTaskClassifier
from mtc_keras.scoring.judging import judge_logits
from tests.conftest import rows, tiny_config


@pytest.fixture
def passes(monkeypatch):
    """Lists how many rows each prediction of a classifier is of."""
    found = []
    predict_logits = MultiTaskClassifier.predict_logits

    def counted(self, x, *args, **options):
        found.append(len(x))
        return predict_logits(self, x, *args, **options)

    monkeypatch.setattr(MultiTaskClassifier, "predict_logits", counted)
    return found


@pytest.fixture
def copied(finished, tmp_path):
    """A copy of the finished run, which may be changed."""
    return shutil.copytree(finished.directory, tmp_path / "run")


def test_a_training_predicts_each_epoch_and_then_validation_and_test_once(tmp_path, passes):
    config = tiny_config(tmp_path / "run", training={"epochs": 2})
    mtc_keras.fit(config, rows(48), rows(20, 1), rows(12, 2), verbose=0)
    assert passes == [20, 20, 20, 12]


def test_another_number_of_texts_compiles_nothing(finished, programs):
    model = mtc_keras.load(finished.directory)
    model.predict(["one", "two", "three"])
    programs.clear()
    model.predict(["one", "two", "three", "four"])
    assert not programs


def test_evaluation_is_that_of_the_training_and_of_one_pass(finished, passes, capsys):
    evaluation = mtc_keras.evaluate_run(finished.directory, rows(40, 2))
    assert passes == [40]
    expected = finished.metrics["test"]
    assert evaluation.to_dict()["score"] == pytest.approx(expected["score"], abs=1e-6)
    for name, metrics in expected["tasks"].items():
        found = evaluation.to_dict()["tasks"][name]
        assert found["loss"] == pytest.approx(metrics["loss"], rel=1e-4)
        assert list(found) == list(metrics)
    assert evaluation.to_dict()["baseline"] == expected["baseline"]
    assert evaluation.name == "the given rows"
    assert capsys.readouterr().out == ""


def test_an_evaluation_names_the_tasks_for_which_no_row_has_a_label(finished):
    evaluation = mtc_keras.evaluate_run(finished, rows(12, 2).drop(columns="mood"))
    assert evaluation.metrics["tasks"]["mood"] is None
    assert evaluation.notes == ("the given rows: no row has a label of mood (column 'mood')",)


def test_judging_and_calibrating_tell_how_labels_are_read(copied, tmp_path):
    frame = rows(40, 2)
    frame["topics"] = ["|".join(topics) for topics in frame["topics"]]
    frame.loc[3:4, "mood"] = "N/A"
    file = tmp_path / "new.csv"
    frame.to_csv(file, index=False)
    told = f"tasks.mood: 2 cells such as 'N/A' are read as missing, first {file}:5"
    for notes in (
        mtc_keras.evaluate_run(copied, file).notes,
        mtc_keras.calibrate_run(copied, file).notes,
    ):
        assert notes == (f"{told}; missing = [] keeps them as classes",)


def test_calibration_predicts_once_judges_those_logits_and_is_saved(copied, passes, capsys):
    calibration = mtc_keras.calibrate_run(copied, rows(40, 3), thresholds=0.25)
    assert passes == [40]
    assert set(calibration.decisions["topics"].thresholds.values()) == {0.25}
    saved = mtc_keras.load(copied)
    assert saved.decisions == calibration.decisions
    judged = mtc_keras.evaluate_run(copied, rows(40, 3))
    assert judged.metrics["score"] == pytest.approx(calibration.metrics["score"])
    assert capsys.readouterr().out == ""


def test_results_are_frozen_and_json(copied):
    evaluation = mtc_keras.evaluate_run(copied, rows(30, 2))
    calibration = mtc_keras.calibrate_run(copied, rows(30, 3), calibration="none")
    for result in (evaluation, calibration):
        json.dumps(result.to_dict(), allow_nan=False)
        with pytest.raises(dataclasses.FrozenInstanceError):
            result.metrics = {}
    assert calibration.to_dict()["decisions"]["mood"]["temperature"] == 1.0


def test_an_evaluation_seeds_nothing(finished):
    """Keras draws seeds when it loads a model; what a caller draws next is the caller's own."""
    drawn = []
    for seed in (5, 6):
        np.random.seed(seed)
        random.seed(seed)
        mtc_keras.evaluate_run(finished, rows(20, 2))
        drawn.append((np.random.random(), random.random()))
    (first, own), (second, other) = drawn
    assert first != second and own != other


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"thresholds": "best"}, "thresholds must be per_label, per_task or a number"),
        ({"thresholds": 1.5}, "between 0 and 1, received 1.5"),
        ({"thresholds": float("nan")}, "received nan"),
        ({"thresholds": True}, "received True"),
        ({"calibration": "isotonic"}, "calibration must be temperature or none"),
    ],
    ids=["rule", "above_1", "nan", "bool", "calibration"],
)
def test_calibration_refuses_other_values(options, message, finished):
    with pytest.raises(ConfigError, match=message):
        mtc_keras.calibrate_run(finished, rows(8), **options)


def test_files_may_be_named_by_paths(copied, tmp_path):
    frame = rows(24, 2)
    frame.to_json(tmp_path / "new.jsonl", orient="records", lines=True)
    for files in (tmp_path / "new.jsonl", [tmp_path / "new.jsonl"], (str(tmp_path / "new.jsonl"),)):
        found = mtc_keras.evaluate_run(copied, files)
        assert found.name == str(tmp_path / "new.jsonl")
        assert found.metrics["tasks"]["mood"]["rows"] == 24


def test_rows_must_be_named_where_the_config_names_none(finished):
    with pytest.raises(ConfigError, match="names no test file: give --data FILE"):
        mtc_keras.evaluate_run(finished)
    with pytest.raises(ConfigError, match="names no validation file"):
        mtc_keras.calibrate_run(finished)


# === The one function that judges ===


def test_rows_without_labels_change_no_metric(tasks):
    generator = np.random.default_rng(0)
    mood, topics, number = tasks
    targets = {
        mood.name: np.array([0, 1, 2, -1, 1], "int32"),
        topics.name: np.array(
            [[0, 1, 1, 0], [1, 0, 0, 1], *[[np.nan] * 4] * 2, [1] * 4], "float32"
        ),
        number.name: np.array([1.0, np.nan, 3.0, np.nan, 5.0], "float32"),
    }
    shapes = {mood.name: (5, 3), topics.name: (5, 4), number.name: (5,)}
    logits = {name: generator.normal(size=s).astype("float32") for name, s in shapes.items()}
    for task in tasks:
        known = task.labelled(targets[task.name])
        alone = [{task.name: values[task.name][known]} for values in (targets, logits)]
        assert judge_logits([task], targets, logits, details=True) == judge_logits(
            [task], *alone, details=True
        )


def test_a_models_own_losses_and_weights_count(model, tasks):
    targets = {
        "pooled_dense": np.array([0, 1], "int32"),
        "topics": np.ones((2, 4), "float32"),
        "a_number": np.ones(2, "float32"),
    }
    shapes = {"pooled_dense": (2, 3), "topics": (2, 4), "a_number": (2,)}
    logits = {name: np.zeros(shape, "float32") for name, shape in shapes.items()}
    model.compile("sgd", loss_weights={"topics": 0.5})
    model.task_losses["a_number"] = keras.losses.MeanAbsoluteError()
    own, plain = (judge_logits(tasks, targets, logits, model=m) for m in (model, None))
    losses = {name: found["loss"] for name, found in own["tasks"].items()}
    assert losses["a_number"] == 1.0
    assert own["loss"] == pytest.approx(
        losses["pooled_dense"] + 0.5 * losses["topics"] + losses["a_number"]
    )
    assert plain["tasks"]["topics"]["loss"] == losses["topics"]
    assert plain["loss"] != own["loss"]
