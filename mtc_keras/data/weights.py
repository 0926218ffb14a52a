"""Weights of rows: a number per row, or a list with one per task."""

from collections.abc import Sequence

import numpy as np

from mtc_keras.data.label_cells import list_or_table
from mtc_keras.data.row_values import RowValues
from mtc_keras.errors import listed
from mtc_keras.tasks.columns import Cell
from mtc_keras.tasks.spelling import number_of


class Weights(RowValues):
    """The weights of the rows of one split: float32, a row's for each task.

    Args:
        column: the weight column; rows of a source without it weigh 1.
        names: the tasks' names.
    """

    key = "data.weight"
    without = ("weighs 1", "weigh 1")

    def __init__(self, column: str, names: Sequence[str]) -> None:
        super().__init__(column)
        self.names = names

    def values(self, cells: list[Cell]) -> tuple[np.ndarray, dict[int, str], np.ndarray]:
        weights, wrong = np.ones((len(cells), len(self.names)), "float32"), {}
        for number, cell in enumerate(cells):
            try:
                weights[number] = _row_weights(cell, self.names)
            except ValueError as error:
                wrong[number] = str(error)
        return weights, wrong, np.array([_is_missing(cell) for cell in cells], bool)

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
