"""The groups of rows, such as their raters or documents, that a split leaves together."""

import numpy as np

from mtc_keras.data.fingerprint import keys
from mtc_keras.data.row_values import RowValues, cell_name
from mtc_keras.tasks.columns import Cell

NO_GROUP = np.uint64(0)


class Groups(RowValues):
    """The groups of the rows of one split: uint64, equal for rows of one group.

    Args:
        column: the column of groups.
    """

    key = "data.group"
    without = ("is in no group", "are in no group")

    def values(self, cells: list[Cell]) -> tuple[np.ndarray, dict[int, str], np.ndarray]:
        names, wrong = [], {}
        for number, cell in enumerate(cells):
            try:
                names.append(_name(cell))
            except ValueError as error:
                names.append("")
                wrong[number] = str(error)
        missing = np.array([name == "" for name in names], bool)
        return np.where(missing, NO_GROUP, np.maximum(keys(names), 1)), wrong, missing

    def keys(self) -> np.ndarray:
        """Returns uint64 of shape `(N,)`: equal for rows of one group, `NO_GROUP` for none."""
        return np.concatenate([np.zeros(0, "uint64"), *self._parts])


class Raters(Groups):
    """What rows of several raters have in common: those of one text become one row."""

    key = "data.votes_by"
    without = ("stands alone", "stand alone")


def _name(cell: Cell) -> str:
    """Returns what a group is called; `""` for no group."""
    if isinstance(cell, (list, dict)):
        raise ValueError(f"a group must be a name or a number, received a {type(cell).__name__}")
    return cell_name(cell)
