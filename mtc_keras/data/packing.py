"""Special tokens around the tokens of texts, as a KerasHub preprocessor puts them, unpadded.

Shapes: N rows, M tokens of all of them together.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mtc_keras.tokenization.offsets import offsets_of, ranges

if TYPE_CHECKING:
    import keras_hub

MASK = "padding_mask"
SEGMENTS = "segment_ids"


class Pieces(NamedTuple):
    """Token ids of one piece of text per row.

    Args:
        ids: of shape `(M,)`, any number of tokens.
        starts: int64 of shape `(N,)`, where each piece begins among them.
        ends: int64 of shape `(N,)`, where it ends.
    """

    ids: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


class Packing:
    """What a preprocessor makes of token ids.

    Args:
        preprocessor: a preprocessor with a KerasHub `MultiSegmentPacker`.
    """

    def __init__(self, preprocessor: "keras_hub.models.TextClassifierPreprocessor") -> None:
        packed = preprocessor([""], y=None)  # makes the packer, too
        packer = preprocessor.packer
        self.max_length: int = preprocessor.sequence_length
        self.pad: int = preprocessor.tokenizer.pad_token_id
        self.start = list(packer.start_value or [])
        self.separator = list(packer.sep_value or [])
        self.end = list(packer.end_value or [])
        self.is_round_robin = packer.truncate == "round_robin"
        # Of a pair's second text, as a checkpoint was trained: RoBERTa's tokenizers know one alone.
        self.second_segment: int = getattr(preprocessor, "second_segment", 1)
        self.dtypes = {name: np.asarray(array).dtype.name for name, array in packed.items()}
        others = [name for name in self.dtypes if name not in ("token_ids", MASK)]
        self.padding = {"token_ids": self.pad, **dict.fromkeys(others, 0)}

    @property
    def room(self) -> int:
        """Tokens of a single text that fit."""
        return self.max_length - self.special(1)

    def special(self, segments: int) -> int:
        """Returns how many special tokens a row of one text or of two has."""
        return len(self.start) + (segments - 1) * len(self.separator) + len(self.end)

    def cut(self, segments: Sequence[Pieces]) -> list[Pieces]:
        """Returns the pieces of one text or of two per row without what does not fit."""
        room = max(self.max_length - self.special(len(segments)), 0)
        lengths = [piece.ends - piece.starts for piece in segments]
        if len(segments) == 2:
            first, second = lengths
            # Turn by turn, the first text first, or all of the first before the second.
            left = np.maximum((room + 1) // 2, room - second) if self.is_round_robin else room
            lengths[0] = np.minimum(first, left)
            lengths[1] = np.minimum(second, room - lengths[0])
        else:
            lengths = [np.minimum(lengths[0], room)]
        return [
            Pieces(piece.ids, piece.starts, piece.starts + length)
            for piece, length in zip(segments, lengths, strict=True)
        ]

    def packed(self, segments: Sequence[Pieces]) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Returns the inputs of rows, the padding mask left out.

        Args:
            segments: one piece of text per row or two, as `cut` returns them.

        Returns:
            dict from input to array of shape `(M,)`, and int64 of shape `(N + 1,)`, where each
            row begins.
        """
        lengths = [piece.ends - piece.starts for piece in segments]
        offsets = offsets_of(np.sum(lengths, axis=0) + self.special(len(segments)))
        ids = np.empty(offsets[-1], segments[0].ids.dtype)
        segment_ids = np.zeros(len(ids), "uint8")
        place = offsets[:-1].copy()  # (N,): where the next token of each row is put
        for value in self.start:
            ids[place] = value
            place += 1
        for number, (piece, length) in enumerate(zip(segments, lengths, strict=True)):
            begun = place.copy()
            ids[ranges(place, length)] = piece.ids[ranges(piece.starts, length)]
            place += length
            for value in self.end if number == len(segments) - 1 else self.separator:
                ids[place] = value
                place += 1
            if number:
                segment_ids[ranges(begun, place - begun)] = number * self.second_segment
        real = ids != self.pad  # a preprocessor masks them wherever they stand
        if not real.all():
            offsets = offsets_of(real)[offsets]
            ids, segment_ids = ids[real], segment_ids[real]
        others = {name: np.zeros(len(ids), "uint8") for name in self.padding}
        if SEGMENTS in others:
            others[SEGMENTS] = segment_ids
        return {**others, "token_ids": ids}, offsets


def packs_as_usual(preprocessor: "keras_hub.models.TextClassifierPreprocessor") -> bool:
    """Whether a preprocessor is KerasHub's or our own; a user's class may do something else."""
    return type(preprocessor).__module__.split(".")[0] in ("keras_hub", "mtc_keras")
