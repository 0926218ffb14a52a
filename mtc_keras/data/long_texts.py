"""Whole texts as tokens: what is read of those that are longer than the backbone reads at once.

Shapes: N texts, W windows, M tokens of all texts together.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mtc_keras.config.model import LongTexts
from mtc_keras.data.packing import Packing, Pieces
from mtc_keras.data.tokens import Tokens, packed, tokenize
from mtc_keras.data.windows import Windows, joined, window_spans
from mtc_keras.errors import ConfigError
from mtc_keras.tokenization.fast import lots, token_ids
from mtc_keras.tokenization.offsets import offsets_of, ranges

if TYPE_CHECKING:
    import keras_hub

HEAD = 4  # one part in so many of what is read with "head_tail" is the text's beginning

AnyTokens = Tokens | Windows


def read_texts_as(
    preprocessor: "keras_hub.models.TextClassifierPreprocessor",
    texts: Sequence[Sequence[str]],
    long_texts: LongTexts = "truncate",
    overlap: int = 0,
) -> AnyTokens:
    """Tokenizes texts once.

    Args:
        preprocessor: a `keras_hub.models.TextClassifierPreprocessor`.
        texts: one sequence of N strings, or two for text pairs, which are always truncated.
        long_texts: `"truncate"`; `"head_tail"`: of a text of more tokens than fit, the first
            quarter of what fits and the rest from the end (Sun et al. 2019, arXiv 1905.05583,
            section 5.3.1); `"windows"`: all of it.
        overlap: int. Tokens that neighbouring windows share.

    Returns:
        `Windows` with `"windows"`, else `Tokens`. A text that fits is read alike in all three.

    Raises:
        ConfigError: for text pairs, or an overlap that leaves a window nothing of its own.
    """
    if long_texts == "truncate":
        return tokenize(preprocessor, texts)
    if len(texts) != 1:
        raise ConfigError(f'long_texts = "{long_texts}" reads one text per row, and no text pairs')
    packing = Packing(preprocessor)
    if long_texts == "windows" and not 0 <= overlap < packing.room:
        raise ConfigError(
            f"window_overlap ({overlap}) must be at least 0 and less than the {packing.room} "
            f"tokens that a window of max_length = {preprocessor.sequence_length} holds "
            "besides its special tokens"
        )
    read = list(whole_texts(preprocessor, texts[0])) or [_no_texts()]
    parts = [arranged(packing, [part], long_texts, overlap) for part in read]
    if windows := [part for part in parts if isinstance(part, Windows)]:
        return joined(windows)
    return Tokens.joined([part for part in parts if isinstance(part, Tokens)])


def arranged(
    packing: Packing,
    columns: Sequence[tuple[np.ndarray, np.ndarray]],
    long_texts: LongTexts = "truncate",
    overlap: int = 0,
) -> AnyTokens:
    """Returns the tokens of whole texts as a model reads them.

    Args:
        packing: the `Packing` of the preprocessor.
        columns: token ids of shape `(M,)` of one text per row or of two, special tokens left out,
            and int64 of shape `(N + 1,)`: where each text begins among them.
        long_texts: as for `read_texts_as`.
        overlap: int. Tokens that neighbouring windows share.
    """
    if long_texts == "truncate":
        pieces = [Pieces(ids, offsets[:-1], offsets[1:]) for ids, offsets in columns]
        return packed(packing, packing.cut(pieces))
    [(ids, offsets)] = columns
    if long_texts == "head_tail":
        return packed(packing, [_head_tail(ids, offsets, packing.room)])
    counts, starts, ends = window_spans(np.diff(offsets), packing.room, overlap)
    begin = np.repeat(offsets[:-1], counts)  # (W,)
    tokens = packed(packing, [Pieces(ids, begin + starts, begin + ends)])
    return Windows(tokens, offsets_of(counts))


def text_lengths(
    preprocessor: "keras_hub.models.TextClassifierPreprocessor",
    texts: Sequence[Sequence[str]],
    tokens: AnyTokens,
    overlap: int = 0,
) -> np.ndarray:
    """Returns how many tokens the texts have, those that were not read included.

    Args:
        preprocessor: what tokenized them.
        texts: the texts; of `Windows` they are not needed.
        tokens: what `read_texts_as` returned for them.
        overlap: int. Tokens that neighbouring windows share.

    Returns:
        int64 of shape `(N,)`, special tokens counted.
    """
    if isinstance(tokens, Windows):
        # All windows but the last are full, and bring what neighbouring ones do not share.
        step = Packing(preprocessor).room - overlap
        last = tokens.tokens.lengths[tokens.offsets[1:] - 1].astype("int64")
        return last + (tokens.counts - 1) * step
    lengths = tokens.lengths.astype("int64")
    full = np.flatnonzero(lengths == tokens.max_length)  # only these may be longer
    if len(full):
        special = Packing(preprocessor).special(len(texts))
        lengths[full] = special + sum(
            np.concatenate([np.diff(offsets) for _, offsets in whole_texts(preprocessor, column)])
            for column in ([column[row] for row in full.tolist()] for column in texts)
        )
    return lengths


def long_texts_note(
    name: str, where: Sequence[str], lengths: np.ndarray, max_length: int, long_texts: str
) -> str | None:
    """Returns a line for people on the texts that are longer than the backbone reads at once.

    Args:
        name: what the rows are called, such as `"training"`.
        where: where each of them stands.
        lengths: int of shape `(N,)`, what `text_lengths` returned.
        max_length: int. Tokens that the backbone reads at once.
        long_texts: what is done with them: a mode of `read_texts_as`, or `"drop"`.

    Returns:
        The line, with their number and the first; `None` where there is none.
    """
    long = np.flatnonzero(lengths > max_length)
    if not len(long):
        return None
    done = {
        "truncate": "truncated",
        "head_tail": "cut in the middle",
        "windows": "read in windows of so many",
        "drop": "dropped",
    }[long_texts]
    exceed, are = ("exceeds", "is") if len(long) == 1 else ("exceed", "are")
    help = '; long_texts = "windows" reads such texts whole' if long_texts == "truncate" else ""
    return (
        f"of {len(lengths):,} {name} rows, {len(long):,} {exceed} max_length = {max_length} tokens "
        f"and {are} {done}, first {where[int(long[0])]}{help}"
    )


def whole_texts(
    preprocessor: "keras_hub.models.TextClassifierPreprocessor", texts: Sequence[str]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields the token ids of texts, special tokens left out, a lot of texts at a time.

    Args:
        preprocessor: the preprocessor whose tokenizer reads them.
        texts: N strings.

    Yields:
        ids of shape `(M,)`, and int64 of one more than the texts: where each begins among them.
    """
    for [lot] in lots([texts]):
        yield token_ids(preprocessor.tokenizer, lot)


def room_of(preprocessor: "keras_hub.models.TextClassifierPreprocessor") -> int:
    """Returns how many tokens of a text a preprocessor packs, special tokens not counted."""
    return Packing(preprocessor).room


def head_of(preprocessor: "keras_hub.models.TextClassifierPreprocessor") -> int:
    """Returns how many tokens of a long text's beginning `"head_tail"` reads, special ones too."""
    packing = Packing(preprocessor)
    return len(packing.start) + packing.room // HEAD


def _head_tail(ids: np.ndarray, offsets: np.ndarray, room: int) -> Pieces:
    """Returns the tokens of whole texts without the middle of those that do not fit."""
    head, lengths = room // HEAD, np.diff(offsets)
    left_out = np.maximum(lengths - room, 0)
    kept = np.ones(len(ids), bool)
    kept[ranges(offsets[:-1] + head, left_out)] = False
    shorter = offsets_of(lengths - left_out)
    return Pieces(ids[kept], shorter[:-1], shorter[1:])


def _no_texts() -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(0, "uint16"), np.zeros(1, "int64")
