"""Losses equal their definitions, and leave out missing labels in value and in gradient."""

import json

import jax
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, huber, log_expit, log_softmax

from mtc_keras.tasks.losses import (
    MaskedAsymmetric,
    MaskedBinaryCrossentropy,
    MaskedBinaryFocal,
    MaskedCORN,
    MaskedHuber,
    MaskedLogitAdjusted,
    MaskedLoss,
    MaskedMeanAbsoluteError,
    MaskedMeanSquaredError,
    MaskedSparseCategoricalCrossentropy,
    MaskedSparseCategoricalFocal,
)

CLASSES = 4
WEIGHTS = [0.25, 1.0, 3.0, 0.0]
FREQUENCIES = [0.6, 0.3, 0.09, 0.01]
# The same examples in every run, and no limit of time that a busy machine would miss.
same_examples = settings(derandomize=True, deadline=None, max_examples=15)
batches = st.tuples(st.integers(0, 10**6), st.sampled_from([1, 6]))
extremes = [-1e4, -100.0, -17.0, 0.0, 17.0, 100.0, 1e4]


# === The definitions, in NumPy ===


def mean_over_known(elements, known, rows):
    """Returns Σ w·m·l / Σ w·m, and 0 where nothing is known."""
    weights = np.broadcast_to(rows.reshape(-1, *[1] * (known.ndim - 1)), known.shape)[known]
    return (weights * elements[known]).sum() / weights.sum() if weights.sum() > 0 else 0.0


def softmax_loss(targets, logits, rows, weights=(1,) * CLASSES, smoothing=0.0, gamma=0.0, tau=0.0):
    elements = np.zeros(len(targets))
    for row, target in enumerate(targets):
        log_p = log_softmax(logits[row].astype("float64") + tau * np.log(FREQUENCIES))
        for c in range(CLASSES):
            q = (1 - smoothing) * (c == target) + smoothing / CLASSES
            elements[row] -= weights[target] * q * (1 - np.exp(log_p[c])) ** gamma * log_p[c]
    return mean_over_known(elements, targets >= 0, rows)


def sigmoid_loss(
    targets, logits, rows, weights=(1,) * CLASSES, smoothing=0.0, gammas=(0.0, 0.0), margin=0.0
):
    p = expit(logits.astype("float64"))
    shifted = np.maximum(p - margin, 0)
    ones = -((1 - p) ** gammas[0]) * log_expit(logits.astype("float64"))
    zeros = -(shifted ** gammas[1]) * np.log1p(-shifted)
    q = targets * (1 - smoothing) + smoothing / 2
    elements = np.array(weights) * q * ones + (1 - q) * zeros
    return mean_over_known(elements, ~np.isnan(targets), rows)


def corn_loss(targets, logits, rows, weights=(1,) * (CLASSES + 1)):
    """Shi, Cao & Raschka 2021, section 3.3: for each k the rows with y ≥ k, by a loop."""
    total = pairs = 0.0
    for k in range(CLASSES):
        for target, z, row in zip(targets, logits[:, k].astype("float64"), rows, strict=True):
            if target >= k:
                log_p = np.log(expit(z)) if target > k else np.log(1 - expit(z))
                total -= row * weights[target] * log_p
                pairs += row
    return total / pairs if pairs else 0.0


def number_loss(of_error):
    def loss(targets, values, rows):
        error = (values.astype("float64") - targets) / 2.5
        return mean_over_known(of_error(error), ~np.isnan(targets), rows)

    return loss


# === Batches: rows of random labels, some missing, logits and row weights ===


def logits_of(random, rows):
    return random.normal(scale=3, size=(rows, CLASSES)).astype("float32")


def one_class(random, rows):
    return random.integers(-1, CLASSES, rows).astype("int32"), logits_of(random, rows)


def one_of_five(random, rows):
    return random.integers(-1, CLASSES + 1, rows).astype("int32"), logits_of(random, rows)


def any_classes(random, rows):
    targets = random.choice([0.0, 1.0, np.nan], size=(rows, CLASSES))
    return targets.astype("float32"), logits_of(random, rows)


