"""Where a task's label stands in a row: `labels`, `labels[2]`, `labels[0:5]` or several columns."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_PATH = re.compile(r"(?P<name>.+?)(?:\[(?P<start>\d+)(?P<slice>:(?P<stop>\d+))?\])?")

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
    """One or several columns, or a part of a list column.

    Args:
        names: the columns read.
        start: first position read of a list column, or `None` for the whole cell.
        stop: end of the slice read (exclusive), or `None` for a single position.
    """

    names: tuple[str, ...]
    start: int | None = None
    stop: int | None = None

    @property
    def is_several(self) -> bool:
        """Whether several columns are read as one label."""
        return len(self.names) > 1

    @property
    def is_vector(self) -> bool:
        """Whether a cell is a list of several values, such as a 0 or 1 per class."""
        return len(self.names) > 1 or self.stop is not None

    @property
    def vector_classes(self) -> list[str]:
        """Class names that the column itself gives: its own columns, or positions."""
        if self.start is not None and self.stop is not None:
            return [str(position) for position in range(self.stop - self.start)]
        return list(self.names)

    def __str__(self) -> str:
        if self.start is None:
            return ", ".join(self.names)
        part = str(self.start) if self.stop is None else f"{self.start}:{self.stop}"
        return f"{self.names[0]}[{part}]"

    def pick(self, cell: Cell) -> Cell:
        """Takes this path's part out of a list cell.

        Raises:
            ValueError: if the cell is not a list, or a list that is too short.
        """
        if self.start is None or cell is None or cell == "":
            return cell
        if not isinstance(cell, list):
            raise ValueError(f"column {self.names[0]!r} must hold a list, received {cell!r}")
        needed = self.start + 1 if self.stop is None else self.stop
        if len(cell) < needed:
            raise ValueError(
                f"column {self.names[0]!r} holds a list of {len(cell)}, "
                f"but {str(self)!r} needs at least {needed}"
            )
        return cell[self.start] if self.stop is None else cell[self.start : self.stop]


def parsed_json(text: str) -> Cell:
    """Returns the list or table that a cell of csv such as `[2, 0, 1]` writes, or the text itself.

    Raises:
        ValueError: if a bracket opens something that is not JSON.
    """
    opening = text.lstrip()[:1]
    if opening not in ("[", "{"):
        return text
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        what = "list" if opening == "[" else "table"
        raise ValueError(f"expected a JSON {what}, received {text!r} ({error})") from None


def parse_column(column: str | Sequence[str]) -> ColumnPath:
    """Parses a task's `column`.

    Args:
        column: `"name"`, `"name[i]"`, `"name[i:j]"`, or a list of two or more columns.

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
    match = _PATH.fullmatch(column)
    if match is None:
        raise ValueError(f"{column!r} must be 'name', 'name[2]' or 'name[0:5]'")
    if match["start"] is None:
        return ColumnPath((column,))
    start, stop = int(match["start"]), match["stop"]
    if max(start, int(stop or 0)) > MOST_POSITIONS:
        raise ValueError(f"positions in {column!r} must be at most {MOST_POSITIONS:,}")
    if stop is None:
        return ColumnPath((match["name"],), start)
    if int(stop) - start < 2:
        raise ValueError(f"the slice in {column!r} must hold two or more positions")
    if int(stop) - start > MOST_CLASSES:
        raise ValueError(f"the slice in {column!r} may hold {MOST_CLASSES:,} positions")
    return ColumnPath((match["name"],), start, int(stop))
