"""Parallel files: a file per column, of which line n is the cell of row n."""

import itertools
import re
from collections.abc import Iterator, Mapping

from mtc_keras.data.blocks import Block
from mtc_keras.data.formats.faults import Faults, files_error
from mtc_keras.data.formats.files import read_column
from mtc_keras.data.formats.layout import Layout
from mtc_keras.errors import DataError, plural

# At these, other programs, such as Python's `splitlines`, end a line.
_SEPARATORS = re.compile("[\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029]")


class _Column:
    """The lines of one file, some of which are read at once.

    Args:
        name: the column.
        path: the file.
        rows: int. Lines per part.
        layout: how the file is read.
    """

    def __init__(self, name: str, path: str, rows: int, layout: Layout) -> None:
        self.name, self.path = name, path
        self.faults = Faults(path)
        self.lines = 0
        self._blocks = read_column(path, rows, self.faults, name, layout)
        self._blank = self._separator = self._last = 0  # lines

    def next(self) -> tuple[list[str], list[object]]:
        """Returns where the next lines stand, and what they hold; nothing at the end."""
        try:
            block = next(self._blocks, None)
        except OSError as error:
            reason = error.strerror or error
            raise DataError(f"{self.path}: cannot be read: {reason}") from None
        if block is None:
            return [], []
        cells = block.cells(self.name)
        for number, cell in enumerate(cells, self.lines + 1):
            if not str(cell).strip():
                self._blank = self._blank or number
            else:
                self._last = number
                if not self._separator and _SEPARATORS.search(str(cell)):
                    self._separator = number
        self.lines += len(block)
        return block.where, cells

    def drop_blank_end(self, least: int) -> None:
        """Lets the file end after its last line that is not blank, or after so many lines."""
        if self.lines > max(self._last, least):
            self.lines = max(self._last, least)

    def clues(self) -> list[str]:
        """Returns where the lines may have begun to differ from those of another file."""
        clues = []
        if self._separator:
            clues.append(
                f"{self.path}:{self._separator} holds a character at which some programs end a line"
            )
        if 0 < self._blank <= self.lines:
            clues.append(f"{self.path}:{self._blank} is blank")
        return clues


def parallel_blocks(
    files: Mapping[str, str], rows: int, *, layout: Layout, notes: list[str] | None
) -> Iterator[Block]:
    """Reads files that have a column each.

    Args:
        files: by column, the path of its file, which is one of lines whatever it is called.
        rows: int. Most rows per block.
        layout: how files are read. Rows are called by the file of texts, if there is one.
        notes: takes lines for people on what can be read in two ways.

    Raises:
        DataError: if a file cannot be read; after the last row that all have, if one has more
            lines, but for blank ones at its end.
    """
    columns = [_Column(name, path, rows, layout) for name, path in files.items()]
    named = next((column for column in columns if column.name in layout.texts), columns[0])
    count = 1
    while count:
        parts = {column.name: column.next() for column in columns}
        count = min(len(where) for where, _ in parts.values())
        if count:
            cells = {name: part[:count] for name, (_, part) in parts.items()}
            yield Block(named.path, parts[named.name][0][:count], cells, has_null=False)
    _check_ends(columns, notes)
    if not named.lines:
        raise files_error([f"{named.path}: holds no rows"])
    if notes is not None:
        notes += itertools.chain.from_iterable(column.faults.notes for column in columns)


def _check_ends(columns: list[_Column], notes: list[str] | None) -> None:
    """Checks that all files have as many lines, but for blank ones at their ends."""
    for column in columns:
        while column.next()[0]:
            continue
    written = [column.lines for column in columns]
    least = min(written)
    for column in columns:
        column.drop_blank_end(least)
    if len({column.lines for column in columns}) == 1:
        for column, lines in zip(columns, written, strict=True):
            if lines > column.lines and notes is not None:
                extra = plural(lines - column.lines, "blank line")
                notes.append(f"{column.path}: {extra} after the end of the others, read as no row")
        return
    counts = ", ".join(f"{c.path} has {plural(c.lines, 'line')}" for c in columns)
    clues = [clue for column in columns for clue in column.clues()]
    raise DataError(
        "; ".join([f"{counts}: of parallel files line n of each is row n, so all need as many",
                   f"from line {least + 1:,} on one has no partner", *clues])
    )  # fmt: skip
