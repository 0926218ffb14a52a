"""Rows of csv and tsv files, whose cells stay the text that is written there."""

import csv
import itertools
from collections.abc import Iterator
from typing import IO, Any

from mtc_keras.data.blocks import Block
from mtc_keras.data.faults import Faults
from mtc_keras.errors import DataError, plural


def read_csv(path: str, text: IO[str], faults: Faults, rows: int) -> Iterator[Block]:
    """Reads the rows of a csv file as blocks of so many rows."""
    return _read_separated(path, text, faults, rows, ",")


def read_tsv(path: str, text: IO[str], faults: Faults, rows: int) -> Iterator[Block]:
    """Reads the rows of a tsv file as blocks of so many rows."""
    return _read_separated(path, text, faults, rows, "\t")


def _read_separated(
    path: str, text: IO[str], faults: Faults, rows: int, delimiter: str
) -> Iterator[Block]:
    csv.field_size_limit(2**31 - 1)  # the default of 131,072 characters is a short book
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    numbered = iter(faults.decoded(_numbered_rows(reader, faults)))
    first, header = next(numbered, (1, []))
    faults.check_header()
    for name in dict.fromkeys(name for name in header if header.count(name) > 1):
        message = f"two columns are called {name!r}"
        if faults.passes_over:  # it is not a row that could be left out
            raise DataError(f"{path}:{first}: {message}")
        faults.add(first, message)
    while part := list(itertools.islice(numbered, rows)):
        whole = [(line, row) for line, row in part if len(row) == len(header)]
        if len(whole) < len(part):
            for line, row in part:
                if len(row) != len(header):
                    cells = plural(len(row), "cell")
                    faults.add(line, f"{cells}, but the header has {len(header)}")
        if whole:
            columns = map(list, zip(*(row for _, row in whole), strict=True))
            where = [f"{path}:{line}" for line, _ in whole]
            by_name = dict(zip(header, columns, strict=True))
            yield Block(path, where, by_name, has_null=False)


def _numbered_rows(reader: Any, faults: Faults) -> Iterator[tuple[int, list[str]]]:
    """Yields the rows of a csv file that are not blank, with their lines."""
    line, may_go_on = 1, True
    while may_go_on:
        try:
            for row in reader:
                if row:  # a blank line has no cells
                    yield line, row
                line = reader.line_num + 1  # a quoted cell may hold line breaks
            may_go_on = False
        except csv.Error as error:
            message = f"{error}; a cell with quotes needs quotes around it, inner ones doubled"
            if reader.line_num > line:  # a quote that is not closed takes rows with it
                message += f"; lines {line} to {reader.line_num} were read as one row"
            faults.add(line, message, first=True)
            line, may_go_on = reader.line_num + 1, faults.passes_over
