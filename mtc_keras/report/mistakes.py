"""The mistakes of which a model was surest.

Shapes: N rows, C classes.
"""

from typing import NamedTuple

import numpy as np

from mtc_keras.report.judged import Judged
from mtc_keras.report.wrong import number_errors
from mtc_keras.tasks import Task


class Mistake(NamedTuple):
    """A row that is predicted wrong.

    Args:
        row: int. Which one.
        sureness: float. The probability of what was wrongly decided; of numbers how far they are
            off.
        class_index: int or None. Of several classes per row: the one wrongly given or left out.
    """

    row: int
    sureness: float
    class_index: int | None = None


def surest_mistakes(judged: Judged, task: Task, most: int) -> list[Mistake]:
    """Returns the mistakes of which the model was surest, the surest first.

    Of one class per row it is the probability of the class predicted that counts; of several
    classes that of the wrong decision on one of them, to give or to leave it out; of numbers the
    error. Rows whose predictions are not finite are left out.

    Args:
        judged: the N rows.
        task: the task.
        most: int. Number of mistakes.
    """
    classes = None
    if not task.has_probabilities:
        sureness = number_errors(judged, task)
    elif task.is_exclusive:
        wrong = judged.labelled(task) & ~judged.right(task)
        sureness = np.where(wrong, judged.confidence(task), np.nan)
    else:
        sureness, classes = _of_cells(judged, task)
    sureness = np.where(np.isfinite(sureness), sureness, np.nan)
    order = np.argsort(-sureness, kind="stable")[:most]  # NaN last
    return [
        Mistake(int(row), float(sureness[row]), None if classes is None else int(classes[row]))
        for row in order
        if not np.isnan(sureness[row]) and (task.has_probabilities or sureness[row] > 0)
    ]


def _of_cells(judged: Judged, task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Returns of each row the probability of its surest wrong cell, NaN without; and its class."""
    targets, probabilities = judged.targets[task.name], judged.probabilities[task.name]
    truth = task.class_indicator(targets)
    predicted = task.predicted_indicator(targets, judged.predictions[task.name])
    wrong = task.known_cells(targets) & (truth != predicted)  # (N, C)
    stated = np.where(predicted, probabilities, 1 - probabilities)
    stated = np.where(wrong & np.isfinite(stated), stated, -np.inf)
    classes = stated.argmax(axis=1)
    return stated[np.arange(len(stated)), classes], classes
