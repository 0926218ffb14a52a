"""Whole texts as tokens: what is read of those that are longer than the backbone reads at once.

Shapes: N texts, W windows, M tokens of all texts together.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mtc_keras.config.model import LongTexts
from mtc_keras.data.tokens import (
    MASK,
    TOKENIZED_AT_ONCE,
    Tokens,
    is_called_directly,
    offsets_of,
    ranges,
    readable,
    tokenize,
)
from mtc_keras.data.windows import Windows, joined, window_spans
from mtc_keras.errors import ConfigError

if TYPE_CHECKING:
    import keras_hub

# Of the texts that are tokenized in one call; a longer one is tokenized by itself.
CHARACTERS_AT_ONCE = 2**20
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
    form = _Form(preprocessor)
    if long_texts == "windows" and not 0 <= overlap < form.room:
        raise ConfigError(
            f"window_overlap ({overlap}) must be at least 0 and less than the {form.room} tokens "
            f"that a window of max_length = {preprocessor.sequence_length} holds besides its "
            "special tokens"
        )
    read = list(whole_texts(preprocessor, texts[0])) or [_no_texts()]
    if long_texts == "head_tail":
        return Tokens.joined([form.tokens(*_head_tail(*part, form.room)) for part in read])
    parts = []
    for ids, offsets in read:
        counts, starts, ends = window_spans(np.diff(offsets), form.room, overlap)
        begin = np.repeat(offsets[:-1], counts)  # (W,)
        tokens = form.tokens(ids, begin + starts, begin + ends)
        parts.append(Windows(tokens, offsets_of(counts)))
    return joined(parts)


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
        step = _Form(preprocessor).room - overlap
        last = tokens.tokens.lengths[tokens.offsets[1:] - 1].astype("int64")
        return last + (tokens.counts - 1) * step
    lengths = tokens.lengths.astype("int64")
    full = np.flatnonzero(lengths == tokens.max_length)  # only these may be longer
    if len(full):
        special = _special_tokens(preprocessor, len(texts))
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
    # The smallest type that holds them, as the ids of long texts are what is kept of them.
    kind = np.min_scalar_type(preprocessor.tokenizer.vocabulary_size())
    if is_called_directly(preprocessor, [texts]):
        for lot in _lots(texts):
            rows = [np.asarray(row, kind).reshape(-1) for row in preprocessor.tokenizer(lot)]
            yield np.concatenate(rows), offsets_of([len(row) for row in rows])
        return
    import tensorflow as tf

    # Inside tf.data the tokenizer runs TensorFlow Text, on all cores.
    dataset = tf.data.Dataset.from_generator(
        lambda: ([text.encode("utf-8") for text in lot] for lot in _lots(texts)),
        output_signature=tf.TensorSpec([None], tf.string),
    )
    for ragged in dataset.map(preprocessor.tokenizer, num_parallel_calls=tf.data.AUTOTUNE):
        yield ragged.flat_values.numpy().astype(kind), ragged.row_splits.numpy().astype("int64")


def room_of(preprocessor: "keras_hub.models.TextClassifierPreprocessor") -> int:
    """Returns how many tokens of a text a preprocessor packs, special tokens not counted."""
    return _Form(preprocessor).room


def head_of(preprocessor: "keras_hub.models.TextClassifierPreprocessor") -> int:
    """Returns how many tokens of a long text's beginning `"head_tail"` reads, special ones too."""
    form = _Form(preprocessor)
    return len(form.start) + form.room // HEAD


class _Form:
    """What a preprocessor makes of the token ids of a single text.

    Args:
        preprocessor: a preprocessor with a KerasHub `MultiSegmentPacker`, as all of them have.
    """

    def __init__(self, preprocessor: "keras_hub.models.TextClassifierPreprocessor") -> None:
        packed = preprocessor([""], y=None)  # makes the packer, too
        self.max_length = preprocessor.sequence_length
        self.pad = preprocessor.tokenizer.pad_token_id
        self.start = list(preprocessor.packer.start_value or [])
        self.end = list(preprocessor.packer.end_value or [])
        self.dtypes = {name: np.asarray(array).dtype.name for name, array in packed.items()}

    @property
    def room(self) -> int:
        """Tokens of a text that fit."""
        return self.max_length - len(self.start) - len(self.end)

    def tokens(self, ids: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> Tokens:
        """Returns the `Tokens` of pieces of texts, each between special tokens.

        Args:
            ids: token ids of shape `(M,)`.
            starts: int of shape `(W,)`, where each piece begins among the ids.
            ends: int of shape `(W,)`, where it ends.
        """
        before, after = len(self.start), len(self.end)
        lengths = ends - starts
        offsets = offsets_of(lengths + before + after)
        packed = np.empty(offsets[-1], ids.dtype)
        packed[ranges(offsets[:-1] + before, lengths)] = ids[ranges(starts, lengths)]
        for place, value in enumerate(self.start):
            packed[offsets[:-1] + place] = value
        for place, value in enumerate(self.end):
            packed[offsets[1:] - after + place] = value
        real = packed != self.pad  # a preprocessor masks them wherever they stand
        if not real.all():
            offsets = offsets_of(real)[offsets]
            packed = packed[real]
        others = [name for name in self.dtypes if name not in ("token_ids", MASK)]
        return Tokens(
            # What a single text has besides are segment ids, all of them 0.
            flat={"token_ids": packed, **{n: np.zeros(len(packed), "uint8") for n in others}},
            offsets=offsets,
            padding={"token_ids": self.pad, **dict.fromkeys(others, 0)},
            dtypes=self.dtypes,
            max_length=self.max_length,
        )


def _head_tail(
    ids: np.ndarray, offsets: np.ndarray, room: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns ids without the middle of texts that do not fit, where each begins, and ends."""
    head, lengths = room // HEAD, np.diff(offsets)
    left_out = np.maximum(lengths - room, 0)
    kept = np.ones(len(ids), bool)
    kept[ranges(offsets[:-1] + head, left_out)] = False
    shorter = offsets_of(lengths - left_out)
    return ids[kept], shorter[:-1], shorter[1:]


def _special_tokens(
    preprocessor: "keras_hub.models.TextClassifierPreprocessor", columns: int
) -> int:
    """Returns how many special tokens a row of empty texts has."""
    empty: Any = ([""],) * columns
    packed = preprocessor(empty if columns > 1 else empty[0], y=None)
    return int(np.asarray(packed[MASK]).sum())


def _lots(texts: Sequence[str]) -> Iterator[list[str]]:
    """Yields texts, few enough at once that their tokens need little memory."""
    lot: list[str] = []
    characters = 0
    for text in texts:
        if lot and (len(lot) == TOKENIZED_AT_ONCE or characters + len(text) > CHARACTERS_AT_ONCE):
            yield lot
            lot, characters = [], 0
        lot.append(readable(text))
        characters += len(text)
    if lot:
        yield lot


def _no_texts() -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(0, "uint16"), np.zeros(1, "int64")
