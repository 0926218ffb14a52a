"""The different cells of a column: of a million rows' labels there are few."""

from collections.abc import Iterable, Mapping

import numpy as np

from mtc_keras.tasks.columns import Cell, Mistake


class DistinctCells:
    """Numbers the different cells of a column in the order in which they first stand there.

    Cells differ if their types do: `1`, `1.0`, `"1"` and `True` are four cells.
    """

    def __init__(self) -> None:
        self.cells: list[Cell] = []
        self._numbers: dict[object, int] = {}

    def numbers(self, cells: Iterable[Cell]) -> np.ndarray:
        """Returns int32 of shape `(N,)`: the position in `cells` of each of N cells."""
        known, numbers = self._numbers, []
        for cell in cells:
            # A list cannot be a key, and 1 and True would be one key.
            key = cell if type(cell) is str else (repr(cell),)
            number = known.get(key)
            if number is None:
                number = known[key] = len(self.cells)
                self.cells.append(cell)
            numbers.append(number)
        return np.array(numbers, "int32")


def mistakes_of(numbers: np.ndarray, wrong: Mapping[int, str]) -> list[Mistake]:
    """Returns the position of each row whose cell is wrong, and what is wrong with it.

    Args:
        numbers: int of shape `(N,)`. Which of the different cells each row has.
        wrong: what is wrong, by the number of the cell.
    """
    if not wrong:
        return []
    rows = np.flatnonzero(np.isin(numbers, list(wrong))).tolist()
    return [(row, wrong[numbers[row]]) for row in rows]


def occurrences(numbers: np.ndarray) -> list[tuple[int, int, int]]:
    """Returns for each different cell its first row, its number and how many rows have it.

    Args:
        numbers: int of shape `(N,)`. Which of the different cells each row has.

    Returns:
        Triples, by their first row.
    """
    found, rows, counts = np.unique(numbers, return_index=True, return_counts=True)
    return sorted(zip(rows.tolist(), found.tolist(), counts.tolist(), strict=True))
