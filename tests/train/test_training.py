"""Whole trainings on a tiny random backbone: what is learned, kept, written and refused."""

import json
import tomllib

import keras
import numpy as np
import pandas as pd
import pytest

import mtc_keras
from mtc_keras.config import check_config, load_config
from mtc_keras.errors import ConfigError, DataError
from mtc_keras.model.building import build_optimizer
from mtc_keras.model.classifier import MultiTaskClassifier
from mtc_keras.model.optimizers import LayerwiseAdamW, WarmupDecay
from mtc_keras.train.callbacks import BestEpoch, TaskMetrics
from tests.conftest import RANDOM, rows, tiny_bert, tiny_config


def test_a_run_learns_and_beats_the_baseline(finished):
    test = finished.metrics["test"]
    topics, constant = test["tasks"]["topics"], test["baseline"]["tasks"]["topics"]
    assert topics["f1_micro"] > constant["f1_micro"]
    losses = [epoch["loss"] for epoch in finished.history]
    assert losses[-1] < losses[0]


def test_a_run_directory_holds_everything(finished):
    names = {p.relative_to(finished.directory).as_posix() for p in finished.directory.rglob("*")}
    assert {
        "config.toml",
        "metrics.json",
        "history.jsonl",
        "environment.json",
        "train.log",
        "predictions/validation.jsonl",
        "predictions/test.jsonl",
        "model/task.json",
        "model/model.weights.h5",
    } <= names
    assert not finished.directory.with_name("run.unfinished").exists()
    environment = json.loads((finished.directory / "environment.json").read_text())
    assert environment["versions"]["keras"] == keras.__version__
    assert environment["machine"]["cores"] >= 1 and environment["machine"]["processor"]


def test_texts_never_reach_the_log(finished):
    log = (finished.directory / "train.log").read_text()
    assert "validation" in log
    assert not any(text in log for text in rows(160)["text"])


def test_the_resolved_config_has_classes_and_every_default(finished):
    text = (finished.directory / "config.toml").read_text()
    values = tomllib.loads(text)
    assert values["tasks"]["topics"]["classes"] == ["bus", "fee", "form", "queue"]
    assert values["training"]["weight_decay"] == 0.01
    assert load_config(finished.directory / "config.toml").to_toml() == text


def test_metrics_hold_every_task_and_the_whole(finished):
    metrics = finished.metrics
    for split, count in (("validation", 48), ("test", 40)):
        found = metrics[split]
        assert list(found["tasks"]) == ["mood", "topics", "length"]
        assert found["tasks"]["mood"]["rows"] == count
        main = [found["tasks"]["mood"]["accuracy"], found["tasks"]["topics"]["f1_micro"]]
        assert found["score"] == pytest.approx(
            np.mean([*main, found["tasks"]["length"]["r2"]]), abs=1e-9
        )
    assert set(metrics["test"]["tasks"]["topics"]["classes"]) == {"bus", "fee", "form", "queue"}


def test_the_best_epoch_is_kept(finished):
    scores = [epoch["val_score"] for epoch in finished.history]
    assert finished.metrics["best_epoch"] == int(np.argmax(scores)) + 1
    tasks = finished.metrics["validation"]["tasks"]
    undecided = [tasks["mood"]["undecided"]["accuracy"], tasks["topics"]["undecided"]["f1_micro"]]
    score = np.mean([*undecided, tasks["length"]["r2"]])
    assert score == pytest.approx(max(scores), abs=1e-6)


def test_history_has_a_line_an_epoch_with_every_metric(finished):
    assert [line["epoch"] for line in finished.history] == [1, 2, 3, 4]
    keys = {"loss", "mood_loss", "val_loss", "val_score", "val_topics_f1_macro", "val_length_mae"}
    assert keys <= set(finished.history[0])
    line = finished.history[0]
    total = line["mood_loss"] + 2 * line["topics_loss"] + line["length_loss"]
    assert line["loss"] == pytest.approx(total, rel=1e-5)


