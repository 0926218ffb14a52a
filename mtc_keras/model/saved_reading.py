"""What a saved model says of how texts become tokens, checked where KerasHub finds out too late.

A preprocessor makes its layers at the first text; what it cannot make them of ends a prediction
that has begun, and what TensorFlow's tokenizers take on trust the whole program.
"""

import re
from typing import Any

from mtc_keras.config.model import MOST_TOKENS

TRUNCATIONS = ("round_robin", "waterfall")
INTEGERS = re.compile(r"u?int(8|16|32|64)")
# Texts of a few characters: of WordPiece, and the special tokens of a tokenizer.json.
MARKS = (
    *("suffix_indicator", "oov_token"),
    *("start_token", "end_token", "pad_token", "unk_token", "mask_token"),
)
ROWS_OF_MARKS = ("start", "end", "separator")  # special tokens around texts
MOST_MARKS = 8
LONGEST_MARK = 100


def check_reading(table: dict[str, Any] | None) -> None:
    """Checks the config of a preprocessor or a tokenizer, `{"class_name": …, "config": {…}}`.

    Raises:
        ValueError: if texts could not be read by it.
    """
    config = (table or {}).get("config") or {}
    length = config.get("sequence_length")
    if length is not None and (type(length) is not int or not 1 <= length <= MOST_TOKENS):
        raise ValueError(f"sequence_length is {length!r:.80}, not from 1 to {MOST_TOKENS:,}")
    if config.get("truncate", TRUNCATIONS[0]) not in TRUNCATIONS:
        raise ValueError(f"truncate is {config['truncate']!r:.80}, not one of {TRUNCATIONS}")
    for key in MARKS:
        mark = config.get(key)
        if mark is not None and not _is_mark(mark):
            raise ValueError(f"{key} is no text of 1 to {LONGEST_MARK} characters")
    for key in ROWS_OF_MARKS:
        marks = config.get(key, [])
        if not isinstance(marks, list) or len(marks) > MOST_MARKS or not all(map(_is_mark, marks)):
            raise ValueError(f"{key} is no list of up to {MOST_MARKS} special tokens")
    if config.get("second_segment", 1) not in (0, 1):
        raise ValueError(f"second_segment is {config['second_segment']!r:.80}, not 0 or 1")
    tokenizer = config.get("tokenizer")
    if isinstance(tokenizer, dict):
        check_reading(tokenizer)
        check_tokens(tokenizer)


def check_tokens(table: dict[str, Any] | None) -> None:
    """Checks that a tokenizer gives numbers.

    Raises:
        ValueError: if it gives texts, as one of KerasHub can.
    """
    dtype = ((table or {}).get("config") or {}).get("dtype")
    name = (dtype.get("config") or {}).get("name") if isinstance(dtype, dict) else dtype
    if name is not None and not INTEGERS.fullmatch(str(name)):
        raise ValueError(f"dtype is {str(name)!r:.80}, and tokens are integers")


def _is_mark(mark: object) -> bool:
    if not isinstance(mark, str) or not 1 <= len(mark) <= LONGEST_MARK:
        return False
    return not re.search("[\0\ud800-\udfff]", mark)
