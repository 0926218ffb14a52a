"""A config as lines: which keys are set, to what, and whether that is their default."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel

from mtc_keras.config import Config
from mtc_keras.files import json_line


class Setting(NamedTuple):
    """A key of a config.

    Args:
        key: its dotted path.
        value: its value as plain Python.
        is_default: bool. Whether it is what it would be if it were not set.
    """

    key: str
    value: Any
    is_default: bool

    @property
    def shown(self) -> str:
        """The value as JSON; `""` where it is not set."""
        return "" if self.value is None else json_line(self.value)


def settings(config: Config) -> list[Setting]:
    """Returns all keys of a config, in its order."""
    return list(_settings(config, ""))


def differing(first: Config, *others: Config) -> dict[str, list[Setting | None]]:
    """Returns the keys that are not the same in all configs, with the setting of each.

    A key that a config does not have, such as one of another kind of task, is `None`; one that is
    at its default in all configs that have it is left out.
    """
    found = [{one.key: one for one in settings(config)} for config in (first, *others)]
    keys = dict.fromkeys(key for config in found for key in config)
    rows = {key: [config.get(key) for config in found] for key in keys}
    return {key: row for key, row in rows.items() if _differs(row)}


def _differs(row: Sequence[Setting | None]) -> bool:
    had = [one for one in row if one is not None]
    if len(had) < len(row) and all(one.is_default for one in had):
        return False
    return len({"" if one is None else one.shown for one in row}) > 1


def _settings(section: BaseModel, path: str) -> Iterator[Setting]:
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        key = f"{path}{name}"
        if isinstance(value, BaseModel):
            yield from _settings(value, f"{key}.")
        elif isinstance(value, Mapping) and any(isinstance(v, BaseModel) for v in value.values()):
            for inner, table in value.items():
                yield from _settings(table, f"{key}.{inner}.")
        elif not (path.startswith("tasks.") and name == "name"):  # it is the table's own
            default = field.get_default(call_default_factory=True)
            # A kind is what chose the class whose default it is.
            yield Setting(key, value, value == default and name != "kind")