def test_predictions_carry_id_prediction_and_target(finished):
    lines = (finished.directory / "predictions/test.jsonl").read_text().splitlines()
    frame = rows(40, 2)
    found = [json.loads(line) for line in lines]
    assert [line["id"] for line in found] == frame["id"].tolist()
    assert [line["target_topics"] for line in found] == frame["topics"].tolist()
    assert [line["target_length"] for line in found] == frame["length"].tolist()
    right = [line["predicted_mood"] == line["target_mood"] for line in found]
    tasks = ("mood", "topics", "length")
    columns = ["predicted_mood", "mood_probabilities", "predicted_topics", "topics_probabilities"]
    columns = ["id", *(f"target_{task}" for task in tasks), *columns, "predicted_length"]
    assert all(list(line) == columns for line in found)
    assert np.mean(right) == pytest.approx(finished.metrics["test"]["tasks"]["mood"]["accuracy"])


def test_load_predicts_what_the_run_predicted(finished):
    model = mtc_keras.load(finished.directory)
    frame = rows(40, 2)
    classified = model.classify(frame["text"].tolist(), batch_size=16)
    lines = (finished.directory / "predictions/test.jsonl").read_text().splitlines()
    for found, line in zip(classified, lines, strict=True):
        written = json.loads(line)
        assert found["mood"]["label"] == written["predicted_mood"]
        assert found["topics"]["probabilities"] == pytest.approx(
            written["topics_probabilities"], abs=1e-6
        )


def test_the_same_seed_gives_the_same_word_pieces_and_metrics_twice(tmp_path):
    found = []
    for name in ("one", "two"):
        config = tiny_config(tmp_path / name, model=RANDOM)
        run = mtc_keras.fit(config, train=rows(50), validation=rows(20, 1), verbose=0)
        found.append([{k: v for k, v in e.items() if k != "seconds"} for e in run.history])
    assert found[0] == found[1]


def test_no_step_waits_for_the_losses_of_the_one_before(tmp_path, frame, monkeypatch):
    """Keras reads a step's losses before the next one if one callback asks for them in line."""
    seen = []
    fit = MultiTaskClassifier.fit

    def fit_and_look(self, x, callbacks, **options):
        seen.extend(callbacks)
        return fit(self, x, callbacks=callbacks, **options)

    monkeypatch.setattr(MultiTaskClassifier, "fit", fit_and_look)
    training = {"epochs": 1, "ema_momentum": 0.9}
    mtc_keras.fit(tiny_config(tmp_path / "run", training=training), frame, frame, verbose=0)
    assert len(seen) == 10
    for callback in seen:
        default = type(callback).on_train_batch_end is keras.callbacks.Callback.on_train_batch_end
        assert default or callback.async_safe


def test_without_validation_the_last_epoch_is_kept(config, frame):
    run = mtc_keras.fit(config, train=frame, verbose=0)
    assert run.metrics["best_epoch"] == 2
    assert "validation" not in run.metrics


def test_missing_labels_weights_pairs_and_partly_labelled_columns(tmp_path):
    frame = rows(60)
    frame["second"] = frame["text"].str.upper()
    frame.loc[::2, "mood"] = None
    frame["topics"] = [None if i % 3 == 0 else v for i, v in enumerate(frame["topics"])]
    frame["weight"] = [[1.0, 0.5, 2.0]] * 60
    config = tiny_config(
        tmp_path / "run", data={"text": ["text", "second"], "validation": 0.25, "limit": 48}
    )
    run = mtc_keras.fit(config, train=frame, verbose=0)
    assert run.metrics["validation"]["tasks"]["mood"]["rows"] < 12
    assert run.model.predict((["good"], ["bad"]))["mood"].shape == (1, 3)


def test_rows_that_are_too_long_are_dropped_when_asked(tmp_path, capsys):
    frame = rows(40)
    frame.loc[0, "text"] = "good " * 100
    config = tiny_config(tmp_path / "run", data={"too_long": "drop"})
    mtc_keras.fit(config, train=frame, verbose=1)
    assert "of 40 training rows, 1 exceeds max_length = 16 tokens and is dropped" in (
        capsys.readouterr().out
    )


