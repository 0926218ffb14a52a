"""Which columns hold a task's label: `labels`, `labels.tone`, `labels[0:5]` or several columns."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_POSITIONS = re.compile(r"(?<=.)\[(\d+)(?::(\d+))?\]")
_SLICE = re.compile(r"(?<=.)\[(?P<start>\d+):(?P<stop>\d+)\]$")

# Above all that anybody trains, and below what one digit too many costs.
MOST_CLASSES = 1_000_000
MOST_POSITIONS = 1_000_000_000  # of a list in a cell

# In a row of several columns: a cell that says that nothing is known, as N/A does in csv. A blank
# one there may say that there is no further name.
UNKNOWN = math.nan

Cell = object
Cells = Sequence[Cell] | np.ndarray  # an array holds targets of a kind that needs no classes
Mistake = tuple[int, str]


@dataclass(frozen=True)
class ColumnPath:
    """One or several columns, each of which may be a path into the values of one.

    Args:
        names: the columns read, as the config names them.
        width: number of positions of the slice that is read of a list column, or `None`.
    """

    names: tuple[str, ...]
    width: int | None = None

    @property
    def is_several(self) -> bool:
        """Whether several columns are read as one label."""
        return len(self.names) > 1

    @property
    def is_vector(self) -> bool:
        """Whether a cell is a list of several values, such as a 0 or 1 per class."""
        return self.is_several or self.width is not None

    @property
    def vector_classes(self) -> list[str]:
        """Class names that the column itself gives: its own columns, or positions."""
        if self.width is not None:
            return [str(position) for position in range(self.width)]
        return list(self.names)

    def __str__(self) -> str:
        return ", ".join(self.names)


def parse_column(column: str | Sequence[str]) -> ColumnPath:
    """Parses a task's `column`.

    Args:
        column: `"name"`, a path such as `"name.key"`, `"name[].key"`, `"name[i]"` or
            `"name[i:j]"`, or a list of two or more columns.

    Returns:
        A `ColumnPath`.

    Raises:
        ValueError: if the text is not a column path.
    """
    if not isinstance(column, str):
        if len(column) < 2 or len(set(column)) < len(column):
            raise ValueError(
                f"a list of columns needs two or more different names, received {list(column)!r}"
            )
        return ColumnPath(tuple(column))
    if not column:
        raise ValueError(f"{column!r} must be 'name', 'name.key', 'name[2]' or 'name[0:5]'")
    for start, stop in _POSITIONS.findall(column):
        if max(int(start), int(stop or 0)) > MOST_POSITIONS:
            raise ValueError(f"positions in {column!r} must be at most {MOST_POSITIONS:,}")
    match = _SLICE.search(column)
    if match is None:
        return ColumnPath((column,))
    width = int(match["stop"]) - int(match["start"])
    if width < 2:
        raise ValueError(f"the slice in {column!r} must hold two or more positions")
    if width > MOST_CLASSES:
        raise ValueError(f"the slice in {column!r} may hold {MOST_CLASSES:,} positions")
    return ColumnPath((column,), width)
