"""The step of training as two programs: the numbers of one, and one compilation per length."""

import jax
import keras
import numpy as np
import pytest

from mtc_keras.model.balancing import METHODS, Balancing
from mtc_keras.model.training_step import TrainingStep, TwoPrograms
from tests.model.test_memory_and_precision import batch_of, classifier, step_of

LEFT_OUT = "topics"


def fitted(tasks, batch, one_program, optimizer, dropout=0.0, balancing="static", **options):
    """Returns the history and the weights after three steps."""
    model = classifier(tasks, dropout)
    model.compile(optimizer, balancing=balancing, **options)
    if one_program:
        model._takes_two_programs = lambda: False
    keras.utils.set_random_seed(5)
    inputs, targets, weights = batch
    size = len(weights)
    trained = model.fit(inputs, targets, size, sample_weight=weights, epochs=3, verbose=0)
    history = trained.history
    return history, [np.array(variable) for variable in model.variables], model


def kinds_of_batches(tasks):
    """Returns batches with missing labels, with weights by task, and without a task."""
    inputs, targets, _ = batch_of(tasks, classifier(tasks))
    ones = np.ones(len(targets["a_number"]), "float32")
    weights = np.linspace(0.0, 2.0, len(ones), dtype="float32")
    some = {name: values for name, values in targets.items() if name != LEFT_OUT}
    return {
        "missing labels": (inputs, targets, ones),
        "row weights": (inputs, targets, weights),
        "a task left out": (inputs, some, ones),
    }


@pytest.mark.parametrize("method", METHODS)
def test_two_programs_compute_what_one_does(tasks, method):
    """With dropout, too: the masks are the same."""
    batch = kinds_of_batches(tasks)["row weights"]
    found = [
        fitted(tasks, batch, one, keras.optimizers.AdamW(0.01, global_clipnorm=1.0), 0.1, method)
        for one in (False, True)
    ]
    for name, values in found[0][0].items():
        assert found[1][0][name] == pytest.approx(values, rel=1e-5, abs=1e-6)
    for ours, theirs in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("kind", ["missing labels", "row weights", "a task left out"])
@pytest.mark.parametrize("method", ["static", "uncertainty", "dwa", "rlw"])
def test_gradients_of_parts_are_those_of_the_whole_batch(tasks, kind, method):
    batch = kinds_of_batches(tasks)[kind]
    whole, parts = (
        fitted(tasks, batch, False, keras.optimizers.SGD(0.05), balancing=method, **options)
        for options in ({}, {"gradient_accumulation": 4})
    )
    assert parts[2]._sums_gradients()
    for name, values in whole[0].items():
        assert parts[0][name] == pytest.approx(values, rel=1e-4, abs=1e-5)
    for ours, theirs in zip(parts[1], whole[1], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-5)


def products(model, batch):
    """Returns the floating-point operations of the matrix products of a step."""
    step, arguments = step_of(model, batch)

    def count(jaxpr, times=1):
        total = 0
        for equation in jaxpr.eqns:
            if equation.primitive.name == "dot_general":
                (left, _), _ = equation.params["dimension_numbers"]
                shape = equation.invars[0].aval.shape
                inner = np.prod([shape[axis] for axis in left], dtype=int)
                total += times * inner * np.prod(equation.outvars[0].aval.shape, dtype=int)
            repeated = equation.params.get("length", 1)
            for value in equation.params.values():
                inner = getattr(value, "jaxpr", value)
                if hasattr(inner, "eqns"):
                    total += count(inner, times * repeated)
        return total

    return count(jax.make_jaxpr(step)(*arguments).jaxpr)


def test_parts_take_no_second_forward_pass(tasks):
    counts = []
    for parts in (1, 4):
        model = classifier(tasks, num_layers=2)
        model.compile(keras.optimizers.SGD(0.1), gradient_accumulation=parts)
        counts.append(products(model, batch_of(tasks, model)))
    assert counts[1] == pytest.approx(counts[0], rel=0.01)


def test_a_method_of_ones_own_is_taken_to_need_the_losses(tasks):
    class Own(Balancing):
        pass

    class Fixed(Balancing):
        needs_losses = False

    assert [METHODS[m].needs_losses for m in METHODS] == [False, False, False, False, True, True]
    assert (Own.needs_losses, Fixed.needs_losses) == (True, False)


def test_each_length_compiles_gradients_and_the_update_is_compiled_once(tasks, programs):
    model = classifier(tasks)
    model.compile(keras.optimizers.Adam(0.01))
    for tokens in (6, 7, 8, 7, 6):
        inputs, targets, _ = batch_of(tasks, model)
        inputs = {name: np.resize(array, (16, tokens)) for name, array in inputs.items()}
        model.train_on_batch(inputs, targets)
    assert programs.count("gradients") + programs.count("jit(gradients)") == 3, programs
    assert programs.count("update") + programs.count("jit(update)") == 1, programs


def test_what_is_no_such_step_is_left_to_keras(tasks, monkeypatch):
    def asks(model):
        model.compile("sgd", **options)
        return model._takes_two_programs()

    options = {}
    assert asks(classifier(tasks))
    options = {"run_eagerly": True}
    assert not asks(classifier(tasks))
    options = {"jit_compile": False}
    assert not asks(classifier(tasks))
    options = {"balancing": "famo"}
    assert not asks(classifier(tasks))
    options = {}
    monkeypatch.setattr("mtc_keras.devices.hardware.cores", lambda: 0)  # a GPU, or several
    assert not asks(classifier(tasks))
    monkeypatch.undo()
    model = classifier(tasks)

    class Own(type(model)):
        def train_step(self, *args):
            return TrainingStep.train_step(self, *args)

    model.__class__ = Own
    assert not asks(model)


def test_frozen_weights_are_handed_on_without_a_copy(tasks):
    model = classifier(tasks)
    model.backbone.trainable = False
    model.compile("sgd")
    step = TwoPrograms(model)
    model.optimizer.build(model.trainable_variables)
    names = ("trainable", "non_trainable", "optimizer", "metrics")
    state = model._get_jax_state(**{f"{name}_variables": True for name in names})
    frozen = {array.unsafe_buffer_pointer() for array in state[1] if array.ndim > 1}
    assert frozen
    done = []
    step.append_to(done, state, batch_of(tasks, model))
    _, (_, after, _, _) = done[0]
    assert {array.unsafe_buffer_pointer() for array in after if array.ndim > 1} == frozen


@pytest.mark.parametrize("of_instance", [False, True])
def test_an_optimizer_that_scales_the_loss_by_its_variables_is_handed_them(tasks, of_instance):
    class Scaling(keras.optimizers.SGD):
        def scale_loss(self, loss):
            return loss * (1 + keras.ops.cast(self.iterations, "float32"))

    optimizer = keras.optimizers.SGD(0.01)
    scaling = Scaling(0.01)
    if of_instance:
        optimizer.scale_loss = lambda loss: Scaling.scale_loss(optimizer, loss)
    batch = kinds_of_batches(tasks)["missing labels"]
    found = fitted(tasks, batch, False, optimizer if of_instance else scaling)[1]
    expected = fitted(tasks, batch, True, Scaling(0.01))[1]
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=2e-6)
