"""Where in a text its tokens stand.

Shapes: M tokens, W spans of them.
"""

import re
from typing import TYPE_CHECKING

import numpy as np

from mtc_keras.data.long_texts import whole_texts
from mtc_keras.tokenization.fast import readable
from mtc_keras.tokenization.prefix import prefixed

if TYPE_CHECKING:
    import keras_hub

WORD = re.compile(r"\s*(\S+)")  # with the blanks before it, which byte pairs read as its part


def character_spans(
    preprocessor: "keras_hub.models.TextClassifierPreprocessor",
    text: str,
    starts: np.ndarray,
    ends: np.ndarray,
    *,
    prefix: str = "",
) -> list[tuple[int, int]] | None:
    """Returns the characters of spans of tokens, whole words at either end.

    Word by word, a tokenizer gives the tokens of the text, for all that divide at blanks; whether
    it did so is checked.

    Args:
        preprocessor: the preprocessor whose tokenizer reads the text.
        text: the text.
        starts: int of shape `(W,)`, the first token of each span, special tokens left out.
        ends: int of shape `(W,)`, the one after its last.
        prefix: str. What was put before the text; its own characters are not counted.

    Returns:
        For each span its first character and the one after its last, or `None` where the tokens
        of single words are not those of the text.
    """
    if readable(text) != text:  # it is read with fewer or other characters
        return None
    [[text]] = prefixed([[text]], prefix)
    before = len(prefix) if prefix and text else 0
    words = list(WORD.finditer(text))
    whole = [ids for ids, _ in whole_texts(preprocessor, [text])]
    parts = list(whole_texts(preprocessor, [word.group() for word in words]))
    found = [ids for ids, _ in parts] or [np.zeros(0, int)]
    if not np.array_equal(np.concatenate(found), np.concatenate(whole)):
        return None
    counts = [np.diff(offsets) for _, offsets in parts] or [np.zeros(0, int)]
    ends_of_words = np.cumsum(np.concatenate(counts))  # in tokens
    if not len(ends_of_words) or not ends_of_words[-1]:
        return [(0, len(text) - before)] * len(starts)
    first = np.searchsorted(ends_of_words, starts, side="right")
    last = np.searchsorted(ends_of_words, ends, side="left")
    return [
        (max(words[a].start(1) - before, 0), max(words[b].end(1) - before, 0))
        for a, b in zip(first.tolist(), last.tolist(), strict=True)
    ]
