"""The batches that training and prediction read: texts of similar length together.

Shapes: B rows per batch, T tokens (padded), N rows in all.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mtc_keras.config.model import TRAINING_WINDOWS
from mtc_keras.data.lengths import padded_length, prediction_lengths, training_lengths
from mtc_keras.data.long_texts import AnyTokens
from mtc_keras.data.rows import Rows
from mtc_keras.data.tokens import Tokens
from mtc_keras.data.windows import Windows
from mtc_keras.devices.shares import Share, fill_up
from mtc_keras.tasks import Task

# Inputs, targets by task, and weights of the rows: by task, or the same for all.
Batch = tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, np.ndarray] | np.ndarray]

ALL_ROWS = Share()


def training_plan(
    lengths: np.ndarray, padded: np.ndarray, batch_size: int, seed: int, epoch: int
) -> list[np.ndarray]:
    """Returns the batches of one epoch, a function of seed and epoch alone.

    All rows are shuffled, and those of one padded length are cut into batches. What is left of
    each length, less than a batch, is cut into batches in order of length. Finally, the batches
    are shuffled.

    Args:
        lengths: int of shape `(N,)`, tokens per text.
        padded: int of shape `(K,)`, ascending, the padded lengths.
        batch_size: int. Rows per batch.
        seed: int. The run's seed.
        epoch: int. Number of the epoch, from 0.

    Returns:
        Arrays of row indices; together each row once. Only one may be short.
    """
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(lengths))
    # The position of each row's padded length; int8 sorts fastest, as lengths are few.
    group = np.searchsorted(padded, lengths[order]).astype("int8")  # (N,)
    # Stable, so that the rows of one length stay shuffled.
    order = order[np.argsort(group, kind="stable")]
    ends = np.cumsum(np.bincount(group, minlength=len(padded)))  # (K,)
    batches: list[np.ndarray] = []
    left = []
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        whole = start + (end - start) // batch_size * batch_size
        batches += [order[at : at + batch_size] for at in range(start, whole, batch_size)]
        left.append(order[whole:end])
    rest = np.concatenate(left)
    batches += [rest[at : at + batch_size] for at in range(0, len(rest), batch_size)]
    return [batches[index] for index in random.permutation(len(batches))]


class TrainingBatches:
    """The batches of training rows, in a new order every epoch.

    A short batch is filled with rows whose labels are all missing, which change no
    loss, so that every batch has the same number of rows.

    Args:
        tokens: the `Tokens` of N rows, or their `Windows`, of which some are drawn anew in every
            epoch, a function of seed, epoch and row.
        rows: the `Rows` with their targets and weights.
        tasks: the tasks.
        batch_size: int. Rows per batch.
        seed: int. The run's seed.
        share: the rows of each batch that this process feeds; default: all. What is yielded is
            padded and filled up as the whole batch is.
        most_windows: int. Windows drawn of a row.

    Attributes:
        sizes: int of shape `(N,)`, tokens per row: of a row of several windows, so many full
            ones as are drawn.
        lengths: int of shape `(K,)`, the padded sizes.
        epoch: int. Whose order is read, from 0; `train.callbacks.EpochOrder` sets it.
        first_batch: int. The number of the batch at which the epoch starts.
    """

    def __init__(
        self,
        tokens: AnyTokens,
        rows: Rows,
        tasks: Sequence[Task],
        batch_size: int,
        seed: int,
        share: Share = ALL_ROWS,
        *,
        most_windows: int = TRAINING_WINDOWS,
    ) -> None:
        self.tokens = tokens
        self.targets = rows.targets
        self.sample_weight = rows.sample_weight
        self.missing = {task.name: np.asarray(task.missing_target) for task in tasks}
        self.batch_size = batch_size
        self.seed = seed
        self.share = share
        self.most_windows = most_windows
        if isinstance(tokens, Windows):
            self.sizes = tokens.sizes(most_windows)
            most = tokens.max_length * most_windows
        else:
            self.sizes, most = tokens.lengths, tokens.max_length
        self.lengths = training_lengths(self.sizes, most, batch_size)
        self.epoch = 0
        self.first_batch = 0

    def __len__(self) -> int:
        return math.ceil(len(self.tokens) / self.batch_size)

    def plan(self) -> list[np.ndarray]:
        """Returns the row indices of all batches of the epoch."""
        return training_plan(self.sizes, self.lengths, self.batch_size, self.seed, self.epoch)

    def __iter__(self) -> Iterator[Batch]:
        """Yields the batches of the epoch as NumPy arrays."""
        for rows in self.plan()[self.first_batch :]:
            yield self.batch(rows)

    def batch(self, rows: np.ndarray) -> Batch:
        """Returns inputs, targets and weights of some rows, filled up to a whole batch."""
        filled = self.share.of(fill_up(rows, self.batch_size))
        missing = self.share.of(np.arange(self.batch_size)) >= len(rows)
        inputs = self._inputs(filled, self.padded_length(rows))
        targets = {name: array[filled] for name, array in self.targets.items()}
        for name, array in targets.items():
            array[missing] = self.missing[name]
        if self.sample_weight is None:
            return inputs, targets, np.ones(len(filled), "float32")
        return inputs, targets, {name: w[filled] for name, w in self.sample_weight.items()}

    def _inputs(self, rows: np.ndarray, size: int) -> dict[str, np.ndarray]:
        """Returns tokens of shape `(B, T)`, or of windows drawn, of shape `(B, K, T)`."""
        if not isinstance(self.tokens, Windows):
            return self.tokens.take(rows, size)
        windows = -(-size // self.tokens.max_length)
        drawn = self.tokens.draw(rows, windows, (self.seed, self.epoch))
        return self.tokens.take(drawn, size // windows)

    def padded_length(self, rows: np.ndarray) -> int:
        """Returns the padded size of the batch of some rows."""
        return padded_length(self.sizes[rows].max(), self.lengths)

    def dataset(self) -> Any:
        """Returns a `tf.data.Dataset`; each pass over it reads the order of `self.epoch`."""
        import tensorflow as tf

        size = self.batch_size // self.share.processes
        signature = (
            _signature(self._inputs(np.arange(0), self.tokens.max_length), size, free=True),
            _signature(self.targets, size),
            tf.TensorSpec((size,), "float32")
            if self.sample_weight is None
            else _signature(self.sample_weight, size),
        )
        dataset = tf.data.Dataset.from_generator(self._pass, output_signature=signature)
        return dataset.apply(tf.data.experimental.assert_cardinality(len(self))).prefetch(4)

    def _pass(self) -> Iterator[Batch]:
        """Yields as many batches as an epoch has, which Keras must know beforehand.

        Of an epoch that is read from its middle on, those after its end are never trained on:
        `train.callbacks.EpochOrder` ends it.
        """
        missing = self.first_batch
        for batch in self:
            yield batch
        for _ in range(missing):
            yield batch


@dataclass(frozen=True)
class PredictionBatches:
    """Batches of similar length over tokens, and the way back to the order of the rows.

    Args:
        tokens: the `Tokens` of N rows.
        batch_size: int. Most rows per batch; rounded up where devices share them.
        share: the rows of each batch that this process feeds; default: all.
        most_tokens: optional int. Long texts have batches of fewer rows, so that their padded
            tokens are no more than this, or one row. Not where devices share the rows.
    """

    tokens: Tokens
    batch_size: int
    share: Share = ALL_ROWS
    most_tokens: int | None = None

    @cached_property
    def order(self) -> np.ndarray:
        """Row indices from the longest text to the shortest."""
        return np.argsort(-self.tokens.lengths, kind="stable")

    @cached_property
    def plan(self) -> list[tuple[np.ndarray, int, int]]:
        """The batches: row indices, rows once filled up, and padded length."""
        most = self._most_rows
        padded = prediction_lengths(self.tokens.max_length, math.ceil(len(self.order) / most))
        batches = []
        start = 0
        while start < len(self.order):
            length = padded_length(self.tokens.lengths[self.order[start]], padded)
            size = most
            if self.most_tokens is not None:
                size = min(most, max(self.most_tokens // length, 1))
            batches.append((self.order[start : start + size], size, length))
            start += size
        return batches

    def __len__(self) -> int:
        return len(self.plan)

    def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
        """Yields the inputs in `order`; the last batch is filled up."""
        for rows, size, length in self.plan:
            yield self.tokens.take(self.share.of(fill_up(rows, size)), length)

    @property
    def _most_rows(self) -> int:
        # A few rows get the next power of two, so that few shapes are compiled.
        size = min(self.batch_size, 1 << (len(self.tokens) - 1).bit_length())
        return size + self.share.rows_to_fill(size)

    def dataset(self) -> Any:
        """Returns a `tf.data.Dataset` of the inputs."""
        import tensorflow as tf

        fed = self._most_rows // self.share.processes if self.most_tokens is None else None
        signature = (_signature(self.tokens.take(np.arange(0)), fed, free=True),)
        dataset = tf.data.Dataset.from_generator(
            lambda: ((inputs,) for inputs in self), output_signature=signature
        )
        return dataset.apply(tf.data.experimental.assert_cardinality(len(self))).prefetch(4)

    def restore(self, output: np.ndarray) -> np.ndarray:
        """Returns an output of all batches, joined, in the order of the rows."""
        restored = np.empty_like(output[: len(self.tokens)])
        restored[self.order] = output[: len(self.tokens)]
        return restored


def _signature(
    arrays: Mapping[str, np.ndarray], batch_size: int | None, free: bool = False
) -> dict[str, Any]:
    import tensorflow as tf

    shapes = {
        name: (batch_size, *((None,) * (array.ndim - 1) if free else array.shape[1:]))
        for name, array in arrays.items()
    }
    return {name: tf.TensorSpec(shapes[name], arrays[name].dtype) for name in arrays}
