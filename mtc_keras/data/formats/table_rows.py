"""The rows of cells that stand in lines."""

import csv
from collections.abc import Iterator
from typing import IO

from mtc_keras.data.formats.dialects import Dialect
from mtc_keras.data.formats.faults import Faults
from mtc_keras.data.formats.quoting import hold_rows, unescaped
from mtc_keras.errors import plural


class TableRows:
    """The rows of a file that are not blank, with their lines.

    Args:
        text: the open file.
        faults: takes the rows that are broken, and what is told of the others.
        dialect: how cells are written.

    Attributes:
        width: int. Cells of a row; 0 until the first one is read.
    """

    def __init__(self, text: IO[str], faults: Faults, dialect: Dialect) -> None:
        self.faults, self.dialect = faults, dialect
        self.width = 0
        self._reader = csv.reader(
            map(unescaped, text) if dialect.is_escaped else text,
            delimiter=dialect.delimiter,
            quoting=csv.QUOTE_MINIMAL if dialect.is_quoted else csv.QUOTE_NONE,
            strict=True,
        )
        self._merged: list[str] = []  # the first lines of rows that may be several rows

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        line, may_go_on = 1, True
        if self.dialect.says_delimiter:
            next(self._reader)
            line = self._reader.line_num + 1
        while may_go_on:
            try:
                for row in self._reader:
                    end = self._reader.line_num
                    if row:  # a blank line has no cells
                        self.width = self.width or len(row)
                        if end > line and hold_rows(row, self.width, self.dialect.delimiter):
                            # Of millions only the first place is shown.
                            place = f"{self.faults.path}:{line} (to line {end})"
                            self._merged.append("" if self._merged else place)
                        yield line, row
                    line = end + 1  # a quoted cell may hold line breaks
                may_go_on = False
            except csv.Error as error:
                self.faults.add(line, self._broken(error, line), first=True)
                line, may_go_on = self._reader.line_num + 1, self.faults.passes_over
        if self._merged:
            its = "its" if len(self._merged) == 1 else "their"
            found = plural(len(self._merged), "row")
            self.faults.notes.append(
                f"{self.faults.path}: {found} with line breaks in quotes would be several rows if "
                f"{its} quotes were text, first {self._merged[0]}; then set "
                'data.quoting = "none"'
            )

    def misfit(self, row: list[str]) -> str:
        """Returns what is wrong with a row that has more or fewer cells than the header."""
        message = f"{plural(len(row), 'cell')}, but the header has {self.width}"
        if not self.dialect.is_quoted and any(cell.startswith('"') for cell in row):
            message += '; a cell opens with a quote: set data.quoting = "minimal" if it stands '
            message += "around the cell"
        return message

    def _broken(self, error: csv.Error, line: int) -> str:
        message = f"{error}; a cell with quotes needs quotes around it, inner ones doubled, or set "
        message += 'data.quoting = "none" if quotes are part of the texts'
        if not self.dialect.is_escaped:
            message += ', "escaped" if those within cells are written \\"'
        if self._reader.line_num > line:  # a quote that is not closed takes rows with it
            message += f"; lines {line} to {self._reader.line_num} were read as one row"
        return message
