"""Tokens, made once, and the batches that training and prediction read.

Shapes: B rows a batch, T tokens (padded), N rows in all.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras_hub
import numpy as np
import tensorflow as tf

from mtc_keras.data.rows import Rows
from mtc_keras.tasks import Task

# Every padded length is a shape that XLA compiles, for 5 to 15 s each on 2 CPU cores.
NUM_LENGTHS = 4
# Rows are sorted by length within so many batches, so that the order stays random.
SORTED_BATCHES = 64
TOKENIZED_AT_ONCE = 1024


@dataclass(frozen=True)
class Tokens:
    """Texts as the backbone reads them.

    Args:
        inputs: arrays of shape `(N, max_length)` by the name of the backbone's input.
        lengths: int32 of shape `(N,)`, tokens a text, special tokens counted.
    """

    inputs: dict[str, np.ndarray]
    lengths: np.ndarray

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def max_length(self) -> int:
        """The width of the arrays."""
        return next(iter(self.inputs.values())).shape[1]

    def take(self, rows: np.ndarray, length: int | None = None) -> dict[str, np.ndarray]:
        """Returns the inputs of some rows, cut to a length."""
        return {name: array[rows, :length] for name, array in self.inputs.items()}


def tokenize(preprocessor: Any, texts: Sequence[Sequence[str]]) -> Tokens:
    """Tokenizes texts once.

    Args:
        preprocessor: a `keras_hub.models.TextClassifierPreprocessor`.
        texts: one sequence of N strings, or two for text pairs.

    Returns:
        The `Tokens`, cut to the preprocessor's `sequence_length`.
    """
    if not len(texts[0]):
        one = tokenize(preprocessor, [[""]] * len(texts))
        return Tokens(one.take(np.arange(0)), one.lengths[:0])
    columns = tuple([_readable(text) for text in column] for column in texts)
    dataset = tf.data.Dataset.from_tensor_slices(columns if len(columns) > 1 else columns[0])
    dataset = dataset.batch(TOKENIZED_AT_ONCE)

    def read(*columns: Any) -> dict[str, Any]:
        # `y` is given, as a pair alone would be taken for (x, y).
        return preprocessor(columns if len(columns) > 1 else columns[0], y=None)

    if isinstance(preprocessor.tokenizer, keras_hub.tokenizers.BytePairTokenizer):
        # In tf.data its merges take words × longest word of a batch in memory: 16 GB for one
        # text of 100,000 characters. Called directly it uses the package tokenizers.
        pairs = (batch if isinstance(batch, tuple) else (batch,) for batch in dataset)
        parts = [{name: np.asarray(v) for name, v in read(*pair).items()} for pair in pairs]
    else:
        # Inside tf.data the preprocessor runs TensorFlow Text, on all cores.
        dataset = dataset.map(read, num_parallel_calls=tf.data.AUTOTUNE)
        parts = list(dataset.as_numpy_iterator())
    inputs = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    lengths = inputs["padding_mask"].sum(axis=1, dtype="int32")
    return Tokens(inputs, lengths)


def too_long(preprocessor: Any, texts: Sequence[Sequence[str]], tokens: Tokens) -> np.ndarray:
    """Returns the indices of the rows whose tokens were cut off.

    Args:
        preprocessor: what tokenized them.
        texts: the texts.
        tokens: what `tokenize` returned for them.
    """
    limit = tokens.max_length
    full = np.flatnonzero(tokens.lengths == limit)  # only these can have been cut
    if not len(full):
        return full
    preprocessor.sequence_length = limit + 1
    try:
        longer = tokenize(
            preprocessor, [[column[row] for row in full.tolist()] for column in texts]
        )
    finally:
        preprocessor.sequence_length = limit
    return full[longer.lengths > limit]


def _readable(text: str) -> str:
    # Lone surrogates cannot be encoded for TensorFlow, and its regular expressions would
    # end a text at a NUL, which BERT's own tokenizer removes.
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")


def padded_length(longest: int, max_length: int) -> int:
    """Returns the shortest of at most `NUM_LENGTHS` padded lengths that holds a text."""
    step = math.ceil(max_length / NUM_LENGTHS)
    return min(math.ceil(max(longest, 1) / step) * step, max_length)


def training_plan(lengths: np.ndarray, batch_size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """Returns the batches of one epoch, a function of seed and epoch alone.

    The rows are shuffled, sorted by length within every `SORTED_BATCHES` batches, cut
    into batches, and the batches shuffled, so that a batch holds texts of like length
    and padding is rare.

    Args:
        lengths: int of shape `(N,)`, tokens a text.
        batch_size: int. Rows a batch.
        seed: int. The run's seed.
        epoch: int. Number of the epoch, from 0.

    Returns:
        Arrays of row indices; together each row once. Only one may be short.
    """
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(lengths))
    batches: list[np.ndarray] = []
    for start in range(0, len(order), batch_size * SORTED_BATCHES):
        rows = order[start : start + batch_size * SORTED_BATCHES]
        rows = rows[np.argsort(lengths[rows], kind="stable")]
        batches += [rows[at : at + batch_size] for at in range(0, len(rows), batch_size)]
    return [batches[index] for index in random.permutation(len(batches))]


class TrainingBatches:
    """The batches of training rows as a `tf.data.Dataset`, in a new order every epoch.

    A short batch is filled with rows whose labels are all missing, which change no
    loss, so that every batch has the same number of rows.

    Args:
        tokens: the `Tokens` of N rows.
        rows: the `Rows` with their targets and weights.
        tasks: the tasks.
        batch_size: int. Rows a batch.
        seed: int. The run's seed.
    """

    def __init__(
        self, tokens: Tokens, rows: Rows, tasks: Sequence[Task], batch_size: int, seed: int
    ) -> None:
        self.tokens = tokens
        self.targets = rows.targets
        self.sample_weight = rows.sample_weight or {
            name: np.ones(len(rows), "float32") for name in rows.targets
        }
        self.missing = {task.name: np.asarray(task.missing_target) for task in tasks}
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0  # set by `callbacks.EpochOrder` before each epoch

    def __len__(self) -> int:
        return math.ceil(len(self.tokens) / self.batch_size)

    def batch(self, rows: np.ndarray) -> tuple[dict, dict, dict]:
        """Returns inputs, targets and weights of some rows, filled up to a whole batch."""
        length = padded_length(self.tokens.lengths[rows].max(), self.tokens.max_length)
        filled = _fill(rows, self.batch_size)
        inputs = self.tokens.take(filled, length)
        targets = {name: array[filled] for name, array in self.targets.items()}
        for name, array in targets.items():
            array[len(rows) :] = self.missing[name]
        weights = {name: array[filled] for name, array in self.sample_weight.items()}
        return inputs, targets, weights

    def dataset(self) -> tf.data.Dataset:
        """Returns the dataset; each pass over it reads the order of `self.epoch`."""

        def batches() -> Iterator[tuple[dict, dict, dict]]:
            for rows in training_plan(self.tokens.lengths, self.batch_size, self.seed, self.epoch):
                yield self.batch(rows)

        signature = (
            _signature(self.tokens.inputs, self.batch_size, free_length=True),
            _signature(self.targets, self.batch_size),
            _signature(self.sample_weight, self.batch_size),
        )
        dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
        return dataset.apply(tf.data.experimental.assert_cardinality(len(self))).prefetch(4)


@dataclass(frozen=True)
class PredictionBatches:
    """Batches of like length over tokens, and the way back to the order of the rows.

    Args:
        tokens: the `Tokens` of N rows.
        batch_size: int. Most rows a batch.
    """

    tokens: Tokens
    batch_size: int

    @property
    def order(self) -> np.ndarray:
        """Row indices from the longest text to the shortest."""
        return np.argsort(-self.tokens.lengths, kind="stable")

    def dataset(self) -> tf.data.Dataset:
        """Returns the dataset of inputs, in `order`; the last batch is filled up."""
        # A few rows get the next power of two, so that few shapes are compiled.
        batch_size = min(self.batch_size, 1 << (len(self.tokens) - 1).bit_length())
        order = self.order

        def batches() -> Iterator[tuple[dict]]:
            for start in range(0, len(order), batch_size):
                rows = order[start : start + batch_size]
                longest = self.tokens.lengths[rows].max()
                length = padded_length(longest, self.tokens.max_length)
                yield (self.tokens.take(_fill(rows, batch_size), length),)

        signature = (_signature(self.tokens.inputs, batch_size, free_length=True),)
        dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
        count = math.ceil(len(order) / batch_size)
        return dataset.apply(tf.data.experimental.assert_cardinality(count)).prefetch(4)

    def restore(self, output: np.ndarray) -> np.ndarray:
        """Returns an output of all batches, joined, in the order of the rows."""
        restored = np.empty_like(output[: len(self.tokens)])
        restored[self.order] = output[: len(self.tokens)]
        return restored


def _fill(rows: np.ndarray, batch_size: int) -> np.ndarray:
    return np.concatenate([rows, np.repeat(rows[:1], batch_size - len(rows))])


def _signature(
    arrays: Mapping[str, np.ndarray], batch_size: int, free_length: bool = False
) -> dict[str, tf.TensorSpec]:
    shapes = {
        name: (batch_size, None) if free_length else (batch_size, *array.shape[1:])
        for name, array in arrays.items()
    }
    return {name: tf.TensorSpec(shapes[name], arrays[name].dtype) for name in arrays}
