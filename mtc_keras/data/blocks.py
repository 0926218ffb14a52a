"""Rows that stand together in one source, as cells by column."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas

from mtc_keras.tasks.columns import Cell


@dataclass(frozen=True, eq=False)
class Block:
    """Some rows that stand together in one source.

    Args:
        source: the file's path, or the split's name for a user's own source.
        where: where each row stands, such as `train.jsonl:17`.
        columns: cells by column, only those columns that the rows have. Cells are plain Python,
            `None` where nothing is known.
        has_null: bool. Whether the format can say that a cell holds nothing. Csv cannot: there
            an empty cell of a text column means just that.
    """

    source: str
    where: list[str]
    columns: Mapping[str, list[Cell]]
    has_null: bool = True

    def __len__(self) -> int:
        return len(self.where)

    def cells(self, column: str) -> list[Cell]:
        """Returns the cells of a column, `None` for each row if there is no such column."""
        found = self.columns.get(column)
        return [None] * len(self) if found is None else found

    def renamed(self, names: Mapping[str, str]) -> "Block":
        """Returns the rows with other names of columns, from old to new."""
        if names.keys().isdisjoint(self.columns):
            return self
        return replace(self, columns={names.get(name, name): c for name, c in self.columns.items()})

    def select(self, rows: Sequence[int]) -> "Block":
        """Returns the rows at some positions."""
        columns = {name: [cells[row] for row in rows] for name, cells in self.columns.items()}
        return replace(self, where=[self.where[row] for row in rows], columns=columns)


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

    The items of lists and tables become plain, too.
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
