"""Classes whose share in a split differs from the training rows' by more than chance explains.

Shapes: C classes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mtc_keras.check.checked import Checked
from mtc_keras.tasks import Task

UNLIKELY = 0.01  # that chance alone makes any class of a task differ so
FEW = 5  # expected rows in a cell, below which the chi-square test is no longer near enough


@dataclass(frozen=True)
class Shift:
    """A class whose share differs between the training rows and a split.

    Args:
        task: str. The task.
        name: str. The class.
        split: str. The split.
        share: float. Its share of the training rows of which it is known.
        other: float. Its share of the split's.
        p_value: float. How likely a difference as large is by chance, corrected for the number
            of classes and splits of the task (Holm 1979).
    """

    task: str
    name: str
    split: str
    share: float
    other: float
    p_value: float


def shifts(checked: Checked) -> list[Shift]:
    """Returns the classes that differ between splits beyond chance, the largest difference first.

    Args:
        checked: the data.
    """
    found = [shift for task in checked.tasks if task.has_classes for shift in _of(checked, task)]
    return sorted(found, key=lambda shift: -abs(shift.share - shift.other))


def class_counts(checked: Checked, task: Task, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns how many rows of a split carry each class, and of how many that is known.

    Args:
        checked: the data.
        task: a task with classes.
        split: the split's name.

    Returns:
        Two int arrays of shape `(C,)`.
    """
    known = task.known_cells(checked.splits[split].targets[task.name])
    return checked.indicators[split][task.name].sum(axis=0), known.sum(axis=0)


def _of(checked: Checked, task: Task) -> Iterator[Shift]:
    train, rows = class_counts(checked, task, "train")
    tested: list[tuple[str, int, float, float, float]] = []
    for split in list(checked.splits)[1:]:
        carried, known = class_counts(checked, task, split)
        for label in np.flatnonzero((rows > 0) & (known > 0) & (train + carried > 0)).tolist():
            a, n, b, m = (int(x[label]) for x in (train, rows, carried, known))
            tested.append((split, label, a / n, b / m, _p_value(a, n, b, m)))
    corrected = _holm(np.array([values[-1] for values in tested]))
    for (split, label, share, other, _), p_value in zip(tested, corrected, strict=True):
        if p_value < UNLIKELY:
            yield Shift(task.name, task.known_classes[label], split, share, other, float(p_value))


def _p_value(a: int, n: int, b: int, m: int) -> float:
    """Returns how likely shares of `a` in `n` and `b` in `m` rows are of one population."""
    from scipy.stats import chi2, fisher_exact

    share = (a + b) / (n + m)
    if share >= 1:
        return 1.0
    if min(share, 1 - share) * min(n, m) < FEW:
        return float(fisher_exact([[a, n - a], [b, m - b]]).pvalue)
    z_squared = (a / n - b / m) ** 2 / (share * (1 - share) * (1 / n + 1 / m))
    return float(chi2.sf(z_squared, 1))


def _holm(p_values: np.ndarray) -> np.ndarray:
    """Returns p-values such that any is below a level by chance with that probability at most."""
    order = np.argsort(p_values)
    factors = np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.maximum.accumulate(p_values[order] * factors)
    return np.minimum(corrected, 1.0)
