"""Pooling of windows: rules, their limits, and no dependence on what else is in the batch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mtc_keras.model.window_pooling import WindowPooling, make_poolings, pool_windows
from mtc_keras.tasks import Multiclass, Ordinal, Regression

RULES = ("max", "mean", "attention")
logits = arrays.arrays(
    "float32", (6, 3), elements=st.floats(-8, 8, width=32, allow_subnormal=False), fill=st.nothing()
)
COUNTS = np.array([1, 3, 2])
TEXT = np.repeat(np.arange(3), COUNTS)


def layer(rule, alpha=1.0, shape=(None, 3), **options):
    made = WindowPooling(rule, **options)
    made.build(shape)
    if rule == "attention":
        made.alpha.assign(np.full(made.alpha.shape, alpha))
    return made


def pooled(made, values, text=TEXT, texts=3):
    return np.asarray(made(values, text, texts=texts))


@pytest.mark.parametrize("rule", RULES)
@given(logits, st.permutations(range(6)))
def test_fuzz_the_order_of_windows_does_not_matter_and_one_window_stays_as_it_is(
    rule, values, order
):
    made = layer(rule)
    found = pooled(made, values)
    np.testing.assert_allclose(pooled(made, values[order], TEXT[order]), found, atol=1e-5)
    np.testing.assert_array_equal(found[0], values[0])
    # Never beyond the least and the greatest of a text.
    for text in range(3):
        own = values[text == TEXT]
        assert (found[text] >= own.min(0) - 1e-4).all()
        assert (found[text] <= own.max(0) + 1e-4).all()


@given(logits)
def test_fuzz_attention_lies_between_the_mean_and_the_maximum(values):
    mean, most = (pooled(layer(rule), values) for rule in ("mean", "max"))
    np.testing.assert_allclose(pooled(layer("attention", 0.0), values), mean, atol=1e-5)
    # exp(-100 · gap) is nothing where there is a gap at all.
    np.testing.assert_allclose(pooled(layer("attention", 1e4), values), most, atol=1e-2)
    found = pooled(layer("attention"), values)
    assert (found >= mean - 1e-4).all() and (found <= most + 1e-4).all()


@pytest.mark.parametrize("rule", RULES)
def test_what_is_no_window_does_not_count(rule):
    values = np.array([[1.0, 2], [3, -1], [99, 99]], "float32")
    made = layer(rule, shape=(None, 2))
    found = pooled(made, values, np.array([0, 0, 1]), 1)
    np.testing.assert_array_equal(found, pooled(made, values[:2], np.array([0, 0]), 1))


@pytest.mark.parametrize("rule", RULES)
def test_shares_are_those_with_which_windows_count(rule):
    values = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")
    made = layer(rule)
    shares = np.asarray(made.shares(values, TEXT, 3))
    found = np.zeros((3, 3))
    np.add.at(found, TEXT, shares * values)
    np.testing.assert_allclose(found, pooled(made, values), atol=1e-5)


def test_an_ordinal_task_weighs_windows_whole_and_a_number_in_its_unit():
    tasks = [
        Ordinal(name="stars", classes=["1", "2", "3"], window_pooling="attention"),
        Regression(name="years", mean=1e3, scale=100.0, window_pooling="attention"),
        Multiclass(name="mood", classes=["a", "b"]),
    ]
    shapes = {"stars": (None, 2), "years": (None,), "mood": (None, 2)}
    poolings = make_poolings(tasks, shapes)
    assert [len(poolings[name].trainable_variables) for name in shapes] == [1, 1, 0]
    text = np.zeros(2, "int32")
    stars = np.array([[4, 0], [-4, 1]], "float32")
    shares = np.asarray(poolings["stars"].shares(stars, text, 1))
    np.testing.assert_array_equal(shares[:, 0], shares[:, 1])
    found = pool_windows(poolings, {"years": np.array([1000, 1100], "float32")}, text, 1)
    # One standard deviation apart: weights 1 : e.
    assert found["years"][0] == pytest.approx(1000 + 100 * np.e / (1 + np.e), rel=1e-5)


@pytest.mark.parametrize("rule", RULES)
def test_gradients_are_finite_and_reach_the_windows_alone(rule):
    import jax

    made = layer(rule, shape=(None, 2))
    text = np.array([0, 0, 1, 2])

    def total(values):
        return made(values, text, texts=2).sum()

    gradient = np.asarray(jax.grad(total)(np.array([[1.0, 1], [1, 2], [0, 0], [5, 5]], "float32")))
    assert np.isfinite(gradient).all()
    assert (gradient[3] == 0).all()
    np.testing.assert_allclose(gradient[2], [1, 1])
