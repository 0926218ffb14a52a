"""Targets that give the share of each class: at 0 and 1 hard labels to the bit, else their mean."""

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.tasks.losses import MaskedCORN, MaskedLoss
from tests.fuzzing import tries
from tests.tasks.test_losses import LOSSES, a_number

OF_CLASSES = {name: case for name, case in LOSSES.items() if case[2] is not a_number}
OF_ONE_CLASS = [name for name, case in OF_CLASSES.items() if case[2].__name__ != "any_classes"]


def num_classes(loss: MaskedLoss, logits: np.ndarray) -> int:
    return logits.shape[1] + isinstance(loss, MaskedCORN)


def one_hot(targets: np.ndarray, classes: int) -> np.ndarray:
    shares = np.eye(classes, dtype="float32")[targets]
    return np.where(targets[:, None] < 0, np.float32(np.nan), shares)


def value_and_gradient(loss, targets, logits, weights, compiled):
    call = jax.value_and_grad(lambda y, x: loss(y, x, weights), argnums=1)
    value, gradient = (jax.jit(call) if compiled else call)(targets, logits)
    # The sign of a zero is of no consequence.
    return np.asarray(value) + 0, np.asarray(gradient) + 0


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("name", OF_ONE_CLASS)
def test_at_0_and_1_shares_are_hard_labels_to_the_bit(name, compiled):
    loss, _, draw = OF_CLASSES[name]
    for seed, rows in ((0, 1), (1, 6), (2, 33)):
        random = np.random.default_rng(seed)
        targets, logits = draw(random, rows)
        shares = one_hot(targets, num_classes(loss, logits))
        for weights in (None, random.uniform(0, 3, rows).astype("float32")):
            hard = value_and_gradient(loss, targets, logits, weights, compiled)
            soft = value_and_gradient(loss, shares, logits, weights, compiled)
            assert hard[0].tobytes() == soft[0].tobytes()
            assert hard[1].tobytes() == soft[1].tobytes()


@pytest.mark.parametrize("name", OF_CLASSES)
@tries(5)
@given(seed=st.integers(0, 10**6), voters=st.integers(1, 5))
def test_fuzz_a_row_of_shares_costs_what_its_voters_cost_as_rows(name, seed, voters):
    loss, _, draw = OF_CLASSES[name]
    random = np.random.default_rng(seed)
    targets, logits = draw(random, 4 * voters)
    logits, weights = logits[:4], random.uniform(0.1, 2, 4).astype("float32")
    if name in OF_ONE_CLASS:  # every voter of a row votes, or none does
        targets = np.abs(targets).reshape(4, voters)
        targets[3] = -1
        votes = one_hot(targets.ravel(), num_classes(loss, logits)).reshape(4, voters, -1)
    else:
        targets = targets.reshape(4, voters, -1)
        targets = np.where(np.isnan(targets[:, :1]), np.float32(np.nan), np.nan_to_num(targets))
        votes = targets
    alone = loss(
        targets.reshape(4 * voters, *targets.shape[2:]),
        np.repeat(logits, voters, axis=0),
        np.repeat(weights / voters, voters),
    )
    joined = loss(votes.mean(axis=1), logits, weights)
    assert float(joined) == pytest.approx(float(alone), rel=2e-5, abs=1e-6)


def test_shares_whose_classes_all_have_the_weight_0_cost_nothing():
    loss = LOSSES["softmax, smoothed and weighted"][0]  # its last class has the weight 0
    shares = np.array([[0, 0, 0, 1]], "float32")
    value, gradient = value_and_gradient(loss, shares, np.ones((1, 4), "float32"), None, False)
    assert value == 0
    assert (gradient == 0).all()
