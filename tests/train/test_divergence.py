"""A training whose numbers are not finite ends with what to try; nothing of it is called best."""

import time

import keras
import numpy as np
import pytest

import mtc_keras
from mtc_keras.errors import DataError, TrainingError
from mtc_keras.run.checkpoints import Checkpoint, damage, saved_checkpoints
from mtc_keras.run.directory import checkpoint_directory, unfinished
from mtc_keras.train import program as train
from mtc_keras.train import steps
from mtc_keras.train.callbacks import BestEpoch
from mtc_keras.train.finite import FiniteLosses
from tests.conftest import rows, tiny_config

HUGE = 1e30
STEPS = 3  # of an epoch
VARIANTS = {
    "static": {},
    "average, accumulated": {"training": {"ema_momentum": 0.5, "gradient_accumulation": 2}},
    "bfloat16, uncertainty": {
        "training": {"precision": "bfloat16"},
        "balancing": {"method": "uncertainty"},
    },
    "frozen, famo": {"training": {"freeze": "all"}, "balancing": {"method": "famo"}},
    "lora, log": {"model": {"lora_rank": 2}, "balancing": {"method": "log"}},
    "dwa": {"balancing": {"method": "dwa"}},
    "rlw, no clipping": {"training": {"clip_norm": 0.0}, "balancing": {"method": "rlw"}},
}


def config_of(tmp_path, sections=None, **training):
    sections = sections or {}
    section = {"epochs": 2, **sections.get("training", {}), **training}
    return tiny_config(tmp_path / "run", **{**sections, "training": section})


def fit(config, **options):
    frame = options.pop("train", rows(16 * STEPS))
    judged = options.pop("validation", rows(24, 1))
    return mtc_keras.fit(config, train=frame, validation=judged, verbose=0, **options)


def variants(*quick):
    marks = {name: [] if name in quick else [pytest.mark.slow] for name in VARIANTS}
    return pytest.mark.parametrize(
        "variant", [pytest.param(name, marks=mark) for name, mark in marks.items()]
    )


@variants("static", "average, accumulated", "frozen, famo")
def test_it_ends_at_the_first_loss_that_is_not_finite(variant, tmp_path):
    config = config_of(tmp_path, VARIANTS[variant], learning_rate=HUGE)
    with pytest.raises(TrainingError, match="is no finite number in epoch 1 ") as error:
        fit(config)
    assert "training.learning_rate is 1e+30: a tenth of it, or less" in error.value.problems
    assert "no checkpoint was saved before it; nothing is kept" in error.value.problems
    assert not (tmp_path / "run").exists()
    text = (unfinished(tmp_path / "run") / "train.log").read_text()
    assert "kept" not in text and "best" not in text


def test_the_program_says_so_and_exits_with_2(tmp_path, capsys):
    rows(16 * STEPS).to_json(tmp_path / "train.jsonl", orient="records", lines=True)
    config = config_of(tmp_path, {"data": {"train": str(tmp_path / "train.jsonl")}})
    (tmp_path / "c.toml").write_text(config.to_toml())
    arguments = ["--config", str(tmp_path / "c.toml")]
    assert train.main([*arguments, "--set", "training.learning_rate=1e30"]) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("error: the training has been stopped: the ")
    assert "training.learning_rate is 1e+30" in shown.err
    assert "kept" not in shown.out
    # What it has left is in nobody's way.
    assert train.main(arguments) == 0


def poisoned(monkeypatch, epoch, step):
    """Has the weights become NaN after a step."""
    begin = FiniteLosses.on_train_batch_begin

    def on_train_batch_begin(self, batch, logs=None):
        begin(self, batch, logs)
        if (self.epoch, batch) == (epoch, step):
            weight = self.model.trainable_variables[0]
            weight.assign(np.full(weight.shape, np.nan, "float32"))

    monkeypatch.setattr(FiniteLosses, "on_train_batch_begin", on_train_batch_begin)


@pytest.mark.parametrize("step", [0, 2])
def test_checkpoints_from_before_stay_usable_and_resume_says_why_it_ended(
    step, tmp_path, monkeypatch
):
    config = config_of(tmp_path, checkpoint_minutes=1e-9)  # after every step
    with monkeypatch.context() as patch, pytest.raises(TrainingError) as error:
        poisoned(patch, epoch=1, step=step)
        fit(config)
    assert "is no finite number in epoch 2" in error.value.headline
    saved = saved_checkpoints(checkpoint_directory(str(tmp_path / "run")))
    assert [damage(path) for path in saved] == [None] * len(saved)
    assert saved[-1].name >= "epoch_000001_step_000000000"
    assert any(f"({saved[-1].name} is the newest)" in line for line in error.value.problems)
    for path in saved:
        for _, array in Checkpoint(path).arrays("trainable"):
            assert np.isfinite(array).all()
    run = fit(config, resume=True)
    text = (run.directory / "train.log").read_text()
    assert f"when it was last trained: {error.value.headline}" in text
    assert not (run.directory / "failed.txt").exists()
    assert len(run.history) == 2


