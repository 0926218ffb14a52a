"""Ordered classes: a CORN head, the median as the decision, and metrics that know the order."""

import math

import jax
import keras
import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.optimize import minimize
from scipy.special import expit

from mtc_keras.tasks import Ordinal
from mtc_keras.tasks.losses import MaskedCORN

STARS = Ordinal(name="stars", classes=["1", "2", "3", "4", "5"])
same_examples = settings(derandomize=True, deadline=None)
four_logits = arrays.arrays("float32", (3, 4), elements=st.floats(-30, 30, width=32))


def probabilities_of(logits):
    return keras.ops.convert_to_numpy(STARS.activate(np.asarray(logits, "float32")))


# === Classes ===


def test_the_order_of_the_classes_must_be_given_and_the_error_says_how():
    with pytest.raises(ValueError, match="listed from lowest to highest") as error:
        Ordinal(name="stars")
    assert 'kind = "ordinal"' in str(error.value)
    assert 'classes = ["…", "…"]' in str(error.value)


def test_classes_keep_the_order_in_which_they_are_listed():
    task = Ordinal(name="size", classes=["small", "medium", "large"]).learn(["large", "small"])
    assert task.classes == ["small", "medium", "large"]
    assert task.encode(["large", None, "medium"])[0].tolist() == [2, -1, 1]


def test_a_number_of_classes_is_an_order_too():
    task = Ordinal(name="grade", num_classes=3).learn([0, 2])
    assert task.classes == ["0", "1", "2"]
    assert task.encode([2, "0", ""])[0].tolist() == [2, 0, -1]


def test_integers_name_classes_that_read_as_integers():
    assert STARS.encode([5, "1", 3.0])[0].tolist() == [4, 0, 2]


# === Head and probabilities ===


def test_the_head_has_a_logit_less_than_classes():
    features = keras.Input((7,))
    assert STARS.output(features, "stars").shape == (None, 4)


def test_the_loss_of_the_task_is_that_of_conditional_ordinal_regression():
    task = Ordinal(name="grade", classes=["a", "b", "c"], class_weights={"c": 4.0})
    assert isinstance(task.make_loss(), MaskedCORN)
    assert task.make_loss().class_weights == [1.0, 1.0, 4.0]


@same_examples
@given(four_logits)
def test_probabilities_follow_from_the_chain_rule(logits):
    found = probabilities_of(logits)
    for row, p in zip(logits.astype("float64"), found, strict=True):
        above = 1.0  # P(y > k) = Π_{j ≤ k} P(y > j | y ≥ j)
        for k in range(4):
            reached, above = above, above * expit(row[k])
            assert p[k] == pytest.approx(reached - above, abs=1e-6)
        assert p[4] == pytest.approx(above, abs=1e-6)


@same_examples
@given(four_logits)
def test_probabilities_sum_to_one_and_exceedance_never_rises(logits):
    found = probabilities_of(logits)
    assert found.shape == (3, 5)
    assert found.dtype == np.float32
    assert (found >= 0).all()
    assert found.sum(axis=1) == pytest.approx(np.ones(3), abs=1e-6)
    above = found[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]
    assert (np.diff(above, axis=1) <= 0).all()


@pytest.mark.parametrize("extreme", [-1e4, 1e4])
def test_extreme_logits_are_sure_of_an_end(extreme):
    end = [1, 0, 0, 0, 0] if extreme < 0 else [0, 0, 0, 0, 1]
    assert probabilities_of(np.full((1, 4), extreme)).tolist() == [end]


# === Decision ===


@same_examples
@given(four_logits)
def test_the_class_decided_is_the_median(logits):
    """The first class by which half of the probability is reached."""
    found = probabilities_of(logits)
    decided = STARS.decide(found)
    assert decided.dtype == np.int32
    for p, chosen in zip(found.astype("float64"), decided, strict=True):
        assert p[: chosen + 1].sum() >= 0.5 - 1e-6
        assert p[:chosen].sum() <= 0.5 + 1e-6


def test_the_median_need_not_be_the_most_probable_class():
    p = np.array([[0.4, 0.05, 0.15, 0.2, 0.2]], "float32")
    assert STARS.decide(p).tolist() == [2]


def test_half_of_the_probability_is_reached_at_one_half_exactly():
    p = np.array([[0.5, 0.0, 0.0, 0.0, 0.5], [0.25, 0.25, 0.5, 0.0, 0.0]], "float32")
    assert STARS.decide(p).tolist() == [0, 1]


