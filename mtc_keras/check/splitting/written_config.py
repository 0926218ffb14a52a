"""The config that reads the parts of a split."""

from collections.abc import Mapping
from typing import Any

import tomli_w

from mtc_keras.config import Config, check_config
from mtc_keras.data.sources import Files
from mtc_keras.errors import legible


def values_of(config: Config, files: Mapping[str, Files]) -> dict[str, Any]:
    """Returns the values of a config that were given, with other files.

    Args:
        config: the `Config`.
        files: the files of each part.
    """
    values = config.model_dump(exclude_unset=True, exclude_none=True)
    for task in values["tasks"].values():
        task.pop("name", None)
    dropped = [*files, "split", "split_values"]
    data = {key: value for key, value in values.get("data", {}).items() if key not in dropped}
    return {**values, "data": {**files, **data}}


def toml_of(values: Mapping[str, Any], comment: str) -> str:
    """Returns a config as TOML under a line of comment.

    Raises:
        ConfigError: if it is none.
    """
    check_config(dict(values), quiet=True)
    first = {key: value for key, value in values.items() if not isinstance(value, dict)}
    tables = {key: values[key] for key in ("data", "tasks") if key in values}
    line = legible(" ".join(comment.split("\n")))
    return f"# {line}\n\n{tomli_w.dumps({**first, **tables, **values})}"
