"""Which rows are predicted wrong, for tasks of every kind.

Shapes: N rows.
"""

import numpy as np

from mtc_keras.report.judged import Judged
from mtc_keras.tasks import Task

WORST = 0.2  # the share of numbers that count as wrong: those that are furthest off


def wrong_rows(judged: Judged, task: Task) -> np.ndarray:
    """Returns bool of shape `(N,)`: rows with a label that are predicted wrong.

    A number is never quite right: the fifth of the rows with the greatest errors counts as wrong.
    """
    labelled = judged.labelled(task)
    if task.has_probabilities:
        return labelled & ~judged.right(task)
    errors = number_errors(judged, task)
    if not np.isfinite(errors).any():
        return np.zeros(len(errors), bool)
    return errors > np.quantile(errors[np.isfinite(errors)], 1 - WORST)


def number_errors(judged: Judged, task: Task) -> np.ndarray:
    """Returns float64 of shape `(N,)`: how far numbers are off, NaN where there is no label."""
    targets = np.asarray(judged.targets[task.name], "float64")
    errors = np.abs(np.asarray(judged.predictions[task.name], "float64") - targets)
    errors = errors.reshape(len(errors), -1).mean(axis=1)
    return np.where(judged.labelled(task), errors, np.nan)


def told(task: Task) -> str:
    """Returns what counts as wrong, for people."""
    if not task.has_probabilities:
        return f"{task.name}: the fifth of its rows that are furthest off"
    if task.is_exclusive:
        return f"{task.name}: another class than the true one"
    return f"{task.name}: at least one class too many or too few"
