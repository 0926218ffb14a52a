"""Where the tokens of a text stand in it, and which words they are parts of.

Shapes: M tokens of a text, W words.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import regex

from mtc_keras.tokenization.fast import fast_tokenizer, readable
from mtc_keras.tokenization.offsets import ranges

if TYPE_CHECKING:
    import keras_hub

# Unicode's own boundaries of words (UAX #29): "l'hôpital" and "3.14" are one, and each character
# of a script without blanks.
BOUNDARY = regex.compile(r"(?V1w)\b")


class Located(NamedTuple):
    """The tokens of a text and the words that they are parts of.

    Args:
        ids: int64 of shape `(M,)`, special tokens left out.
        words: list of W spans: the first character of each word and the one after its last.
        word_of_token: int64 of shape `(M,)`; -1 for one of what stands before the text.
    """

    ids: np.ndarray
    words: list[tuple[int, int]]
    word_of_token: np.ndarray


def locate(
    tokenizer: "keras_hub.tokenizers.Tokenizer", texts: Sequence[str], prefix: str = ""
) -> list[Located]:
    """Returns the tokens and words of N texts.

    Args:
        tokenizer: what reads them.
        texts: N strings.
        prefix: str. What was put before each; its own characters are not counted.

    Raises:
        ValueError: for a tokenizer that does not tell where its tokens stand.
    """
    fast = fast_tokenizer(tokenizer)
    if fast is None:
        raise ValueError(
            f"{type(tokenizer).__name__} does not tell where in a text its tokens stand"
        )
    read = fast.encode_batch([readable(text) for text in texts], add_special_tokens=False)
    found = []
    for text, encoding in zip(texts, read, strict=True):
        before = len(prefix) if text.startswith(prefix) else 0
        spans = [_without_blanks(text, *span) for span in _in_text(text, encoding.offsets)]
        words, word_of_token = _words(
            text[before:], [(start - before, end - before) for start, end in spans]
        )
        found.append(Located(np.array(encoding.ids, "int64"), words, word_of_token))
    return found


def _in_text(text: str, spans: Sequence[tuple[int, int]]) -> Sequence[tuple[int, int]]:
    """Returns spans of a readable text, which has no NUL, as those of the text itself."""
    if "\0" not in text:
        return spans
    places = [place for place, letter in enumerate(text) if letter != "\0"]
    places.append(len(text))
    return [(places[a], places[b - 1] + 1 if b > a else places[a]) for a, b in spans]


def _without_blanks(text: str, start: int, end: int) -> tuple[int, int]:
    """Returns a token's span without blanks around it, unless it is nothing else."""
    part = text[start:end]
    if not part.strip():
        return start, end
    return start + len(part) - len(part.lstrip()), end - len(part) + len(part.rstrip())


def _words(text: str, spans: Sequence[tuple[int, int]]) -> tuple[list[tuple[int, int]], np.ndarray]:
    """Returns the words of a text, and which one each token is a part of.

    Words of which one token has characters are one; blanks that are a token are a word, too.
    """
    of_text = [(max(start, 0), end) for start, end in spans if end > max(start, 0)]
    ends = np.cumsum([len(part) for part in regex.split(BOUNDARY, text)])
    cuts = np.unique([0, *ends, len(text)])
    starts, stops = np.array(of_text, "int64").reshape(-1, 2).T
    first = np.searchsorted(cuts, starts, "right")
    inside = ranges(first, np.searchsorted(cuts, stops, "left") - first)
    cuts = np.delete(cuts, inside)
    has_token = np.zeros(len(cuts), bool)
    has_token[np.searchsorted(cuts, starts, "right") - 1] = True
    words = [
        (start, end)
        for start, end, is_read in zip(cuts.tolist(), cuts[1:].tolist(), has_token, strict=False)
        if is_read or text[start:end].strip()
    ]
    firsts = [start for start, _ in words]
    numbers = [
        -1 if start < 0 and end <= 0 else _word_at(start, words, firsts) for start, end in spans
    ]
    if not words and max(numbers, default=-1) >= 0:
        words = [(0, len(text))]  # of tokens that stand for no character of their own
    return words, np.array(numbers, "int64")


def _word_at(start: int, words: Sequence[tuple[int, int]], firsts: Sequence[int]) -> int:
    """Returns the word in which a token starts; between two words the next one, if there is."""
    number = max(bisect_right(firsts, start) - 1, 0)
    is_between = bool(words) and start >= words[number][1]
    return number + 1 if is_between and number + 1 < len(words) else number
