"""Texts as the backbone reads them: tokenized once, stored without padding.

Shapes: N texts, T tokens (padded), M tokens of all texts together.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras_hub

TOKENIZED_AT_ONCE = 1024  # texts per call of the preprocessor
KEPT_AT_ONCE = 64 * TOKENIZED_AT_ONCE  # texts whose padded tokens are in memory together
FEW = 2048  # texts, for which tracing a graph takes longer than doing without
LAST_PLAIN = "\U0001ffff"  # beyond it, graph and direct call know different characters
MASK = "padding_mask"


@dataclass(frozen=True, eq=False)
class Tokens:
    """Tokens of N texts, one text after the other, without padding.

    Args:
        flat: for each input of the backbone but the padding mask, an array of shape `(M,)`;
            its type is the smallest that holds the values.
        offsets: int64 of shape `(N + 1,)`, where each text begins and the last one ends.
        padding: for each input its value after a text's end.
        dtypes: for each input, and for `padding_mask`, the type that the backbone reads.
        max_length: int. Tokens that the longest text may have.
    """

    flat: Mapping[str, np.ndarray]
    offsets: np.ndarray
    padding: Mapping[str, int]
    dtypes: Mapping[str, str]
    max_length: int

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def lengths(self) -> np.ndarray:
        """int32 of shape `(N,)`, tokens per text, special tokens counted."""
        return np.diff(self.offsets).astype("int32")

    @property
    def inputs(self) -> dict[str, np.ndarray]:
        """The inputs of all texts, of shape `(N, max_length)` each."""
        return self.take(np.arange(len(self)))

    def take(self, rows: np.ndarray, length: int | None = None) -> dict[str, np.ndarray]:
        """Returns the inputs of some rows, padded or cut to a length.

        Args:
            rows: int of shape `(B,)`.
            length: int, `T`; default: `max_length`.

        Returns:
            dict from input to array of shape `(B, T)`.
        """
        length = length or self.max_length
        # (B, 1): where each text begins and ends in `flat`.
        starts, ends = self.offsets[rows, None], self.offsets[np.asarray(rows) + 1, None]
        places = starts + np.arange(length)  # (B, T)
        real = places < ends
        inputs = {MASK: real.astype(self.dtypes[MASK])}
        places = np.where(real, places, starts)
        for name, values in self.flat.items():
            if len(values):
                # A text without any token at the very end begins past the last token.
                found = values[np.minimum(places, len(values) - 1)]
            else:
                found = np.zeros(places.shape, values.dtype)
            padded = np.where(real, found.astype(self.dtypes[name]), self.padding[name])
            inputs[name] = padded.astype(self.dtypes[name])
        return {name: inputs[name] for name in self.dtypes}  # as the preprocessor orders them

    def select(self, rows: np.ndarray) -> "Tokens":
        """Returns the tokens of some rows."""
        lengths = self.lengths[rows].astype("int64")
        places = ranges(self.offsets[rows], lengths)
        offsets = offsets_of(lengths)
        flat = {name: values[places] for name, values in self.flat.items()}
        return Tokens(flat, offsets, self.padding, self.dtypes, self.max_length)

    @staticmethod
    def joined(parts: Sequence["Tokens"]) -> "Tokens":
        """Returns the tokens of several lots of texts as one."""
        if len(parts) == 1:
            return parts[0]
        flat = {name: np.concatenate([part.flat[name] for part in parts]) for name in parts[0].flat}
        lengths = np.concatenate([part.lengths for part in parts])
        offsets = offsets_of(lengths)
        return Tokens(flat, offsets, parts[0].padding, parts[0].dtypes, parts[0].max_length)


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


def tokenize(
    preprocessor: "keras_hub.models.TextClassifierPreprocessor", texts: Sequence[Sequence[str]]
) -> Tokens:
    """Tokenizes texts once.

    Args:
        preprocessor: a `keras_hub.models.TextClassifierPreprocessor`.
        texts: one sequence of N strings, or two for text pairs.

    Returns:
        The `Tokens`, cut to the preprocessor's `sequence_length`.
    """
    return Tokens.joined(list(_tokenized(preprocessor, texts)))


def _tokenized(
    preprocessor: "keras_hub.models.TextClassifierPreprocessor", texts: Sequence[Sequence[str]]
) -> Iterator[Tokens]:
    """Yields the tokens of the texts, few enough at once that padding needs little memory."""
    count = len(texts[0])
    for start in range(0, max(count, 1), KEPT_AT_ONCE):
        part = [column[start : start + KEPT_AT_ONCE] for column in texts] if count else [[""]]
        tokens = _without_padding(preprocessor, _padded(preprocessor, part))
        yield tokens if count else tokens.select(np.arange(0))


def _padded(
    preprocessor: "keras_hub.models.TextClassifierPreprocessor", texts: Sequence[Sequence[str]]
) -> dict[str, np.ndarray]:
    columns = tuple([readable(text) for text in column] for column in texts)

    def read(*columns: Any) -> dict[str, Any]:
        # `y` is given, because a pair alone would be taken for (x, y).
        return preprocessor(columns if len(columns) > 1 else columns[0], y=None)

    if is_called_directly(preprocessor, columns):
        batches = zip(*(_batches(column) for column in columns), strict=True)
        parts = [{name: np.asarray(v) for name, v in read(*batch).items()} for batch in batches]
    else:
        # Inside tf.data the preprocessor runs TensorFlow Text, on all cores.
        import tensorflow as tf

        dataset = tf.data.Dataset.from_tensor_slices(columns if len(columns) > 1 else columns[0])
        dataset = dataset.batch(TOKENIZED_AT_ONCE).map(read, num_parallel_calls=tf.data.AUTOTUNE)
        parts = list(dataset.as_numpy_iterator())
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def is_called_directly(
    preprocessor: "keras_hub.models.TextClassifierPreprocessor", columns: Sequence[Sequence[str]]
) -> bool:
    """Whether texts are tokenized by calling Python's tokenizers, and not in a graph of tf.data."""
    import keras_hub

    # In tf.data merges of byte pairs take words × longest word of a batch in memory: 16 GB for
    # one text of 100,000 characters. Called directly it uses the package tokenizers.
    has_byte_pairs = isinstance(preprocessor.tokenizer, keras_hub.tokenizers.BytePairTokenizer)
    return has_byte_pairs or _are_few_and_plain(columns)


