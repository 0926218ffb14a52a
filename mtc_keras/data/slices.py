"""The columns by whose values a report judges rows apart."""

from collections.abc import Iterable, Sequence

from mtc_keras.data.blocks import Block
from mtc_keras.data.packed import join, pack
from mtc_keras.errors import plural
from mtc_keras.files import json_line, plain_text
from mtc_keras.tasks.columns import Cell
from mtc_keras.tasks.spelling import class_name


class Slices:
    """The values of some columns, gathered block by block.

    Args:
        columns: the columns; rows of a source without one have no value there.
    """

    def __init__(self, columns: Iterable[str]) -> None:
        self._parts: dict[str, list[Sequence[str | None]]] = {name: [] for name in columns}
        self._unread: dict[str, tuple[int, str]] = {}  # how many cells, and where the first is

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self._parts)

    def add(self, block: Block) -> None:
        """Takes the next rows."""
        for name, parts in self._parts.items():
            picked = block.pick(name)
            values: dict[Cell, str | None] = {}  # few cells are different
            parts.append(pack([_known(cell, values) for cell in picked.cells]))
            if picked.mistakes:
                count, first = self._unread.get(name, (0, block.where[picked.mistakes[0][0]]))
                self._unread[name] = (count + len(picked.mistakes), first)

    def values(self) -> dict[str, Sequence[str | None]]:
        """Returns the value of each row by column, `None` where a cell is blank."""
        return {name: join(parts) if parts else [] for name, parts in self._parts.items()}

    @property
    def notes(self) -> list[str]:
        """Lines for people: on rows in which a path leads to no value."""
        return [
            f"report.slices: {plural(count, 'row')} in which {name!r} leads to no value count as "
            f"blank there, first {first}"
            for name, (count, first) in self._unread.items()
        ]


def _known(cell: Cell, values: dict[Cell, str | None]) -> str | None:
    if not isinstance(cell, str):
        return slice_value(cell)
    if cell not in values:
        values[cell] = slice_value(cell)
    return values[cell]


def slice_value(cell: Cell) -> str | None:
    """Returns a cell as the text that names its slice: `2`, `2.0` and `"2.0"` are `"2"`."""
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return None
    try:
        return class_name(cell)
    except ValueError:  # a fraction, a date, a list
        return json_line(cell) if isinstance(cell, (list, dict)) else plain_text(cell)
