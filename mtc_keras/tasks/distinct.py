"""The different cells of a column: of a million rows' labels there are few."""

from collections.abc import Iterable

import numpy as np

from mtc_keras.tasks.columns import Cell


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
