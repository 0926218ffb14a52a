"""Rows of csv and tsv files, whose cells stay the text that is written there."""

import csv
import itertools
from collections.abc import Iterator
from typing import IO

from mtc_keras.data.blocks import Block
from mtc_keras.data.formats.faults import Faults
from mtc_keras.data.formats.layout import Layout
from mtc_keras.data.formats.long_cells import long_cells
from mtc_keras.data.formats.quoting import OpeningQuotes, hold_rows, quotes_cells
from mtc_keras.errors import DataError, plural

OTHER_DELIMITERS = (";", "\t")  # of files called .csv: spreadsheets write them in many countries
ANY = Layout()


def read_csv(
    path: str, text: IO[str], faults: Faults, rows: int, layout: Layout = ANY
) -> Iterator[Block]:
    """Reads the rows of a csv file as blocks of so many rows."""
    found = _Rows(text, faults, _delimiter(text, faults), layout.quoting != "none")
    yield from _read_separated(found, faults, rows, layout)


def read_tsv(
    path: str, text: IO[str], faults: Faults, rows: int, layout: Layout = ANY
) -> Iterator[Block]:
    """Reads the rows of a tsv file as blocks of so many rows."""
    is_quoted = layout.quoting == "minimal"
    if layout.quoting is None:
        is_quoted = _is_quoted(text, faults)
    yield from _read_separated(_Rows(text, faults, "\t", is_quoted), faults, rows, layout)


class _Rows:
    """The rows of a file that are not blank, with their lines.

    Args:
        text: the open file.
        faults: takes the rows that are broken, and what is told of the others.
        delimiter: what separates cells.
        is_quoted: bool. Whether quotes stand around cells, and not in a text.
    """

    def __init__(self, text: IO[str], faults: Faults, delimiter: str, is_quoted: bool) -> None:
        self.faults, self.delimiter, self.is_quoted = faults, delimiter, is_quoted
        self._reader = csv.reader(
            text,
            delimiter=delimiter,
            quoting=csv.QUOTE_MINIMAL if is_quoted else csv.QUOTE_NONE,
            strict=True,
        )
        self._width = 0
        self._merged: list[str] = []  # the first lines of rows that may be several rows

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        line, may_go_on = 1, True
        while may_go_on:
            try:
                for row in self._reader:
                    end = self._reader.line_num
                    if row:  # a blank line has no cells
                        self._width = self._width or len(row)
                        if end > line and hold_rows(row, self._width, self.delimiter):
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
        message = f"{plural(len(row), 'cell')}, but the header has {self._width}"
        if not self.is_quoted and any(cell.startswith('"') for cell in row):
            message += '; a cell opens with a quote: set data.quoting = "minimal" if it stands '
            message += "around the cell"
        return message

    def _broken(self, error: csv.Error, line: int) -> str:
        message = f"{error}; a cell with quotes needs quotes around it, inner ones doubled, or set "
        message += 'data.quoting = "none" if quotes are part of the texts'
        if self._reader.line_num > line:  # a quote that is not closed takes rows with it
            message += f"; lines {line} to {self._reader.line_num} were read as one row"
        return message


def _read_separated(found: _Rows, faults: Faults, rows: int, layout: Layout) -> Iterator[Block]:
    path = faults.path
    numbered = iter(faults.decoded(found))
    with long_cells:
        first, header = next(numbered, (1, []))
    faults.check_header()
    as_written: list[str] = header
    repeated: list[int] = []
    header = _renamed(header, layout, faults)
    kept = _named_columns(header, first, faults)
    while part := _next_rows(numbered, rows):
        whole = [(line, row) for line, row in part if len(row) == len(header)]
        if len(whole) < len(part):
            for line, row in part:
                if len(row) != len(header):
                    faults.add(line, found.misfit(row))
        repeated += [line for line, row in whole if row == as_written]
        if whole:
            columns = list(map(list, zip(*(row for _, row in whole), strict=True)))
            where = [f"{path}:{line}" for line, _ in whole]
            by_name = {header[at]: columns[at] for at in kept}
            yield Block(path, where, by_name, has_null=False)
    if repeated:
        repeats, are = ("repeats", "is") if len(repeated) == 1 else ("repeat", "are")
        faults.notes.append(
            f"{path}: {plural(len(repeated), 'row')} {repeats} the header, as in files put "
            f"together, and {are} read as any other, first {path}:{repeated[0]}"
        )


def _next_rows(numbered: Iterator[tuple[int, list[str]]], rows: int) -> list[tuple[int, list[str]]]:
    with long_cells:
        return list(itertools.islice(numbered, rows))


def _renamed(header: list[str], layout: Layout, faults: Faults) -> list[str]:
    names = layout.column_names(header)
    for old, new in zip(header, names, strict=True):
        if old != new:
            faults.notes.append(f"{faults.path}: column {old!r} is read as {new!r}")
    return names


def _named_columns(header: list[str], line: int, faults: Faults) -> list[int]:
    """Returns the positions of the columns that can be told apart by their names."""
    unnamed = [at for at, name in enumerate(header) if not name.strip()]
    for name in dict.fromkeys(name for name in header if name.strip() and header.count(name) > 1):
        message = f"two columns are called {name!r}"
        if faults.passes_over:  # it is not a row that could be left out
            raise DataError(f"{faults.path}:{line}: {message}")
        faults.add(line, message)
    if len(unnamed) < 2:
        return list(range(len(header)))
    faults.notes.append(f"{faults.path}: {len(unnamed)} columns have no name and are not read")
    return [at for at in range(len(header)) if at not in unnamed]


def _delimiter(text: IO[str], faults: Faults) -> str:
    """Returns what separates the cells of a csv file, by its first line; the file is rewound."""
    start = text.tell()
    line = next((line for line in text if line.strip()), "")
    text.seek(start)
    if len(next(csv.reader([line]), [])) > 1:
        return ","
    for delimiter in OTHER_DELIMITERS:
        if len(next(csv.reader([line], delimiter=delimiter), [])) > 1:
            faults.notes.append(f"{faults.path}: its cells are separated by {delimiter!r}")
            return delimiter
    return ","


def _is_quoted(text: IO[str], faults: Faults) -> bool:
    """Whether quotes stand around the cells of a tsv file, which is rewound; either is told."""
    start = text.tell()
    opening = OpeningQuotes(text, "\t")
    text.seek(start)
    if not opening.count:
        return False
    is_quoted = quotes_cells(text, "\t")
    text.seek(start)
    cells = f"{plural(opening.count, 'cell')} {'opens' if opening.count == 1 else 'open'}"
    read = "around the cell, as csv has it" if is_quoted else "part of the text"
    other = "none" if is_quoted else "minimal"
    faults.notes.append(
        f"{faults.path}: {cells} with a quote, which is read as {read}, first "
        f'{faults.path}:{opening.line}; else set data.quoting = "{other}"'
    )
    return is_quoted
