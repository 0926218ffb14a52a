"""Whether the errors of several tasks fall on the same rows.

Shapes: N rows, T tasks, D drawings.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

RESAMPLES = 1000


@dataclass(frozen=True)
class Coincidence:
    """How often two tasks err on the same row, among the rows that are labelled in both.

    Args:
        first: int. The one task.
        second: int. The other.
        rows: int. Rows that are labelled in both.
        wrong: of these, how many are wrong in the one, and in the other.
        both: int. Rows that are wrong in both.
        expected: float. How many would be, if the errors did not depend on each other.
        phi: float from -1 to 1, the correlation of the errors; NaN where one task is always, or
            never, wrong.
        low: float. Lower end of its 95 % interval.
        high: float. Upper end.
    """

    first: int
    second: int
    rows: int
    wrong: tuple[int, int]
    both: int
    expected: float
    phi: float
    low: float
    high: float


def coincidences(labelled: np.ndarray, wrong: np.ndarray, seed: int = 0) -> list[Coincidence]:
    """Returns the coincidence of each two tasks that have labelled rows in common.

    Args:
        labelled: bool of shape `(N, T)`.
        wrong: bool of shape `(N, T)`, false where there is no label.
        seed: int. Seed of the bootstrap behind the intervals.
    """
    found = []
    for first, second in combinations(range(labelled.shape[1]), 2):
        rows = labelled[:, first] & labelled[:, second]
        if rows.any():
            found.append(_coincidence(first, second, wrong[rows][:, [first, second]], seed))
    return found


def _coincidence(first: int, second: int, wrong: np.ndarray, seed: int) -> Coincidence:
    count = len(wrong)
    # Right in both, wrong in the second, in the first, in both: all that a row can be, so that
    # rows drawn again and again are a multinomial draw of these four counts.
    cells = np.bincount(2 * wrong[:, 0] + wrong[:, 1], minlength=4)
    drawn = np.random.default_rng(seed).multinomial(count, cells / count, size=RESAMPLES)
    resampled = _phi(drawn)
    resampled = resampled[np.isfinite(resampled)]
    phi = float(_phi(cells[None])[0])
    defined = np.isfinite(phi) and len(resampled)
    low, high = np.percentile(resampled, [2.5, 97.5]) if defined else (np.nan, np.nan)
    own = int(wrong[:, 0].sum()), int(wrong[:, 1].sum())
    return Coincidence(
        first=first,
        second=second,
        rows=count,
        wrong=own,
        both=int(cells[3]),
        expected=own[0] * own[1] / count,
        phi=phi,
        low=float(low),
        high=float(high),
    )


def _phi(cells: np.ndarray) -> np.ndarray:
    """Returns the phi coefficient (Yule 1912) of tables of four counts, shape `(D, 4)`."""
    right, second, first, both = cells.astype("float64").T
    sides = (first + both) * (right + second) * (second + both) * (right + first)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(sides > 0, (right * both - first * second) / np.sqrt(sides), np.nan)


def wrong_in_several(labelled: np.ndarray, wrong: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns how many rows are wrong in how many tasks, and how many would be by chance.

    Args:
        labelled: bool of shape `(N, T)`.
        wrong: bool of shape `(N, T)`, false where there is no label.

    Returns:
        Int of shape `(T + 1,)`: rows that are wrong in 0 … T tasks; and float of the same shape,
        expected if every task erred as often as it does, whatever the others do. Rows without a
        label are not counted.
    """
    rows = labelled.any(axis=1)
    labelled, wrong = labelled[rows], wrong[rows]
    tasks = labelled.shape[1]
    observed = np.bincount(wrong.sum(axis=1), minlength=tasks + 1)
    rates = wrong.sum(axis=0) / np.maximum(labelled.sum(axis=0), 1)
    expected = np.zeros(tasks + 1)
    patterns, counts = np.unique(labelled, axis=0, return_counts=True)
    for pattern, count in zip(patterns, counts, strict=True):
        shares = np.ones(1)  # the distribution of a sum of independent errors, task by task
        for rate in rates[pattern]:
            shares = np.convolve(shares, [1 - rate, rate])
        expected[: len(shares)] += count * shares
    return observed, expected
