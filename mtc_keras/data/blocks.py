"""Rows that stand together in one source, as cells by column."""

import itertools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from mtc_keras.errors import DataError, listed
from mtc_keras.tasks.columns import Cell
from mtc_keras.tasks.nesting import nested_paths
from mtc_keras.tasks.paths import ABSENT, NestedPath, Picked, found_path, pick, pick_all

MOST_SEEN = 50  # rows of a source in which nested values are looked for, to be named


class LazyColumns(Mapping[str, list[Cell]]):
    """Cells by column, which are made when they are first asked for.

    So a column that nobody reads takes no time, and nothing that is wrong in it does harm.

    Args:
        makers: by column, what returns its cells.
    """

    def __init__(self, makers: Mapping[str, Callable[[], list[Cell]]]) -> None:
        self._makers = makers
        self._made: dict[str, list[Cell]] = {}

    def __getitem__(self, name: str) -> list[Cell]:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._makers

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


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
        nested: by column, the ways to the values inside of its cells, such as `.sentiment`, where
            the format declares them; else they are found in the first rows.
    """

    source: str
    where: list[str]
    columns: Mapping[str, list[Cell]]
    has_null: bool = True
    nested: Mapping[str, Sequence[str]] | None = None

    def __len__(self) -> int:
        return len(self.where)

    def cells(self, column: str) -> list[Cell]:
        """Returns the cells of a column, `None` for each row if there is no such column."""
        found = self.columns.get(column)
        return [None] * len(self) if found is None else found

    def path(self, column: str) -> NestedPath | None:
        """Returns what a column as the config names it is in these rows, if they have it."""
        return found_path(column, self.columns)

    def pick(self, column: str) -> Picked:
        """Returns the values of a column as the config names it, which may be a path."""
        path = self.path(column)
        if path is None:
            return Picked([None] * len(self), [])
        cells = self.columns[path.name]
        return pick_all(cells, path) if path.steps else Picked(cells, [])

    def has(self, column: str) -> bool:
        """Whether there is such a column and, where it is a path, some row has a value there."""
        path = self.path(column)
        if path is None or not path.steps:
            return path is not None
        return any(_is_at(path, cell) for cell in self.columns[path.name])

    def nested_names(self) -> list[str]:
        """Returns the paths to values inside of the columns, such as `labels.sentiment`."""
        nested = self.nested
        if nested is None:
            nested = {name: nested_paths(self.columns[name][:MOST_SEEN]) for name in self.columns}
        return [name + way for name, ways in nested.items() for way in ways]

    def renamed(self, names: Mapping[str, str]) -> "Block":
        """Returns the rows with other names of columns, from old to new."""
        if names.keys().isdisjoint(self.columns):
            return self
        makers = {names.get(name, name): partial(self.cells, name) for name in self.columns}
        nested = self.nested and {names.get(name, name): ways for name, ways in self.nested.items()}
        return replace(self, columns=LazyColumns(makers), nested=nested)

    def select(self, rows: Sequence[int]) -> "Block":
        """Returns the rows at some positions."""
        makers = {name: partial(self._cells_at, name, rows) for name in self.columns}
        where = [self.where[row] for row in rows]
        return replace(self, where=where, columns=LazyColumns(makers))

    def _cells_at(self, column: str, rows: Sequence[int]) -> list[Cell]:
        cells = self.columns[column]
        return [cells[row] for row in rows]


def _is_at(path: NestedPath, cell: Cell) -> bool:
    """Whether a cell has a value at a path, or something that the path cannot lead through."""
    try:
        return pick(cell, path) is not ABSENT
    except ValueError:
        return True


def repeated_in(names: Sequence[str]) -> list[str]:
    """Returns the names, but for blank ones, that several columns have."""
    return list(dict.fromkeys(name for name in names if name.strip() and names.count(name) > 1))


def named_columns(source: str, names: Sequence[str], notes: list[str] | None) -> list[int]:
    """Returns the positions of the columns that can be told apart by their names.

    Args:
        source: what messages call the table.
        names: the names of its columns.
        notes: takes a line on two or more columns without a name, which are left out.

    Raises:
        DataError: if two columns have one name.
    """
    unnamed = [at for at, name in enumerate(names) if not name.strip()]
    if twice := repeated_in(names):
        raise DataError(f"{source}: several columns are called {listed(twice)}")
    if len(unnamed) < 2:
        return list(range(len(names)))
    if notes is not None:
        notes.append(f"{source}: {len(unnamed)} columns have no name and are not read")
    return [at for at in range(len(names)) if at not in unnamed]


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
    is_nan = isinstance(value, float) and value != value
    return None if is_nan or _is_missing_in_pandas(value) else value


def _is_missing_in_pandas(value: Any) -> bool:
    pandas = imported_pandas()
    return pandas is not None and (value is pandas.NA or value is pandas.NaT)


def imported_pandas() -> ModuleType | None:
    """Returns pandas if anybody has imported it, which takes a third of a second.

    Where nobody has, no value is one of its own.
    """
    return sys.modules.get("pandas")
