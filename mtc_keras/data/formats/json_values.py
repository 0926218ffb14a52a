"""JSON as it is read everywhere: NaN is nothing, and a key that stands twice in an object wrong."""

import json
from typing import Any


class RepeatedKey(ValueError):
    """An object has two values of one key, of which either may be meant."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise RepeatedKey(f"the key {twice!r} stands twice in one object")
    return found


def _constant(name: str) -> float | None:
    """Returns what JSON's `NaN`, `Infinity` and `-Infinity` mean in a cell."""
    return None if name == "NaN" else float(name)


DECODER = json.JSONDecoder(parse_constant=_constant, object_pairs_hook=_object)


def problem(error: Exception) -> str:
    """Returns what is wrong with a text that `DECODER` refuses."""
    if isinstance(error, RepeatedKey):
        return str(error)
    return f"is not JSON: {error}{_help(error)}"


def _help(error: Exception) -> str:
    """Returns what people and language models have written that is nearly JSON."""
    if not isinstance(error, json.JSONDecodeError):
        return ""
    rest = error.doc[error.pos :].lstrip()
    if rest.startswith("'"):
        return "; it is written as Python does, with single quotes: json.dumps writes JSON"
    if rest.strip() == ",":
        return "; take away the comma at the end of the line"
    if rest[:1] in ("]", "}") and error.doc[: error.pos].rstrip().endswith(","):
        return "; take away the comma before it"
    if "```" in error.doc:
        return "; take away the lines of ``` and all that is not between them"
    return ""
