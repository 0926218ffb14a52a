"""What uneven tasks need of a training: weights, the best epoch, decisions, calibration."""

import json
import math
import shutil

import keras
import numpy as np
import pytest
import tomli_w

import mtc_keras
from mtc_keras import calibrate, evaluate
from mtc_keras.config import check_config, load_config
from mtc_keras.data.reading import read_splits
from mtc_keras.devices import process
from mtc_keras.errors import ConfigError, DataError
from mtc_keras.model.classifier import MultiTaskClassifier
from mtc_keras.predict import program as predict
from mtc_keras.run.directory import Run
from mtc_keras.tasks import Multiclass, Multilabel, Ordinal
from mtc_keras.train.callbacks import BestEpoch
from mtc_keras.train.loss_weights import resolve_loss_weights
from tests.conftest import rows, tiny_bert, tiny_config, tiny_values

TEXTS = ["good clerk", "bad queue and slow bus", "", "fee form " * 9]


def starred(count, seed=0):
    """Returns rows with ordered classes, too, and labels that are missing here and there."""
    frame = rows(count, seed)
    frame["stars"] = (frame["length"] // 3).clip(0, 3).astype(int).astype(str)
    frame["mood"] = [mood if row % 7 else None for row, mood in enumerate(frame["mood"])]
    known = ("bus", "fee")
    frame["topics"] = [
        {name: int(name in found) for name in known} if row % 5 == 0 else found
        for row, found in enumerate(frame["topics"])
    ]
    return frame


def uneven_values(directory):
    values = tiny_values(directory)
    values["tasks"] = {
        "mood": {
            "kind": "multiclass",
            "loss": "focal",
            "class_weights": "balanced",
            "loss_weight": "prior",
        },
        "topics": {
            "kind": "multilabel",
            "loss": "asymmetric",
            "class_weights": {"bus": 3.0},
            "loss_weight": "probe",
            "pooling": "max",
            "hidden": [6, 4],
        },
        "length": {"kind": "regression", "loss": "huber"},
        "stars": {"kind": "ordinal", "classes": ["0", "1", "2", "3"], "class_weights": "effective"},
    }
    values["balancing"] = {"method": "uncertainty", "probe_steps": 4}
    values["training"] |= {
        "epochs": 3,
        "learning_rate": 1e-2,
        "label_smoothing": 0.1,
        "ema_momentum": 0.5,
        "monitor": {"mood_accuracy": 1.0, "length_rmse": 1.0},
    }
    return values


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    """A run with a setting of every sort, and its validation file."""
    directory = tmp_path_factory.mktemp("uneven")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(directory / "cache"))
        values = uneven_values(directory / "run")
        for name, frame in (("train", starred(64)), ("validation", starred(40, 1))):
            frame.to_json(directory / f"{name}.jsonl", orient="records", lines=True)
            values.setdefault("data", {})[name] = str(directory / f"{name}.jsonl")
        starred(30, 2).to_json(directory / "test.jsonl", orient="records", lines=True)
        values["data"]["test"] = str(directory / "test.jsonl")
        yield mtc_keras.fit(check_config(values), verbose=0)


# === Weights between tasks ===


def test_rules_for_loss_weights_become_numbers_and_are_stored(uneven):
    table = json.loads((uneven.directory / "loss_weights.json").read_text())
    assert {name: row["rule"] for name, row in table.items()} == {
        "mood": "prior",
        "topics": "probe",
        "length": None,
        "stars": None,
    }
    counts = np.array(uneven.config.tasks["mood"].class_counts)
    frequencies = counts / counts.sum()
    entropy = -(frequencies * np.log(frequencies)).sum()
    assert table["mood"]["weight"] == pytest.approx(1 / entropy)
    assert table["topics"]["weight"] == pytest.approx(1 / table["topics"]["loss"])
    assert uneven.config.tasks["topics"].loss_weight == table["topics"]["weight"]
    weights = json.loads((uneven.directory / "class_weights.json").read_text())
    assert weights["topics"] == {"bus": 3.0, "fee": 1.0, "form": 1.0, "queue": 1.0}
    assert list(weights) == ["mood", "topics", "stars"]
    log = (uneven.directory / "train.log").read_text()
    assert "probe" in log and "mood: class weights" in log


def test_a_second_probe_is_read_from_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = []
    monkeypatch.setattr(
        "mtc_keras.train.loss_weights.probe", lambda *arguments: found.append(arguments) or 0.25
    )
    values = tiny_values("unused")
    values["tasks"]["topics"]["loss_weight"] = "probe"
    for seed, probes in ((0, 1), (0, 1), (1, 2)):
        config = check_config({**values, "seed": seed})
        dataset = read_splits(config, {"train": rows(24), "validation": rows(12, 1)})
        resolved, table = resolve_loss_weights(config, dataset)
        assert len(found) == probes
        assert resolved.tasks[1].loss_weight == table["topics"]["weight"] == 4.0
    assert process.cache_directory() == tmp_path / "mtc_keras"


