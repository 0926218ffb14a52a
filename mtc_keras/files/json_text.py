"""Values as JSON that every reader takes: no NaN, no type of Python's own, valid UTF-8."""

import base64
import codecs
import hashlib
import json
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from mtc_keras.errors import UNSEEN

FLOAT = "float"
_NOT_ASCII = re.compile(r"[^\x00-\x7e]")


def to_json(value: Any) -> Any:
    """Returns a value as plain JSON values.

    NumPy's numbers and arrays become plain ones, NaN and infinities `None`, dates and times ISO
    8601, bytes base64, keys and whatever JSON has no type for text.
    """
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, float):  # of NumPy's, float64 is one
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    plain = _nearer(value)
    return plain if isinstance(plain, str) else to_json(plain)


def plain_text(value: Any) -> str:
    """Returns what JSON has no type for as text: dates ISO 8601, bytes base64."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _nearer(value: Any) -> Any:
    """Returns what JSON has no type for as something that is nearer to one."""
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biufSUO":
        return value.tolist()
    return plain_text(value)


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_nearer)
_READABLE = json.JSONEncoder(ensure_ascii=False, allow_nan=False, indent=2)


def json_line(value: Any) -> str:
    """Returns a value as JSON in one line, without a line feed at its end."""
    try:
        return _encodable(_ENCODER.encode(value))
    except (TypeError, ValueError):  # a key that is not text, or a NaN: rare, and it takes longer
        return _encodable(_ENCODER.encode(to_json(value)))


def shown_json(line: str, encoding: str, is_terminal: bool = False) -> str:
    """Returns JSON of the same value that can be printed.

    Args:
        line: JSON.
        encoding: str. That of the stream; where it is not UTF-8 all is ASCII.
        is_terminal: bool. Whether what would act on a terminal is escaped, too.
    """
    if codecs.lookup(encoding).name != "utf-8":
        return _NOT_ASCII.sub(_escaped, line)
    return UNSEEN.sub(_escaped, line) if is_terminal else line


def _escaped(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def readable_json(value: Any) -> str:
    """Returns a value as indented JSON, with a line feed at its end."""
    return _encodable(_READABLE.encode(to_json(value))) + "\n"


def json_digest(value: Any) -> str:
    """Returns the SHA-256 of a value as JSON; the order of keys does not matter."""
    text = json.dumps(to_json(value), sort_keys=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def exact_json(value: Any) -> str:
    """Returns a value as JSON from which `read_exact_json` gives NaN and infinities back.

    They are tables, `{"float": "nan"}`, as JSON has no such numbers.
    """
    return _encodable(_ENCODER.encode(_exact(value)))


def read_exact_json(text: str) -> Any:
    """Returns the value that `exact_json` was given; NumPy's numbers and arrays are plain."""
    return json.loads(text, object_hook=_number)


def _exact(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _exact(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_exact(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _exact(value.tolist())
    is_number = not isinstance(value, float) or math.isfinite(value)
    return value if is_number else {FLOAT: str(value)}


def _number(table: dict[str, Any]) -> Any:
    return float(table[FLOAT]) if table.keys() == {FLOAT} else table


def _encodable(text: str) -> str:
    """Returns JSON whose lone surrogates, which UTF-8 cannot hold, are escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
