"""The keys that say how rows are read, changed for files that are laid out in another way."""

from collections.abc import Iterable, Mapping
from typing import Any

from mtc_keras.config.data import DataConfig
from mtc_keras.config.loading import check_config, check_table, parsed_override
from mtc_keras.config.root import Config
from mtc_keras.errors import ConfigError, did_you_mean, listed

# Which rows there are, and what a training does with them, are no matter of other files.
_OF_TRAINING = ("train", "validation", "test", "reader", "group", "limit", "too_long", "cache")
READING = tuple(name for name in DataConfig.model_fields if name not in _OF_TRAINING)
COLUMN = "tasks.NAME.column"
# Of rows to predict, besides the text columns.
READ_BY = tuple(
    name for name in READING if name not in ("text", "weight", "missing", "split", "split_values")
)


def reading_of(overrides: Iterable[str]) -> dict[str, Any]:
    """Returns the keys that strings such as `"data.delimiter=;"` set.

    Raises:
        ConfigError: if a string has another form.
    """
    parsed = (parsed_override(override) for override in overrides)
    return {".".join(parts): value for parts, value in parsed}


def reread(config: Config, reading: Mapping[str, Any] | None) -> Config:
    """Returns a config whose rows are read in another way.

    Args:
        config: the `Config` of a run.
        reading: keys of `[data]` that say how rows are read, such as `"delimiter"` or
            `"data.delimiter"`, and `"tasks.NAME.column"`, with their values; `""` and `[]` put a
            key back to its default.

    Raises:
        ConfigError: for a key that says something else, or a value that is none.
    """
    if not reading:
        return config
    values = config.to_dict()
    of_data = {}
    for key, value in reading.items():
        parts = key.split(".")
        if len(parts) == 3 and (parts[0], parts[2]) == ("tasks", "column"):
            if parts[1] not in values["tasks"]:
                hint = did_you_mean(parts[1], values["tasks"])
                raise ConfigError(f"{key}: the run has no task {parts[1]!r}.{hint}")
            values["tasks"][parts[1]]["column"] = value
        else:
            of_data[key] = value
    data = reread_data(config.data, of_data, known=(*READING, COLUMN))
    return check_config({**values, "data": data.model_dump(exclude_none=True)}, "the run's config")


def reread_data(
    data: DataConfig, reading: Mapping[str, Any] | None, *, known: Iterable[str] = READING
) -> DataConfig:
    """Returns how rows are read whose labels are not, with some keys changed.

    Args:
        data: the `DataConfig` of a run.
        reading: what `reread` takes, but for the columns of tasks.
        known: names for the message.

    Raises:
        ConfigError: as `reread` does.
    """
    if not reading:
        return data
    values = data.model_dump(exclude_none=True)
    for key, value in reading.items():
        name, _, inner = key.removeprefix("data.").partition(".")
        if name not in READING:
            raise ConfigError(
                f"{key!r} does not say how rows are read.{did_you_mean(name, READING)} "
                f"Known: {listed(list(known), 40)}"
            )
        if inner:  # such as rename.old
            values[name] = {**values.get(name, {}), inner: value}
        elif value in ("", []) and name != "missing":
            values.pop(name, None)
        else:
            values[name] = value
    found = check_table(DataConfig, values, "data")
    if len(found.text_columns) != len(data.text_columns):
        raise ConfigError(
            f"data.text: the run reads {data.text_columns}, and so needs {len(data.text_columns)}, "
            f"received {found.text_columns}"
        )
    return found
