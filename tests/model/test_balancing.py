"""Weights between tasks: each method's rule, missing labels, and its life inside a model."""

import jax
import keras
import numpy as np
import pytest

from mtc_keras.model.balancing import (
    FAMO,
    METHODS,
    Balancing,
    DynamicWeightAverage,
    RandomWeights,
    SumOfLogs,
    Uncertainty,
    make_balancing,
)
from mtc_keras.model.classifier import MultiTaskClassifier
from mtc_keras.tasks import Multiclass
from tests.conftest import tiny_bert
from tests.model.test_classifier import gradients

FACTORS = [1.0, 1.0, 0.5]
CONSTANTS = np.array([1.0, 4.0, 0.5], "float32")
ALL = np.ones(3, "float32")
# The losses of three steps, and those of the same batches after each step.
LOSSES = np.array([[0.7, 2.0, 0.1], [0.6, 1.8, 0.12], [0.5, 1.9, 0.08]], "float32")
AFTER = np.array([[0.6, 1.2, 0.11], [0.3, 1.0, 0.1], [0.5, 1.2, 0.02]], "float32")

TEXTS = ["good clerk", "bad queue and slow bus", "fine", "late form"]


class Adam:
    """Kingma & Ba 2015, in the efficient form that ends their section 2."""

    def __init__(self, rate):
        self.rate, self.steps, self.m, self.v = rate, 0, 0.0, 0.0

    def __call__(self, values, gradient):
        self.steps += 1
        self.m = 0.9 * self.m + 0.1 * gradient
        self.v = 0.999 * self.v + 0.001 * gradient**2
        rate = self.rate * np.sqrt(1 - 0.999**self.steps) / (1 - 0.9**self.steps)
        return values - rate * self.m / (np.sqrt(self.v) + 1e-7)


def softmax(values):
    return np.exp(values) / np.exp(values).sum()


def combine(layer, losses, present=ALL, constants=CONSTANTS, training=True):
    total, weights = layer.combine(losses, present, constants, training)
    return float(total), np.asarray(weights)


def state(layer):
    return [np.array(variable.value) for variable in layer.variables]


def assert_equal(left, right):
    for one, other in zip(left, right, strict=True):
        np.testing.assert_array_equal(one, other)


def trained(method):
    """Returns a layer whose state has left its start."""
    layer = make_balancing(method, FACTORS)
    for losses, after in zip(LOSSES, AFTER, strict=True):
        combine(layer, losses)
        layer.after_update(after, ALL)
        layer.on_epoch_end(losses.tolist())
    return layer


# === The rules ===


def test_static_is_the_weighted_sum():
    layer = Balancing(num_tasks=3)
    for losses in LOSSES:
        total, weights = combine(layer, losses)
        assert total == pytest.approx(CONSTANTS @ losses, rel=1e-6)
        np.testing.assert_array_equal(weights, CONSTANTS)


def test_uncertainty_follows_its_log_variances_which_take_adams_steps():
    layer = Uncertainty(num_tasks=3, factors=FACTORS, learning_rate=0.1)
    factors, s, adam = np.array(FACTORS), np.log(FACTORS), Adam(0.1)
    for losses in LOSSES.astype("float64"):
        total, weights = combine(layer, losses.astype("float32"))
        expected = (CONSTANTS * (factors * np.exp(-s) * losses + s / 2)).sum()
        assert total == pytest.approx(expected, rel=1e-5)
        np.testing.assert_allclose(weights, CONSTANTS * factors * np.exp(-s), rtol=1e-5)
        s = adam(s, CONSTANTS * (0.5 - factors * np.exp(-s) * losses))
        np.testing.assert_allclose(layer.log_variances.value, s, atol=1e-5)


def test_uncertainty_starts_at_the_given_weights():
    _, weights = combine(Uncertainty(num_tasks=3, factors=FACTORS), LOSSES[0], training=False)
    np.testing.assert_allclose(weights, CONSTANTS, rtol=1e-6)


