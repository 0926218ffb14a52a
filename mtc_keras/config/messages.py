"""Messages about a config: the key's path, what is wrong, what would be right."""

import types
import typing
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from mtc_keras.config.root import Config
from mtc_keras.errors import did_you_mean, listed
from mtc_keras.tasks import KINDS


def problem_of(values: dict[str, Any], details: Any) -> str:
    """Turns a pydantic error into one line: key path, what is wrong, what would be right."""
    location = list(details["loc"])
    if len(location) > 2 and location[0] == "tasks":
        del location[2]  # the branch of the union: a kind
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
        case "union_tag_not_found":
            return f"{path}.kind: is required, one of {listed(list(KINDS))}"
        case "union_tag_invalid":
            kind = str(details["ctx"]["tag"])
            return (
                f"{path}.kind: {kind!r} is not a kind of task.{did_you_mean(kind, KINDS)} "
                f"Known: {listed(list(KINDS))}"
            )
        case "string_pattern_mismatch" if keys[-1:] == ["name"]:
            return f"{path.removesuffix('.name')}: a task's name must match [a-z][a-z0-9_]*"
        case "value_error":
            message = str(details["ctx"]["error"])
            return message if not keys else f"{path}: {message}"
    return f"{path}: {details['msg']}. Received: {received!r}"


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
        fields = KINDS[values["tasks"][keys[1]]["kind"]].model_fields
        return [name for name in fields if name != "name"]
    model: type[BaseModel] = Config
    for key in keys:
        annotation = model.model_fields[key].annotation
        options = typing.get_args(annotation) or (annotation,)
        model = next(t for t in options if t is not types.NoneType)
    return list(model.model_fields)
