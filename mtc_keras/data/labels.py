"""The labels of one task in one split, gathered while the rows are read."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mtc_keras.data.blocks import Block
from mtc_keras.data.mistakes import Mistakes
from mtc_keras.data.readings import Readings
from mtc_keras.tasks import Task
from mtc_keras.tasks.columns import Cell, Mistake, parsed_json
from mtc_keras.tasks.distinct import DistinctCells


class Labels:
    """One task's labels, block by block.

    Labels are encoded at once where the task can do so. Where its classes are still to be
    learned, the different cells are kept, and for each row the number of its cell, so that
    rows need not be read twice.

    Args:
        task: the task, learned or not.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.mistakes = Mistakes(f"tasks.{task.name}")
        self._readings = Readings(task.name)
        self._can_encode = task.can_encode
        self._cells = DistinctCells()
        self._parts: list[np.ndarray] = []  # targets, or numbers of cells
        self._first: Cell = None  # cell that is not missing

    def add(self, block: Block, start: int) -> None:
        """Takes the labels of the next rows.

        Args:
            block: the rows.
            start: int. Number of rows before them.
        """
        cells, mistakes = label_cells(block, self.task)
        if self.is_missing:
            known = (cell for cell in cells if not self.task.is_missing(cell))
            self._first = next(known, None)
        if self._can_encode:
            targets, more = self._encoded(cells, start)
            self._parts.append(targets)
            for row, message in sorted([*mistakes, *more], key=lambda mistake: mistake[0]):
                self.mistakes.add(start + row, message)
        else:
            for row, message in mistakes:  # none where `cells` are the block's own
                cells[row] = Unreadable(message)
            self._parts.append(self._cells.numbers(cells))

    @property
    def is_missing(self) -> bool:
        """Whether no row so far has a label that can be read."""
        return self._first is None

    def unreadable(self) -> Mistakes:
        """Returns the mistakes of labels of which none can be read."""
        if not self._can_encode:
            self._note(self._wrong_paths())
        return self.mistakes

    def learn(self) -> Task:
        """Returns the task with what the rows taught; from then on they can be encoded.

        Raises:
            ValueError: if they cannot make a task.
        """
        if not self._can_encode:
            readable = [cell for cell in self._cells.cells if not isinstance(cell, Unreadable)]
            self.task = self.task.learn(readable)
            return self.task
        targets = self._joined()
        self._parts = [targets]
        has_labels = self.task.labelled(targets).any()
        # Without any it says what is wrong with the first.
        self.task = self.task.learn(targets if has_labels else [self._first])
        return self.task

    def targets(self) -> np.ndarray:
        """Returns the encoded labels of all rows; whatever is wrong counts as missing."""
        if self._can_encode:
            return self._joined()
        wrong = self._wrong_paths()
        cells = [None if n in wrong else cell for n, cell in enumerate(self._cells.cells)]
        targets, mistakes = self.task.encode(cells)
        self._note(wrong | dict(mistakes))
        numbers = np.concatenate(self._parts)
        self._tell(cells, numbers)
        return targets[numbers]

    def told(self, where: Sequence[str]) -> list[str]:
        """Returns lines on cells that are read as something else, once `targets` are.

        Args:
            where: where each row stands.
        """
        return self._readings.report(where)

    def _encoded(self, cells: list[Cell], start: int) -> tuple[np.ndarray, list[Mistake]]:
        """Returns what `Task.encode` does for the cells of rows from `start` on."""
        if not self.task.names_classes:
            return self.task.encode(cells)
        distinct = DistinctCells()
        numbers = distinct.numbers(cells)
        targets, mistakes = self.task.encode(distinct.cells)
        self._tell(distinct.cells, numbers, start)
        wrong = dict(mistakes)
        rows = np.flatnonzero(np.isin(numbers, list(wrong))).tolist() if wrong else []
        return targets[numbers], [(row, wrong[numbers[row]]) for row in rows]

    def _tell(self, cells: Sequence[Cell], numbers: np.ndarray, start: int = 0) -> None:
        """Notes how different cells are read, `numbers` saying for each row which one it has."""
        found, rows, counts = np.unique(numbers, return_index=True, return_counts=True)
        for number, row, count in zip(found.tolist(), rows.tolist(), counts.tolist(), strict=True):
            for reading in self.task.readings(cells[number]):
                self._readings.add(start + row, reading, count)

    def _wrong_paths(self) -> dict[int, str]:
        cells = enumerate(self._cells.cells)
        return {number: cell.message for number, cell in cells if isinstance(cell, Unreadable)}

    def _note(self, wrong: dict[int, str]) -> None:
        """Notes the rows of cells that are wrong."""
        if not wrong:
            return
        numbers = np.concatenate(self._parts)
        found, rows, counts = np.unique(numbers, return_index=True, return_counts=True)
        for row, number, count in sorted(
            zip(rows.tolist(), found.tolist(), counts.tolist(), strict=True)
        ):
            if number in wrong:
                self.mistakes.add(row, wrong[number], count)

    def _joined(self) -> np.ndarray:
        return self._parts[0] if len(self._parts) == 1 else np.concatenate(self._parts)


class Unreadable:
    """In place of a cell that the column's path cannot be read from.

    Args:
        message: what is wrong with it.
    """

    def __init__(self, message: str) -> None:
        self.message = message

    def __repr__(self) -> str:
        return f"Unreadable({self.message!r})"


def label_cells(block: Block, task: Task) -> tuple[list[Cell], list[Mistake]]:
    """Reads a task's cells by its column path.

    Args:
        block: the rows.
        task: the task.

    Returns:
        A cell per row, `None` where the label or its column is missing, and the mistakes
        as pairs of row position and message; their cells are `None`, too.
    """
    path = task.path
    columns = [block.cells(name) for name in path.names]
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
            picked = path.pick(list_or_table(cell))
        except ValueError as error:
            mistakes.append((position, str(error)))
        cells.append(picked)
    return cells, mistakes


def list_or_table(cell: Any) -> Cell:
    """Returns the list or table that a text cell writes as JSON; blank text is nothing."""
    return parsed_json(cell.strip()) or None if isinstance(cell, str) else cell