def test_uncertainty_comes_to_rest_at_the_variances_of_the_losses():
    layer = Uncertainty(num_tasks=2, factors=[1.0, 0.5], learning_rate=0.05)
    losses, pair = np.array([3.0, 0.25], "float32"), np.ones(2, "float32")
    for _ in range(300):
        combine(layer, losses, pair, pair)
    # Where the derivative c (½ - f exp(-s) L) is 0: for squared errors, σ² = L.
    np.testing.assert_allclose(layer.log_variances.value, np.log([6.0, 0.25]), atol=0.01)


def test_dynamic_weight_average_looks_at_the_last_two_epochs():
    layer = DynamicWeightAverage(num_tasks=3, temperature=1.5)
    expected = [
        np.ones(3),
        np.ones(3),
        3 * softmax(LOSSES[1] / LOSSES[0] / 1.5),
        3 * softmax(LOSSES[2] / LOSSES[1] / 1.5),
    ]
    for epoch, value in enumerate(expected):
        total, weights = combine(layer, AFTER[0])
        np.testing.assert_allclose(weights, CONSTANTS * value, rtol=1e-5)
        assert total == pytest.approx((CONSTANTS * value * AFTER[0]).sum(), rel=1e-5)
        if epoch < 3:
            layer.on_epoch_end(LOSSES[epoch].tolist())


def test_random_weights_are_the_softmax_of_seeded_normals():
    layer, seed = RandomWeights(num_tasks=3, seed=7), keras.random.SeedGenerator(7)
    seen = []
    for losses in LOSSES:
        total, weights = combine(layer, losses)
        expected = CONSTANTS * softmax(np.asarray(keras.random.normal((3,), seed=seed)))
        np.testing.assert_allclose(weights, expected, rtol=1e-5)
        assert total == pytest.approx((expected * losses).sum(), rel=1e-5)
        seen.append(tuple(weights))
    assert len(set(seen)) == 3
    _, weights = combine(layer, LOSSES[0], training=False)
    np.testing.assert_allclose(weights, CONSTANTS / 3, rtol=1e-6)


def test_sum_of_logs_weighs_by_the_inverse_of_the_loss():
    layer = SumOfLogs(num_tasks=3)
    for losses in LOSSES:
        total, weights = combine(layer, losses)
        assert total == pytest.approx((CONSTANTS * np.log(losses)).sum(), rel=1e-5)
        np.testing.assert_allclose(weights, CONSTANTS / losses, rtol=1e-5)


def test_famo_follows_the_papers_algorithm():
    layer = FAMO(num_tasks=3, learning_rate=0.5, decay=0.1)
    xi, adam = np.zeros(3), Adam(0.5)
    for losses, after in zip(LOSSES.astype("float64"), AFTER.astype("float64"), strict=True):
        total, weights = combine(layer, losses.astype("float32"))
        z = softmax(xi)
        c = 1 / (z / losses).sum()
        np.testing.assert_allclose(weights, CONSTANTS * c * z / losses, rtol=1e-4)
        # Its gradient is that of Σ c z log L, with c held.
        assert total == pytest.approx((CONSTANTS * c * z).sum(), rel=1e-4)
        layer.after_update(after.astype("float32"), ALL)
        jacobian = np.diag(z) - np.outer(z, z)
        xi = adam(xi, jacobian.T @ (np.log(losses) - np.log(after)) + 0.1 * xi)
        np.testing.assert_allclose(layer.xi.value, xi, atol=1e-4)


def test_famo_raises_the_weight_of_the_task_that_falls_slowest():
    layer = FAMO(num_tasks=2)
    pair = np.ones(2, "float32")
    combine(layer, pair, pair, pair)
    layer.after_update(np.array([0.5, 0.99], "float32"), pair)
    xi = np.asarray(layer.xi.value)
    assert xi[1] > 0 > xi[0]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("method", METHODS)
def test_the_weights_are_the_derivatives_of_the_total(method, training):
    layer = trained(method)

    def total(losses):
        with keras.StatelessScope():
            return layer.combine(losses, ALL, CONSTANTS, training)

    found, weights = jax.grad(total, has_aux=True)(jax.numpy.asarray(LOSSES[0]))
    np.testing.assert_allclose(found, weights, rtol=1e-5)
    assert (np.asarray(weights) > 0).all()


