"""What to do about a column that the config names and that rows lack, or have as objects."""

from collections.abc import Iterable, Sequence

from mtc_keras.errors import did_you_mean, listed
from mtc_keras.files import json_line
from mtc_keras.tasks.nesting import candidates

MOST_LINES = 3


def nearest(column: str, columns: Sequence[str], key: str) -> str:
    """Returns the end of a message: the line that would help, the nearest name, all columns.

    Args:
        column: the column that is not there.
        columns: those that are, and the paths to values inside of them.
        key: the key of the config that names the column.
    """
    found = candidates(column, columns)
    hint = did_you_mean(column, columns)
    if found:
        lines = " or ".join(f"{key} = {json_line(path)}" for path in found[:MOST_LINES])
        hint = f" Set {lines}."
    return f"{hint} Columns: {listed(columns)}"


def inside(column: str, columns: Iterable[str], key: str) -> str:
    """Returns the end of a message on cells that are objects: the lines that read their values.

    Args:
        column: the column of the cells.
        columns: all columns, and the paths to values inside of them.
        key: the key of the config that names the column.
    """
    paths = [
        name for name in dict.fromkeys(columns) if name.startswith((f"{column}.", f"{column}["))
    ]
    lines = " or ".join(f"{key} = {json_line(path)}" for path in paths[:MOST_LINES])
    return f"; values stand inside of its cells: {lines}" if paths else ""
