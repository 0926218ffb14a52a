"""The groups of rows, such as their raters or documents, that a split leaves together."""

import numpy as np

from mtc_keras.data.blocks import Block
from mtc_keras.data.fingerprint import keys
from mtc_keras.data.mistakes import Mistakes
from mtc_keras.errors import plural
from mtc_keras.tasks.columns import Cell
from mtc_keras.tasks.distinct import DistinctCells
from mtc_keras.tasks.spelling import class_key

NO_GROUP = np.uint64(0)


class Groups:
    """The groups of the rows of one split, gathered block by block.

    Args:
        column: the column of groups.
    """

    def __init__(self, column: str) -> None:
        self.column = column
        self.mistakes = Mistakes(f"data.group (column {column!r})")
        self._missing = 0
        self._first = ""  # where the first row without a group stands
        self._parts: list[np.ndarray] = []  # uint64 of shape (rows of a block,)

    def add(self, block: Block, start: int) -> None:
        """Takes the groups of the next rows.

        Args:
            block: the rows.
            start: int. Number of rows before them.
        """
        distinct = DistinctCells()
        numbers = distinct.numbers(block.cells(self.column))
        names, wrong = [], {}
        for number, cell in enumerate(distinct.cells):
            try:
                names.append(_name(cell))
            except ValueError as error:
                names.append("")
                wrong[number] = str(error)
        found = keys(names)
        found = np.where([name != "" for name in names], np.maximum(found, 1), NO_GROUP)
        for position in np.flatnonzero(np.isin(numbers, list(wrong))) if wrong else ():
            self.mistakes.add(start + int(position), wrong[numbers[position]])
        self._parts.append(found[numbers])
        without = np.flatnonzero(self._parts[-1] == NO_GROUP)
        if len(without) and not self._missing:
            self._first = block.where[without[0]]
        self._missing += len(without)

    def keys(self) -> np.ndarray:
        """Returns uint64 of shape `(N,)`: equal for rows of one group, `NO_GROUP` for none."""
        return np.concatenate([np.zeros(0, "uint64"), *self._parts])

    @property
    def notes(self) -> list[str]:
        """Lines for people: how many rows are in no group, if there are any."""
        if not self._missing:
            return []
        verb = "is" if self._missing == 1 else "are"
        return [
            f"data.group: {plural(self._missing, 'row')} without a cell in {self.column!r} {verb} "
            f"in no group, first {self._first}"
        ]


def _name(cell: Cell) -> str:
    """Returns what a group is called, however it is spelled, as labels are; `""` for no group."""
    if isinstance(cell, (list, dict)):
        raise ValueError(f"a group must be a name or a number, received a {type(cell).__name__}")
    if cell is None or not str(cell).strip():
        return ""
    try:
        return class_key(cell)
    except ValueError:  # a fraction, or a date
        return str(cell)