def test_a_run_is_not_overwritten_unless_asked(tmp_path, frame):
    config = tiny_config(tmp_path / "run", training={"epochs": 1})
    mtc_keras.fit(config, train=frame, verbose=0)
    with pytest.raises(ConfigError, match="--overwrite"):
        mtc_keras.fit(config, train=frame, verbose=0)
    mtc_keras.fit(config, train=frame, verbose=0, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_files_that_are_no_run_are_never_replaced(tmp_path, frame):
    config = tiny_config(tmp_path / "run", training={"epochs": 1})
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match="holds files that are not a run"):
        mtc_keras.fit(config, train=frame, verbose=0, overwrite=True)
    assert (tmp_path / "run" / "thesis.txt").read_text() == "mine"


def test_a_run_goes_where_a_link_points_and_past_a_killed_ones_leftovers(tmp_path, frame):
    (tmp_path / "disk").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "disk")
    (tmp_path / "disk.replaced").mkdir()
    (tmp_path / "disk.replaced" / "run.json").write_text('{"format": 1, "sha256": {}}')
    frame["id"] = pd.Timestamp("2026-01-01")
    config = tiny_config(tmp_path / "run", training={"epochs": 1})
    run = mtc_keras.fit(config, train=frame, test=frame, verbose=0)
    assert run.directory == tmp_path / "disk"
    assert (tmp_path / "run").is_symlink()
    assert not (tmp_path / "disk.replaced").exists()
    line = (run.directory / "predictions" / "test.jsonl").read_text().splitlines()[0]
    assert json.loads(line)["id"] == "2026-01-01T00:00:00"


def test_dropping_long_rows_must_leave_labels_for_every_task(tmp_path):
    frame = rows(20)
    frame["text"] = ["good " * 100 if i < 5 else text for i, text in enumerate(frame["text"])]
    frame.loc[5:, "mood"] = None
    config = tiny_config(tmp_path / "run", data={"too_long": "drop"})
    with pytest.raises(DataError, match=r"tasks\.mood: no row of at most 16 tokens"):
        mtc_keras.fit(config, train=frame, verbose=0)


def test_a_score_that_is_no_number_is_never_the_best():
    best = BestEpoch("length_r2", patience=9)
    assert best.get_monitor_value({"val_length_r2": float("nan")}) == -np.inf
    assert BestEpoch("loss", patience=9).get_monitor_value({"val_loss": float("nan")}) == np.inf
    assert best.get_monitor_value({"val_length_r2": 0.5}) == 0.5


def test_bad_data_leaves_no_run_directory(tmp_path, config):
    with pytest.raises(DataError, match=r"tasks\.mood"):
        mtc_keras.fit(config, train=rows(20).drop(columns="mood"), verbose=0)
    assert list(tmp_path.iterdir()) == []


