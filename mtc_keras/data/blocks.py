"""Rows that stand together in one source, as cells by column."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas

from mtc_keras.tasks.columns import Cell


@dataclass
class Block:
    """Some rows that stand together in one source.

    Args:
        source: the file's path, or the split's name for a user's own source.
        where: where each row stands.
        columns: cells by column, those alone that the rows have.
    """

    source: str
    where: list[str]
    columns: dict[str, list[Cell]]

    def __len__(self) -> int:
        return len(self.where)


def cells_by_column(records: Sequence[dict[str, Any]]) -> dict[str, list[Cell]]:
    """Returns the cells of rows by column."""
    layouts = dict.fromkeys(map(tuple, records))  # few: most rows have the same keys
    names = dict.fromkeys(itertools.chain.from_iterable(layouts))
    return {name: [record.get(name) for record in records] for name in names}


def plain_cells(cells: list[Any]) -> list[Cell]:
    """Returns cells as plain Python, as `plain` does."""
    if set(map(type, cells)) <= {str, int, bool, type(None)}:
        return cells
    return [cell if type(cell) is str else plain(cell) for cell in cells]


def plain(value: Any) -> Any:
    """Returns a cell as plain Python: `None` for NaN and NA, lists for arrays and tuples.

    What stands in lists and tables is made plain, too.
    """
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, (set, frozenset)):
        value = sorted(value, key=str)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if value is pandas.NA or value is pandas.NaT or (isinstance(value, float) and value != value):
        return None
    return value
