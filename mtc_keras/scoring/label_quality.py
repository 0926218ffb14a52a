"""How far given labels agree with probabilities of a model that never saw the row.

Shapes: N rows, C classes.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mtc_keras.scoring.confident_learning import confident_classes, joint_counts
from mtc_keras.tasks import Task

# Modified z-scores above are outliers (Iglewicz & Hoaglin 1993, section 3.3).
OUTLIER = 3.5
MAD_TO_DEVIATION = 1.4826  # of normally distributed residuals
LEAST = 1e-9  # of a probability in a ratio


@dataclass(frozen=True, eq=False)
class LabelQuality:
    """What is to be thought of the labels of one task.

    Args:
        quality: float64 of shape `(N,)` between 0 and 1, low where the label is likely wrong; NaN
            where there is none.
        suspect: bool of shape `(N,)`: rows whose label confident learning holds wrong; of numbers
            the outliers.
        suggested: predictions, in the form of targets without shares: what each row's label seems
            to be. Of a row that is no suspect, the likeliest other label.
        probability: float64 of shape `(N,)`: that of what is suggested in place of what is given,
            NaN where there is no label and of numbers.
        cells: float64 of shape `(N, C)`, the quality of each cell of a multilabel task, NaN where
            missing; `None` of others.
        confused: int64 of shape `(C, C)`: rows by the class given and the class they seem to have.
            Of a multilabel task `(C, 2)`: rows that seem to lack a class they are given, and to
            have one they are not. `None` of numbers.
    """

    quality: np.ndarray
    suspect: np.ndarray
    suggested: np.ndarray
    probability: np.ndarray
    cells: np.ndarray | None
    confused: np.ndarray | None

    @cached_property
    def order(self) -> np.ndarray:
        """int64 of shape `(labelled rows,)`: rows from the likeliest error to the best label."""
        labelled = int((~np.isnan(self.quality)).sum())
        return np.argsort(self.quality, kind="stable")[:labelled]  # NaN last

    @property
    def count(self) -> int:
        """How many labels are likely wrong."""
        return int(self.suspect.sum())


def label_quality(task: Task, targets: np.ndarray, probabilities: np.ndarray) -> LabelQuality:
    """Judges the labels of a task by probabilities that owe nothing to them.

    The quality of one class per row is the probability of the class given (self-confidence); of
    ordered classes 1 - the distance to the class expected, as a share of the scale; of several
    classes per row the probability that no known cell is wrong if at most one is; of shares
    1 - their distance from the probabilities; of numbers `exp(-|residual|)` in robust standard
    deviations.

    Args:
        task: the task.
        targets: its encoded labels of N rows.
        probabilities: what `Task.activate` returns for the same rows, of a model that was not
            trained on them. A row without a finite one is as if it had no label.
    """
    probabilities = np.asarray(probabilities, "float64")
    finite = np.isfinite(probabilities)
    labelled = task.labelled(targets) & (finite if finite.ndim == 1 else finite.all(axis=1))
    judge = _judge_numbers
    if task.has_classes:
        judge = _judge_sets if task.hard(targets).ndim == 2 else _judge_classes
    return judge(task, targets, probabilities, labelled)


def _judge_classes(
    task: Task, targets: np.ndarray, probabilities: np.ndarray, labelled: np.ndarray
) -> LabelQuality:
    """Judges one class per row, or its shares."""
    count, classes = len(targets), probabilities.shape[1]
    hard = task.hard(targets)
    given, stated = hard[labelled], probabilities[labelled]
    shares = targets[labelled] if targets.ndim == 2 else np.eye(classes)[given]
    difference = shares - stated  # (M, C)
    if task.has_order:
        # Wasserstein's distance on the scale, as a share of its length.
        distance = np.abs(np.cumsum(difference, axis=1)).sum(axis=1) / max(classes - 1, 1)
    else:
        distance = np.abs(difference).sum(axis=1) / 2
    guesses = confident_classes(given, stated)
    own = np.arange(classes) == given[:, None]
    other = np.where(own, -1.0, stated).argmax(axis=1)
    suspect = guesses != given
    suggested = np.where(suspect, guesses, other)
    probability = np.take_along_axis(stated, suggested[:, None], axis=1)[:, 0]
    return LabelQuality(
        quality=_filled(1 - distance, labelled, count, np.nan),
        suspect=_filled(suspect, labelled, count, False),
        suggested=_filled(suggested.astype(hard.dtype), labelled, count, -1),
        probability=_filled(probability, labelled, count, np.nan),
        cells=None,
        confused=joint_counts(given, guesses, classes),
    )


def _judge_sets(
    task: Task, targets: np.ndarray, probabilities: np.ndarray, labelled: np.ndarray
) -> LabelQuality:
    """Judges any number of classes per row, cell by cell."""
    hard = task.hard(targets)  # (N, C)
    known = task.known_cells(targets) & labelled[:, None]
    cells = np.where(known, 1 - np.abs(targets - probabilities), np.nan)
    flipped = np.zeros(hard.shape, bool)
    confused = np.zeros((hard.shape[1], 2), "int64")
    for label in range(hard.shape[1]):
        rows = known[:, label]
        given, stated = hard[rows, label].astype("int64"), probabilities[rows, label]
        guesses = confident_classes(given, np.stack([1 - stated, stated], axis=1))
        flipped[rows, label] = guesses != given
        counts = joint_counts(given, guesses, 2)
        confused[label] = counts[1, 0], counts[0, 1]
    suspect = np.asarray(flipped.any(axis=1))
    # The worst cell alone, where none is flipped.
    worst = np.where(known, cells, np.inf).argmin(axis=1)
    is_worst = np.arange(hard.shape[1]) == worst[:, None]
    changed = known & np.where(suspect[:, None], flipped, is_worst)
    against = np.where(changed, 1 - np.where(known, cells, 1.0), -1.0)
    return LabelQuality(
        quality=_none_wrong(cells, labelled),
        suspect=suspect,
        suggested=np.where(changed, 1 - hard, hard),
        probability=np.where(labelled, against.max(axis=1), np.nan),
        cells=cells,
        confused=confused,
    )


def _none_wrong(cells: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """Returns the probability that no cell of a row is wrong, given that at most one is.

    If cells are independent, all are right with `Π s`, and one alone is wrong with
    `Π s · (1 - s) / s`. One cell that is surely wrong is enough, whatever the others say: the
    moving average over cells of Thyagarajan et al. 2022 (arXiv 2211.13895) ranks rows with a
    second doubtful cell before it (docs/checking.md compares them).
    """
    right = np.maximum(cells, LEAST)
    odds = np.nansum((1 - right) / right, axis=1)
    return np.where(labelled, 1 / (1 + odds), np.nan)


def _judge_numbers(
    task: Task, targets: np.ndarray, probabilities: np.ndarray, labelled: np.ndarray
) -> LabelQuality:
    """Judges numbers by their distance from what was predicted."""
    residual = np.where(labelled, targets - probabilities, np.nan).astype("float64")
    known = residual[labelled]
    deviation = 0.0
    if len(known):
        deviation = MAD_TO_DEVIATION * float(np.median(np.abs(known - np.median(known))))
        deviation = deviation or float(known.std())
    distance = np.abs(residual) / (deviation or 1.0)
    return LabelQuality(
        quality=np.exp(-distance),
        suspect=np.nan_to_num(distance) > OUTLIER,
        suggested=np.where(labelled, probabilities, np.nan).astype("float32"),
        probability=np.full(len(targets), np.nan),
        cells=None,
        confused=None,
    )


def _filled(values: np.ndarray, labelled: np.ndarray, count: int, missing: float) -> np.ndarray:
    """Returns values of labelled rows among those of all."""
    filled = np.full(count, missing, values.dtype if values.dtype != bool else bool)
    filled[labelled] = values
    return filled