def test_load_of_something_else_says_what_it_is(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        mtc_keras.load(tmp_path / "nothing")
    with pytest.raises(DataError, match="holds no finished run"):
        mtc_keras.load(tmp_path)


def test_frozen_parts_do_not_move(tmp_path, frame):
    config = tiny_config(tmp_path / "run", training={"freeze": "all", "epochs": 1})
    run = mtc_keras.fit(config, train=frame, verbose=0)
    from mtc_keras.devices import process
    from mtc_keras.model.backbones.loading import load_backbone

    process.setup(config.seed)
    untrained = load_backbone(config.model, frame["text"].tolist()).backbone
    for before, after in zip(untrained.weights, run.model.backbone.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(before.value), np.asarray(after.value))


def test_training_stops_when_patience_ends(tmp_path, frame):
    training = {"epochs": 9, "patience": 1, "learning_rate": 1e-12, "monitor": "mood_accuracy"}
    config = tiny_config(tmp_path / "run", training=training)
    run = mtc_keras.fit(config, train=frame, validation=frame, verbose=0)
    assert len(run.history) == 2


# === Optimizer ===


def test_the_rate_rises_then_falls():
    linear = WarmupDecay(1.0, warmup_steps=4, total_steps=12)
    rates = [float(linear(step)) for step in range(13)]
    assert rates[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert rates[8] == pytest.approx(0.5)
    assert rates[12] == 0
    assert float(WarmupDecay(1.0, 0, 10, "cosine")(5)) == pytest.approx(0.5)
    assert float(WarmupDecay(2.0, 0, 10, "constant")(9)) == 2


def test_rates_fall_with_depth_and_heads_have_their_own(tasks):
    backbone, preprocessor = tiny_bert()
    model = MultiTaskClassifier(backbone, tasks, preprocessor)
    training = {"learning_rate": 1e-4, "head_learning_rate": 1e-3, "layer_decay": 0.5}
    values = {"tasks": {"a": {"kind": "multilabel"}}, "training": training}
    optimizer = build_optimizer(check_config(values).training, model, steps=10)

    def factor(part):
        (found,) = {f for path, f in optimizer.rate_factors.items() if part in path}
        return found

    assert factor("head_topics") == pytest.approx(10)
    assert not any("transformer_layer_1/" in path for path in optimizer.rate_factors)  # 1.0
    assert factor("transformer_layer_0/") == 0.5
    assert factor("token_embedding") == 0.25


def test_weight_decay_spares_biases_and_norms_and_follows_the_rate():
    layer = keras.Sequential([keras.layers.Dense(2), keras.layers.LayerNormalization()])
    layer.build((None, 3))
    for variable in layer.variables:
        variable.assign(np.ones(variable.shape))
    kernel = layer.variables[0]
    optimizer = LayerwiseAdamW({kernel.path: 0.5}, learning_rate=0.1, weight_decay=0.2)
    optimizer.apply(
        [np.zeros(v.shape, "float32") for v in layer.trainable_variables], layer.trainable_variables
    )
    for variable in layer.trainable_variables:
        expected = 1 - 0.5 * 0.1 * 0.2 if variable is kernel else 1
        np.testing.assert_allclose(np.asarray(variable.value), expected, rtol=1e-6)


def test_the_optimizer_equals_adamw_without_factors():
    def train(optimizer):
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, use_bias=False)])
        model.compile(optimizer, "mse")
        x = np.arange(12, dtype="float32").reshape(4, 3)
        model.fit(x, x[:, :2], epochs=3, verbose=0, batch_size=4)
        return np.asarray(model.weights[0].value)

    arguments = {"learning_rate": 1e-2, "weight_decay": 0.1, "global_clipnorm": 0.5}
    own, keras_own = LayerwiseAdamW(**arguments), keras.optimizers.AdamW(**arguments)
    np.testing.assert_allclose(train(own), train(keras_own), rtol=1e-6)


# === Callback in a user's own fit ===


def test_task_metrics_work_in_a_plain_keras_model(tasks):
    inputs = keras.Input((3,))
    outputs = {task.name: task.head(inputs, f"head_{task.name}") for task in tasks}
    model = keras.Model(inputs, outputs)
    model.compile("sgd", loss={task.name: task.make_loss() for task in tasks})
    x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    targets = {
        "pooled_dense": np.arange(8, dtype="int32") % 3,
        "topics": np.eye(8, 4, dtype="float32"),
        "a_number": np.arange(8, dtype="float32"),
    }
    stop = keras.callbacks.EarlyStopping("val_score", mode="max")
    metrics = TaskMetrics(x, targets, tasks)
    history = model.fit(x, targets, epochs=2, verbose=0, callbacks=[metrics, stop]).history
    assert history["val_score"] == [e["score"] for e in metrics.evaluations]
    assert "val_topics_f1_micro" in history


def test_rows_as_a_reader_of_the_users_own(tmp_path, monkeypatch):
    (tmp_path / "my_reader.py").write_text(
        "from tests.conftest import rows\n"
        "def read(split):\n"
        "    return {'train': rows(40), 'validation': rows(20, 1)}.get(split)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    config = tiny_config(
        tmp_path / "run", data={"reader": "my_reader:read"}, training={"epochs": 1}
    )
    run = mtc_keras.fit(config, verbose=0)
    assert run.metrics["validation"]["tasks"]["mood"]["rows"] == 20
    table = pd.DataFrame(run.history)
    assert table["epoch"].tolist() == [1]
    assert np.isfinite(table[["loss", "val_loss", "val_score"]].to_numpy()).all()
