"""What two witnesses think of a label: the text, and the labels of the other tasks.

Shapes: N rows, C classes.
"""

import numpy as np

from mtc_keras.tasks import Task

# What the text says counts less than a contradiction between labels, which is far surer. It decides
# where there is none, because all tasks' labels of a row are wrong in the same way; more weight
# finds more of these and fewer of the others (python -m benchmarks.label_errors).
TEXT_WEIGHT = 0.2
LEAST = 1e-9  # of a probability in a ratio


def as_features(task: Task, targets: np.ndarray) -> np.ndarray:
    """Returns the labels of a task as other tasks' heads read them.

    Args:
        task: the task.
        targets: its encoded labels of N rows.

    Returns:
        float32 of shape `(N, K)`: 1 for each class that a row carries, or the standardised number;
        where something is missing, columns that say so.
    """
    labelled = task.labelled(targets)
    if task.has_classes:
        known = task.known_cells(targets)  # (N, C)
        given = task.class_indicator(targets) & known
        # One column tells of a whole label that is missing, as many as needed of single cells.
        missing = np.unique(~known, axis=1)
    else:
        numbers = targets[labelled].astype("float64")
        spread = float(numbers.std()) if len(numbers) else 0.0
        mean = float(numbers.mean()) if len(numbers) else 0.0
        given = np.where(labelled, (targets - mean) / (spread or 1.0), 0.0)[:, None]
        missing = ~labelled[:, None]
    missing = missing[:, missing.any(axis=0)]
    return np.concatenate([given, missing], axis=1).astype("float32")


def combined(
    task: Task, targets: np.ndarray, by_text: np.ndarray, by_labels: np.ndarray
) -> np.ndarray:
    """Returns the probabilities by which a label is judged.

    A label may be wrong by itself, which the labels of the other tasks betray, or together with
    them, which only the text does. The odds of both are added up: of class k against the class
    given `p(k | text, other labels) / p(given | …) + w · p(k | text) / p(given | text)`.

    Args:
        task: the task.
        targets: its encoded labels of N rows.
        by_text: probabilities by heads that see the text, of rows they were not fitted to.
        by_labels: the same by heads that also see the other tasks' labels.

    Returns:
        Probabilities of the same shape; of numbers, those of the two that are closer to the labels.
    """
    if not task.has_classes:
        return min(by_labels, by_text, key=lambda numbers: _distance(task, targets, numbers))
    given = task.hard(targets)
    if given.ndim == 2:  # each cell has the two classes of having it and not
        known = task.known_cells(targets)
        stated = [np.where(given == 1, p, 1 - p) for p in (by_labels, by_text)]
        odds = _odds(1 - stated[0], stated[0]) + TEXT_WEIGHT * _odds(1 - stated[1], stated[1])
        right = 1 / (1 + odds)
        return np.where(known, np.where(given == 1, right, 1 - right), by_labels)
    labelled = task.labelled(targets)
    own = np.maximum(given, 0)[:, None]  # (N, 1)
    ratios = [_odds(p, np.take_along_axis(p, own, axis=1)) for p in (by_labels, by_text)]
    odds = ratios[0] + TEXT_WEIGHT * ratios[1]
    np.put_along_axis(odds, own, 1.0, axis=1)
    return np.where(labelled[:, None], odds / odds.sum(axis=1, keepdims=True), by_labels)


def _odds(of: np.ndarray, against: np.ndarray) -> np.ndarray:
    return of.astype("float64") / np.maximum(against.astype("float64"), LEAST)


def _distance(task: Task, targets: np.ndarray, numbers: np.ndarray) -> float:
    """Returns the median distance of numbers from the labels that are known."""
    rows = task.labelled(targets)
    return float(np.median(np.abs(targets[rows] - numbers[rows]))) if rows.any() else 0.0
