"""Weights of rows: a number per row, or a list with one per task."""

from collections.abc import Sequence

import numpy as np

from mtc_keras.data.blocks import Block
from mtc_keras.data.label_cells import list_or_table
from mtc_keras.data.mistakes import Mistakes
from mtc_keras.errors import listed, plural
from mtc_keras.tasks.columns import Cell
from mtc_keras.tasks.distinct import DistinctCells
from mtc_keras.tasks.spelling import number_of


class Weights:
    """The weights of the rows of one split, gathered block by block.

    Args:
        column: the weight column; rows of a source without it weigh 1.
        names: the tasks' names.
    """

    def __init__(self, column: str, names: Sequence[str]) -> None:
        self.column, self.names = column, names
        self.mistakes = Mistakes(f"data.weight (column {column!r})")
        self._missing = 0
        self._first = ""  # where the first row without a weight stands
        self._parts: list[np.ndarray] = []  # float32 of shape (rows of a block, tasks)

    def add(self, block: Block, start: int) -> None:
        """Takes the weights of the next rows.

        Args:
            block: the rows.
            start: int. Number of rows before them.
        """
        distinct = DistinctCells()
        numbers = distinct.numbers(block.cells(self.column))
        weights = np.ones((len(distinct.cells), len(self.names)), "float32")
        wrong = {}
        for number, cell in enumerate(distinct.cells):
            try:
                weights[number] = _row_weights(cell, self.names)
            except ValueError as error:
                wrong[number] = str(error)
        for position in np.flatnonzero(np.isin(numbers, list(wrong))) if wrong else ():
            self.mistakes.add(start + int(position), wrong[numbers[position]])
        self._parts.append(weights[numbers])
        without = [number for number, cell in enumerate(distinct.cells) if _is_missing(cell)]
        rows = np.flatnonzero(np.isin(numbers, without))
        if len(rows) and not self._missing:
            self._first = block.where[rows[0]]
        self._missing += len(rows)

    @property
    def notes(self) -> list[str]:
        """Lines for people: how many rows have no weight, if there are any."""
        if not self._missing:
            return []
        found = f"{plural(self._missing, 'row')} without a cell in {self.column!r}"
        verb = "weighs" if self._missing == 1 else "weigh"
        return [f"data.weight: {found} {verb} 1, first {self._first}"]

    def by_task(self) -> dict[str, np.ndarray]:
        """Returns float32 of shape `(N,)` by task."""
        return {
            name: np.concatenate([part[:, index] for part in self._parts])
            for index, name in enumerate(self.names)
        }


def _row_weights(cell: Cell, names: Sequence[str]) -> float | list[float]:
    cell = list_or_table(cell)
    if not isinstance(cell, list):
        return _weight(cell)
    if len(cell) != len(names):
        raise ValueError(
            f"expected one weight, or a list of {len(names)}, one per task in the order "
            f"{listed(names)}; received {cell!r}"
        )
    return [_weight(value) for value in cell]


def _weight(value: Cell) -> float:
    if _is_missing(value):
        return 1.0
    weight = number_of(value)
    if not 0 <= weight <= float(np.finfo("float32").max):
        raise ValueError(f"a weight must be a number of 0 or more, received {value!r}")
    return weight


def _is_missing(value: Cell) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
