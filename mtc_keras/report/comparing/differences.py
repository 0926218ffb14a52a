"""How a run differs from another, task by task: scores, rows, classes.

Shapes: N rows of the one run, M of the other, K that both have judged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mtc_keras.report.comparing.rows import equally_labelled
from mtc_keras.report.judged import Judged
from mtc_keras.scoring.bootstrap import MainMetric, main_metric
from mtc_keras.scoring.intervals import Difference, judge
from mtc_keras.tasks import Task

RESAMPLES = 1000


@dataclass(frozen=True, eq=False)
class Pair:
    """What two runs predict for one task.

    Args:
        task: the task.
        first: targets and predictions of the first run.
        second: those of the second; of the same K labelled rows if they are paired.
        rows: for each run the labelled rows among its own.
        is_paired: bool. Whether they are the same rows.
        unequal: int. Rows that both have judged and label differently, which are left out.
    """

    task: Task
    first: tuple[np.ndarray, np.ndarray]
    second: tuple[np.ndarray, np.ndarray]
    rows: tuple[np.ndarray, np.ndarray]
    is_paired: bool
    unequal: int = 0

    @cached_property
    def metrics(self) -> tuple[MainMetric, MainMetric]:
        """The main metric of each run on these rows."""
        return main_metric(self.task, *self.first), main_metric(self.task, *self.second)


def scores(metrics: tuple[MainMetric, MainMetric]) -> tuple[float, float]:
    """Returns the main metric of each of two runs, NaN without any rows."""
    first, second = (metric.score() if len(metric) else np.nan for metric in metrics)
    return first, second


def difference(
    metrics: tuple[MainMetric, MainMetric],
    resamples: int = RESAMPLES,
    *,
    is_paired: bool = True,
    is_error: bool = False,
) -> Difference:
    """Returns how much better the second run scores, with a 95 % interval.

    Args:
        metrics: the main metric of each run on some rows.
        resamples: int. Drawings of rows.
        is_paired: bool. Whether these are the same rows: then the bootstrap is paired, and both
            runs are judged on the same drawings (Efron & Tibshirani 1993). Else each is drawn by
            itself.
        is_error: bool. Whether the metric is an error, of which less is better.
    """
    if not all(map(len, metrics)):
        return Difference(np.nan, np.nan, np.nan, "undefined")
    first, second = scores(metrics)
    drawn = [
        metric.drawn(resamples, seed)
        for metric, seed in zip(metrics, (0, 0 if is_paired else 1), strict=True)
    ]
    least = min(map(len, drawn))  # fewer are drawn of very many rows
    sign = -1 if is_error else 1
    return judge(sign * (second - first), sign * (drawn[1][:least] - drawn[0][:least]))


def pair_of(
    task: Task,
    first: Judged,
    second: Judged,
    common: tuple[np.ndarray, np.ndarray],
) -> Pair:
    """Returns what two runs predict for a task: on the rows of both, else on those of each.

    Args:
        task: the task, which `same_task` says both have.
        first: the rows of the first run.
        second: those of the second.
        common: the rows that both have judged, int of shape `(K,)` each.
    """
    name = task.name
    if not len(common[0]):
        rows = np.flatnonzero(first.labelled(task)), np.flatnonzero(second.labelled(task))
        return Pair(task, _of(first, name, rows[0]), _of(second, name, rows[1]), rows, False)
    targets = first.targets[name][common[0]], second.targets[name][common[1]]
    equal = equally_labelled(task, *targets)
    labelled = task.labelled(targets[0]) | task.labelled(targets[1])
    chosen = common[0][equal], common[1][equal]
    return Pair(
        task=task,
        first=_of(first, name, chosen[0]),
        second=_of(second, name, chosen[1]),
        rows=chosen,
        is_paired=True,
        unequal=int((labelled & ~equal).sum()),
    )


def _of(judged: Judged, name: str, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return judged.targets[name][rows], judged.predictions[name][rows]


@dataclass(frozen=True, eq=False)
class Disagreement:
    """The rows on which one of two runs is right and the other wrong.

    Args:
        first: of numbers the rows to which the first run is nearer; else those that it alone gets
            right: int, positions among the rows of the `Pair`.
        second: the same of the second run.
        p: float. Probability of so uneven counts or more uneven ones if the runs were equally good:
            McNemar's exact test (1947), of numbers the sign test.
    """

    first: np.ndarray
    second: np.ndarray
    p: float


def disagreement(pair: Pair) -> Disagreement:
    """Returns where two runs that judged the same rows differ in what they get right."""
    from scipy.stats import binomtest

    if pair.task.has_probabilities:
        right = [pair.task.right(*own) for own in (pair.first, pair.second)]
        first, second = right[0] & ~right[1], right[1] & ~right[0]
    else:
        errors = [np.abs(own[1].astype("float64") - own[0]) for own in (pair.first, pair.second)]
        first, second = errors[0] < errors[1], errors[1] < errors[0]
    count = int(first.sum()), int(second.sum())
    p = float(binomtest(count[0], sum(count)).pvalue) if sum(count) else 1.0
    return Disagreement(np.flatnonzero(first), np.flatnonzero(second), p)


@dataclass(frozen=True)
class ClassDifference:
    """How good two runs are at a class.

    Args:
        name: what people see for it.
        support: its labels among the rows of each run.
        f1: the F1 of each run.
    """

    name: str
    support: tuple[int, int]
    f1: tuple[float, float]


def class_differences(pair: Pair) -> Sequence[ClassDifference]:
    """Returns the F1 of each class in both runs; none of a task without classes or rows."""
    if not pair.task.has_classes or not len(pair.first[0]) or not len(pair.second[0]):
        return []
    first, second = (pair.task.score(*own)["classes"] for own in (pair.first, pair.second))
    return [
        ClassDifference(
            shown,
            (first[name]["support"], second[name]["support"]),
            (first[name]["f1"], second[name]["f1"]),
        )
        for name, shown in zip(pair.task.known_classes, pair.task.shown_classes, strict=True)
    ]