def a_number(random, rows):
    targets = random.choice([1.0, 2.0, 3.5, np.nan], size=rows).astype("float32")
    return targets, random.normal(scale=5, size=rows).astype("float32")


def defined(reference, **values):
    return lambda *batch: reference(*batch, **values)


Softmax, Sigmoid = MaskedSparseCategoricalCrossentropy, MaskedBinaryCrossentropy
# name: the loss, its definition, its batches
LOSSES = {
    "softmax": (Softmax(), softmax_loss, one_class),
    "softmax, smoothed": (
        Softmax(label_smoothing=0.2),
        defined(softmax_loss, smoothing=0.2),
        one_class,
    ),
    "softmax, weighted": (Softmax(WEIGHTS), defined(softmax_loss, weights=WEIGHTS), one_class),
    "softmax, smoothed and weighted": (
        Softmax(WEIGHTS, 0.1),
        defined(softmax_loss, weights=WEIGHTS, smoothing=0.1),
        one_class,
    ),
    **{
        f"softmax focal {gamma}": (
            MaskedSparseCategoricalFocal(gamma),
            defined(softmax_loss, gamma=gamma),
            one_class,
        )
        for gamma in (0.0, 0.5, 2.0)
    },
    "softmax focal, smoothed and weighted": (
        MaskedSparseCategoricalFocal(1.5, class_weights=WEIGHTS, label_smoothing=0.1),
        defined(softmax_loss, gamma=1.5, weights=WEIGHTS, smoothing=0.1),
        one_class,
    ),
    **{
        f"logit adjusted {tau}": (
            MaskedLogitAdjusted(FREQUENCIES, tau),
            defined(softmax_loss, tau=tau),
            one_class,
        )
        for tau in (0.0, 1.0, 1.5)
    },
    "logit adjusted, smoothed and weighted": (
        MaskedLogitAdjusted(FREQUENCIES, class_weights=WEIGHTS, label_smoothing=0.1),
        defined(softmax_loss, tau=1.0, weights=WEIGHTS, smoothing=0.1),
        one_class,
    ),
    "sigmoid": (Sigmoid(), sigmoid_loss, any_classes),
    "sigmoid, smoothed": (
        Sigmoid(label_smoothing=0.2),
        defined(sigmoid_loss, smoothing=0.2),
        any_classes,
    ),
    "sigmoid, weighted": (Sigmoid(WEIGHTS), defined(sigmoid_loss, weights=WEIGHTS), any_classes),
    "sigmoid, smoothed and weighted": (
        Sigmoid(WEIGHTS, 0.1),
        defined(sigmoid_loss, weights=WEIGHTS, smoothing=0.1),
        any_classes,
    ),
    **{
        f"sigmoid focal {gamma}": (
            MaskedBinaryFocal(gamma),
            defined(sigmoid_loss, gammas=(gamma, gamma)),
            any_classes,
        )
        for gamma in (0.0, 0.5, 2.0)
    },
    "sigmoid focal, smoothed and weighted": (
        MaskedBinaryFocal(1.5, class_weights=WEIGHTS, label_smoothing=0.1),
        defined(sigmoid_loss, gammas=(1.5, 1.5), weights=WEIGHTS, smoothing=0.1),
        any_classes,
    ),
    **{
        f"asymmetric {positive}, {negative}, {margin}": (
            MaskedAsymmetric(positive, negative, margin),
            defined(sigmoid_loss, gammas=(positive, negative), margin=margin),
            any_classes,
        )
        for positive, negative, margin in [
            (0.0, 4.0, 0.05),
            (1.0, 2.0, 0.2),
            (0.0, 0.0, 0.0),
            (0.5, 0.5, 0.0),
            (2.0, 2.0, 0.0),
            (0.5, 0.5, 0.3),
            (0.0, 0.0, 0.05),
        ]
    },
    "asymmetric, smoothed and weighted": (
        MaskedAsymmetric(1.0, 3.0, 0.1, class_weights=WEIGHTS, label_smoothing=0.1),
        defined(sigmoid_loss, gammas=(1.0, 3.0), margin=0.1, weights=WEIGHTS, smoothing=0.1),
        any_classes,
    ),
    "CORN": (MaskedCORN(), corn_loss, one_of_five),
    "CORN, weighted": (
        MaskedCORN([*WEIGHTS, 2.0]),
        defined(corn_loss, weights=[*WEIGHTS, 2.0]),
        one_of_five,
    ),
    "squared": (MaskedMeanSquaredError(2.5), number_loss(np.square), a_number),
    "absolute": (MaskedMeanAbsoluteError(2.5), number_loss(np.abs), a_number),
    **{
        f"Huber {delta}": (
            MaskedHuber(delta, scale=2.5),
            number_loss(lambda error, delta=delta: huber(delta, error)),
            a_number,
        )
        for delta in (0.3, 1.0, 2.0)
    },
}


