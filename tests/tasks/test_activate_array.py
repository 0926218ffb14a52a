"""Probabilities outside a graph are those of the graph."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mtc_keras.tasks import Multiclass, Multilabel, Ordinal, Regression
from tests.fuzzing import tries

CLASSES = ["a", "b", "c", "d"]
TASKS = [
    Multiclass(name="one", classes=CLASSES),
    Multilabel(name="some", classes=CLASSES),
    Ordinal(name="steps", classes=[*CLASSES, "e"]),
]
values = st.floats(-1e4, 1e4, width=32) | st.sampled_from([0.0, -0.0, 88.5, -88.5, 104.0, -104.0])


def in_graph(task, logits):
    return keras.ops.convert_to_numpy(task.activate(keras.ops.convert_to_tensor(logits)))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
@given(logits=arrays.arrays("float32", (5, 4), elements=values))
@tries(30)
def test_fuzzed_logits_have_the_probabilities_of_the_graph(task, logits):
    found = task.activate_array(logits)
    assert found.dtype == np.float32
    expected = in_graph(task, logits)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    second, first = np.sort(expected, axis=-1)[:, -2:].T
    clear = first - second > 1e-5  # else rounding may decide
    assert (found.argmax(axis=-1) == expected.argmax(axis=-1))[clear].all()


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
@pytest.mark.filterwarnings("error")
def test_what_is_no_finite_number_stays_visible(task):
    logits = np.array([[np.nan, 0, 1, 2], [np.inf, 0, 1, 2], [-np.inf, 0, 1, 2]], "float32")
    np.testing.assert_allclose(task.activate_array(logits), in_graph(task, logits), atol=1e-7)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
def test_no_rows_have_no_probabilities(task):
    found = task.activate_array(np.zeros((0, 4), "float32"))
    assert found.shape == in_graph(task, np.zeros((0, 4), "float32")).shape


def test_numbers_stay_as_they_are():
    numbers = np.array([1.5, -2.0], "float32")
    assert Regression(name="price").activate_array(numbers).tolist() == [1.5, -2.0]


class Exponential(Regression):
    """A kind that takes all but its activation from another."""

    def activate(self, logits):
        return keras.ops.exp(logits)


def test_a_kind_of_ones_own_needs_only_what_a_graph_computes():
    assert Exponential(name="count").activate_array(np.zeros(2, "float32")).tolist() == [1.0, 1.0]
