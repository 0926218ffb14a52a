"""Rows in slices: by the values of a column, by the length of texts, by what is labelled.

Shapes: N rows, T tasks.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mtc_keras.errors import plural

FEWEST = 20  # rows of a slice; those of fewer are put together
MOST = 12  # slices of a column that are judged by themselves
BINS = 5  # slices of numbers
NUMERIC = 0.95  # share of numbers among a column's values from which on it is numeric
LENGTH_BINS = 4
NO_VALUE = "(no value)"


class Slice(NamedTuple):
    """Some rows that have something in common.

    Args:
        by: what slices them: a column, or `"tokens"`.
        name: what they have in common.
        rows: bool of shape `(N,)`.
    """

    by: str
    name: str
    rows: np.ndarray


def slices_of_column(column: str, values: Sequence[str | None]) -> tuple[list[Slice], list[str]]:
    """Returns the slices of a column, and lines on what was put together.

    Numbers of many values are cut into bins of about as many rows; of names, those of few rows are
    put together, and those beyond the most frequent ones.

    Args:
        column: the column.
        values: N values; `None` where a cell is blank.
    """
    found = np.array([NO_VALUE if value is None else value for value in values], object)
    known = np.array([value is not None for value in values], bool)
    if not known.any():
        return [], [f"{column}: no judged row has a value"]
    counts = Counter(found[known].tolist())
    numbers = np.array([_number(value) for value in found], "float64")
    if len(counts) > MOST and np.isfinite(numbers[known]).mean() >= NUMERIC:
        slices, notes = _of_numbers(column, np.where(known, numbers, np.nan), known)
    else:
        slices, notes = _of_names(column, found, counts)
    without = ~known
    if without.any():
        slices.append(Slice(column, NO_VALUE, without))
    if len(slices) == 1:
        return [], [*notes, f"{column}: all rows are in one slice, so that it tells nothing"]
    return slices, notes


def slices_of_lengths(lengths: np.ndarray, max_length: int) -> list[Slice]:
    """Returns slices of about as many rows by the length of their texts, and one of cut texts.

    Args:
        lengths: int of shape `(N,)`, tokens of the whole texts.
        max_length: int. Tokens that the backbone reads at once.
    """
    longer = lengths > max_length
    whole = np.where(longer, np.nan, lengths)
    slices = [Slice("tokens", name, rows) for name, rows in _bins(whole, LENGTH_BINS) if rows.any()]
    if longer.any():
        slices.append(Slice("tokens", f"over {max_length:,}", longer))
    return slices if len(slices) > 1 else []


def slices_of_labels(labelled: np.ndarray) -> list[Slice]:
    """Returns the rows that are labelled in all tasks, and the others; none where all are.

    Args:
        labelled: bool of shape `(N, T)`.
    """
    count = labelled.sum(axis=1)
    full, some = count == labelled.shape[1], (count > 0) & (count < labelled.shape[1])
    if full.sum() < FEWEST or some.sum() < FEWEST:
        return []
    return [Slice("labels", "of all tasks", full), Slice("labels", "of some tasks", some)]


def _of_names(
    column: str, found: np.ndarray, counts: Counter[str]
) -> tuple[list[Slice], list[str]]:
    frequent = [name for name, count in counts.most_common(MOST) if count >= FEWEST]
    others = [name for name in counts if name not in frequent]
    names = sorted(frequent, key=lambda name: (_number(name), name))
    slices = [Slice(column, name, np.asarray(found == name)) for name in names]
    if not others:
        return slices, []
    rows = np.isin(found, np.array(others, object))
    slices.append(Slice(column, f"({plural(len(others), 'other value')})", rows))
    few = sum(counts[name] < FEWEST for name in others)
    why = [f"{few:,} of fewer than {FEWEST} rows each"] if few else []
    why += [f"{len(others) - few:,} beyond the {MOST} most frequent"] if len(others) > few else []
    note = f"{column}: {plural(len(others), 'value')} stand together: {' and '.join(why)}"
    return slices, [note]


def _of_numbers(
    column: str, numbers: np.ndarray, known: np.ndarray
) -> tuple[list[Slice], list[str]]:
    slices = [Slice(column, name, rows) for name, rows in _bins(numbers, BINS)]
    different = len(np.unique(numbers[np.isfinite(numbers)]))
    notes = [
        f"{column}: {plural(different, 'different number')} are cut into "
        f"{plural(len(slices), 'bin')} of about as many rows"
    ]
    odd = known & ~np.isfinite(numbers)
    if odd.any():
        slices.append(Slice(column, "(no number)", odd))
    return slices, notes


def _bins(numbers: np.ndarray, count: int) -> list[tuple[str, np.ndarray]]:
    """Returns the rows of each bin by its name; NaN is in none."""
    finite = np.isfinite(numbers)
    if not finite.any():
        return []
    # The values at the quantiles themselves, so that equal numbers fall into one bin.
    shares = np.arange(1, count) / count
    edges = np.unique(np.quantile(numbers[finite], shares, method="inverted_cdf"))
    which = np.searchsorted(edges, numbers)  # of `numbers <= edges[0]` 0
    bins = []
    for number in range(len(edges) + 1):
        rows = finite & (which == number)
        if rows.any():
            low, high = numbers[rows].min(), numbers[rows].max()
            name = _shown(low) if low == high else f"{_shown(low)} to {_shown(high)}"
            bins.append((name, rows))
    return bins


def _shown(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() and abs(value) < 1e6 else f"{value:.4g}"


def _number(value: str) -> float:
    """Returns the number that a value is; infinity where it is none, so that it sorts last."""
    try:
        number = float(value)
    except ValueError:
        return math.inf
    return number if math.isfinite(number) else math.inf
