"""How a batch is divided among devices and processes, and padded to divide evenly."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Share:
    """The part of every batch that this process feeds; with one process, all of it.

    Args:
        divisor: int. The number of rows of a whole batch is a multiple of it.
        processes: int. Number of processes that each feed an equal part.
        process_id: int. Number of this process.
    """

    divisor: int = 1
    processes: int = 1
    process_id: int = 0

    def rows_to_fill(self, rows: int) -> int:
        """Returns how many rows to add to reach a multiple of `divisor`."""
        return -rows % self.divisor

    def of(self, rows: np.ndarray) -> np.ndarray:
        """Returns the rows of a whole batch that this process feeds."""
        size = len(rows) // self.processes
        return rows[self.process_id * size : (self.process_id + 1) * size]


def fill_up(values: Any, divisor: int, filler: Any = None) -> Any:
    """Returns rows followed by filler rows, up to a multiple of a number.

    Args:
        values: an array, or a tensor of a `tf.data` pipeline, of shape `(B, …)`.
        divisor: int. The number of rows returned is a multiple of it.
        filler: the value of the filler rows; default: a copy of the first row.
    """
    if values.shape[0] is not None and values.shape[0] % divisor == 0:
        return values
    if isinstance(values, np.ndarray):
        added = np.repeat(values[:1], -len(values) % divisor, axis=0)
        if filler is not None:
            added[:] = filler
        return np.concatenate([values, added])
    import tensorflow as tf

    added = tf.repeat(values[:1], -tf.shape(values)[0] % divisor, axis=0)
    if filler is not None:
        added = tf.broadcast_to(tf.cast(filler, values.dtype), tf.shape(added))
    return tf.concat([values, added], axis=0)
