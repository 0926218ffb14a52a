"""Targets that come as numbers: taken as they are, or refused with one error."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mtc_keras.tasks import Multiclass, Multilabel, NumberTask, Ordinal, Regression
from tests.fuzzing import tries

NAN = np.nan
TASKS = [
    Multiclass(name="a", classes=["x", "y", "z"]),
    Multiclass(name="a", classes=["true", "false"]),
    Ordinal(name="a", num_classes=4),
    Multilabel(name="a", classes=["x", "y", "z"]),
    Regression(name="a"),
]
VALUES = arrays.arrays(
    st.sampled_from(["bool", "int8", "uint8", "int64", "float16", "float32", "float64"]),
    arrays.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4),
)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{task.kind} {len(task.known_classes)}")
@tries(60)
@given(values=VALUES)
def test_fuzz_any_array_is_read_as_targets_or_refused(task, values):
    try:
        targets = task.read_targets(values)
    except ValueError:
        return
    assert targets.dtype == task.target_dtype
    assert targets.shape == (len(values), *np.shape(task.missing_target))
    known = targets[task.labelled(targets)]
    if task.has_classes and targets.ndim == 1:
        assert ((known >= 0) & (known < len(task.known_classes))).all()
    elif task.has_classes:
        assert np.isin(targets[~np.isnan(targets)], (0, 1)).all()
    else:
        assert np.isfinite(known).all()
    np.testing.assert_array_equal(task.read_targets(targets), targets)  # once is enough


@pytest.mark.parametrize(
    "task, cells",
    [
        (TASKS[0], ["z", None, "x", 1]),
        (TASKS[1], [True, False, None]),
        (TASKS[2], [3, "0", None]),
        (TASKS[3], [["x"], [], None, {"y": 0}]),
        (TASKS[4], [1, 2.5, None]),
    ],
)
def test_encoded_labels_are_read_as_they_are(task, cells):
    targets, mistakes = task.encode(cells)
    assert not mistakes
    read = task.read_targets(targets)
    np.testing.assert_array_equal(read, targets)
    assert read.dtype == targets.dtype


def test_a_kind_of_ones_own_takes_what_its_cells_may_hold():
    class Visits(Regression):
        expected = "a number of 0 or more"

        def takes(self, numbers):
            return np.asarray(numbers) >= 0

    assert issubclass(Visits, NumberTask)
    np.testing.assert_array_equal(Visits(name="a").read_targets(np.array([1, NAN])), [1, NAN])
    with pytest.raises(ValueError, match=r"0 or more, or NaN.*Received: -1\.0 in row 1"):
        Visits(name="a").read_targets(np.array([1.0, -1.0]))