@pytest.mark.parametrize("method", METHODS)
def test_outside_training_the_state_stays(method):
    layer = trained(method)
    before = state(layer)
    first = combine(layer, LOSSES[0], training=False)
    second = combine(layer, LOSSES[0], training=False)
    assert_equal(state(layer), before)
    assert first[0] == second[0]
    np.testing.assert_array_equal(first[1], second[1])


# === Tasks without a label ===

WITHOUT_SECOND = np.array([1.0, 0.0, 1.0], "float32")


@pytest.mark.parametrize("method", METHODS)
def test_a_task_without_a_label_adds_nothing_to_the_total(method):
    layer = trained(method)
    losses = LOSSES[0] * WITHOUT_SECOND
    total, weights = combine(layer, losses, WITHOUT_SECOND, training=False)
    assert np.isfinite(weights).all()
    no_weight = CONSTANTS * WITHOUT_SECOND
    without, _ = combine(layer, losses, WITHOUT_SECOND, no_weight, training=False)
    assert total == pytest.approx(without, rel=1e-6)

    def value(losses):
        return layer.combine(losses, WITHOUT_SECOND, CONSTANTS, False)[0]

    assert np.isfinite(jax.grad(value)(jax.numpy.asarray(losses))).all()


@pytest.mark.parametrize("method", ["log", "famo"])
def test_a_weight_by_relative_progress_is_zero_without_a_label(method):
    _, weights = combine(trained(method), LOSSES[0] * WITHOUT_SECOND, WITHOUT_SECOND)
    assert weights[1] == 0
    assert (weights[[0, 2]] > 0).all()


@pytest.mark.parametrize("method, name", [("uncertainty", "log_variances"), ("famo", "xi")])
def test_a_task_without_a_label_keeps_what_it_learned(method, name):
    layer = trained(method)  # steps with its labels came before
    before = np.array(getattr(layer, name).value)
    for _ in range(2):
        combine(layer, LOSSES[0] * WITHOUT_SECOND, WITHOUT_SECOND)
        layer.after_update(AFTER[0] * WITHOUT_SECOND, WITHOUT_SECOND)
    after = np.asarray(getattr(layer, name).value)
    assert after[1] == before[1]
    assert (after[[0, 2]] != before[[0, 2]]).all()


def test_famo_takes_the_tasks_with_labels_as_if_there_were_no_others():
    three, two = FAMO(num_tasks=3), FAMO(num_tasks=2)
    kept = [0, 2]
    for losses, after in zip(LOSSES, AFTER, strict=True):
        _, found = combine(three, losses * WITHOUT_SECOND, WITHOUT_SECOND)
        _, alone = combine(two, losses[kept], ALL[kept], CONSTANTS[kept])
        np.testing.assert_allclose(found[kept], alone, rtol=1e-5)
        three.after_update(after * WITHOUT_SECOND, WITHOUT_SECOND)
        two.after_update(after[kept], ALL[kept])


