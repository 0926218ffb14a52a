"""From a TOML file and overrides to a checked `Config`; its JSON Schema."""

import contextlib
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from mtc_keras.config.deprecated import RENAMED, modernised
from mtc_keras.config.messages import problem_of
from mtc_keras.config.root import Config
from mtc_keras.config.sections import Section
from mtc_keras.errors import ConfigError, did_you_mean, is_utf8, legible, listed, plural
from mtc_keras.files import readable_json
from mtc_keras.tasks import known_kinds

Table = TypeVar("Table", bound=Section)


def load_config(path: str | Path, overrides: Iterable[str] = (), *, quiet: bool = False) -> Config:
    """Reads and checks a config file.

    Args:
        path: the TOML file.
        overrides: strings `"a.b=value"`; a value that is not valid TOML is read as text.
        quiet: bool. Whether to read renamed keys without a note on stderr.

    Returns:
        The checked `Config`.

    Raises:
        ConfigError: listing all problems.
    """
    if not isinstance(path, (str, Path)):
        raise ConfigError(
            "a config is the path of a TOML file, or a Config, which check_config makes of a dict; "
            f"received {type(path).__name__}"
        )
    where = f"config file {str(path)!r}"
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"{where} does not exist.{_near(Path(path))}") from None
    except (OSError, ValueError) as error:  # such as of NUL in the path
        raise ConfigError(f"{where} cannot be read: {error}") from None
    values = parse_toml(content, str(path))
    for override in overrides:
        _override(values, override)
    return check_config(values, str(path), quiet=quiet)


def parse_toml(content: bytes, path: str) -> dict[str, Any]:
    """Returns the tables of a config file.

    Args:
        content: what the file holds.
        path: its path, for messages.

    Raises:
        ConfigError: if it is no TOML in UTF-8.
    """
    where = f"config file {path!r}"
    try:
        return tomllib.loads(content.decode("utf-8-sig"))  # editors put a mark first
    except UnicodeDecodeError as error:
        raise ConfigError(f"{where} cannot be read: {error}") from None
    except RecursionError:
        raise ConfigError(f"{where} is not valid TOML: it is nested too deeply") from None
    except ValueError as error:  # of TOML; an integer of thousands of digits
        raise ConfigError(f"{where} is not valid TOML: {error}") from None


def check_config(values: dict[str, Any], origin: str = "config", *, quiet: bool = False) -> Config:
    """Checks a config given as a dict.

    Args:
        values: tables and keys; renamed keys may have their old names.
        origin: where the values come from, for messages.
        quiet: bool. Whether to read old names without a note on stderr.

    Raises:
        ConfigError: listing all problems.
    """
    values, notes = modernised(values, RENAMED)
    if odd := [path for path, text in _texts(values) if not is_utf8(text)]:
        problems = [
            f"{path or 'config'}: holds half a character (a lone surrogate), which TOML cannot; a "
            "file of such a name can be named by a glob"
            for path in odd
        ]
        raise _config_error(origin, problems)
    if not quiet:
        for note in notes:
            print(legible(f"note: {origin}: {note}"), file=sys.stderr)
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        problems = [problem_of(values, details) for details in error.errors()]
        raise _config_error(origin, problems) from None


def _config_error(origin: str, problems: list[str]) -> ConfigError:
    return ConfigError(f"{origin}: {plural(len(problems), 'problem')} in the config", problems)


def config_schema() -> str:
    """Returns the JSON Schema of the config file, for editors."""
    schema = Config.model_json_schema()
    kinds = known_kinds()
    for name, kind in kinds.items():
        definition = kind.model_json_schema()
        schema["$defs"] |= definition.pop("$defs", {})
        del definition["properties"]["name"]  # the table's key is the name
        definition["required"] = ["kind"]
        schema["$defs"][name] = definition
    references = {name: f"#/$defs/{name}" for name in kinds}
    schema["properties"]["tasks"]["additionalProperties"] = {
        "discriminator": {"mapping": references, "propertyName": "kind"},
        "oneOf": [{"$ref": reference} for reference in references.values()],
    }
    return readable_json(schema).rstrip("\n")


def _texts(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields all texts in tables, keys, too, each with the path of its key."""
    left: list[tuple[str, Any]] = [("", values)]
    while left:  # tables may be nested more deeply than functions
        path, value = left.pop()
        if isinstance(value, dict):
            yield from ((path, key) for key in value if isinstance(key, str))
            left += [(f"{path}.{key}".removeprefix("."), item) for key, item in value.items()]
        elif isinstance(value, (list, tuple)):
            left += [(path, item) for item in value]
        elif isinstance(value, str):
            yield path, value


def _near(path: Path) -> str:
    """Returns what may have been meant in place of a path that does not exist."""
    try:
        names = [found.name for found in path.parent.iterdir() if found.suffix == ".toml"]
    except OSError:
        return f" Nor does the directory {str(path.parent)!r}"
    hint = did_you_mean(path.name, names)
    return hint or (f" There are {listed(sorted(names))}" if names else "")


def check_table(table: type[Table], values: dict[str, Any], name: str) -> Table:
    """Checks one table of a config by itself.

    Args:
        table: its class.
        values: its keys and values.
        name: its name, for messages.

    Raises:
        ConfigError: listing all problems.
    """
    try:
        return table.model_validate(values)
    except ValidationError as error:
        details = ({**found, "loc": (name, *found["loc"])} for found in error.errors())
        problems = [problem_of({name: values}, found) for found in details]
        raise _config_error(name, problems) from None


def parsed_override(override: str) -> tuple[list[str], Any]:
    """Returns the keys and the value of a string `"a.b=value"`.

    Raises:
        ConfigError: if it has another form.
    """
    key, equals, text = override.partition("=")
    parts = [part.strip() for part in key.split(".")]
    if not equals or not all(parts):
        raise ConfigError(f"--set {override!r} must have the form a.b=value")
    value: Any = text.strip()
    with contextlib.suppress(ValueError, RecursionError):  # it is no TOML
        found = tomllib.loads(f"value = {text}")
        if len(found) == 1:  # not several lines
            value = found["value"]
    return parts, value


def _override(values: dict[str, Any], override: str) -> None:
    parts, value = parsed_override(override)
    table = values
    for part in parts[:-1]:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise ConfigError(f"--set {override!r}: {part!r} is a value, not a table")
    table[parts[-1]] = value