@pytest.fixture(params=LOSSES)
def case(request):
    return LOSSES[request.param]


# === Values and gradients ===


@pytest.mark.parametrize("name", LOSSES)
@same_examples
@given(batch=batches)
def test_a_loss_equals_its_definition_over_the_known_labels(name, batch):
    loss, reference, draw = LOSSES[name]
    seed, rows = batch
    random = np.random.default_rng(seed)
    targets, logits = draw(random, rows)
    weights = random.uniform(0.1, 3, rows).astype("float32")
    expected = reference(targets, logits, weights)
    assert float(loss(targets, logits, weights)) == pytest.approx(expected, rel=1e-4, abs=1e-5)
    expected = reference(targets, logits, np.ones(rows))
    assert float(loss(targets, logits)) == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_the_gradient_is_that_of_the_definition(case):
    loss, reference, draw = case
    targets, logits = draw(np.random.default_rng(3), 6)
    gradient = np.asarray(jax.grad(lambda x: loss(targets, x))(logits))
    step, ones = 1e-4, np.ones(6)
    for at in np.ndindex(logits.shape):
        change = np.zeros(logits.shape)
        change[at] = step
        above, below = (reference(targets, logits + sign * change, ones) for sign in (1, -1))
        assert gradient[at] == pytest.approx((above - below) / (2 * step), abs=1e-4)


def test_rows_of_weight_zero_count_as_little_as_missing_ones(case):
    loss, _, draw = case
    targets, logits = draw(np.random.default_rng(1), 6)
    weights = np.array([1, 0, 1, 1, 0, 1], "float32")
    kept = weights > 0
    alone = float(loss(targets[kept], logits[kept]))
    assert float(loss(targets, logits, weights)) == pytest.approx(alone, rel=1e-5)


def test_logits_of_missing_labels_change_nothing(case):
    loss, _, draw = case
    targets, logits = draw(np.random.default_rng(2), 6)
    missing = targets < 0 if targets.dtype.kind == "i" else np.isnan(targets)
    assert missing.any()
    other = logits.copy()
    other[missing] = 77.0
    assert float(loss(targets, other)) == float(loss(targets, logits))


@pytest.mark.parametrize("missing", ["label", "weight"])
def test_without_any_label_loss_and_gradient_are_exactly_zero(case, missing):
    loss, _, draw = case
    targets, logits = draw(np.random.default_rng(0), 6)
    weights = np.ones(6, "float32")
    if missing == "label":
        targets[:] = -1 if targets.dtype.kind == "i" else np.nan
    else:
        weights[:] = 0
    value, gradient = jax.value_and_grad(lambda x: loss(targets, x, weights))(logits)
    assert value == 0
    assert (np.asarray(gradient) == 0).all()


