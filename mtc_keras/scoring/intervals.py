"""How well the scores of two approaches can be distinguished: a paired bootstrap over rows."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mtc_keras.tasks import Task


@dataclass(frozen=True)
class Difference:
    """How much better the joint model scores than another approach.

    Args:
        difference: joint minus other; above 0, joint is better.
        low: lower end of the 95 % interval.
        high: upper end.
        verdict: `"better"` or `"worse"` if the interval leaves out 0.
    """

    difference: float
    low: float
    high: float
    verdict: str


def compare_scores(
    task: Task,
    targets: np.ndarray,
    predictions: Mapping[str, Sequence[np.ndarray]],
    resamples: int,
    seed: int = 0,
) -> dict[str, Any]:
    """Judges one task's predictions by every approach, on the rows that carry its label.

    Args:
        task: the task.
        targets: encoded labels of N rows.
        predictions: dict from approach, `"joint"` among them, to the predictions of the
            same rows, one array per training seed.
        resamples: int. Drawings of the bootstrap.
        seed: int. Seed of the drawings.

    Returns:
        `metric`, labelled `rows`, `scores` by approach (`mean` and `by_seed`), and
        `joint_against` each other approach: a `Difference` as a dict. Without a labelled
        row, the last two are empty.
    """
    labelled = task.labelled(targets)
    found = {"metric": task.main_metric, "rows": int(labelled.sum())}
    if not labelled.any():
        return {**found, "scores": {}, "joint_against": {}}
    targets = targets[labelled]
    scores: dict[str, dict[str, Any]] = {}
    drawn: dict[str, np.ndarray] = {}
    for approach, by_seed in predictions.items():
        known = [own[labelled] for own in by_seed]
        values = [main_score(task, targets, own) for own in known]
        scores[approach] = {"mean": float(np.mean(values)), "by_seed": values}
        drawn[approach] = resampled_scores(task, targets, known, resamples, seed)
    against = {
        other: judge(scores["joint"]["mean"] - scores[other]["mean"], drawn["joint"] - drawn[other])
        for other in predictions
        if other != "joint"
    }
    return {
        **found,
        "scores": scores,
        "joint_against": {other: asdict(difference) for other, difference in against.items()},
    }


def main_score(task: Task, targets: np.ndarray, predictions: np.ndarray) -> float:
    """Returns the task's main metric."""
    return float(task.score(targets, predictions)[task.main_metric])


def resampled_scores(
    task: Task,
    targets: np.ndarray,
    predictions: Sequence[np.ndarray],
    resamples: int,
    seed: int,
) -> np.ndarray:
    """Scores an approach on rows drawn with replacement, again and again.

    Args:
        task: the task.
        targets: encoded labels of N rows, all of them labelled.
        predictions: the predictions of the same rows, one array per training seed.
        resamples: int. Number of drawings.
        seed: int. The same seed draws the same rows, so that two approaches are compared
            on the same ones (a paired bootstrap, Efron & Tibshirani 1993).

    Returns:
        float64 of shape `(resamples,)`: main metrics, each the mean over training seeds.
    """
    random = np.random.default_rng(seed)
    scores = np.empty(resamples)
    for drawing in range(resamples):
        rows = random.integers(len(targets), size=len(targets))
        known = targets[rows]
        scores[drawing] = np.mean([main_score(task, known, own[rows]) for own in predictions])
    return scores


def judge(difference: float, resampled: np.ndarray) -> Difference:
    """Returns a difference with its 95 % percentile interval and a verdict.

    Args:
        difference: joint minus other on all rows.
        resampled: the same on resampled rows. Drawings whose metric is undefined, such as
            R² of equal targets, are left out.
    """
    defined = resampled[np.isfinite(resampled)]
    if not math.isfinite(difference) or not len(defined):
        return Difference(difference, math.nan, math.nan, "undefined")
    low, high = (float(end) for end in np.percentile(defined, [2.5, 97.5]))
    verdict = "better" if low > 0 else "worse" if high < 0 else "no difference seen"
    return Difference(difference, low, high, verdict)