def _are_few_and_plain(columns: Sequence[Sequence[str]]) -> bool:
    """Whether tracing a graph would take longer than to call the preprocessor directly.

    Beyond U+1FFFF the two do not know the same characters.
    """
    if sum(map(len, columns)) > FEW:
        return False
    return all(max(text, default="") <= LAST_PLAIN for column in columns for text in column)


def _batches(texts: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(texts), TOKENIZED_AT_ONCE):
        yield texts[start : start + TOKENIZED_AT_ONCE]


def readable(text: str) -> str:
    """Returns a text without the characters that tokenizers would stumble over."""
    # Lone surrogates cannot be encoded for TensorFlow, and its regular expressions would
    # end a text at a NUL, which BERT's own tokenizer removes.
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")


def _without_padding(
    preprocessor: "keras_hub.models.TextClassifierPreprocessor", inputs: Mapping[str, np.ndarray]
) -> Tokens:
    real = inputs[MASK].astype(bool)
    offsets = offsets_of(real.sum(axis=1))
    vocabulary = preprocessor.tokenizer.vocabulary_size()
    kinds = {
        name: np.min_scalar_type(vocabulary if name == "token_ids" else 127)
        for name in inputs
        if name != MASK
    }
    return Tokens(
        flat={name: inputs[name][real].astype(kind) for name, kind in kinds.items()},
        offsets=offsets,
        padding={
            name: preprocessor.tokenizer.pad_token_id if name == "token_ids" else 0
            for name in kinds
        },
        dtypes={name: str(array.dtype) for name, array in inputs.items()},
        max_length=real.shape[1],
    )
