"""Parts of a long array, one after the other: where they begin and what their places are."""

from typing import Any

import numpy as np


def offsets_of(lengths: Any) -> np.ndarray:
    """Returns int64 of shape `(K + 1,)`: where each of K parts begins and the last one ends."""
    return np.concatenate([[0], np.cumsum(lengths, dtype="int64")])


def ranges(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Returns the numbers of several ranges, one range after the other.

    Args:
        starts: int64 of shape `(K,)`, where each range begins.
        lengths: int64 of shape `(K,)`, how many numbers it has.
    """
    before = np.cumsum(lengths) - lengths
    return np.arange(lengths.sum()) + np.repeat(starts - before, lengths)