def test_the_median_has_the_least_expected_distance():
    random = np.random.default_rng(0)
    p = random.dirichlet(np.ones(5), size=200).astype("float32")
    distance = np.abs(np.arange(5)[:, None] - np.arange(5))
    expected = p @ distance
    chosen = STARS.decide(p)
    assert expected[np.arange(200), chosen] == pytest.approx(expected.min(axis=1), abs=1e-5)


def test_a_row_is_shown_with_the_median_and_its_probability():
    p = np.array([0.4, 0.05, 0.15, 0.2, 0.2], "float32")
    assert STARS.describe(p) == {"label": "3", "probability": pytest.approx(0.15)}
    unsure = STARS.describe(p, abstain_below=0.5)
    assert unsure["label"] is None
    assert unsure["abstained"] is True
    assert unsure["confidence"] == pytest.approx(0.15)


# === Judgement ===


@pytest.mark.parametrize("opposite, kappa", [(False, 1.0), (True, -1.0)])
def test_kappa_of_perfect_and_of_opposite_predictions(opposite, kappa):
    targets = np.array([0, 1, 2, 3, 4], "int32")
    found = STARS.score(targets, 4 - targets if opposite else targets)
    predictions = targets[::-1] if opposite else targets
    expected = sklearn.metrics.cohen_kappa_score(targets, predictions, weights="quadratic")
    assert found["quadratic_weighted_kappa"] == pytest.approx(expected)
    assert found["quadratic_weighted_kappa"] == pytest.approx(kappa)
    assert found["mae"] == pytest.approx(12 / 5 if opposite else 0.0)


def test_errors_count_in_classes_over_labelled_rows():
    targets = np.array([0, -1, 4, 2], "int32")
    predictions = np.array([3, 0, 4, 1], "int32")
    found = STARS.score(targets, predictions)
    assert found["mae"] == pytest.approx((3 + 0 + 1) / 3)
    assert found["accuracy"] == pytest.approx(1 / 3)
    assert type(found["mae"]) is type(found["quadratic_weighted_kappa"]) is float


def test_kappa_is_undefined_where_everything_is_one_class():
    same = np.full(3, 2, "int32")
    found = STARS.score(same, same)
    assert math.isnan(found["quadratic_weighted_kappa"])
    assert found["mae"] == 0.0


def test_the_score_of_the_task_is_kappa_and_every_metric_it_names_is_there():
    targets = np.array([0, 1, 2], "int32")
    found = STARS.score(targets, targets)
    assert STARS.main_metric == "quadratic_weighted_kappa"
    assert set(STARS.metric_names) == set(found) - {"classes"}
    assert set(STARS.shown_metrics) <= set(STARS.metric_names)


# === The best constant ===


@pytest.mark.parametrize("counts", [[10, 20, 30, 25, 15], [1, 1, 1, 1, 96], [50, 2, 2, 2, 44]])
def test_the_constant_loss_is_the_least_loss_of_constant_logits(counts):
    targets = np.repeat(np.arange(5), counts).astype("int32")
    loss = MaskedCORN()

    @jax.jit
    def of_constant(logits):
        tiled = jax.numpy.broadcast_to(logits, (len(targets), 4))
        return jax.value_and_grad(lambda z: loss(targets, z))(tiled)

    def step(logits):
        value, gradient = of_constant(logits.astype("float32"))
        return float(value), np.asarray(gradient, "float64").sum(axis=0)

    least = minimize(step, np.zeros(4), jac=True, method="BFGS").fun
    assert STARS.measure(targets).constant_loss() == pytest.approx(least, rel=1e-4)


def test_the_constant_loss_takes_no_notice_of_missing_labels():
    targets = np.array([0, 1, 1, 4], "int32")
    more = np.array([0, -1, 1, 1, -1, 4], "int32")
    expected = STARS.measure(targets).constant_loss()
    assert STARS.measure(more).constant_loss() == expected


def test_a_class_that_training_lacks_has_a_finite_constant_loss():
    # Pairs with y ≥ k: 4, 2, 2, 2; above: 2, 2, 2, 0.
    targets = np.array([0, 0, 3, 3], "int32")
    expected = 4 * np.log(2) / (4 + 2 + 2 + 2)
    assert STARS.measure(targets).constant_loss() == pytest.approx(expected)
    assert STARS.measure(np.zeros(3, "int32")).constant_loss() == 0.0


def test_without_counts_there_is_no_constant_loss():
    with pytest.raises(ValueError, match="needs the counts"):
        STARS.constant_loss()
