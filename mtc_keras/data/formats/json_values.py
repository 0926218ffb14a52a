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
    return str(error) if isinstance(error, RepeatedKey) else f"is not JSON: {error}"
