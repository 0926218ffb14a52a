"""A training is the same whether or not its step was prepared."""

import jax
import keras
import numpy as np

from mtc_keras import fit
from mtc_keras.model.compiled_training import CompiledTraining
from mtc_keras.model.training_step import TrainingStep
from tests.conftest import rows, tiny_config


def trained(directory):
    keras.utils.clear_session()  # the names of a new process
    config = tiny_config(directory, data={"cache": False}, training={"epochs": 2})
    run = fit(config, train=rows(96), validation=rows(24, 1), verbose=0)
    weights = [np.asarray(variable.value) for variable in run.model.variables]
    history = [{**epoch, "seconds": None} for epoch in run.history]
    return history, run.metrics["validation"], weights


def assert_same(found, expected):
    assert found[:2] == expected[:2]
    for one, other in zip(found[2], expected[2], strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_training_is_the_same_without_shapes_prepared(tmp_path, monkeypatch):
    prepared = []
    prepare = CompiledTraining.prepare_training

    def seen(self, batches):
        batches = list(batches)
        prepared.extend(x["token_ids"].shape for x, _, _ in batches)
        prepare(self, batches)

    monkeypatch.setattr(CompiledTraining, "prepare_training", seen)
    with_them = trained(tmp_path / "with")
    assert prepared
    assert len(set(prepared)) == len(prepared)
    monkeypatch.setattr(CompiledTraining, "prepare_training", lambda *args: None)
    assert_same(trained(tmp_path / "without"), with_them)


def test_no_step_is_traced_twice_for_a_shape(tmp_path, monkeypatch):
    traced_shapes = []
    step = TrainingStep.gradients_step

    def seen(self, state, data):
        traced_shapes.append(tuple(leaf.shape for leaf in jax.tree.leaves(data)))
        return step(self, state, data)

    monkeypatch.setattr(TrainingStep, "gradients_step", seen)
    trained(tmp_path / "run")
    assert traced_shapes
    assert len(set(traced_shapes)) == len(traced_shapes)
