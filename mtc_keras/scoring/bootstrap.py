"""How sure a main metric is: a bootstrap over rows, of all drawings at once.

The metrics that the kinds maximise are functions of sums over rows; the sums of a thousand drawings
take milliseconds, where scikit-learn's functions, called for each drawing, take seconds.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from mtc_keras.scoring.intervals import main_score, resampled_scores
from mtc_keras.tasks import Task

RESAMPLES = 1000
FEW = 100  # drawings of metrics that only the task itself can compute
MOST_DRAWN = 20_000_000  # rows of all drawings together
DRAWN_AT_ONCE = 2_000_000


class MainMetric(ABC):
    """A task's main metric of some labelled rows, and of parts and drawings of them."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def take(self, rows: np.ndarray) -> Self:
        """Returns it of some of the rows, which int or bool picks."""

    @abstractmethod
    def score(self) -> float:
        """Returns the metric of all rows, of which there are some."""

    @abstractmethod
    def drawn(self, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
        """Returns the metric of rows drawn with replacement, float64 of shape `(R,)`.

        Args:
            resamples: int. R, or fewer of very many rows.
            seed: int. The same seed draws the same of as many rows, so that what is predicted of
                the same ones by two models is compared on the same drawings.
        """

    def interval(self, resamples: int = RESAMPLES, seed: int = 0) -> tuple[float, float]:
        """Returns the 95 % percentile interval (Efron & Tibshirani 1993); NaN where undefined."""
        drawn = self.drawn(resamples, seed) if len(self) else np.empty(0)
        defined = drawn[np.isfinite(drawn)]
        if not len(defined):
            return np.nan, np.nan
        low, high = np.percentile(defined, [2.5, 97.5])
        return float(low), float(high)


@dataclass(frozen=True, eq=False)
class MetricOfSums(MainMetric):
    """A metric that is a function of sums over rows.

    Args:
        values: float64 of shape `(N, K)`: the rows' own numbers.
        metric: from sums of them, `(R, K)`, to metrics, `(R,)`.
    """

    values: np.ndarray
    metric: Callable[[np.ndarray], np.ndarray]

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: np.ndarray) -> Self:
        return replace(self, values=self.values[rows])

    def score(self) -> float:
        return float(self.metric(self.values.sum(axis=0)[None])[0])

    def drawn(self, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
        count = len(self)
        resamples = max(min(resamples, MOST_DRAWN // count), FEW)
        random = np.random.default_rng(seed)
        found = []
        lot = max(DRAWN_AT_ONCE // count, 1)
        for start in range(0, resamples, lot):
            rows = random.integers(count, size=(min(lot, resamples - start), count))
            sums = [column[rows].sum(axis=1) for column in self.values.T]
            found.append(self.metric(np.stack(sums, axis=1)))
        return np.concatenate(found)


@dataclass(frozen=True, eq=False)
class MetricOfTask(MainMetric):
    """A metric that only the task itself can compute, of a user's own kind.

    Args:
        task: the task.
        targets: encoded labels of N rows, all of them labelled.
        predictions: those of the same rows.
    """

    task: Task
    targets: np.ndarray
    predictions: np.ndarray

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, rows: np.ndarray) -> Self:
        return replace(self, targets=self.targets[rows], predictions=self.predictions[rows])

    def score(self) -> float:
        return main_score(self.task, self.targets, self.predictions)

    def drawn(self, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
        predictions, few = [self.predictions], min(resamples, FEW)
        return resampled_scores(self.task, self.targets, predictions, few, seed)


def main_metric(task: Task, targets: np.ndarray, predictions: np.ndarray) -> MainMetric:
    """Returns a task's main metric of N rows.

    Args:
        task: the task.
        targets: encoded labels of N rows, all of them labelled.
        predictions: what `Task.decide` returned for them.
    """
    own = MetricOfTask(task, targets, predictions)
    sums = SUMS.get(task.main_metric)
    if sums is None or not len(targets):
        return own
    found = sums(task, targets, predictions)
    # A user's kind may call another metric by its name.
    agrees = np.isclose(found.score(), own.score(), rtol=1e-5, atol=1e-6, equal_nan=True)
    return found if agrees else own


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
    return main_metric(task, targets[rows], predictions[rows]).interval(resamples, seed)


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
    return main_metric(task, targets, predictions).drawn(resamples, seed)


def _accuracy(task: Task, targets: np.ndarray, predictions: np.ndarray) -> MetricOfSums:
    truth = task.class_indicator(targets)
    right = (truth == task.predicted_indicator(targets, predictions)).all(axis=1)
    values = np.stack([right, np.ones(len(right))], axis=1)
    return MetricOfSums(values, lambda sums: sums[:, 0] / sums[:, 1])


def _f1_micro(task: Task, targets: np.ndarray, predictions: np.ndarray) -> MetricOfSums:
    truth = task.class_indicator(targets)
    predicted = task.predicted_indicator(targets, predictions)
    hits = (truth & predicted).sum(axis=1)
    values = np.stack([2 * hits, truth.sum(axis=1) + predicted.sum(axis=1)], axis=1)
    # Without a positive and without a prediction it is 0, as in the metrics.
    return MetricOfSums(
        values.astype("float64"), lambda sums: sums[:, 0] / np.maximum(sums[:, 1], 1)
    )


def _kappa(task: Task, targets: np.ndarray, predictions: np.ndarray) -> MetricOfSums:
    truth, said = task.hard(targets).astype("float64"), predictions.astype("float64")
    ones = np.ones(len(truth))
    values = np.stack([ones, truth, truth**2, said, said**2, (truth - said) ** 2], axis=1)

    def metric(sums: np.ndarray) -> np.ndarray:
        count, truth, truth2, said, said2, errors = sums.T
        # Σ_ij (i - j)² n_i n_j / n: the squared error of independent labels.
        chance = truth2 + said2 - 2 * truth * said / count
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(chance > 0, 1 - errors / chance, np.nan)

    return MetricOfSums(values, metric)


def _r2(task: Task, targets: np.ndarray, predictions: np.ndarray) -> MetricOfSums:
    truth, said = targets.astype("float64"), predictions.astype("float64")
    centred = truth - truth.mean()  # so that the difference of squares keeps its digits
    values = np.stack([np.ones(len(truth)), centred, centred**2, (truth - said) ** 2], axis=1)

    def metric(sums: np.ndarray) -> np.ndarray:
        count, mean, squares, errors = sums.T
        spread = squares - mean**2 / count
        least = 1e-12 * max(float((centred**2).sum()), 1e-300)  # of equal numbers, rounded
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(spread > least, 1 - errors / spread, np.nan)

    return MetricOfSums(values, metric)


SUMS: dict[str, Callable[[Task, np.ndarray, np.ndarray], MetricOfSums]] = {
    "accuracy": _accuracy,
    "f1_micro": _f1_micro,
    "quadratic_weighted_kappa": _kappa,
    "r2": _r2,
}