@pytest.mark.parametrize("judged", [True, False])
def test_the_last_step_of_a_training_may_not_spoil_it(judged, tmp_path, monkeypatch):
    """Its loss was finite; what the optimizer made of it is not."""
    end = steps.EpochOrder.on_epoch_end

    def on_epoch_end(self, epoch, logs=None):
        end(self, epoch, logs)
        weight = self.model.trainable_variables[-1]
        weight.assign(np.full(weight.shape, np.inf, "float32"))

    monkeypatch.setattr(steps.EpochOrder, "on_epoch_end", on_epoch_end)
    config = config_of(tmp_path, epochs=1, keep_checkpoints=0)
    with pytest.raises(TrainingError, match=r"weight .* is no finite number in epoch 1 at its"):
        fit(config, validation=rows(24, 1) if judged else None)


def test_a_validation_loss_that_is_not_finite_ends_it_too_and_names_its_task(tmp_path):
    frame = rows(24, 1)
    frame.loc[3, "length"] = 1e30  # its square is more than a float32 holds
    with pytest.raises(TrainingError, match="validation loss of length") as error:
        fit(config_of(tmp_path), validation=frame)
    assert "in epoch 1 at its end" in error.value.headline
    assert any("tasks.length: look for outliers" in line for line in error.value.problems)


def test_a_metric_that_is_never_defined_makes_no_epoch_the_best(tmp_path):
    """R² of equal numbers is none, so that the last epoch is kept, and that is said."""
    frame = rows(24, 1).assign(length=3.0)
    run = fit(config_of(tmp_path, monitor="length_r2", patience=9), validation=frame)
    text = (run.directory / "train.log").read_text()
    assert "length_r2 is undefined after every epoch: the last one is kept" in text
    assert "best so far" not in text and "kept: epoch" not in text
    assert run.metrics["best_epoch"] == 2


def test_without_a_best_epoch_the_last_weights_stay():
    best = BestEpoch("score", patience=9)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    best.set_model(model)
    best.on_train_begin()
    for epoch in range(2):
        model.set_weights([np.full((2, 1), epoch), np.zeros(1)])
        best.on_epoch_end(epoch, {"val_score": float("nan")})
        assert not best.is_found
    best.on_train_end()
    assert model.get_weights()[0].tolist() == [[1], [1]]


def test_no_step_waits_for_its_loss(tmp_path, monkeypatch):
    """Losses come late, in threads, and not in order; the first one is named."""
    seen = FiniteLosses.on_train_batch_end

    def late(self, batch, logs=None):
        time.sleep(0.5 * (batch == 1))
        seen(self, batch, {**(logs or {}), "mood_loss": np.nan} if batch else logs)

    monkeypatch.setattr(FiniteLosses, "on_train_batch_end", late)
    with pytest.raises(TrainingError, match=r"the loss of mood \(nan\) is no finite number in"):
        fit(config_of(tmp_path))


def test_a_probe_that_diverges_ends_it_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    sections = {
        "tasks": {"mood": {"kind": "multiclass", "loss_weight": "probe"}},
        "balancing": {"probe_steps": 4},
    }
    with pytest.raises(TrainingError, match=r"tasks\.mood\.loss_weight: the probe diverged"):
        fit(config_of(tmp_path, sections, learning_rate=HUGE))
    assert not (tmp_path / "cache" / "mtc_keras" / "probe").exists()
    assert not (tmp_path / "run.unfinished").exists()


def test_rows_that_all_weigh_nothing_are_refused(tmp_path):
    frame = rows(16 * STEPS).assign(w="[0, 1, 1]")
    config = config_of(tmp_path, {"data": {"weight": "w"}})
    with pytest.raises(DataError, match="leaves nothing to train on") as error:
        fit(config, train=frame, validation=rows(24, 1).assign(w=1.0))
    (problem,) = error.value.problems
    assert problem == "tasks.mood: every training row with a label of it has the weight 0"


@pytest.mark.parametrize("value", [0.1, -3.3e4, 0.0])
def test_numbers_that_do_not_vary_have_the_scale_1(value):
    """Of a mean of many 0.1 the last bits differ, and so would a scale of 1e-17."""
    task = mtc_keras.Regression(name="n").learn([value] * 1003)
    assert task.scale == 1.0
    assert mtc_keras.Regression(name="n").learn([value, value + 1]).scale == pytest.approx(0.5)


def test_a_model_that_diverged_is_not_loaded(finished, tmp_path):
    model = mtc_keras.load(finished.directory)
    model.trainable_variables[-1].assign(
        np.full(model.trainable_variables[-1].shape, np.nan, "float32")
    )
    model.save_to_preset(str(tmp_path / "model"))
    with pytest.raises(DataError, match=r"its weight .* is not finite; its training diverged"):
        mtc_keras.MultiTaskClassifier.from_preset(str(tmp_path / "model"))