def test_extreme_logits_give_finite_loss_and_gradient(case):
    loss, _, draw = case
    targets, logits = draw(np.random.default_rng(0), 49)
    if logits.ndim == 1:
        logits[:] = np.resize(extremes, 49)
    else:  # all pairs of extremes; the other logits are zero
        logits[:] = 0
        logits[:, 0], logits[:, 1] = np.repeat(extremes, 7), np.tile(extremes, 7)
    # Each pair of logits with random targets, and with each constant one.
    several = [np.zeros_like(targets), np.ones_like(targets)]
    if targets.dtype.kind == "i":
        several += [np.full_like(targets, 2), np.full_like(targets, 3)]
    for constant in [targets, *several]:
        value, gradient = jax.value_and_grad(lambda x, y=constant: loss(y, x))(logits)
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()


def test_a_loss_is_the_same_when_compiled(case):
    loss, _, draw = case
    targets, logits = draw(np.random.default_rng(4), 6)
    weights = np.linspace(0.5, 2, 6).astype("float32")
    found = jax.jit(loss.__call__)(targets, logits, weights)
    assert float(found) == pytest.approx(float(loss(targets, logits, weights)), rel=1e-5)


# === Class weights: in the numerator alone ===


@pytest.mark.parametrize("kind", [Softmax, MaskedSparseCategoricalFocal, MaskedCORN])
def test_class_weights_do_not_enter_the_denominator(kind):
    # Targets of one class: with weights in the denominator they would cancel out.
    targets, logits = np.ones(3, "int32"), np.ones((3, 4), "float32")
    plain = float(kind()(targets, logits))
    classes = 5 if kind is MaskedCORN else 4
    weights = [5.0 if index == 1 else 1.0 for index in range(classes)]
    weighted = float(kind(class_weights=weights)(targets, logits))
    assert weighted == pytest.approx(5 * plain)


@pytest.mark.parametrize("kind", [Sigmoid, MaskedBinaryFocal, MaskedAsymmetric])
def test_class_weights_of_several_labels_are_those_of_positives(kind):
    logits = np.ones((1, 2), "float32")
    for targets, factor in (([[1, 1]], 5), ([[0, 0]], 1)):
        targets = np.array(targets, "float32")
        plain = float(kind()(targets, logits))
        weighted = float(kind(class_weights=[5.0, 5.0])(targets, logits))
        assert weighted == pytest.approx(factor * plain)


def test_the_mean_is_over_cells_so_that_half_known_rows_weigh_half():
    targets = np.array([[1, np.nan], [1, 1]], "float32")
    logits = np.array([[0, 9], [5, 5]], "float32")
    expected = (np.log(2) + 2 * np.log1p(np.exp(-5))) / 3
    assert float(Sigmoid()(targets, logits)) == pytest.approx(expected)


# === What the parameters do ===


def test_gamma_of_zero_is_the_cross_entropy():
    random = np.random.default_rng(0)
    for focal, plain, draw in (
        (MaskedSparseCategoricalFocal(0.0), Softmax(), one_class),
        (MaskedBinaryFocal(0.0), Sigmoid(), any_classes),
        (MaskedAsymmetric(0.0, 0.0, 0.0), Sigmoid(), any_classes),
    ):
        targets, logits = draw(random, 6)
        assert float(focal(targets, logits)) == pytest.approx(float(plain(targets, logits)))


def test_negatives_below_the_margin_have_neither_loss_nor_gradient():
    loss = MaskedAsymmetric(margin=0.2)
    targets = np.zeros((1, 2), "float32")
    logits = np.log(np.array([[0.1, 0.19]]) / np.array([[0.9, 0.81]])).astype("float32")
    value, gradient = jax.value_and_grad(lambda x: loss(targets, x))(logits)
    assert value == 0
    assert (np.asarray(gradient) == 0).all()


def test_without_a_margin_sure_wrong_negatives_keep_their_loss():
    # log(1 - p) in float32 would end at p = 1.
    value = MaskedAsymmetric(0.0, 2.0, 0.0)(np.zeros((1, 1), "float32"), np.full((1, 1), 300.0))
    assert float(value) == pytest.approx(300.0)


