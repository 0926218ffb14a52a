"""The texts of an export's self-test: of every sort, and as long as windows are."""

import itertools
from typing import TYPE_CHECKING

import numpy as np

from mtc_keras.data.long_texts import room_of, whole_texts

if TYPE_CHECKING:
    from mtc_keras.model.classifier import MultiTaskClassifier

TEXTS = [
    "",
    "   ",
    "good",
    "The clerk was kind, but I waited two hours.",
    "ALL IN CAPITALS, and then not!",
    "one\ttab, two\n\nlines\r\n",
    "café naïve Straße ﬁne e\u0301",
    "😀 👩‍👩‍👧 🇫🇷 !!! ¿…?",
    "مرحبا بالعالم، كيف الحال",
    "今日は、元気ですか",
    "Привет, как дела",
    "नमस्ते दुनिया",
    "한국어 문장",
    "form\0fee",
    "\0",
    "\ufeffmark \u200bof \u202eorder",
    "[CLS] [SEP] [MASK] [PAD] <s> </s>",
    "a lone \ud83d surrogate",
    "3.14 % of 1,000,000 €",
    "slow " * 2000,
    "x" * 5000,
    "今" * 1000,
]
WORDS = ["the", "and", "good", "bad", "not", "kind", "was", "a", "i", "e", "1", "2", ".", "?", "今"]
LONG = 10  # times what fits


def long_texts(model: "MultiTaskClassifier") -> list[str]:
    """Returns texts whose tokens just fill one window or two, or are one more, and a long one.

    Args:
        model: the `MultiTaskClassifier`; there are none for one that cuts texts at its length.
    """
    if model.long_texts == "truncate":
        return []
    [(prefix, _)] = whole_texts(model.preprocessor, [model.prefix])
    room = room_of(model.preprocessor) - len(prefix)
    step = room - (model.window_overlap or 0)
    # Words of one token, whatever stands beside them.
    [(_, offsets)] = whole_texts(model.preprocessor, [f"{word} " * 8 for word in WORDS])
    words = [word for word, count in zip(WORDS, np.diff(offsets), strict=True) if count == 8]
    counts = [room, room + 1, room + step, room + step + 1, LONG * room] if words else []
    return [" ".join(itertools.islice(itertools.cycle(words), count)) for count in counts]
