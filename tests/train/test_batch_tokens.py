"""`training.batch_tokens`: batches of about so many tokens, of more rows where texts are short."""

import re
import signal

import numpy as np
import pytest

import mtc_keras
from mtc_keras.config import check_config, load_config
from mtc_keras.data.batches import TrainingBatches
from mtc_keras.errors import ConfigError, Stopped
from mtc_keras.model.compiled_training import CompiledTraining
from mtc_keras.train.checkpointing import Checkpointing
from tests.conftest import rows, tiny_values


def configured(directory, **training):
    values = tiny_values(directory)
    del values["training"]["batch_size"]
    values["training"] |= {"batch_tokens": 128, **training}
    return check_config(values)


def fit(config, **options):
    return mtc_keras.fit(config, train=rows(120), validation=rows(24, 1), verbose=0, **options)


@pytest.fixture
def shapes(monkeypatch):
    """The shapes of the batches that are read, and how many labels of a task are in them."""
    found = []
    whole = TrainingBatches.batch

    def batch(self, numbers):
        inputs, targets, weights = whole(self, numbers)
        found.append((*inputs["token_ids"].shape, int((targets["mood"] >= 0).sum())))
        return inputs, targets, weights

    monkeypatch.setattr(TrainingBatches, "batch", batch)
    # Which takes batches, too, only to compile their shapes.
    monkeypatch.setattr(CompiledTraining, "prepare_training", lambda *args: None)
    # As where an epoch is long: every length is worth its compilation.
    monkeypatch.setattr("mtc_keras.model.costs.ON_CPU", (1.0, 0.0, 0.0))
    return found


def test_batches_hold_about_so_many_tokens(tmp_path, shapes):
    run = fit(configured(tmp_path / "run", epochs=1, gradient_accumulation=2))
    sizes = {(count, length) for count, length, _ in shapes}
    assert len({count for count, _ in sizes}) > 1
    assert all(count * length <= 128 and count % 2 == 0 for count, length in sizes)
    assert sum(labels for *_, labels in shapes) == 120
    assert np.isfinite(run.history[0]["loss"])
    log = (run.directory / "train.log").read_text()
    assert "rows per batch, by training.batch_tokens = 128:" in log
    assert {
        (int(count), int(length))
        for count, length in re.findall(r"(\d+) of up to (\d+) tokens", log)
    } == sizes
    # What is written is read again, without the other key.
    assert load_config(run.directory / "config.toml").training == run.config.training


def test_rows_that_must_be_divided_may_hold_more(tmp_path, shapes):
    run = fit(configured(tmp_path / "run", epochs=1, batch_tokens=8, gradient_accumulation=4))
    assert {count for count, *_ in shapes} == {4}
    assert "tokens are more" in (run.directory / "train.log").read_text()


def test_a_training_that_was_stopped_comes_to_the_same_numbers(tmp_path, shapes, monkeypatch):
    undisturbed = fit(configured(tmp_path / "undisturbed"))
    config = configured(tmp_path / "run", checkpoint_minutes=1e-9)
    stop = Checkpointing.on_train_batch_begin

    def stopping(self, batch, logs=None):
        stop(self, batch, logs)
        if batch == 3:
            raise Stopped(signal.SIGTERM, "here")

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(Checkpointing, "on_train_batch_begin", stopping)
        fit(config)
    run = fit(config, resume=True)
    assert [line["loss"] for line in run.history] == [line["loss"] for line in undisturbed.history]


def test_two_sizes_of_a_batch_are_refused(tmp_path):
    values = tiny_values(tmp_path)
    values["training"] |= {"batch_tokens": 128}
    with pytest.raises(ConfigError) as caught:
        check_config(values)
    assert "batch_size and batch_tokens exclude each other" in str(caught.value)
    del values["training"]["batch_size"]
    # The default of the one does not have to be divided by the parts of the other.
    values["training"] |= {"gradient_accumulation": 5}
    config = check_config(values)
    assert "batch_size" not in config.to_dict()["training"]
