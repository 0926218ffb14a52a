"""What a column gives each row, such as its weight or group, gathered block by block."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from mtc_keras.data.blocks import Block
from mtc_keras.data.mistakes import Mistakes
from mtc_keras.errors import plural
from mtc_keras.tasks.columns import Cell
from mtc_keras.tasks.distinct import DistinctCells, mistakes_of
from mtc_keras.tasks.spelling import class_key


def cell_name(cell: Cell) -> str:
    """Returns what a cell names, however it is spelled, as labels are; `""` if it is blank."""
    if cell is None or not str(cell).strip():
        return ""
    try:
        return class_key(cell)
    except ValueError:  # a fraction, or a date
        return str(cell)


class RowValues(ABC):
    """The values of the rows of one split; each different cell is read once.

    Args:
        column: the column; the rows of a source without it have no cell.
    """

    key: ClassVar[str]  # of the config, which names the column
    # What becomes of rows without a cell: of one, and of several.
    without: ClassVar[tuple[str, str]]

    def __init__(self, column: str) -> None:
        self.column = column
        self.mistakes = Mistakes(f"{self.key} (column {column!r})")
        self._missing = 0
        self._first = ""  # where the first row without a cell stands
        self._parts: list[np.ndarray] = []

    @abstractmethod
    def values(self, cells: list[Cell]) -> tuple[np.ndarray, dict[int, str], np.ndarray]:
        """Reads different cells.

        Args:
            cells: C cells.

        Returns:
            An array of C values, what is wrong by the position of the cell, and bool of shape
            `(C,)`: which of them hold nothing.
        """

    def add(self, block: Block, start: int) -> None:
        """Takes the next rows.

        Args:
            block: the rows.
            start: int. Number of rows before them.
        """
        distinct = DistinctCells()
        picked = block.pick(self.column)
        numbers = distinct.numbers(picked.cells)
        values, wrong, missing = self.values(distinct.cells)
        for row, message in picked.mistakes:
            self.mistakes.add(start + row, message)
        for row, message in mistakes_of(numbers, wrong):
            self.mistakes.add(start + row, message)
        self._parts.append(values[numbers])
        rows = np.flatnonzero(missing[numbers])
        if len(rows) and not self._missing:
            self._first = block.where[rows[0]]
        self._missing += len(rows)

    @property
    def notes(self) -> list[str]:
        """Lines for people: what becomes of rows without a cell, if there are any."""
        if not self._missing:
            return []
        found = f"{plural(self._missing, 'row')} without a cell in {self.column!r}"
        return [f"{self.key}: {found} {self.without[self._missing > 1]}, first {self._first}"]
