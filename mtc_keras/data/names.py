"""Columns that the config names, and that no file, or not every file, has."""

from collections.abc import Iterable, Mapping, Sequence

from mtc_keras.config import DataConfig
from mtc_keras.data.encoder import Encoder
from mtc_keras.data.nearest import nearest
from mtc_keras.errors import did_you_mean, listed
from mtc_keras.tasks import Task

# Columns that rows may lack, and what becomes of those that do.
OPTIONAL = {
    "id": "whose predictions have no id",
    "weight": "whose rows weigh 1",
    "group": "whose rows are in no group",
    "votes_by": "whose rows stand alone",
}
SLICES = "report.slices"


def check_names(
    tasks: Sequence[Task],
    data: DataConfig,
    encoders: Mapping[str, Encoder],
    failed: Mapping[str, list[str]],
    problems: list[str],
    all_read: bool,
) -> set[str]:
    """Reports wrong names of columns, then tasks that could not be learned from right ones.

    A split that lacks a column of ids, weights or groups which another one has is told of it.

    Args:
        tasks: the tasks.
        data: the `[data]` section.
        encoders: what has read each split.
        failed: what is wrong with the tasks that could not be learned, by name.
        problems: takes the messages.
        all_read: bool. Whether all files could be read; else a column may be in another one.

    Returns:
        The names of the tasks without a column.
    """
    columns = _names(encoder.columns for encoder in encoders.values())
    for old in data.rename if all_read else ():
        if old not in columns:
            problems.append(_no_column("data.rename", old, columns))
    problems += [found for e in encoders.values() if (found := e.rename_problem())]
    columns = _names(encoder.renamed_columns() for encoder in encoders.values())
    without = set()
    for task in tasks:
        absent = [name for name in task.path.names if name not in columns]
        if not absent:
            problems += failed.get(task.name, [])
            continue
        without.add(task.name)
        if all_read:
            problems.append(_no_column(f"tasks.{task.name}", absent[0], columns, "column"))
    for key, column in _optional_columns(data).items() if all_read else ():
        if column in columns:
            for encoder in encoders.values():
                encoder.told += _lacking(encoder, key, column)
        elif _is_own(key, column):
            problems.append(_no_column(f"data.{key}", column, columns))
    if all_read:
        check_slices(encoders.values(), problems)
    return without


def check_slices(encoders: Iterable[Encoder], problems: list[str], where: str = SLICES) -> None:
    """Reports columns of slices that no file has, and tells which files lack one.

    Args:
        encoders: what has read the rows.
        problems: takes the messages.
        where: str. What names the columns.
    """
    encoders = list(encoders)
    columns = _names(encoder.renamed_columns() for encoder in encoders)
    for column in dict.fromkeys(name for encoder in encoders for name in encoder.slices.columns):
        if column not in columns:
            problems.append(
                f"{where}: no file has a column {column!r}.{did_you_mean(column, columns)} "
                f"Columns: {listed(columns)}"
            )
            continue
        for encoder in encoders:
            if lacking := _without(encoder, column):
                encoder.told.append(
                    f"{where}: {lacking} has no column {column!r}, whose rows have no slice"
                )


def tell_lacking(encoder: Encoder, data: DataConfig) -> None:
    """Tells rows for a trained model which columns they lack that its config names."""
    for key, column in _optional_columns(data).items():
        if key != "group" and _is_own(key, column):
            encoder.told += _lacking(encoder, key, column)


def _optional_columns(data: DataConfig) -> dict[str, str]:
    return {key: getattr(data, key) for key in OPTIONAL if getattr(data, key) is not None}


def _is_own(key: str, column: str) -> bool:
    """Whether the config gives a column a name of its own; that of the default may be absent."""
    return column != DataConfig.model_fields[key].default


def _lacking(encoder: Encoder, key: str, column: str) -> list[str]:
    """Returns a line on the sources of a split that lack a column, if any do."""
    lacking = _without(encoder, column)
    if not lacking or (key == "id" and not _is_own(key, column)):
        return []
    return [f"data.{key}: {lacking} has no column {column!r}, {OPTIONAL[key]}"]


def _without(encoder: Encoder, column: str) -> str:
    """Returns the first few sources of a split that lack a column, `""` if none does."""
    lacking = [name for name, known in encoder.renamed_columns().items() if column not in known]
    return f"{', '.join(lacking[:3])}{', …' if len(lacking) > 3 else ''}"


def _no_column(where: str, column: str, columns: Sequence[str], key: str = "") -> str:
    key = key or where.rpartition(".")[2]
    return f"{where}: no file has a column {column!r}.{nearest(column, columns, key)}"


def _names(splits: Iterable[Mapping[str, Iterable[str]]]) -> list[str]:
    """Returns the names of all columns of all sources of all splits."""
    return list(dict.fromkeys(c for split in splits for columns in split.values() for c in columns))
