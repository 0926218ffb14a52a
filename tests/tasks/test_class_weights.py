"""What the counts of the training labels decide: class weights, constant losses, first biases."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.optimize import minimize
from scipy.special import expit, log_expit, log_softmax
from sklearn.utils.class_weight import compute_class_weight

from mtc_keras.tasks import Multiclass, Multilabel, Ordinal, Regression, losses

NAN = np.nan
COLORS = ["red", "green", "blue"]
SINGLE = [Multiclass, Ordinal]
WITH_CLASSES = [*SINGLE, Multilabel]
same_examples = settings(derandomize=True, deadline=None, max_examples=30)
# Each class comes at least once, and some labels are missing.
targets_of_all = st.lists(st.integers(-1, 2), max_size=40).map(
    lambda more: np.array([0, 1, 2, *more], "int32")
)
cells = arrays.arrays(
    "float32", st.tuples(st.integers(2, 20), st.just(3)), elements=st.sampled_from([0.0, 1.0, NAN])
)


def weights_of(kind, targets, **settings):
    """Returns the class weights that a task with these settings gives after measuring."""
    return kind(name="task", classes=COLORS, **settings).measure(targets).class_weight_list


# === Exactly one class per row ===


@pytest.mark.parametrize("kind", SINGLE)
@same_examples
@given(targets=targets_of_all)
def test_balanced_weights_are_scikit_learns(kind, targets):
    known = targets[targets >= 0]
    expected = compute_class_weight("balanced", classes=np.arange(3), y=known)
    found = weights_of(kind, targets, class_weights="balanced", max_class_weight=1e6)
    assert found == pytest.approx(expected.tolist())


@pytest.mark.parametrize("kind", SINGLE)
@pytest.mark.parametrize("beta", [0.9, 0.999])
@same_examples
@given(targets=targets_of_all)
def test_effective_weights_follow_cui_et_al(kind, beta, targets):
    """Weights (1 - β) / (1 - β^n) of mean 1."""
    counts = [int((targets == c).sum()) for c in range(3)]
    raw = np.array([(1 - beta) / (1 - beta**n) for n in counts])
    found = weights_of(
        kind, targets, class_weights="effective", class_weight_beta=beta, max_class_weight=1e6
    )
    assert found == pytest.approx((raw * 3 / raw.sum()).tolist(), rel=1e-6)
    assert np.mean(found) == pytest.approx(1.0)


def test_effective_weights_tend_to_equal_ones_as_beta_falls_and_to_balanced_as_it_rises():
    targets = np.repeat([0, 1, 2], [5, 50, 500]).astype("int32")
    low = weights_of(Multiclass, targets, class_weights="effective", class_weight_beta=1e-6)
    assert low == pytest.approx([1.0] * 3, abs=1e-4)
    high = weights_of(
        Multiclass,
        targets,
        class_weights="effective",
        class_weight_beta=1 - 1e-7,
        max_class_weight=1e6,
    )
    inverse = 1 / np.array([5, 50, 500])
    assert high == pytest.approx((inverse * 3 / inverse.sum()).tolist(), rel=1e-3)


@pytest.mark.parametrize("kind", SINGLE)
def test_effective_weights_have_mean_one_over_the_classes_seen(kind):
    targets = np.repeat([0, 1], [10, 30]).astype("int32")
    found = weights_of(kind, targets, class_weights="effective")
    assert np.mean(found[:2]) == pytest.approx(1.0)
    assert found[2] == 10.0


# === Any number of classes per row ===


@same_examples
@given(cells)
def test_balanced_weights_of_several_labels_are_negatives_over_positives(targets):
    expected = []
    for column in targets.T:
        known = column[~np.isnan(column)]
        positives = int((known == 1).sum())
        ratio = (len(known) - positives) / positives if positives else np.inf
        only_positive = positives == len(known) > 0  # nothing to be weighed against
        expected.append(1.0 if only_positive else min(ratio, 4.0))
    found = weights_of(Multilabel, targets, class_weights="balanced", max_class_weight=4.0)
    assert found == pytest.approx(expected)


def test_effective_weights_of_several_labels_compare_effective_numbers():
    beta = 0.9
    targets = np.zeros((20, 3), "float32")
    targets[:5, 0] = targets[:10, 1] = targets[:19, 2] = 1
    targets[19, 1] = NAN
    expected = [
        (1 - beta**negatives) / (1 - beta**positives)
        for negatives, positives in [(15, 5), (9, 10), (1, 19)]
    ]
    found = weights_of(Multilabel, targets, class_weights="effective", class_weight_beta=beta)
    assert found == pytest.approx(expected)


# === Every kind with classes ===


@pytest.mark.parametrize("kind", WITH_CLASSES)
@pytest.mark.parametrize("rule", ["balanced", "effective"])
def test_rules_stop_at_the_cap_and_a_class_that_training_lacks_gets_it(kind, rule):
    labels = ["red"] * 900 + ["green"]
    beta = {"class_weight_beta": 0.9999} if rule == "effective" else {}
    task = kind(name="task", classes=COLORS, class_weights=rule, max_class_weight=1.5, **beta)
    given_labels = [[label] for label in labels] if kind is Multilabel else labels
    found = task.measure(task.encode(given_labels)[0]).class_weight_list
    assert found[1:] == [1.5, 1.5]
    assert 0 <= found[0] < 1.5
    assert all(type(weight) is float for weight in found)


@pytest.mark.parametrize("kind", WITH_CLASSES)
@pytest.mark.parametrize("rule", ["balanced", "effective"])
def test_a_rule_needs_counts_and_says_so(kind, rule):
    task = kind(name="mood", classes=COLORS, class_weights=rule)
    for ask in (lambda: task.class_weight_list, task.make_loss):
        with pytest.raises(ValueError, match=r"'mood' needs the counts .* call `measure`"):
            ask()


@pytest.mark.parametrize("kind", WITH_CLASSES)
def test_a_table_of_weights_is_taken_as_it_is_and_others_are_one(kind):
    task = kind(name="task", classes=COLORS, class_weights={"blue": 50.0, "red": 0.0})
    assert task.class_weight_list == [0.0, 1.0, 50.0]  # no cap
    assert task.make_loss().class_weights == [0.0, 1.0, 50.0]


@pytest.mark.parametrize("kind", WITH_CLASSES)
def test_without_weights_the_loss_has_none(kind):
    task = kind(name="task", classes=COLORS)
    assert task.class_weight_list is None
    assert task.make_loss().class_weights is None


@pytest.mark.parametrize("kind", WITH_CLASSES)
def test_a_weight_for_an_unknown_class_is_refused_with_the_nearest_known_one(kind):
    with pytest.raises(ValueError, match=r"class_weights gives 'gren'.*Did you mean 'green'\?"):
        kind(name="task", classes=COLORS, class_weights={"gren": 2.0})


@pytest.mark.parametrize("kind", [Multiclass, Multilabel])
def test_a_weight_for_an_unknown_class_is_refused_once_classes_are_learned(kind):
    task = kind(name="task", class_weights={"gren": 2.0})
    with pytest.raises(ValueError, match=r"class_weights gives 'gren'.*Did you mean 'green'\?"):
        task.learn(COLORS)


@pytest.mark.parametrize(
    "wrong",
    [
        {"class_weights": "inverse"},
        {"class_weights": {"red": -1.0}},
        {"class_weights": {"red": float("inf")}},
        {"max_class_weight": 0.0},
        {"class_weight_beta": 0.0},
        {"class_weight_beta": 1.0},
    ],
)
@pytest.mark.parametrize("kind", WITH_CLASSES)
def test_weights_out_of_range_are_refused(kind, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        kind(name="task", classes=COLORS, **wrong)


@pytest.mark.parametrize("kind", WITH_CLASSES)
def test_a_measured_task_comes_back_from_its_own_config(kind):
    task = kind(name="task", classes=COLORS, class_weights="effective")
    labels = [["red"], ["green"], ["red"], None]
    measured = task.measure(task.encode(labels)[0])
    copy = kind.model_validate(measured.model_dump())
    assert copy == measured
    assert copy.class_weight_list == measured.class_weight_list
    assert measured.class_counts == [2, 1, 0]


# === Constant losses and first biases ===


def least_constant_loss(loss, targets, width):
    """Returns the least loss of logits that are the same in all rows."""

    @jax.jit
    def of_constant(logits):
        tiled = jax.numpy.broadcast_to(logits, (len(targets), width))
        return jax.value_and_grad(lambda z: loss(targets, z))(tiled)

    def step(logits):
        value, gradient = of_constant(logits.astype("float32"))
        return float(value), np.asarray(gradient, "float64").sum(axis=0)

    return minimize(step, np.zeros(width), jac=True, method="BFGS").fun


def some_cells():
    """Returns cells of three classes, of which the known ones differ in number."""
    random = np.random.default_rng(0)
    targets = (random.random((200, 3)) < [0.5, 0.2, 0.03]).astype("float32")
    targets[random.random((200, 3)) < [0.0, 0.3, 0.6]] = NAN
    return targets


@pytest.mark.parametrize("counts", [[10, 20, 70], [98, 1, 1], [30, 30, 30]])
def test_the_constant_loss_of_one_class_is_the_least_of_constant_logits(counts):
    targets = np.repeat([0, 1, 2, -1], [*counts, 9]).astype("int32")
    task = Multiclass(name="task", classes=COLORS).measure(targets)
    least = least_constant_loss(losses.MaskedSparseCategoricalCrossentropy(), targets, 3)
    assert task.constant_loss() == pytest.approx(least, rel=1e-4)


def test_the_constant_loss_of_several_labels_is_the_least_of_constant_logits():
    targets = some_cells()
    task = Multilabel(name="task", classes=COLORS).measure(targets)
    least = least_constant_loss(losses.MaskedBinaryCrossentropy(), targets, 3)
    assert task.constant_loss() == pytest.approx(least, rel=1e-4)


@pytest.mark.parametrize("kind", [Multiclass, Multilabel])
def test_the_constant_loss_is_the_plain_one_whatever_the_loss_and_the_weights(kind):
    plain = kind(name="task", classes=COLORS)
    other = kind(
        name="task",
        classes=COLORS,
        loss="focal",
        gamma=3.0,
        label_smoothing=0.2,
        class_weights="balanced",
    )
    targets = plain.encode([["red"], ["red"], ["green"], ["blue"]])[0]
    assert other.measure(targets).constant_loss() == plain.measure(targets).constant_loss()


def test_a_class_that_training_lacks_adds_nothing_to_the_constant_loss():
    targets = np.array([0, 0, 1, 1], "int32")
    task = Multiclass(name="task", classes=COLORS).measure(targets)
    assert task.constant_loss() == pytest.approx(np.log(2))
    cells = np.array([[1, 0, NAN], [0, 0, NAN]], "float32")
    task = Multilabel(name="task", classes=COLORS).measure(cells)
    assert task.constant_loss() == pytest.approx(np.log(2) / 2)


@pytest.mark.parametrize("kind", WITH_CLASSES)
def test_without_counts_there_is_no_constant_loss(kind):
    with pytest.raises(ValueError, match=r"needs the counts .* call `measure`"):
        kind(name="task", classes=COLORS).constant_loss()


def test_a_head_of_one_class_starts_at_the_frequencies_plus_one():
    counts = np.array([10, 20, 970])
    targets = np.repeat([0, 1, 2], counts).astype("int32")
    task = Multiclass(name="task", classes=COLORS).measure(targets)
    assert np.exp(log_softmax(task.base_logits)) == pytest.approx((counts + 1) / 1003)
    assert task.base_logits.mean() == pytest.approx(0.0)
    stated = -log_softmax(task.base_logits) @ counts / 1000
    assert task.constant_loss() <= stated < task.constant_loss() + 0.001


def test_a_head_of_several_labels_starts_at_the_frequencies_plus_one():
    targets = some_cells()
    known = (~np.isnan(targets)).sum(axis=0)
    ones = (targets == 1).sum(axis=0)
    task = Multilabel(name="task", classes=COLORS).measure(targets)
    assert expit(task.base_logits) == pytest.approx((ones + 1) / (known + 2))
    log_ones, log_zeros = log_expit(task.base_logits), log_expit(-task.base_logits)
    stated = -(ones * log_ones + (known - ones) * log_zeros).sum() / known.sum()
    assert task.constant_loss() <= stated < task.constant_loss() + 0.005


@pytest.mark.parametrize("kind", [Multiclass, Multilabel])
def test_a_class_that_training_lacks_starts_at_a_finite_logit(kind):
    task = kind(name="task", classes=COLORS)
    task = task.measure(task.encode([["red"], ["green"]])[0])
    assert np.isfinite(task.base_logits).all()
    assert task.base_logits[2] < task.base_logits[0]


@pytest.mark.parametrize(
    "task",
    [
        Multiclass(name="task", classes=COLORS, loss="focal"),
        Multiclass(name="task", classes=COLORS, loss="logit_adjusted"),
        Multilabel(name="task", classes=COLORS, loss="focal"),
        Multilabel(name="task", classes=COLORS, loss="asymmetric"),
    ],
    ids=lambda task: f"{task.kind} {task.loss}",
)
def test_heads_of_other_losses_start_at_zero(task):
    assert task.measure(task.encode([["red"], ["green"]])[0]).base_logits is None


@pytest.mark.parametrize("kind", WITH_CLASSES)
def test_heads_without_counts_start_at_zero(kind):
    assert kind(name="task", classes=COLORS).base_logits is None


# === The settings of a loss ===


@pytest.mark.parametrize(
    "kind, setting, loss",
    [
        (Multiclass, "gamma", "focal"),
        (Multiclass, "tau", "logit_adjusted"),
        (Multilabel, "gamma", "focal"),
        (Multilabel, "gamma_positive", "asymmetric"),
        (Multilabel, "gamma_negative", "asymmetric"),
        (Multilabel, "margin", "asymmetric"),
        (Regression, "delta", "huber"),
    ],
)
def test_a_setting_of_another_loss_is_refused_and_allowed_with_its_own(kind, setting, loss):
    classes = {} if kind is Regression else {"classes": COLORS}
    assert getattr(kind(name="task", loss=loss, **classes, **{setting: 0.5}), setting) == 0.5
    others = set(kind.model_json_schema()["properties"]["loss"]["enum"]) - {loss}
    assert len(others) == 2
    for other in [*others, None]:  # none: the default
        chosen = {} if other is None else {"loss": other}
        with pytest.raises(ValueError, match=rf'{setting} belongs to loss = "{loss}"'):
            kind(name="task", **chosen, **classes, **{setting: 0.5})


def test_even_a_zero_of_another_loss_is_a_contradiction():
    with pytest.raises(ValueError, match="gamma belongs to"):
        Multiclass(name="task", gamma=0.0)


@pytest.mark.parametrize(
    "task, expected",
    [
        (
            Multiclass(name="task", classes=COLORS, loss="focal", gamma=0.0, label_smoothing=0.1),
            losses.MaskedSparseCategoricalFocal(0.0, label_smoothing=0.1),
        ),
        (
            Multiclass(name="task", classes=COLORS, loss="focal", class_weights={"red": 2.0}),
            losses.MaskedSparseCategoricalFocal(2.0, class_weights=[2.0, 1.0, 1.0]),
        ),
        (
            Multiclass(name="task", classes=COLORS, label_smoothing=0.1),
            losses.MaskedSparseCategoricalCrossentropy(label_smoothing=0.1),
        ),
        (
            Multilabel(name="task", classes=COLORS, loss="focal"),
            losses.MaskedBinaryFocal(2.0),
        ),
        (
            Multilabel(name="task", classes=COLORS, loss="asymmetric"),
            losses.MaskedAsymmetric(0.0, 4.0, 0.05),
        ),
        (
            Multilabel(
                name="task",
                classes=COLORS,
                loss="asymmetric",
                gamma_positive=1.0,
                gamma_negative=0.0,
                margin=0.0,
            ),
            losses.MaskedAsymmetric(1.0, 0.0, 0.0),
        ),
        (
            Multilabel(name="task", classes=COLORS, label_smoothing=0.1),
            losses.MaskedBinaryCrossentropy(label_smoothing=0.1),
        ),
        (Regression(name="task", scale=3.0), losses.MaskedMeanSquaredError(3.0)),
        (Regression(name="task", scale=3.0, loss="mae"), losses.MaskedMeanAbsoluteError(3.0)),
        (
            Regression(name="task", scale=3.0, loss="huber", delta=0.5),
            losses.MaskedHuber(0.5, scale=3.0),
        ),
        (
            Regression(name="task", scale=3.0, loss="huber"),
            losses.MaskedHuber(1.0, scale=3.0),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_settings_reach_the_loss(task, expected):
    found = task.make_loss()
    assert type(found) is type(expected)
    own = {key: value for key, value in expected.get_config().items() if key != "name"}
    assert own.items() <= found.get_config().items()


def test_adjusted_logits_take_the_frequencies_of_the_training_labels():
    targets = np.array([0, 0, 0, 1, -1], "int32")
    task = Multiclass(name="task", classes=COLORS, loss="logit_adjusted", tau=0.5)
    found = task.measure(targets).make_loss()
    assert isinstance(found, losses.MaskedLogitAdjusted)
    assert found.tau == 0.5
    assert found.frequencies[:2] == pytest.approx([0.75, 0.25])
    assert 0 < found.frequencies[2] < 1e-3  # its logarithm is finite
    assert np.isfinite(float(found(targets, np.zeros((5, 3), "float32"))))


def test_adjusted_logits_need_counts():
    with pytest.raises(ValueError, match=r"needs the counts .* call `measure`"):
        Multiclass(name="task", classes=COLORS, loss="logit_adjusted").make_loss()
