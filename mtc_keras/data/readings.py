"""What is told of cells that are read as something else than what stands in them."""

import unicodedata
from collections.abc import Sequence

import numpy as np

from mtc_keras.errors import plural
from mtc_keras.tasks import Task
from mtc_keras.tasks.columns import Cell
from mtc_keras.tasks.distinct import occurrences
from mtc_keras.tasks.spelling import Reading

MOST_EXAMPLES = 3  # different spellings shown of one kind
HOW = {
    "missing": "read as missing",
    "name": "read as {read_as}",
    "position": "read as positions in `classes`, {read_as}",
    "vector": 'read as lists of names; labels = "flags" reads a 0 or 1 for each of `classes`',
    "list": "read as lists, {read_as}",
    "null": "lists with null beside names, which is left out",
    "normalised": "divided, so as to sum to 1",
    "flag": "read as {read_as}",
    "blank": "read as 0 beside marks such as x",
    "unknown": "left out, as no class is called so",
}


class Readings:
    """The readings of one task's cells, gathered while rows are read.

    Args:
        name: the task's name.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._found: dict[str, _Found] = {}

    def add(self, row: int, reading: Reading, cells: int = 1) -> None:
        """Notes a reading.

        Args:
            row: int. Where it stands, or the first of several such rows.
            reading: the `Reading`.
            cells: int. How many cells are read so.
        """
        self._found.setdefault(reading.kind, _Found(row)).add(row, reading, cells)

    def add_all(
        self, task: Task, cells: Sequence[Cell], numbers: np.ndarray, start: int = 0
    ) -> None:
        """Notes how a task reads the cells of rows.

        Args:
            task: the task.
            cells: the different cells.
            numbers: int of shape `(N,)`. Which of them each row has.
            start: int. Number of rows before these.
        """
        for row, number, count in occurrences(numbers):
            for reading in task.readings(cells[number]):
                self.add(start + row, reading, count)

    def report(self, where: Sequence[str], keeps: str = "") -> list[str]:
        """Returns a line per kind of reading, with its count and its first place.

        Args:
            where: where each row stands.
            keeps: str. What a remedy says that `missing = []` does with a marker.
        """
        lines = {kind: self._line(kind, found, where) for kind, found in self._found.items()}
        if keeps and "missing" in lines:
            lines["missing"] += f"; missing = [] {keeps}"
        if "blank" in lines:
            lines["blank"] += "; marked_classes = [] reads them as not known"
        return [line for _, line in sorted(lines.items())]

    def _line(self, kind: str, found: "_Found", where: Sequence[str]) -> str:
        examples = found.examples
        written = ", ".join(_shown(reading) for reading in examples)
        read_as = ", ".join(repr(reading.read_as) for reading in examples)
        such, verb = ("such as ", "are") if found.cells > 1 else ("", "is")
        what = f"{plural(found.cells, 'cell')} {such}{written}"
        if kind == "blank":
            what = plural(found.cells, "empty cell")
        line = f"tasks.{self.name}: {what} {verb} "
        return f"{line}{HOW[kind].format(read_as=read_as)}, first {where[found.row]}"


def _shown(reading: Reading) -> str:
    """Returns what is written, its characters by number where it looks like what it is read as."""
    written, read_as = (
        unicodedata.normalize("NFC", text) for text in (reading.written, reading.read_as)
    )
    looks_so = written == read_as
    return ascii(reading.written) if looks_so else repr(reading.written)


class _Found:
    """All readings of one kind: how many cells, the first row, and a few examples."""

    def __init__(self, row: int) -> None:
        self.row, self.cells = row, 0
        self._examples: dict[str, tuple[int, Reading]] = {}

    def add(self, row: int, reading: Reading, cells: int) -> None:
        self.cells += cells
        self.row = min(self.row, row)
        first = min(row, self._examples.get(reading.written, (row, reading))[0])
        self._examples[reading.written] = first, reading
        if len(self._examples) > MOST_EXAMPLES:
            self._examples.pop(max(self._examples, key=lambda text: self._examples[text][0]))

    @property
    def examples(self) -> list[Reading]:
        """The first few different ones."""
        by_row = sorted(self._examples.values(), key=lambda found: found[0])
        return [reading for _, reading in by_row]
