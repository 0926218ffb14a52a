"""From a table's cells to the texts, targets and weights of one split."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas

from mtc_keras.config import DataConfig
from mtc_keras.errors import did_you_mean, listed, plural
from mtc_keras.tasks import Task
from mtc_keras.tasks.columns import Cell, Mistake, parsed_json

MOST_MESSAGES = 5  # different ones shown of a task or column
MOST_CHARACTERS = 500  # of a message that quotes a cell


@dataclass(frozen=True, eq=False)
class Rows:
    """One split, encoded: N rows.

    Args:
        name: the split's name.
        texts: a list of N strings for each text column.
        targets: encoded labels by task, in the config's order.
        sample_weight: float32 of shape `(N,)` by task; `None` without a weight column.
        ids: N values of the id column; `None` without one.
        where: where each row stands, for messages.
    """

    name: str
    texts: tuple[list[str], ...]
    targets: dict[str, np.ndarray]
    sample_weight: dict[str, np.ndarray] | None
    ids: list[Any] | None
    where: list[str]

    def __len__(self) -> int:
        return len(self.where)

    def take(self, indices: Sequence[int] | np.ndarray) -> "Rows":
        """Returns the rows at some indices, in their order."""
        weights = self.sample_weight
        return replace(
            self,
            texts=tuple([column[index] for index in indices] for column in self.texts),
            targets={task: array[indices] for task, array in self.targets.items()},
            sample_weight=weights and {task: array[indices] for task, array in weights.items()},
            ids=None if self.ids is None else [self.ids[index] for index in indices],
            where=[self.where[index] for index in indices],
        )

    def coverage(self, tasks: Sequence[Task]) -> dict[str, int]:
        """Returns the number of labelled rows of each task."""
        return {task.name: int(task.labelled(self.targets[task.name]).sum()) for task in tasks}


def encode_rows(
    table: pandas.DataFrame,
    tasks: Sequence[Task],
    data: DataConfig,
    name: str,
    problems: list[str],
    labels_required: bool = True,
    unlearned: Collection[str] = (),
) -> Rows:
    """Encodes a table whose columns are renamed already.

    Args:
        table: what `tables.read_table` or `tables.from_frame` returned.
        tasks: all tasks in the config's order.
        data: the `[data]` section.
        name: the split's name.
        problems: takes what is wrong, so that one error can report all of it.
        labels_required: bool. `False` reads texts and ids alone, for predictions.
        unlearned: names of tasks that have no classes yet and are left out.

    Returns:
        The `Rows`; whatever is wrong counts as missing in them.
    """
    targets: dict[str, np.ndarray] = {}
    weights = None
    if labels_required:
        for task in tasks:
            if task.name not in unlearned:
                targets[task.name] = _targets(table, task, problems)
        weights = _weights(table, [task.name for task in tasks], data.weight, problems)
    return Rows(
        name=name,
        texts=tuple(_texts(table, column, name, problems) for column in data.text_columns),
        targets=targets,
        sample_weight=weights,
        ids=table[data.id].tolist() if data.id in table else None,
        where=table.index.tolist(),
    )


def rename_columns(
    table: pandas.DataFrame, data: DataConfig, name: str, problems: list[str]
) -> pandas.DataFrame:
    """Returns the table with `data.rename` applied where it has the column."""
    renamed = [data.rename.get(column, column) for column in table.columns]
    twice = sorted({column for column in renamed if renamed.count(column) > 1})
    if twice:
        problems.append(
            f"data.rename: gives two columns of {name} the name {listed(twice)}; "
            "rename or drop the other one"
        )
        return table
    table = table.rename(columns=data.rename)
    table.attrs["columns"] = {
        source: [data.rename.get(column, column) for column in columns]
        for source, columns in table.attrs["columns"].items()
    }
    return table


def label_cells(table: pandas.DataFrame, task: Task) -> tuple[list[Cell], list[Mistake]]:
    """Reads a task's cells by its column path.

    Args:
        table: the table.
        task: the task.

    Returns:
        A cell a row, `None` where the label or its column is missing, and the mistakes
        as pairs of row position and message; their cells are `None`, too.
    """
    path = task.path
    absent: list[Cell] = [None] * len(table)
    columns: list[list[Cell]] = [
        table[name].tolist() if name in table else absent for name in path.names
    ]
    if len(columns) > 1:
        rows = (list(row) for row in zip(*columns, strict=True))
        return [None if task.is_missing(row) else row for row in rows], []
    if path.start is None:
        return columns[0], []
    cells: list[Cell] = []
    mistakes = []
    for position, cell in enumerate(columns[0]):
        picked = None
        try:
            picked = path.pick(_parsed(cell))
        except ValueError as error:
            mistakes.append((position, str(error)))
        cells.append(picked)
    return cells, mistakes


def report(table: pandas.DataFrame, mistakes: Sequence[Mistake], key: str) -> list[str]:
    """Returns one message for each kind of mistake, with its first row and the count.

    Args:
        table: the table, whose index says where rows stand.
        mistakes: pairs of row position and message.
        key: the config's key to blame, such as `tasks.intent`.
    """
    positions: dict[str, list[int]] = {}
    for position, message in sorted(mistakes, key=lambda mistake: mistake[0]):
        positions.setdefault(message, []).append(position)
    messages = []
    for message, rows in list(positions.items())[:MOST_MESSAGES]:
        more = f" (and {plural(len(rows) - 1, 'more row')})" if len(rows) > 1 else ""
        messages.append(f"{table.index[rows[0]]}{more}: {key}: {_cut(message)}")
    if len(positions) > MOST_MESSAGES:
        rest = sum(len(rows) for rows in list(positions.values())[MOST_MESSAGES:])
        count = len(positions) - MOST_MESSAGES
        messages.append(f"{key}: … and {count:,} more messages on {plural(rest, 'row')}")
    return messages


def _targets(table: pandas.DataFrame, task: Task, problems: list[str]) -> np.ndarray:
    cells, mistakes = label_cells(table, task)
    targets, more = task.encode(cells)
    problems += report(table, [*mistakes, *more], f"tasks.{task.name}")
    return targets


def _texts(table: pandas.DataFrame, column: str, name: str, problems: list[str]) -> list[str]:
    sources = table.attrs["columns"]
    lacking = [source for source, columns in sources.items() if column not in columns]
    for source in lacking:
        known = sources[source]
        problems.append(
            f"{source}: no text column {column!r} (data.text).{did_you_mean(column, known)} "
            f"Columns: {listed(known)}"
        )
    if lacking:
        return [""] * len(table)
    texts, mistakes = [], []
    for position, cell in enumerate(table[column]):
        if isinstance(cell, (str, int, float)):
            texts.append(str(cell))
            continue
        texts.append("")
        if cell is not None:
            mistakes.append((position, f"expected a text in {column!r}, received {cell!r}"))
    problems += report(table, mistakes, "data.text")
    return texts


def _weights(
    table: pandas.DataFrame, names: Sequence[str], column: str, problems: list[str]
) -> dict[str, np.ndarray] | None:
    if column not in table:
        return None
    weights = np.ones((len(table), len(names)), "float32")
    mistakes = []
    for position, cell in enumerate(table[column]):
        try:
            weights[position] = _row_weights(cell, names)
        except ValueError as error:
            mistakes.append((position, str(error)))
    problems += report(table, mistakes, f"data.weight (column {column!r})")
    return {name: weights[:, index].copy() for index, name in enumerate(names)}


def _row_weights(cell: Cell, names: Sequence[str]) -> float | list[float]:
    cell = _parsed(cell)
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


def _parsed(cell: Cell) -> Cell:
    """Returns the list or table that a text cell writes as JSON; blank text is nothing."""
    return parsed_json(cell.strip()) or None if isinstance(cell, str) else cell


def _cut(message: str) -> str:
    """Leaves out the middle of a message that quotes a long cell."""
    half = MOST_CHARACTERS // 2
    if len(message) <= MOST_CHARACTERS:
        return message
    return f"{message[:half]} … {message[-half:]}"
