"""How sure a main metric is: a bootstrap over rows, of all drawings at once.

The metrics that the kinds maximise are functions of sums over rows; the sums of a thousand drawings
take milliseconds, where scikit-learn's functions, called for each drawing, take seconds.
"""

from collections.abc import Callable

import numpy as np

from mtc_keras.scoring.intervals import main_score, resampled_scores
from mtc_keras.tasks import Task

RESAMPLES = 1000
FEW = 100  # drawings of metrics that only the task itself can compute
MOST_DRAWN = 20_000_000  # rows of all drawings together
DRAWN_AT_ONCE = 2_000_000

# Rows' own numbers, of shape (N, K), and the metric of their sums, (R, K) -> (R,).
Sums = tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]


def main_interval(
    task: Task,
    targets: np.ndarray,
    predictions: np.ndarray,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """Returns the 95 % percentile interval of a task's main metric (Efron & Tibshirani 1993).

    Args:
        task: the task.
        targets: encoded labels of N rows; those without a label do not count.
        predictions: what `Task.decide` returned for them.
        resamples: int. Drawings of rows with replacement; fewer of very many rows.
        seed: int. Seed of the drawings.

    Returns:
        Its lower and upper end; NaN where the metric is undefined in every drawing.
    """
    rows = task.labelled(targets)
    targets, predictions = targets[rows], predictions[rows]
    if not len(targets):
        return np.nan, np.nan
    drawn = drawn_scores(task, targets, predictions, resamples, seed)
    defined = drawn[np.isfinite(drawn)]
    if not len(defined):
        return np.nan, np.nan
    low, high = np.percentile(defined, [2.5, 97.5])
    return float(low), float(high)


def drawn_scores(
    task: Task, targets: np.ndarray, predictions: np.ndarray, resamples: int, seed: int
) -> np.ndarray:
    """Returns the main metric of each drawing, float64 of shape `(R,)`.

    Args:
        task: the task.
        targets: encoded labels of N rows, all of them labelled.
        predictions: those of the same rows.
        resamples: int. R, or fewer of very many rows.
        seed: int. Seed of the drawings.
    """
    count = len(targets)
    sums = SUMS.get(task.main_metric)
    if sums is None:  # of a user's own kind
        return resampled_scores(task, targets, [predictions], min(resamples, FEW), seed)
    values, metric = sums(task, targets, predictions)
    if not _agrees(metric(values.sum(axis=0)[None])[0], main_score(task, targets, predictions)):
        return resampled_scores(task, targets, [predictions], min(resamples, FEW), seed)
    resamples = max(min(resamples, MOST_DRAWN // count), FEW)
    random = np.random.default_rng(seed)
    found = []
    lot = max(DRAWN_AT_ONCE // count, 1)
    for start in range(0, resamples, lot):
        rows = random.integers(count, size=(min(lot, resamples - start), count))
        found.append(metric(np.stack([column[rows].sum(axis=1) for column in values.T], axis=1)))
    return np.concatenate(found)


def _agrees(own: float, asked: float) -> bool:
    """Whether a metric of sums is the task's: a user's kind may call another one by its name."""
    return bool(np.isclose(own, asked, rtol=1e-5, atol=1e-6, equal_nan=True))


def _accuracy(task: Task, targets: np.ndarray, predictions: np.ndarray) -> Sums:
    truth = task.class_indicator(targets)
    right = (truth == task.predicted_indicator(targets, predictions)).all(axis=1)
    values = np.stack([right, np.ones(len(right))], axis=1)
    return values, lambda sums: sums[:, 0] / sums[:, 1]


def _f1_micro(task: Task, targets: np.ndarray, predictions: np.ndarray) -> Sums:
    truth = task.class_indicator(targets)
    predicted = task.predicted_indicator(targets, predictions)
    hits = (truth & predicted).sum(axis=1)
    values = np.stack([2 * hits, truth.sum(axis=1) + predicted.sum(axis=1)], axis=1)
    # Without a positive and without a prediction it is 0, as in the metrics.
    return values.astype("float64"), lambda sums: sums[:, 0] / np.maximum(sums[:, 1], 1)


def _kappa(task: Task, targets: np.ndarray, predictions: np.ndarray) -> Sums:
    truth, said = task.hard(targets).astype("float64"), predictions.astype("float64")
    ones = np.ones(len(truth))
    values = np.stack([ones, truth, truth**2, said, said**2, (truth - said) ** 2], axis=1)

    def metric(sums: np.ndarray) -> np.ndarray:
        count, truth, truth2, said, said2, errors = sums.T
        # Σ_ij (i - j)² n_i n_j / n: the squared error of independent labels.
        chance = truth2 + said2 - 2 * truth * said / count
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(chance > 0, 1 - errors / chance, np.nan)

    return values, metric


def _r2(task: Task, targets: np.ndarray, predictions: np.ndarray) -> Sums:
    truth, said = targets.astype("float64"), predictions.astype("float64")
    centred = truth - truth.mean()  # so that the difference of squares keeps its digits
    values = np.stack([np.ones(len(truth)), centred, centred**2, (truth - said) ** 2], axis=1)

    def metric(sums: np.ndarray) -> np.ndarray:
        count, mean, squares, errors = sums.T
        spread = squares - mean**2 / count
        least = 1e-12 * max(float((centred**2).sum()), 1e-300)  # of equal numbers, rounded
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(spread > least, 1 - errors / spread, np.nan)

    return values, metric


SUMS: dict[str, Callable[[Task, np.ndarray, np.ndarray], Sums]] = {
    "accuracy": _accuracy,
    "f1_micro": _f1_micro,
    "quadratic_weighted_kappa": _kappa,
    "r2": _r2,
}
