"""How good a task is on slices of the rows, with intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mtc_keras.report.judged import Judged
from mtc_keras.report.slicing import (
    Slice,
    slices_of_column,
    slices_of_labels,
    slices_of_lengths,
)
from mtc_keras.scoring.bootstrap import main_metric
from mtc_keras.tasks import Task

FEWEST_LABELLED = 10  # labelled rows of a slice that is judged
RESAMPLES = 500


@dataclass(frozen=True)
class SliceScore:
    """A task's main metric on a slice.

    Args:
        by: what slices the rows.
        name: what the slice's rows have in common.
        rows: int. Its labelled rows.
        score: float. The metric on them; NaN where it is undefined.
        low: float. Lower end of its 95 % interval.
        high: float. Upper end.
        overall: float. The metric on all labelled rows.
    """

    by: str
    name: str
    rows: int
    score: float
    low: float
    high: float
    overall: float

    @property
    def is_below(self) -> bool:
        """Whether the whole interval lies below the metric on all rows."""
        return self.high < self.overall


def judged_slices(judged: Judged) -> tuple[list[Slice], list[str]]:
    """Returns all slices of judged rows, and lines on what was put together."""
    slices, notes = slices_of_lengths(judged.lengths, judged.max_length), list[str]()
    for column, values in judged.slices.items():
        found, told = slices_of_column(column, values)
        slices += found
        notes += told
    labelled = np.stack([judged.labelled(task) for task in judged.tasks], axis=1)
    return [*slices, *slices_of_labels(labelled)], notes


def slice_scores(
    judged: Judged, task: Task, slices: Sequence[Slice]
) -> tuple[list[SliceScore], int]:
    """Returns a task's metric on each slice, worst first, and how many slices are too small.

    Intervals are Wilson's (1927) of an accuracy, which say something where all rows are right,
    too, and percentiles of a bootstrap over rows of other metrics.
    """
    labelled = judged.labelled(task)
    targets, predictions = judged.targets[task.name], judged.predictions[task.name]
    if not labelled.any():
        return [], 0
    whole = main_metric(task, targets[labelled], predictions[labelled])
    is_share = task.main_metric == "accuracy" and task.has_probabilities
    right = judged.right(task)[labelled] if is_share else None
    overall = whole.score()
    found, small = [], 0
    for one in slices:
        rows = one.rows[labelled]
        count = int(rows.sum())
        if count < FEWEST_LABELLED:
            small += 1
            continue
        part = whole.take(rows)
        low, high = part.interval(RESAMPLES) if right is None else _wilson(right[rows])
        found.append(SliceScore(one.by, one.name, count, part.score(), low, high, overall))
    return sorted(found, key=lambda one: (np.isnan(one.score), one.score)), small


def _wilson(right: np.ndarray) -> tuple[float, float]:
    from scipy.stats import binomtest

    ends = binomtest(int(right.sum()), len(right)).proportion_ci(method="wilson")
    return float(ends.low), float(ends.high)
