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
from mtc_keras.data.lengths import padded_length, prediction_lengths
from mtc_keras.data.long_texts import AnyTokens
from mtc_keras.data.plan import BatchPlan
from mtc_keras.data.rows import Rows
from mtc_keras.data.tokens import Tokens
from mtc_keras.data.windows import Windows
from mtc_keras.devices.shares import Share, fill_up
from mtc_keras.tasks import Task

# Inputs, targets by task, and weights of the rows: by task, or the same for all.
Batch = tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, np.ndarray] | np.ndarray]

ALL_ROWS = Share()


def training_sizes(tokens: AnyTokens, most_windows: int = TRAINING_WINDOWS) -> np.ndarray:
    """Returns the tokens of each row in a training batch.

    Args:
        tokens: the `Tokens` or `Windows` of N rows.
        most_windows: int. Windows drawn of a row.

    Returns:
        int of shape `(N,)`; of a row of several windows, so many full ones as are drawn.
    """
    return tokens.sizes(most_windows) if isinstance(tokens, Windows) else tokens.lengths


class TrainingBatches:
    """The batches of training rows, in a new order every epoch.

    A short batch is filled with rows whose labels are all missing, which change no
    loss, so that every batch has the same number of rows.

    Args:
        tokens: the `Tokens` of N rows, or their `Windows`, of which some are drawn anew in every
            epoch, a function of seed, epoch and row.
        rows: the `Rows` with their targets and weights.
        tasks: the tasks.
        batch_plan: the `BatchPlan` of the rows' `training_sizes`.
        seed: int. The run's seed.
        share: the rows of each batch that this process feeds; default: all. What is yielded is
            padded and filled up as the whole batch is.
        most_windows: int. Windows drawn of a row.

    Attributes:
        sizes: int of shape `(N,)`, the rows' `training_sizes`.
        shapes: dict from the shape of batches, rows and padded size, to their number in an epoch;
            the most frequent one first.
        epoch: int. Whose order is read, from 0; `train.callbacks.EpochOrder` sets it.
        first_batch: int. The number of the batch at which the epoch starts.
    """

    def __init__(
        self,
        tokens: AnyTokens,
        rows: Rows,
        tasks: Sequence[Task],
        batch_plan: BatchPlan,
        seed: int,
        share: Share = ALL_ROWS,
        *,
        most_windows: int = TRAINING_WINDOWS,
    ) -> None:
        self.tokens = tokens
        self.targets = rows.targets
        self.sample_weight = rows.sample_weight
        self.missing = {task.name: np.asarray(task.missing_target) for task in tasks}
        self.batch_plan = batch_plan
        self.seed = seed
        self.share = share
        self.most_windows = most_windows
        self.sizes = training_sizes(tokens, most_windows)
        self.shapes = batch_plan.shapes(self.sizes)
        self.epoch = 0
        self.first_batch = 0

    def __len__(self) -> int:
        return sum(self.shapes.values())

    @property
    def rows_per_step(self) -> int:
        """Rows of a batch that is not short, or of an average one where their number varies."""
        sizes = {rows for rows, _ in self.shapes}
        return sizes.pop() if len(sizes) == 1 else round(len(self.tokens) / len(self))

    def plan(self) -> list[np.ndarray]:
        """Returns the row indices of all batches of the epoch."""
        return self.batch_plan.batches(self.sizes, self.seed, self.epoch)

    def __iter__(self) -> Iterator[Batch]:
        """Yields the batches of the epoch as NumPy arrays."""
        for rows in self.plan()[self.first_batch :]:
            yield self.batch(rows)

    def batch(self, rows: np.ndarray) -> Batch:
        """Returns inputs, targets and weights of some rows, filled up to a whole batch."""
        size, length = self.shape(rows)
        filled = self.share.of(fill_up(rows, size))
        missing = self.share.of(np.arange(size)) >= len(rows)
        inputs = self._inputs(filled, length)
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

    def shape(self, rows: np.ndarray) -> tuple[int, int]:
        """Returns rows, once filled up, and padded size of the batch of some rows."""
        return self.batch_plan.shape(self.sizes[rows].max())

    def one_of_each_shape(self) -> Iterator[Batch]:
        """Yields a batch of each shape of the epoch, in the order in which they are read."""
        plan, begin = self.plan(), self.first_batch
        first: dict[tuple[int, int], np.ndarray] = {}
        for rows in (*plan[begin:], *plan[:begin]):
            first.setdefault(self.shape(rows), rows)
        return map(self.batch, first.values())

    def dataset(self) -> Any:
        """Returns a `tf.data.Dataset`; each pass over it reads the order of `self.epoch`."""
        import tensorflow as tf

        sizes = {rows // self.share.processes for rows, _ in self.shapes}
        size = sizes.pop() if len(sizes) == 1 else None
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


@dataclass(frozen=True, eq=False)
class PredictionBatches:
    """Batches of similar length over tokens, and the way back to the order of the rows.

    Args:
        tokens: the `Tokens` of N rows.
        batch_size: int. Most rows per batch; rounded up where devices share them.
        share: the rows of each batch that this process feeds; default: all.
        most_tokens: optional int. Long texts have batches of fewer rows, so that their padded
            tokens are no more than this, or one row. Not where devices share the rows.
        lengths: optional int of shape `(K,)`, ascending: to which texts are padded; default:
            `prediction_lengths`.
    """

    tokens: Tokens
    batch_size: int
    share: Share = ALL_ROWS
    most_tokens: int | None = None
    lengths: np.ndarray | None = None

    @cached_property
    def order(self) -> np.ndarray:
        """Row indices from the longest text to the shortest."""
        return np.argsort(-self.tokens.lengths, kind="stable")

    @cached_property
    def plan(self) -> list[tuple[np.ndarray, int, int]]:
        """The batches: row indices, rows once filled up, and padded length."""
        most = self._most_rows
        padded = self.lengths
        if padded is None:
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

    @property
    def on_one_core(self) -> bool:
        """Whether they are small enough for one core each, of which several compute at once."""
        return self.most_tokens is not None

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
