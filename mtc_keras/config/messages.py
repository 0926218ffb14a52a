"""Messages about a config: the key's path, what is wrong, what would be right."""

import reprlib
import types
import typing
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from mtc_keras.config.root import Config
from mtc_keras.errors import did_you_mean, listed
from mtc_keras.tasks import kind_named


class _Short(reprlib.Repr):
    """The start of a value, however long or deeply nested it is."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxlist, self.maxdict = 4, 20, 20
        self.maxstring = self.maxlong = self.maxother = 200

    def repr_int(self, value: int, level: int) -> str:
        # Python refuses to write thousands of digits.
        return f"a number of {value.bit_length()} bits" if value.bit_length() > 600 else repr(value)


SHOWN = _Short()


def problem_of(values: dict[str, Any], details: Any) -> str:
    """Turns a pydantic error into one line: key path, what is wrong, what would be right."""
    location = list(details["loc"])
    # Pydantic ends a path with the branch of a union ("function-after[…]", "str"): keep real keys.
    keys = _existing_keys(values, [str(part) for part in location], details["type"])
    path = ".".join(keys) or "config"
    received = details["input"]
    match details["type"]:
        case "extra_forbidden":
            known = _known_keys(values, keys[:-1])
            return f"{path}: unknown key.{did_you_mean(keys[-1], known)} Known: {listed(known, 30)}"
        case "missing":
            return f"{path}: is required"
        case "no_kind" | "unknown_kind":
            return f"{path}.kind: {details['msg']}"
        case "string_pattern_mismatch" if keys[-1:] == ["name"]:
            return f"{path.removesuffix('.name')}: a task's name must match [a-z][a-z0-9_]*"
        case "value_error":
            message = str(details["ctx"]["error"])
            return message if not keys else f"{path}: {message}"
    return f"{path}: {details['msg']}. Received: {SHOWN.repr(received)}"


def _existing_keys(values: Any, location: list[str], error_type: str) -> list[str]:
    keys: list[str] = []
    for part in location:
        if isinstance(values, dict) and part in values:
            values = values[part]
        elif isinstance(values, list) and part.isdigit():
            values = values[int(part)]
        elif error_type != "missing" and not (keys and part == "name"):
            break
        keys.append(part)
    return keys


def _known_keys(values: dict[str, Any], keys: Sequence[str]) -> list[str]:
    """Returns the keys allowed in the table at a key path."""
    if len(keys) == 2 and keys[0] == "tasks":
        kind = kind_named(values["tasks"][keys[1]]["kind"])
        return [name for name in kind.model_fields if name != "name"] if kind else []
    model: type[BaseModel] = Config
    for key in keys:
        annotation = model.model_fields[key].annotation
        options = typing.get_args(annotation) or (annotation,)
        model = next(t for t in options if t is not types.NoneType)
    return list(model.model_fields)
