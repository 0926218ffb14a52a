"""Losses leave out missing labels, in value and in gradient."""

import jax
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, log_softmax

from mtc_keras.losses import (
    MaskedBinaryCrossentropy,
    MaskedMeanSquaredError,
    MaskedSparseCategoricalCrossentropy,
)


def softmax_loss(targets, logits, weights):
    known = targets >= 0
    elements = -log_softmax(logits, axis=-1)[np.arange(len(targets)), np.maximum(targets, 0)]
    return (elements * weights)[known].sum() / max(weights[known].sum(), 1e-30)


def sigmoid_loss(targets, logits, weights):
    known = ~np.isnan(targets)
    p = expit(logits.astype("float64"))
    elements = -np.where(targets == 1, np.log(p), np.log1p(-p))
    cells = np.broadcast_to(weights[:, None], targets.shape)
    return (elements * cells)[known].sum() / max(cells[known].sum(), 1e-30)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10**6), rows=st.integers(1, 9))
def test_softmax_loss_equals_its_definition(seed, rows):
    random = np.random.default_rng(seed)
    targets = random.integers(-1, 4, rows).astype("int32")
    logits = random.normal(size=(rows, 4)).astype("float32")
    weights = random.uniform(0.1, 3, rows).astype("float32")
    found = float(MaskedSparseCategoricalCrossentropy()(targets, logits, weights))
    assert found == pytest.approx(softmax_loss(targets, logits, weights), abs=1e-5)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10**6), rows=st.integers(1, 9))
def test_sigmoid_loss_divides_by_labelled_cells(seed, rows):
    random = np.random.default_rng(seed)
    targets = random.choice([0.0, 1.0, np.nan], size=(rows, 3)).astype("float32")
    logits = random.normal(size=(rows, 3)).astype("float32")
    weights = random.uniform(0.1, 3, rows).astype("float32")
    found = float(MaskedBinaryCrossentropy()(targets, logits, weights))
    assert found == pytest.approx(sigmoid_loss(targets, logits, weights), abs=1e-5)


def test_squared_error_is_in_units_of_the_scale():
    targets, values = np.array([1.0, np.nan, 5.0]), np.array([3.0, 9.0, 5.0])
    assert float(MaskedMeanSquaredError(scale=2.0)(targets, values)) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "loss, missing, logits",
    [
        (MaskedSparseCategoricalCrossentropy(), np.full(3, -1, "int32"), np.ones((3, 4))),
        (MaskedBinaryCrossentropy(), np.full((3, 4), np.nan), np.ones((3, 4))),
        (MaskedMeanSquaredError(), np.full(3, np.nan), np.ones(3)),
    ],
)
def test_without_any_label_loss_and_gradient_are_exactly_zero(loss, missing, logits):
    value, gradient = jax.value_and_grad(lambda x: loss(missing, x))(logits.astype("float32"))
    assert value == 0
    assert (np.asarray(gradient) == 0).all()


def test_extreme_logits_give_finite_loss_and_gradient():
    targets = np.array([[1.0, 0.0]], "float32")
    logits = np.array([[-1e4, 1e4]], "float32")
    value, gradient = jax.value_and_grad(lambda x: MaskedBinaryCrossentropy()(targets, x))(logits)
    assert value == pytest.approx(1e4)
    assert np.isfinite(gradient).all()


def test_weights_of_zero_make_the_loss_zero():
    targets = np.array([0, 1], "int32")
    loss = MaskedSparseCategoricalCrossentropy()(targets, np.ones((2, 2), "float32"), np.zeros(2))
    assert float(loss) == 0


@pytest.mark.parametrize(
    "loss", [MaskedSparseCategoricalCrossentropy(), MaskedMeanSquaredError(scale=3.0)]
)
def test_losses_round_trip_through_keras_config(loss):
    copy = keras.losses.deserialize(keras.losses.serialize(loss))
    assert type(copy) is type(loss)
    assert copy.get_config() == loss.get_config()
