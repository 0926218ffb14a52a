"""From tables of cells to the texts, targets and weights of one split."""

import hashlib
import itertools
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas

from mtc_keras.config import DataConfig
from mtc_keras.data.fingerprint import add_arrays, add_texts
from mtc_keras.data.labels import Labels, list_or_table
from mtc_keras.data.mistakes import Mistakes
from mtc_keras.data.packed import join, pack, take
from mtc_keras.errors import did_you_mean, listed
from mtc_keras.tasks import Task
from mtc_keras.tasks.columns import Cell
from mtc_keras.tasks.distinct import DistinctCells


@dataclass(frozen=True, eq=False)
class Rows:
    """One split, encoded: N rows.

    Args:
        name: the split's name.
        texts: N strings for each text column, `Packed` where a split was read.
        targets: encoded labels by task, in the config's order.
        sample_weight: float32 of shape `(N,)` by task; `None` without a weight column.
        ids: N values of the id column; `None` without one.
        where: where each row stands, for messages.
    """

    name: str
    texts: tuple[Sequence[str], ...]
    targets: dict[str, np.ndarray]
    sample_weight: dict[str, np.ndarray] | None
    ids: Sequence[Any] | None
    where: Sequence[str]

    def __len__(self) -> int:
        return len(self.where)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of texts, targets and weights."""
        digest = hashlib.sha256()
        add_texts(digest, self.texts)
        add_arrays(digest, self.targets)
        add_arrays(digest, self.sample_weight or {})
        return digest.hexdigest()

    def take(self, indices: Sequence[int] | np.ndarray) -> "Rows":
        """Returns the rows at some indices, in their order."""
        weights = self.sample_weight
        return replace(
            self,
            texts=tuple(take(column, indices) for column in self.texts),
            targets={task: array[indices] for task, array in self.targets.items()},
            sample_weight=weights and {task: array[indices] for task, array in weights.items()},
            ids=None if self.ids is None else take(self.ids, indices),
            where=take(self.where, indices),
        )

    def coverage(self, tasks: Sequence[Task]) -> dict[str, int]:
        """Returns the number of labelled rows of each task."""
        return {task.name: int(task.labelled(self.targets[task.name]).sum()) for task in tasks}


class Encoder:
    """Makes the rows of one split from its tables, of which only one need be in memory.

    Args:
        tasks: all tasks in the config's order, learned or not.
        data: the `[data]` section.
        name: the split's name.
        labels_required: bool. `False` reads texts and ids alone, for predictions.
        unlearned: names of tasks whose labels cannot be read and are left out.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        data: DataConfig,
        name: str,
        labels_required: bool = True,
        unlearned: Collection[str] = (),
    ) -> None:
        self.data, self.name = data, name
        self.names = [task.name for task in tasks]
        read = [task for task in tasks if labels_required and task.name not in unlearned]
        self.labels = {task.name: Labels(task) for task in read}
        self.labels_required = labels_required
        self.columns: dict[str, dict[str, None]] = {}  # by source, before renaming
        self._texts = [_Texts(column) for column in data.text_columns]
        self._weights = _Weights(data.weight, self.names)
        self._ids: list[Sequence[Any]] = []
        self._where: list[Sequence[str]] = []
        self._has: set[str] = set()
        self._length = 0

    def add(self, table: pandas.DataFrame) -> None:
        """Takes the next rows.

        Args:
            table: what `read_tables` or `frame_tables` gives, its columns as they were read.
        """
        for source, names in table.attrs["columns"].items():
            self.columns.setdefault(source, {}).update(dict.fromkeys(names))
        table = rename_columns(table, self.data)
        self._has.update(table.columns)
        start, self._length = self._length, self._length + len(table)
        for labels in self.labels.values():
            labels.add(table, start)
        if self.labels_required:
            self._weights.add(table, start)
        for texts in self._texts:
            texts.add(table, start)
        ids = table[self.data.id].tolist() if self.data.id in table else [None] * len(table)
        self._ids.append(pack(ids))
        self._where.append(table.attrs["where"])

    @property
    def where(self) -> Sequence[str]:
        """Where each row stands."""
        self._where = [join(self._where)]
        return self._where[0]

    def rename_problem(self) -> str | None:
        """Returns the message on two columns that `data.rename` gives one name."""
        twice = _named_twice(_all_names(self.columns), self.data)
        if not twice:
            return None
        return (
            f"data.rename: gives two columns of {self.name} the name {listed(twice)}; "
            "rename or drop the other one"
        )

    def renamed_columns(self) -> dict[str, list[str]]:
        """Returns the columns of each source under the names by which they are read."""
        rename = {} if self.rename_problem() else self.data.rename
        return {
            source: [rename.get(column, column) for column in names]
            for source, names in self.columns.items()
        }

    def rows(self, problems: list[str], unlearned: Collection[str] = ()) -> Rows:
        """Returns the `Rows`; whatever is wrong counts as missing in them.

        Args:
            problems: takes what is wrong, so that one error can report all of it, but for
                the `rename_problem`.
            unlearned: names of tasks that have no classes and are left out.
        """
        if self.rename_problem():  # what else is wrong depends on it
            problems = []
        targets: dict[str, np.ndarray] = {}
        for name, labels in self.labels.items():
            if name not in unlearned:
                targets[name] = labels.targets()
                problems += labels.mistakes.report(self.where)
        weights = None
        if self.labels_required and self.data.weight in self._has:
            weights = self._weights.joined()
            problems += self._weights.mistakes.report(self.where)
        sources = self.renamed_columns()
        texts = []
        for column in self._texts:
            problems += column.lacking(sources) or column.mistakes.report(self.where)
            texts.append(join(column.parts))
        ids = join(self._ids) if self.data.id in self._has else None
        return Rows(self.name, tuple(texts), targets, weights, ids, self.where)