def test_equal_logits_are_the_best_constant_where_logits_are_adjusted():
    # Frequencies are added in training, so that a head need not learn them.
    targets = np.repeat(np.arange(4), [60, 30, 9, 1]).astype("int32")
    loss = MaskedLogitAdjusted(FREQUENCIES)
    gradient = jax.grad(lambda z: loss(targets, jax.numpy.tile(z, (100, 1))))(np.zeros(4, "f4"))
    assert np.asarray(gradient) == pytest.approx(np.zeros(4), abs=1e-6)


def test_corn_counts_only_pairs_of_a_row_and_a_level_that_it_reached():
    # Class 0 has one pair, class 2 (the highest) two: three of log 2 each at zero logits.
    targets, logits = np.array([0, 2], "int32"), np.zeros((2, 2), "float32")
    total, pairs = MaskedCORN().sums(targets, logits)
    assert (float(total), float(pairs)) == (pytest.approx(3 * np.log(2)), 3.0)


def test_corn_takes_no_notice_of_levels_that_a_row_did_not_reach():
    targets = np.array([0], "int32")
    near, far = np.array([[0.5, -3.0]], "float32"), np.array([[0.5, 8.0]], "float32")
    assert float(MaskedCORN()(targets, near)) == float(MaskedCORN()(targets, far))


def test_squared_error_is_in_units_of_the_scale():
    targets, values = np.array([1.0, np.nan, 5.0]), np.array([3.0, 9.0, 5.0])
    assert float(MaskedMeanSquaredError(scale=2.0)(targets, values)) == pytest.approx(0.5)


def test_hubers_loss_changes_from_squared_to_linear_at_delta():
    loss = MaskedHuber(delta=2.0)
    zero = np.zeros(1, "float32")
    found = [float(loss(zero, np.array([e], "float32"))) for e in (1.0, 2.0, -3.0)]
    assert found == pytest.approx([0.5, 2.0, 4.0])


def test_the_gradient_of_absolute_and_hubers_loss_does_not_grow_with_the_error():
    zero = np.zeros(1, "float32")
    for loss in (MaskedMeanAbsoluteError(2.0), MaskedHuber(1.0, scale=2.0)):
        for error in (10.0, 1e4):
            gradient = jax.grad(lambda x, loss=loss: loss(zero, x))(np.array([error], "float32"))
            assert float(gradient[0]) == pytest.approx(0.5)


# === Saving ===


def test_losses_round_trip_through_keras_config(case):
    loss, _, draw = case
    copy = keras.losses.deserialize(json.loads(json.dumps(keras.losses.serialize(loss))))
    assert type(copy) is type(loss)
    assert copy.get_config() == loss.get_config()
    targets, logits = draw(np.random.default_rng(0), 6)
    assert float(copy(targets, logits)) == float(loss(targets, logits))


@pytest.mark.parametrize(
    "loss",
    [
        Softmax((1.0, 2.0), 0.25, name="own"),
        MaskedSparseCategoricalFocal(0.5, class_weights=(1.0, 2.0), label_smoothing=0.25),
        MaskedLogitAdjusted((0.75, 0.25), 0.5, class_weights=(1.0, 2.0), label_smoothing=0.25),
        MaskedCORN((1.0, 2.0)),
        Sigmoid((1.0, 2.0), 0.25),
        MaskedBinaryFocal(0.5, class_weights=(1.0, 2.0), label_smoothing=0.25),
        MaskedAsymmetric(1.0, 2.0, 0.5, class_weights=(1.0, 2.0), label_smoothing=0.25),
        MaskedMeanSquaredError(2.0, name="own"),
        MaskedMeanAbsoluteError(2.0),
        MaskedHuber(0.5, scale=2.0),
    ],
    ids=lambda loss: type(loss).__name__,
)
def test_every_argument_of_a_loss_survives_saving(loss):
    copy = keras.losses.deserialize(json.loads(json.dumps(keras.losses.serialize(loss))))
    assert isinstance(copy, MaskedLoss)
    own = {key: value for key, value in vars(loss).items() if not key.startswith("_")}
    assert own.items() <= vars(copy).items()
    assert copy.get_config() == loss.get_config()
