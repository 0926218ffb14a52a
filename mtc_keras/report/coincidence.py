"""Whether the errors of several tasks fall on the same rows.

Shapes: N rows, T tasks, D drawings.
"""

from dataclasses import dataclass

import numpy as np

RESAMPLES = 1000
MOST_PAIRS = 1000  # those of 45 tasks
ROWS_AT_ONCE = 65_536
PATTERNS_AT_ONCE = 4096


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


def coincidences(
    labelled: np.ndarray, wrong: np.ndarray, *, most: int = MOST_PAIRS, seed: int = 0
) -> tuple[list[Coincidence], int]:
    """Returns the coincidence of each two tasks that have labelled rows in common.

    Args:
        labelled: bool of shape `(N, T)`.
        wrong: bool of shape `(N, T)`, false where there is no label.
        most: int. Most pairs returned: those whose errors coincide most, or least.
        seed: int. Seed of the bootstrap behind the intervals.

    Returns:
        The pairs, in the order of the tasks, and how many there are in all.
    """
    first, second = np.triu_indices(labelled.shape[1], 1)
    cells = _cells(labelled, wrong)[first, second]  # (pairs, 4)
    common = np.flatnonzero(cells.sum(axis=1))
    strength = np.nan_to_num(np.abs(_phi(cells[common])), nan=-1.0)
    chosen = np.sort(common[np.argsort(-strength, kind="stable")[:most]])
    found = [_coincidence(int(first[i]), int(second[i]), cells[i], seed) for i in chosen]
    return found, len(common)


def _cells(labelled: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """Returns the rows that are labelled in both of two tasks, int64 of shape `(T, T, 4)`.

    Those right in both, wrong in the second, in the first, in both: all that a row can be, so that
    rows drawn again and again are a multinomial draw of these four counts.
    """
    tasks = labelled.shape[1]
    rows, first, both = np.zeros((3, tasks, tasks))
    for begin in range(0, len(labelled), ROWS_AT_ONCE):
        known = labelled[begin : begin + ROWS_AT_ONCE].astype("float64")
        errors = wrong[begin : begin + ROWS_AT_ONCE].astype("float64")
        rows += known.T @ known
        first += errors.T @ known  # wrong in the first, whatever the second is
        both += errors.T @ errors
    only_first, only_second = first - both, first.T - both
    right = rows - only_first - only_second - both
    return np.stack([right, only_second, only_first, both], axis=-1).astype("int64")


def _coincidence(first: int, second: int, cells: np.ndarray, seed: int) -> Coincidence:
    count = int(cells.sum())
    drawn = np.random.default_rng(seed).multinomial(count, cells / count, size=RESAMPLES)
    resampled = _phi(drawn)
    resampled = resampled[np.isfinite(resampled)]
    phi = float(_phi(cells[None])[0])
    defined = np.isfinite(phi) and len(resampled)
    low, high = np.percentile(resampled, [2.5, 97.5]) if defined else (np.nan, np.nan)
    own = int(cells[2] + cells[3]), int(cells[1] + cells[3])
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
    for begin in range(0, len(patterns), PATTERNS_AT_ONCE):
        chosen = slice(begin, begin + PATTERNS_AT_ONCE)
        # Of each pattern the distribution of a sum of independent errors, task by task.
        shares = np.zeros((len(patterns[chosen]), tasks + 1))
        shares[:, 0] = 1
        for task, rate in enumerate(rates):
            chance = rate * patterns[chosen, task, None]
            one_more = chance * shares[:, :-1]
            shares *= 1 - chance
            shares[:, 1:] += one_more
        expected += counts[chosen] @ shares
    return observed, expected