def test_a_cache_that_is_broken_or_cannot_be_written_costs_only_time(tmp_path, monkeypatch):
    monkeypatch.setattr("mtc_keras.train.loss_weights.probe", lambda *arguments: 0.5)
    values = tiny_values("unused")
    values["tasks"]["topics"]["loss_weight"] = "probe"
    config = check_config(values)
    dataset = read_splits(config, {"train": rows(24), "validation": rows(12, 1)})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    resolve_loss_weights(config, dataset)
    (file,) = (tmp_path / "mtc_keras" / "probe").iterdir()
    file.write_text('{"loss": ')
    assert resolve_loss_weights(config, dataset)[1]["topics"]["weight"] == 2.0
    assert json.loads(file.read_text())["loss"] == 0.5
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert resolve_loss_weights(config, dataset)[1]["topics"]["weight"] == 2.0


def test_a_probe_leaves_no_trace_in_the_model_trained_after_it(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    values = tiny_values(tmp_path / "run")
    values["tasks"] = {"topics": {"kind": "multilabel", "loss_weight": "probe"}}
    values["balancing"] = {"probe_steps": 1}
    values["training"]["epochs"] = 1
    frames = {"train": rows(16), "validation": rows(8, 1)}
    losses = [
        mtc_keras.fit(check_config(values), **frames, overwrite=True, verbose=0).history[0]["loss"]
        for _ in range(2)  # the second finds the probe in the cache
    ]
    assert losses[0] == losses[1]


def test_labels_that_do_not_vary_have_no_prior_weight():
    values = tiny_values("unused")
    values["tasks"] = {
        "mood": {"kind": "multiclass", "classes": ["bad", "good"], "loss_weight": "prior"}
    }
    config = check_config(values)
    dataset = read_splits(config, {"train": [{"text": "x", "mood": "good"}] * 4})
    with pytest.raises(DataError, match=r"tasks\.mood\.loss_weight: 'prior' found a loss of"):
        resolve_loss_weights(config, dataset)


def test_every_epoch_logs_weight_and_share_of_each_task(uneven):
    for line in uneven.history:
        names = uneven.config.tasks
        assert sum(line[f"{name}_share"] for name in names) == pytest.approx(1, abs=1e-5)
        total = sum(line[f"{name}_weight"] * line[f"{name}_loss"] for name in names)
        assert line["loss"] == pytest.approx(total, rel=1e-4)


def test_learned_weights_are_part_of_the_loaded_run(uneven):
    found = np.asarray(Run(uneven.directory).model.balancing.log_variances.value)
    start = np.log([1, 1, 0.5, 1])
    assert (found != start).all()
    assert np.isfinite(found).all()


# === Heads ===


def test_a_task_has_its_own_pooling_and_hidden_layers():
    backbone, preprocessor = tiny_bert()
    tasks = [
        Multiclass(name="a", classes=["x", "y"], pooling="max", hidden=[5, 3]),
        Multilabel(name="b", classes=["x", "y"]),
        Ordinal(name="c", classes=["1", "2", "3"], pooling="max"),
    ]
    model = MultiTaskClassifier(backbone, tasks, preprocessor, pooling="cls", dropout=0.0)
    kernels = {w.path: w.shape for w in model.weights if "head_" in w.path and "kernel" in w.path}
    assert kernels == {
        "head_a_hidden_0/kernel": (8, 5),
        "head_a_hidden_1/kernel": (5, 3),
        "head_a/kernel": (3, 2),
        "head_b/kernel": (8, 2),
        "head_c/kernel": (8, 2),
    }
    pooled = [layer.pooling for layer in model.layers if "text_pooling" in layer.name]
    assert sorted(pooled) == ["cls", "max"]
    backbones = [layer for layer in model.layers if layer.name == backbone.name]
    assert len(backbones) == 1 and len(backbones[0]._inbound_nodes) == 1
    assert model.predict(TEXTS, verbose=0)["c"].shape == (4, 3)


def test_a_head_starts_at_the_frequencies_of_its_labels():
    backbone, preprocessor = tiny_bert()
    targets = np.zeros((1000, 2), "float32")
    targets[:3, 0] = 1
    task = Multilabel(name="rare", classes=["x", "y"]).measure(targets)
    model = MultiTaskClassifier(backbone, [task], preprocessor, dropout=0.0)
    model.get_layer("head_rare").kernel.assign(np.zeros((8, 2)))
    found = model.predict(["good"], verbose=0)["rare"][0]
    np.testing.assert_allclose(found, [4 / 1002, 1 / 1002], rtol=0.01)


# === The best epoch ===


def keep(best, *epochs):
    """Returns the index of the epoch that a BestEpoch keeps."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    best.set_model(model)
    best.on_train_begin()
    for epoch, logs in enumerate(epochs):
        best.on_epoch_end(epoch, {f"val_{name}": value for name, value in logs.items()})
    return best.best_epoch


def test_a_mix_is_the_weighted_mean_with_errors_negative():
    best = BestEpoch({"a_accuracy": 3.0, "b_rmse": 1.0})
    keep(best, {"a_accuracy": 0.8, "b_rmse": 2.0})
    assert best.best == pytest.approx(0.1)
    assert best.mode == "max"
    # One that is undefined does not count, as in the score.
    keep(best, {"a_accuracy": 0.8, "b_rmse": math.nan})
    assert best.best == pytest.approx(0.8)
    keep(best, {"a_accuracy": math.nan, "b_rmse": math.nan})
    assert best.best == -math.inf


def test_an_epoch_below_the_floor_is_never_best_while_another_reaches_it():
    def best():
        return BestEpoch("a_accuracy", floor={"b_accuracy": 0.5, "b_loss": 2.0}, patience=9)

    low = {"a_accuracy": 0.9, "b_accuracy": 0.4, "b_loss": 1.0}
    costly = {"a_accuracy": 0.9, "b_accuracy": 0.6, "b_loss": 3.0}
    fine = {"a_accuracy": 0.2, "b_accuracy": 0.5, "b_loss": 2.0}
    finer = {"a_accuracy": 0.3, "b_accuracy": 0.5, "b_loss": 2.0}
    callback = best()
    assert keep(callback, low, costly, fine, low, finer, costly) == 4
    assert callback.floor_reached
    callback = best()
    assert keep(callback, {**low, "a_accuracy": 0.1}, low) == 1
    assert not callback.floor_reached


def test_patience_counts_epochs_without_enough_gain():
    best = BestEpoch("a_accuracy", patience=2, min_delta=0.1)
    values = [0.5, 0.55, 0.58]
    assert keep(best, *({"a_accuracy": value} for value in values)) == 0
    assert best.model.stop_training


def test_the_table_of_epochs_says_what_the_kept_one_costs_each_task(uneven):
    metrics = uneven.metrics
    for name, row in metrics["epochs"].items():
        values = [line[f"val_{name}_{row['metric']}"] for line in uneven.history]
        assert row["kept"] == values[metrics["best_epoch"] - 1]
        assert row["best"] == max(values) == values[row["best_epoch"] - 1]
        assert row["cost"] == pytest.approx(row["best"] - row["kept"])


def test_the_averaged_weights_are_those_judged_and_kept(uneven):
    # The kept epoch's numbers are those of the saved model, whatever the steps after it.
    kept = uneven.history[uneven.metrics["best_epoch"] - 1]
    found = uneven.metrics["validation"]["tasks"]
    assert found["length"]["rmse"] == pytest.approx(kept["val_length_rmse"], abs=1e-5)
    assert found["mood"]["undecided"]["accuracy"] == pytest.approx(kept["val_mood_accuracy"])


# === Decisions ===


def test_decisions_are_fitted_after_training_and_saved_with_the_model(uneven):
    decisions = Run(uneven.directory).model.decisions
    assert list(decisions) == ["mood", "topics", "stars"]
    assert all(decision.temperature != 1 for decision in decisions.values())
    assert list(decisions["topics"].thresholds) == ["bus", "fee", "form", "queue"]
    assert set(decisions["topics"].thresholds.values()) != {0.5}


def test_evaluation_tells_before_and_after(uneven, capsys):
    topics = uneven.metrics["test"]["tasks"]["topics"]
    assert {"accuracy", "f1_micro", "f1_macro"} <= set(topics["undecided"])
    assert {"before", "after"} == set(topics["calibration"])
    validation = uneven.metrics["validation"]["tasks"]
    for name in ("mood", "topics", "stars"):
        calibration = validation[name]["calibration"]
        assert calibration["after"]["log_loss"] <= calibration["before"]["log_loss"] + 1e-9
        assert validation[name]["risk_coverage"][0]["coverage"] == 1
    error = 1 - topics["accuracy"]
    assert topics["risk_coverage"][0]["error"] == pytest.approx(error)
    assert {"average_precision", "roc_auc"} <= set(topics["classes"]["bus"])
    assert evaluate.main(["--model", str(uneven.directory), "--verbose"]) == 0
    shown = capsys.readouterr().out
    assert "risk–coverage" in shown and "average precision" in shown and "ECE" in shown


def test_classes_that_are_not_known_are_not_scored(uneven):
    # Every fifth row tells of bus and fee alone.
    classes = uneven.metrics["test"]["tasks"]["topics"]["classes"]
    frame = starred(30, 2)
    for name, values in classes.items():
        known = [found for found in frame["topics"] if isinstance(found, list) or name in found]
        support = sum(name in found if isinstance(found, list) else found[name] for found in known)
        assert values["support"] == support


def test_a_run_without_validation_keeps_the_defaults_and_says_so(tmp_path):
    config = tiny_config(tmp_path / "run", training={"epochs": 1}, decisions={"thresholds": 0.25})
    run = mtc_keras.fit(config, train=rows(32), verbose=0)
    assert set(run.model.decisions["topics"].thresholds.values()) == {0.25}
    assert run.model.decisions["mood"].temperature == 1
    assert "no validation split" in (run.directory / "train.log").read_text()


@pytest.mark.parametrize(
    "sections, key",
    [
        ({"decisions": {"thresholds": "per_label"}}, "decisions.thresholds"),
        ({"decisions": {"calibration": "temperature"}}, "decisions.calibration"),
        ({"training": {"floor": {"mood_accuracy": 0.1}}}, "training.floor"),
        ({"training": {"patience": 2}}, "training.patience"),
        ({"training": {"min_delta": 0.1}}, "training.min_delta"),
        ({"training": {"monitor": "mood_accuracy"}}, "training.monitor"),
        (
            {"tasks": {"topics": {"kind": "multilabel", "loss_weight": "probe"}}},
            "tasks.topics.loss_weight",
        ),
    ],
)
def test_what_is_measured_on_validation_rows_needs_some(sections, key, tmp_path):
    config = tiny_config(tmp_path / "run", **sections)
    with pytest.raises(ConfigError) as caught:
        mtc_keras.fit(config, train=rows(32), verbose=0)
    assert [problem.partition(": ")[0] for problem in caught.value.problems] == [key]
    assert list(tmp_path.iterdir()) == []


def test_doubtful_rows_are_left_to_people(uneven, capsys):
    arguments = ["--model", str(uneven.directory), "--text", "good clerk"]
    assert predict.main([*arguments, "--abstain-below", "1"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["predicted_mood"] is None and found["mood_abstained"]
    assert found["predicted_topics"] is None
    assert "length_abstained" not in found
    assert predict.main([*arguments, "--abstain-below", "0"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["predicted_mood"] and not found["mood_abstained"]
    assert predict.main([*arguments, "--abstain-below", "2"]) == 2
    assert "abstain_below must lie between 0 and 1" in capsys.readouterr().err


# === calibrate ===


@pytest.fixture
def copied(uneven, tmp_path):
    """A copy of the run, which a test may change."""
    return Run(shutil.copytree(uneven.directory, tmp_path / "copy"))


def test_calibrate_fits_anew_on_other_rows(copied, tmp_path, capsys):
    before = copied.model.decisions["mood"].temperature
    starred(36, 3).to_json(tmp_path / "new.jsonl", orient="records", lines=True)
    arguments = ["--model", str(copied.directory), "--data", str(tmp_path / "new.jsonl")]
    assert calibrate.main([*arguments, "--thresholds", "per_task"]) == 0
    after = Run(copied.directory).model.decisions
    assert len(set(after["topics"].thresholds.values())) == 1
    assert after["mood"].temperature != before
    assert "judge it on others" in capsys.readouterr().out
    arguments = ["--model", str(copied.directory), "--thresholds", "0.3", "--calibration", "none"]
    assert calibrate.main(arguments) == 0
    again = Run(copied.directory).model
    assert set(again.decisions["topics"].thresholds.values()) == {0.3}
    assert again.decisions["mood"].temperature == 1
    found = again.predict(TEXTS, verbose=0)
    for name, value in again.predict(TEXTS, verbose=0, raw=True).items():
        np.testing.assert_array_equal(value, found[name])


@pytest.mark.parametrize("split", ["train", "test"])
def test_rows_of_other_use_are_never_calibrated_on(split, copied, capsys, tmp_path):
    file = shutil.copy(getattr(copied.config.data, split), tmp_path / "another_name.jsonl")
    assert calibrate.main(["--model", str(copied.directory), "--data", str(file)]) == 2
    assert f"is a {split} file of this run" in capsys.readouterr().err


def test_calibrate_refuses_what_is_no_threshold(copied):
    with pytest.raises(SystemExit) as caught:
        calibrate.main(["--model", str(copied.directory), "--thresholds", "1.5"])
    assert caught.value.code == 2


def test_calibrate_needs_a_validation_file(copied, capsys):
    values = load_config(copied.directory / "config.toml").to_dict()
    del values["data"]["validation"]
    del values["training"]["monitor"]
    (copied.directory / "config.toml").write_text(tomli_w.dumps(values))
    assert calibrate.main(["--model", str(copied.directory), "--unchecked"]) == 2
    assert "names no validation file: give --data FILE" in capsys.readouterr().err
