"""Which rows of a config are split: those of one table, or of all that there are."""

from typing import Any

from mtc_keras.config import Config, DataConfig
from mtc_keras.data.sources import Files, named
from mtc_keras.data.split_column import LEFT_OUT, SPLITS
from mtc_keras.data.split_words import WORDS
from mtc_keras.errors import ConfigError, listed


def pooled(config: Config, names: tuple[str, ...], pool: bool) -> Config:
    """Returns the config whose training rows are all that are split.

    Of raters' rows none are joined, and no number of rows is kept.

    Args:
        config: the `Config`.
        names: the parts.
        pool: bool. Whether rows that belong to a split already are split anew.

    Raises:
        ConfigError: if they do and are not to be, or rows are in no files.
    """
    data = config.data
    if data.reader:
        raise ConfigError(
            f"data.reader {data.reader!r}: the rows of a reader are in no files that could be "
            "split; write them to one, such as by frame.to_json('rows.jsonl', orient='records', "
            'lines=True), and set data.train = "rows.jsonl"'
        )
    if data.train is None:
        raise ConfigError("data.train: is required: name a file, a glob or a list of them")
    given = [name for name in names[1:] if _are_files(getattr(data, name))]
    if not pool:
        _refuse_given(data, given)
    changes: dict[str, Any] = dict.fromkeys(("validation", "test", "limit", "votes_by"))
    changes["train"] = _together(data, given)
    if data.split:
        changes["split_values"] = _all_to_train(data)
    return config.model_copy(update={"data": data.model_copy(update=changes)})


def _are_files(value: Any) -> bool:
    return isinstance(value, (str, list, dict))


def _refuse_given(data: DataConfig, given: list[str]) -> None:
    if given:
        keys = " and ".join(f"data.{name}" for name in given)
        raise ConfigError(
            f"{keys}: there are rows already; --pool splits all rows anew, those of "
            f"{keys}, too, or leave {keys} out"
        )
    if data.split:
        raise ConfigError(
            f"data.split: column {data.split!r} says to which split a row belongs; --pool splits "
            "all of them anew, or leave data.split out"
        )


def _together(data: DataConfig, given: list[str]) -> Files:
    """Returns the files of all splits."""
    if not given:
        return data.train  # type: ignore[return-value]
    files = [getattr(data, name) for name in ("train", *given)]
    if any(isinstance(found, dict) for found in files):
        keys = listed([f"data.{name}" for name in ("train", *given)])
        raise ConfigError(
            f"{keys}: parallel files of several splits are not pooled; put the files of each "
            "column together first, and name them in data.train alone"
        )
    return [name for found in files for name in named(found)]


def _all_to_train(data: DataConfig) -> dict[str, Any]:
    """Returns `split_values` by which rows of all splits are training rows."""
    given = {
        name: [w for split, w in data.split_words if split == name] for name in (*SPLITS, LEFT_OUT)
    }
    ignored = {str(word).strip().lower() for word in given[LEFT_OUT]}
    words = [*WORDS, *(word for name in SPLITS for word in given[name])]
    values = {"train": [word for word in words if str(word).strip().lower() not in ignored]}
    return {**values, LEFT_OUT: given[LEFT_OUT]} if given[LEFT_OUT] else values
