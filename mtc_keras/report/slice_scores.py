"""How good a task is on slices of the rows, with intervals.

Shapes: N rows.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mtc_keras.errors import plural
from mtc_keras.report.judged import Judged
from mtc_keras.report.slicing import (
    Slice,
    slices_of_column,
    slices_of_labels,
    slices_of_lengths,
)
from mtc_keras.scoring.bootstrap import MainMetric, MetricOfSums, main_metric
from mtc_keras.tasks import Task

FEWEST_LABELLED = 10  # labelled rows of a slice that is judged
RESAMPLES = 500
RELATIVE, ERROR = ("r2", "quadratic_weighted_kappa"), "mae"


@dataclass(frozen=True)
class SliceScore:
    """A task's metric on a slice.

    Args:
        by: what slices the rows.
        name: what the slice's rows have in common.
        rows: int. Its labelled rows.
        score: float. The metric on them; NaN where it is undefined.
        low: float. Lower end of its 95 % interval.
        high: float. Upper end.
        overall: float. The metric on all labelled rows.
        is_error: bool. Whether the metric is an error, of which less is better.
    """

    by: str
    name: str
    rows: int
    score: float
    low: float
    high: float
    overall: float
    is_error: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values: `by`, `slice`, `rows`, `score`, `low`, `high` and `overall`."""
        values = asdict(self)
        del values["is_error"]
        return {"by": values.pop("by"), "slice": values.pop("name"), **values}

    @property
    def gain(self) -> tuple[float, float, float]:
        """How much better than all rows the slice is: the difference, and its interval's ends."""
        score, low, high = (end - self.overall for end in (self.score, self.low, self.high))
        return (-score, -high, -low) if self.is_error else (score, low, high)

    @property
    def is_worse(self) -> bool:
        """Whether the slice is worse than all rows with its whole interval."""
        return self.gain[2] < 0

    @property
    def is_better(self) -> bool:
        """Whether it is better with its whole interval."""
        return self.gain[1] > 0


def judged_slices(judged: Judged) -> tuple[list[Slice], list[str]]:
    """Returns all slices of judged rows, and lines on what was put together."""
    by_column, notes = _slices_of_columns(judged)
    slices = [*slices_of_lengths(judged.lengths, judged.max_length), *by_column]
    labelled = np.stack([judged.labelled(task) for task in judged.tasks], axis=1)
    return [*slices, *slices_of_labels(labelled)], notes


def slice_scores(
    judged: Judged, task: Task, slices: Sequence[Slice]
) -> tuple[list[SliceScore], int]:
    """Returns a task's `slice_metric` on each slice, worst first, and how many are too small.

    Intervals are Wilson's (1927) of an accuracy, which say something where all rows are right,
    too, and percentiles of a bootstrap over rows of other metrics.
    """
    labelled = judged.labelled(task)
    targets, predictions = judged.targets[task.name], judged.predictions[task.name]
    if not labelled.any():
        return [], 0
    whole = metric_of_slices(task, targets[labelled], predictions[labelled])
    is_share = slice_metric(task) == "accuracy" and task.has_probabilities
    is_error = slice_metric(task) == ERROR
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
        found.append(
            SliceScore(one.by, one.name, count, part.score(), low, high, overall, is_error)
        )
    return sorted(found, key=lambda one: (np.isnan(one.score), one.gain[0])), small


def scores_by_column(judged: Judged) -> tuple[dict[str, Any], list[str]]:
    """Returns how good each task is on slices by columns alone, and lines on how they were made.

    Returns:
        For each task with labelled rows its `metric`, and its `slices`, the worst first, as
        `SliceScore.to_dict` returns them.
    """
    slices, notes = _slices_of_columns(judged)
    by_task = {}
    for task in judged.tasks:
        scores, small = slice_scores(judged, task, slices)
        if scores:
            by_task[task.name] = {
                "metric": slice_metric(task),
                "slices": [one.to_dict() for one in scores],
            }
        if small:
            few = f"fewer than {FEWEST_LABELLED} labelled rows"
            notes.append(f"tasks.{task.name}: {plural(small, 'slice')} of {few} not judged")
    return by_task, notes


def _slices_of_columns(judged: Judged) -> tuple[list[Slice], list[str]]:
    slices, notes = list[Slice](), list[str]()
    for column, values in judged.slices.items():
        found, told = slices_of_column(column, values)
        slices += found
        notes += told
    return slices, notes


def slice_metric(task: Task) -> str:
    """Returns the metric by which slices of a task are judged.

    It is the main one, but for those that compare errors with how much the rows' own labels vary:
    rows that are alike have a low R² or kappa however well they are predicted. Their mean absolute
    error can be compared.
    """
    return ERROR if task.main_metric in RELATIVE else task.main_metric


def metric_of_slices(task: Task, targets: np.ndarray, predictions: np.ndarray) -> MainMetric:
    """Returns the `slice_metric` of labelled rows, of which slices can be taken."""
    if slice_metric(task) != ERROR:
        return main_metric(task, targets, predictions)
    errors = np.abs(predictions.astype("float64") - task.hard(targets))
    values = np.stack([errors, np.ones(len(errors))], axis=1)
    return MetricOfSums(values, lambda sums: sums[:, 0] / sums[:, 1])


def _wilson(right: np.ndarray) -> tuple[float, float]:
    from scipy.stats import binomtest

    ends = binomtest(int(right.sum()), len(right)).proportion_ci(method="wilson")
    return float(ends.low), float(ends.high)
