"""Keys of the config that have been renamed: old configs still load, with a note."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mtc_keras.errors import ConfigError


def _unchanged(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Renamed:
    """A key that has been renamed.

    Args:
        old: its former path, such as `"training.foo"`; `*` stands for the name of any task, as in
            `"tasks.*.foo"`.
        new: its current path, with the same `*`.
        since: the first version with the new name.
        convert: function from the old value to the new one.
    """

    old: str
    new: str
    since: str
    convert: Callable[[Any], Any] = _unchanged

    def today(self, key: Sequence[str]) -> list[str] | None:
        """Returns the current path of a key, `None` if this is another key."""
        old = self.old.split(".")
        if len(key) != len(old) or any(
            part not in ("*", own) for part, own in zip(old, key, strict=True)
        ):
            return None
        names = iter([own for part, own in zip(old, key, strict=True) if part == "*"])
        return [next(names) if part == "*" else part for part in self.new.split(".")]


# To rename a key, add an entry: Renamed("training.foo", "training.bar", since="0.3").
RENAMED: tuple[Renamed, ...] = ()


def modernised(
    values: dict[str, Any], renamed: Iterable[Renamed] = RENAMED
) -> tuple[dict[str, Any], list[str]]:
    """Returns the values of a config under their current names, and one note per old name.

    Raises:
        ConfigError: if a key is given under both names.
    """
    notes = []
    for rename in renamed:
        for old, value in list(leaves(values)):
            new = rename.today(old)
            if new is None:
                continue
            text = f"{'.'.join(old)} has been called {'.'.join(new)} since {rename.since}"
            if new in [key for key, _ in leaves(values)]:
                raise ConfigError(f"{text}: use only its new name")
            values = _with(_without(values, old), new, rename.convert(value))
            notes.append(text)
    return values, notes


def leaves(values: dict[str, Any], path: Sequence[str] = ()) -> Iterator[tuple[list[str], Any]]:
    """Yields the path and value of every key, including tables and their contents."""
    for key, value in values.items():
        yield [*path, key], value
        if isinstance(value, dict):
            yield from leaves(value, [*path, key])


def _without(values: dict[str, Any], path: Sequence[str]) -> dict[str, Any]:
    first, *rest = path
    if not rest:
        return {key: value for key, value in values.items() if key != first}
    return {**values, first: _without(values[first], rest)}


def _with(values: dict[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    first, *rest = path
    inner = values.get(first, {})
    if rest and not isinstance(inner, dict):
        return values  # reported when the config is checked
    return {**values, first: _with(inner, rest, value) if rest else value}
