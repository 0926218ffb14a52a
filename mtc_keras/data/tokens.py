"""Texts as the backbone reads them: tokenized once, stored without padding.

Shapes: N texts, T tokens (padded), M tokens of all texts together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from mtc_keras.data.packing import MASK, Packing, Pieces, packs_as_usual
from mtc_keras.tokenization.fast import lots, readable, token_ids
from mtc_keras.tokenization.offsets import offsets_of, ranges

if TYPE_CHECKING:
    import keras_hub


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
    if not packs_as_usual(preprocessor):
        if not len(texts[0]):
            return _called(preprocessor, [[""] for _ in texts]).select(np.arange(0))
        return Tokens.joined([_called(preprocessor, lot) for lot in lots(texts)])
    packing = Packing(preprocessor)
    parts = []
    for lot in lots(texts) if len(texts[0]) else [texts]:
        read = (token_ids(preprocessor.tokenizer, column) for column in lot)
        pieces = [Pieces(ids, offsets[:-1], offsets[1:]) for ids, offsets in read]
        parts.append(packed(packing, packing.cut(pieces)))
    return Tokens.joined(parts)


def packed(packing: Packing, pieces: Sequence[Pieces]) -> Tokens:
    """Returns the `Tokens` of rows of one piece of text, or of two, between special tokens."""
    flat, offsets = packing.packed(pieces)
    return Tokens(flat, offsets, packing.padding, packing.dtypes, packing.max_length)


def _called(
    preprocessor: "keras_hub.models.TextClassifierPreprocessor", texts: Sequence[Sequence[str]]
) -> Tokens:
    """Returns what a user's own preprocessor makes of texts, without padding."""
    columns = tuple([readable(text) for text in column] for column in texts)
    # `y` is given, because a pair alone would be taken for (x, y).
    found = preprocessor(columns if len(columns) > 1 else columns[0], y=None)
    inputs = {name: np.asarray(values) for name, values in found.items()}
    real = inputs[MASK].astype(bool)
    vocabulary = preprocessor.tokenizer.vocabulary_size()
    kinds = {
        name: np.min_scalar_type(vocabulary if name == "token_ids" else 127)
        for name in inputs
        if name != MASK
    }
    return Tokens(
        flat={name: inputs[name][real].astype(kind) for name, kind in kinds.items()},
        offsets=offsets_of(real.sum(axis=1)),
        padding={
            name: preprocessor.tokenizer.pad_token_id if name == "token_ids" else 0
            for name in kinds
        },
        dtypes={name: str(array.dtype) for name, array in inputs.items()},
        max_length=real.shape[1],
    )