def rename_columns(table: pandas.DataFrame, data: DataConfig) -> pandas.DataFrame:
    """Returns the table with `data.rename` applied, unless two columns would get one name."""
    if not data.rename or _named_twice(table.columns.tolist(), data):
        return table
    return table.rename(columns=data.rename)


def _named_twice(columns: Sequence[str], data: DataConfig) -> list[str]:
    renamed = [data.rename.get(column, column) for column in columns]
    return sorted({column for column in renamed if renamed.count(column) > 1})


def _all_names(columns: Mapping[str, Iterable[str]]) -> list[str]:
    return list(dict.fromkeys(itertools.chain.from_iterable(columns.values())))


class _Texts:
    """One column of texts."""

    def __init__(self, column: str) -> None:
        self.column = column
        self.parts: list[Sequence[str]] = []
        self.mistakes = Mistakes("data.text")

    def add(self, table: pandas.DataFrame, start: int) -> None:
        absent: list[Cell] = [None] * len(table)
        cells = table[self.column].tolist() if self.column in table else absent
        if set(map(type, cells)) != {str}:
            for position, cell in enumerate(cells):
                if isinstance(cell, (str, int, float)):
                    cells[position] = str(cell)
                    continue
                cells[position] = ""
                if cell is not None:
                    message = f"expected a text in {self.column!r}, received {cell!r}"
                    self.mistakes.add(start + position, message)
        self.parts.append(pack(cells))

    def lacking(self, sources: Mapping[str, list[str]]) -> list[str]:
        """Returns a message for each source without this column."""
        return [
            f"{source}: no text column {self.column!r} (data.text)."
            f"{did_you_mean(self.column, known)} Columns: {listed(known)}"
            for source, known in sources.items()
            if self.column not in known
        ]


class _Weights:
    """The weights of rows, for each task."""

    def __init__(self, column: str, names: Sequence[str]) -> None:
        self.column, self.names = column, names
        self.parts: list[np.ndarray] = []
        self.mistakes = Mistakes(f"data.weight (column {column!r})")

    def add(self, table: pandas.DataFrame, start: int) -> None:
        if self.column not in table:
            self.parts.append(np.ones((len(table), len(self.names)), "float32"))
            return
        distinct = DistinctCells()
        numbers = distinct.numbers(table[self.column])
        weights = np.ones((len(distinct.cells), len(self.names)), "float32")
        wrong = {}
        for number, cell in enumerate(distinct.cells):
            try:
                weights[number] = _row_weights(cell, self.names)
            except ValueError as error:
                wrong[number] = str(error)
        for position in np.flatnonzero(np.isin(numbers, list(wrong))) if wrong else ():
            self.mistakes.add(start + int(position), wrong[numbers[position]])
        self.parts.append(weights[numbers])

    def joined(self) -> dict[str, np.ndarray]:
        """Returns float32 of shape `(N,)` by task."""
        return {
            name: np.concatenate([part[:, index] for part in self.parts])
            for index, name in enumerate(self.names)
        }


def _row_weights(cell: Cell, names: Sequence[str]) -> float | list[float]:
    cell = list_or_table(cell)
    if not isinstance(cell, list):
        return _weight(cell)
    if len(cell) != len(names):
        raise ValueError(
            f"expected one weight, or a list of {len(names)}, one a task in the order "
            f"{listed(names)}; received {cell!r}"
        )
    return [_weight(value) for value in cell]


def _weight(value: Cell) -> float:
    if value is None or (isinstance(value, str) and not value.strip()):
        return 1.0
    weight = math.nan
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            weight = float(value)
        except (ValueError, OverflowError):
            weight = math.nan
    if not 0 <= weight <= float(np.finfo("float32").max):
        raise ValueError(f"a weight must be a number of 0 or more, received {value!r}")
    return weight
