"""What to do about a column that the config names and that rows lack."""

from collections.abc import Sequence

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
