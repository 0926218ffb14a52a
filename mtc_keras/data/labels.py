"""The labels of one task in one split, gathered while the rows are read."""

from collections.abc import Sequence

import numpy as np

from mtc_keras.data.blocks import Block
from mtc_keras.data.label_cells import label_cells
from mtc_keras.data.mistakes import Mistakes
from mtc_keras.data.readings import Readings
from mtc_keras.devices.memory import total_memory
from mtc_keras.errors import listed, plural
from mtc_keras.tasks import Task
from mtc_keras.tasks.columns import Cell, Mistake
from mtc_keras.tasks.distinct import DistinctCells, mistakes_of, occurrences
from mtc_keras.tasks.markers import MARKERS, marker_key
from mtc_keras.tasks.spelling import Reading


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
        self._remarks: list[str] = []
        self._marked: dict[str, None] = {}
        self._can_encode = task.can_encode
        self._cells = DistinctCells()
        self._parts: list[np.ndarray] = []  # targets, or numbers of cells
        self._raters: list[np.ndarray] = []
        self._first: Cell = None  # cell that is not missing
        self.first_row = 0
        self._found = ""

    def add(self, block: Block, start: int) -> None:
        """Takes the labels of the next rows.

        Args:
            block: the rows.
            start: int. Number of rows before them.
        """
        found = label_cells(block, self.task)
        cells = found.cells
        self._marked |= dict.fromkeys(text for _, text in found.markers)
        if self.is_missing:
            numbered = enumerate(cells, start)
            known = ((row, cell) for row, cell in numbered if not self.task.is_missing(cell))
            self.first_row, self._first = next(known, (0, None))
        if self._can_encode:
            targets, more = self._encoded(cells, start)
            self._parts.append(targets)
            for row, text in found.markers:
                self._readings.add(start + row, Reading("missing", text))
            for row, message in sorted([*found.mistakes, *more], key=lambda mistake: mistake[0]):
                self.mistakes.add(start + row, message)
        else:
            # None of either where `cells` are the block's own.
            for row, message in found.mistakes:
                cells[row] = Unreadable(message)
            for row, text in found.markers:
                if self.task.path.is_several:
                    self._readings.add(start + row, Reading("missing", text))
                else:
                    cells[row] = Marker(text)
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
            aside = (Unreadable, Marker)
            readable = [cell for cell in self._cells.cells if not isinstance(cell, aside)]
            asked, self.task = self.task, self.task.learn(readable)
            self._remarks = self.task.remarks(asked, readable)
            self._found = self.task.found(asked)
            self._check_size()
            return self.task
        targets = self._joined()
        self._parts = [targets]
        has_labels = self.task.labelled(targets).any()
        # Without any it says what is wrong with the first.
        self.task = self.task.learn(targets if has_labels else [self._first])
        return self.task

    def unreadable_row(self) -> int | None:
        """Returns the first row of a cell whose names of classes cannot be read."""
        if self._can_encode:
            return None
        wrong = set()
        for number, cell in enumerate(self._cells.cells):
            if not isinstance(cell, (Unreadable, Marker)) and self.task.is_unreadable(cell):
                wrong.add(number)
        found = occurrences(np.concatenate(self._parts))
        return min((row for row, number, _ in found if number in wrong), default=None)

    def _check_size(self) -> None:
        """Refuses targets that fill the memory, as those of cells do which a separator would split.

        Raises:
            ValueError: with what was noticed of the cells.
        """
        rows = sum(map(len, self._parts))
        missing = np.asarray(self.task.missing_target, self.task.target_dtype)
        size = (rows + len(self._cells.cells)) * missing.nbytes  # of rows and of different cells
        memory = total_memory()
        if memory is not None and size > memory / 2:
            found = f"{plural(len(self.task.known_classes), 'class')} in {plural(rows, 'row')}"
            need = f"need {size / 1e9:.1f} GB, more than half of this machine's memory"
            raise ValueError("; ".join([f"found {found}, which {need}", *self._remarks]))

    def targets(self) -> np.ndarray:
        """Returns the encoded labels of all rows; whatever is wrong counts as missing."""
        if self._can_encode:
            return self._joined()
        wrong, cells = self._wrong_paths(), self._readable()
        targets, mistakes = self.task.encode(cells)
        self._note(wrong | dict(mistakes))
        numbers = np.concatenate(self._parts)
        self._readings.add_all(self.task, cells, numbers)
        for row, number, count in occurrences(numbers):
            marker = self._cells.cells[number]
            if isinstance(marker, Marker) and cells[number] is None:
                self._readings.add(row, Reading("missing", marker.text), count)
        return targets[numbers]

    def raters(self) -> np.ndarray | None:
        """Returns int32 of shape `(N,)`: how many annotators answered; `None` without votes."""
        if self._can_encode:
            return np.concatenate(self._raters) if self._raters else None
        found = self.task.raters(self._readable())
        return None if found is None else found[np.concatenate(self._parts)]

    def _readable(self) -> list[Cell]:
        """Returns the different cells, `None` for those that hold no label."""
        markers = self.task.markers(MARKERS)  # but for what other rows taught as a class
        cells: list[Cell] = []
        for cell in self._cells.cells:
            if isinstance(cell, Marker) and marker_key(cell.text) not in markers:
                cells.append(cell.text)
            else:
                cells.append(None if isinstance(cell, (Unreadable, Marker)) else cell)
        return cells

    def told(self, where: Sequence[str]) -> list[str]:
        """Returns lines on cells that are read as something else, once `targets` are.

        Args:
            where: where each row stands.
        """
        keeps = "keeps them as classes" if self.task.names_classes else ""
        remarks = [f"tasks.{self.task.name}: {remark}" for remark in self._remarks]
        if self._found:
            first = f", first {where[self.first_row]}"
            remarks.insert(0, f"tasks.{self.task.name}: {self._found}{first}")
        return [*self._readings.report(where, keeps), *remarks]

    @property
    def marked(self) -> str:
        """A hint on the texts that are read as missing, for a message that labels are missing."""
        if not self._marked:
            return ""
        remedy = ", missing = [] reads it as a class" if self.task.names_classes else ""
        return f"; {listed(list(self._marked), 3)} is read as missing{remedy}"

    def _encoded(self, cells: list[Cell], start: int) -> tuple[np.ndarray, list[Mistake]]:
        """Returns what `Task.encode` does for the cells of rows from `start` on."""
        if not self.task.has_classes:
            return self.task.encode(cells)
        distinct = DistinctCells()
        numbers = distinct.numbers(cells)
        targets, mistakes = self.task.encode(distinct.cells)
        self._readings.add_all(self.task, distinct.cells, numbers, start)
        raters = self.task.raters(distinct.cells)
        if raters is not None:
            self._raters.append(raters[numbers])
        return targets[numbers], mistakes_of(numbers, dict(mistakes))

    def _wrong_paths(self) -> dict[int, str]:
        cells = enumerate(self._cells.cells)
        return {number: cell.message for number, cell in cells if isinstance(cell, Unreadable)}

    def _note(self, wrong: dict[int, str]) -> None:
        """Notes the rows of cells that are wrong."""
        if not wrong:
            return
        numbers = np.concatenate(self._parts)
        for row, number, count in occurrences(numbers):
            if number in wrong:
                self.mistakes.add(row, wrong[number], count)

    def _joined(self) -> np.ndarray:
        return self._parts[0] if len(self._parts) == 1 else np.concatenate(self._parts)


class Marker:
    """In place of a cell that says by a text that no label is known.

    Unless other rows teach a class of this name, which `null` in their place could not be.

    Args:
        text: what stands in the cell.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return f"Marker({self.text!r})"


class Unreadable:
    """In place of a cell that the column's path cannot be read from.

    Args:
        message: what is wrong with it.
    """

    def __init__(self, message: str) -> None:
        self.message = message

    def __repr__(self) -> str:
        return f"Unreadable({self.message!r})"
