"""Lengths, batches and epochs that suit a table, from its words and rows alone."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from mtc_keras.init.language import ENGLISH, language_of

LENGTHS = (32, 48, 64, 96, 128, 192, 256, 384, 512)
SPECIAL = 2  # tokens around a text; one more between a pair
COVERED = 0.99
# Word pieces of minilm per word or mark: 1.2 in English, more where its vocabulary lacks words.
PIECES = {ENGLISH: 1.25, "": 1.5}
PIECES_ELSEWHERE = 2.2
_WORDS_AND_MARKS = re.compile(r"\w+|[^\w\s]")
# Most rows, rows per batch, epochs: about 500 steps or more where there are few rows.
SCHEDULES = ((200, 8, 10), (2_000, 16, 8), (10_000, 32, 5), (50_000, 32, 3), (500_000, 64, 2))
LARGEST = (64, 1)
MULTILINGUAL_E5 = "intfloat/multilingual-e5-small"
# Tried first where the texts are of a language that has encoders of its own (docs/backbones.md).
OF_A_LANGUAGE = {"French": "almanach/camembert-base"}


def model_values(texts: Sequence[Sequence[str]]) -> tuple[dict[str, Any], dict[str, str], str]:
    """Returns the keys of `[model]`, a comment for each, and what is not sure.

    Args:
        texts: some texts of each text column.
    """
    language = language_of(texts[0])
    counts = np.sum([[_count(text) for text in column] for column in texts], axis=0)
    typical = int(np.quantile(counts, COVERED))
    factor = PIECES.get(language, PIECES_ELSEWHERE)
    tokens = round(typical * factor) + SPECIAL + len(texts) - 1
    length = next((length for length in LENGTHS if length >= tokens), LENGTHS[-1])
    said = f"{COVERED:.0%} of {len(counts):,} texts have at most {typical:,} words and marks, "
    said += f"about {tokens:,} tokens at {factor:g} each"
    unsure = ""
    if tokens > LENGTHS[-1]:
        unsure = f"the longest texts have about {tokens:,} tokens, of which {length} are read: "
        unsure += 'long_texts = "windows" in [model] reads all of them'
    comments = {"max_length": said, "backbone": f"the texts look {language}" if language else ""}
    if language not in (ENGLISH, ""):
        others = _backbones_that_know(language)
        comments["backbone"] += f", and minilm is English; in its place: {others}"
        problem = f"the texts look {language}, and minilm is English: in its place {others}"
        unsure = f"{unsure}; {problem}" if unsure else problem
    return {"backbone": "minilm", "max_length": length}, comments, unsure


def training_values(rows: int) -> dict[str, Any]:
    """Returns the keys of `[training]` for a number of rows."""
    found = (schedule[1:] for schedule in SCHEDULES if rows <= schedule[0])
    batch_size, epochs = next(found, LARGEST)
    return {"epochs": epochs, "batch_size": batch_size, "learning_rate": 2e-4}


def _backbones_that_know(language: str) -> str:
    """Returns names for `[model] backbone`, and where more of them are listed."""
    found = [OF_A_LANGUAGE[language]] if language in OF_A_LANGUAGE else []
    names = " or ".join(f'"hf://{name}"' for name in [*found, MULTILINGUAL_E5])
    return f"{names} (docs/backbones.md lists more; docs/french.md makes one without a hub)"


def _count(text: str) -> int:
    """Returns how many words and marks a text has; without blanks, each letter may be a word."""
    wide = sum(character > "\u2e7f" for character in text)
    return len(_WORDS_AND_MARKS.findall(text)) + wide