def test_an_epoch_without_a_tasks_label_leaves_its_rate_at_one():
    layer = DynamicWeightAverage(num_tasks=3)
    epochs = [LOSSES[0], LOSSES[1] * WITHOUT_SECOND, LOSSES[2]]
    rates = []
    for losses in epochs:
        layer.on_epoch_end(losses.tolist())
        rates.append(np.array(layer.rates.value))
    assert [rate[1] for rate in rates] == [1, 1, 1]
    np.testing.assert_allclose(rates[2][[0, 2]], (LOSSES[2] / LOSSES[1])[[0, 2]], rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_a_batch_without_any_label_is_harmless(method):
    layer, none = trained(method), np.zeros(3, "float32")
    total, weights = combine(layer, none, none)
    layer.after_update(none, none)
    layer.on_epoch_end([0.0, 0.0, 0.0])
    assert total == 0
    assert np.isfinite(weights).all()
    assert all(np.isfinite(value).all() for value in state(layer))
    total, weights = combine(layer, LOSSES[0])
    assert np.isfinite(total) and (weights > 0).all()


# === In a model ===


@pytest.fixture
def targets(tasks):
    cells = {
        "pooled_dense": ["good", None, "fine", "fine"],
        "topics": [[], ["queue", "bus"], [], None],
        "a_number": [1, 2.5, 4, None],
    }
    return {task.name: task.encode(cells[task.name])[0] for task in tasks}


def balanced(tasks, method):
    backbone, preprocessor = tiny_bert(num_layers=1)
    return MultiTaskClassifier(backbone, tasks, preprocessor, dropout=0.0, balancing=method)


@pytest.mark.parametrize("method", METHODS)
def test_a_model_trains_with_each_method_and_keeps_its_state(method, tasks, targets, tmp_path):
    model = balanced(tasks, method)
    start = state(model.balancing)
    model.compile(keras.optimizers.Adam(1e-2, global_clipnorm=1.0))
    history = model.fit(TEXTS, targets, epochs=3, batch_size=4, verbose=0).history

    assert np.isfinite(history["loss"]).all()
    names = [task.name for task in tasks]
    np.testing.assert_allclose(sum(np.array(history[f"{n}_share"]) for n in names), 1, atol=1e-5)
    total = sum(np.array(history[f"{n}_weight"]) * history[f"{n}_loss"] for n in names)
    np.testing.assert_allclose(history["loss"], total, rtol=1e-4)
    assert all((np.array(history[f"{n}_weight"]) > 0).all() for n in names)

    # The state belongs to the model, but to none of what its optimizer clips or decays.
    found = state(model.balancing)
    changed = any((one != other).any() for one, other in zip(start, found, strict=True))
    assert changed == (method not in ("static", "log"))
    for variable in model.balancing.variables:
        assert any(variable is other for other in model.non_trainable_variables)
        assert not any(variable is other for other in model.trainable_variables)
        assert not any(variable is other for other in model.optimizer.variables)
    assert not any("balancing" in variable.path for variable in model.optimizer.variables)

    model.save(tmp_path / "model.keras")
    model.save_to_preset(str(tmp_path / "preset"))
    copies = [
        keras.saving.load_model(tmp_path / "model.keras"),
        MultiTaskClassifier.from_preset(str(tmp_path / "preset")),
    ]
    for copy in copies:
        assert type(copy.balancing) is METHODS[method]
        assert copy.balancing.get_config() == model.balancing.get_config()
        assert_equal(state(copy.balancing), found)


def test_a_loaded_model_trains_on_as_the_first_would_have(tasks, targets, tmp_path):
    model = balanced(tasks, Uncertainty(num_tasks=3, factors=FACTORS, learning_rate=0.5))
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(TEXTS, targets, epochs=2, batch_size=4, verbose=0)
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    for each in (model, copy):
        each.fit(TEXTS, targets, batch_size=4, verbose=0)
    assert copy.balancing.learning_rate == 0.5
    assert_equal(state(copy.balancing), state(model.balancing))


def test_validation_does_not_enter_weights_shares_or_state(tasks, targets):
    model = balanced(tasks, "dwa")
    model.compile(keras.optimizers.SGD(1e-2))
    others = {name: value[::-1].copy() for name, value in targets.items()}
    history = model.fit(
        TEXTS, targets, epochs=2, batch_size=4, validation_data=(TEXTS, others), verbose=0
    ).history
    names = [task.name for task in tasks]
    last = np.array([history[f"{name}_loss"][-1] for name in names])
    rates = last / [history[f"{name}_loss"][-2] for name in names]
    parts = np.array([history[f"{name}_weight"][-1] for name in names]) * last
    shares = [history[f"{name}_share"][-1] for name in names]
    np.testing.assert_allclose(shares, parts / parts.sum(), rtol=1e-4)
    np.testing.assert_allclose(model.balancing.last.value, last, rtol=1e-5)
    np.testing.assert_allclose(model.balancing.rates.value, rates, rtol=1e-4)


def test_evaluation_changes_no_state(tasks, targets):
    model = balanced(tasks, "uncertainty")
    before = state(model.balancing)
    model.evaluate(TEXTS, targets, batch_size=4, verbose=0)
    assert_equal(state(model.balancing), before)


def test_another_method_leaves_nothing_of_the_first(tasks, targets):
    model = balanced(tasks, "uncertainty")
    plain = len(balanced(tasks, "static").non_trainable_variables)
    with_uncertainty = len(model.non_trainable_variables)
    assert with_uncertainty == plain + len(model.balancing.variables)
    model.compile("sgd", balancing="dwa")
    assert isinstance(model.balancing, DynamicWeightAverage)
    assert len(model.non_trainable_variables) == plain + 2
    assert len(model.variables) == len({id(v) for v in model.variables})
    model.compile("sgd", balancing="uncertainty")
    assert len(model.non_trainable_variables) == with_uncertainty
    model.compile("sgd", balancing="static")
    assert len(model.non_trainable_variables) == plain


def test_compiling_keeps_the_method_and_what_it_learned(tasks):
    model = balanced(tasks, "uncertainty")
    model.balancing.log_variances.assign([0.1, 0.2, 0.3])
    layer = model.balancing
    model.compile("sgd")
    assert model.balancing is layer
    np.testing.assert_allclose(layer.log_variances.value, [0.1, 0.2, 0.3])


def test_a_method_that_is_changed_after_training_takes_effect(tasks, targets):
    model = balanced(tasks, "static")
    model.compile(keras.optimizers.SGD(1e-3))
    model.fit(TEXTS, targets, batch_size=4, verbose=0)
    model.compile(keras.optimizers.SGD(1e-3), balancing="famo")
    model.fit(TEXTS, targets, epochs=2, batch_size=4, verbose=0)
    assert (np.asarray(model.balancing.xi.value) != 0).all()
    assert model.balancing.optimizer.iterations == 2


def test_one_tasks_loss_has_no_gradient_in_another_tasks_head(tasks, targets):
    model = balanced(tasks, "static")
    for task in tasks:
        weights = {other.name: float(other.name == task.name) for other in tasks}
        model.compile("sgd", loss_weights=weights)
        found = gradients(model, TEXTS, targets)
        for other in tasks:
            heads = [g for path, g in found.items() if path.startswith(f"head_{other.name}/")]
            assert len(heads) == 2
            assert all((g != 0).any() == (other is task) for g in heads)
        assert any((g != 0).any() for path, g in found.items() if "transformer" in path)


@pytest.mark.parametrize("method", ["uncertainty", "log", "famo"])
def test_rows_without_a_label_change_no_gradient_under_learned_weights(method, tasks, targets):
    model = balanced(tasks, method)
    if method == "uncertainty":
        model.balancing.log_variances.assign([0.3, -0.4, 0.2])
    one = {"topics": targets["topics"][:2]}
    more = {"topics": np.concatenate([one["topics"], np.full((2, 4), np.nan, "float32")])}
    # The other tasks are without a label here, and then with one in the added rows alone.
    alone, together = gradients(model, TEXTS[:2], one), gradients(model, TEXTS, more)
    assert any((g != 0).any() for g in alone.values())
    for path, gradient in together.items():
        np.testing.assert_allclose(gradient, alone[path], atol=1e-6, err_msg=path)
    if method == "famo":  # where the weights of tasks depend on each other's losses
        return
    other = {**more, "a_number": np.array([np.nan, np.nan, 1, 2], "float32")}
    beside = gradients(model, TEXTS, other)
    for path in (path for path in alone if path.startswith("head_topics")):
        np.testing.assert_allclose(beside[path], alone[path], atol=1e-6, err_msg=path)


# === Wrong arguments ===


def test_famo_needs_tasks_to_weigh():
    backbone, preprocessor = tiny_bert()
    one = [Multiclass(name="a", classes=["x", "y"])]
    with pytest.raises(ValueError, match="'famo' needs two or more tasks"):
        MultiTaskClassifier(backbone, one, preprocessor, balancing="famo")


def test_wrong_methods_are_named_and_leave_the_model_as_it_was(model):
    before = model.balancing
    with pytest.raises(ValueError, match=r"must be one of \['static', .*Received: 'gradnorm'"):
        model.compile(balancing="gradnorm")
    with pytest.raises(ValueError, match="must be for 3 tasks"):
        model.compile(balancing=SumOfLogs(num_tasks=2))
    assert model.balancing is before


@pytest.mark.parametrize("method", METHODS)
def test_a_layer_round_trips_through_its_config(method):
    layer = make_balancing(method, FACTORS)
    copy = make_balancing(keras.saving.serialize_keras_object(layer), FACTORS)
    assert type(copy) is type(layer)
    assert copy.get_config() == layer.get_config()
