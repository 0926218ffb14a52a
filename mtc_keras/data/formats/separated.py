"""Rows of csv and tsv files, whose cells stay the text that is written there."""

import itertools
from collections.abc import Iterator
from typing import IO

from mtc_keras.data.blocks import Block
from mtc_keras.data.formats.dialects import Dialect, csv_dialect, tsv_dialect
from mtc_keras.data.formats.faults import Faults
from mtc_keras.data.formats.headers import MOST_ABOVE, header_of, repeated_names
from mtc_keras.data.formats.layout import ANY, Layout
from mtc_keras.data.formats.long_cells import long_cells
from mtc_keras.data.formats.table_rows import TableRows
from mtc_keras.errors import DataError, plural


def read_csv(
    path: str, text: IO[str], faults: Faults, rows: int, layout: Layout = ANY
) -> Iterator[Block]:
    """Reads the rows of a csv file as blocks of so many rows."""
    yield from read_table(text, faults, rows, layout, csv_dialect(text, faults, layout))


def read_tsv(
    path: str, text: IO[str], faults: Faults, rows: int, layout: Layout = ANY
) -> Iterator[Block]:
    """Reads the rows of a tsv file as blocks of so many rows."""
    yield from read_table(text, faults, rows, layout, tsv_dialect(text, faults, layout))


def read_table(
    text: IO[str], faults: Faults, rows: int, layout: Layout, dialect: Dialect
) -> Iterator[Block]:
    """Reads rows whose cells are written in lines.

    Args:
        text: the open file.
        faults: takes the rows that are broken, and what is told of the others.
        rows: int. Rows per block, broken ones counted.
        layout: names the columns, or those that are looked for.
        dialect: how cells are written.
    """
    path, found = faults.path, TableRows(text, faults, dialect)
    numbered = iter(faults.decoded(found))
    first = _next_rows(numbered, MOST_ABOVE)
    faults.check_header(first[0][0] if first else 1)
    try:
        header = header_of(first, layout)
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None
    faults.notes += [f"{path}: {note}" for note in header.notes]
    names, found.width = header.names, len(header.names)
    line = first[header.above - 1][0] if header.above else 1
    kept = _named_columns(names, line, faults, layout)
    as_written = first[header.above - 1][1] if header.above else names
    numbered = itertools.chain(first[header.above :], numbered)
    repeated: list[int] = []
    while part := _next_rows(numbered, rows):
        whole = [(line, row) for line, row in part if len(row) == len(names)]
        if len(whole) < len(part):
            for line, row in part:
                if len(row) != len(names):
                    faults.add(line, found.misfit(row))
        repeated += [line for line, row in whole if row == as_written]
        if whole:
            columns = list(map(list, zip(*(row for _, row in whole), strict=True)))
            where = [f"{path}:{line}" for line, _ in whole]
            by_name = {names[at]: columns[at] for at in kept}
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


def _named_columns(header: list[str], line: int, faults: Faults, layout: Layout) -> list[int]:
    """Returns the positions of the columns that can be told apart by their names."""
    unnamed = [at for at, name in enumerate(header) if not name.strip()]
    wanted, unread = repeated_names(header, faults, layout)
    for name in wanted:
        message = f"two columns are called {name!r}; rename one of them in the file"
        if faults.passes_over:  # it is not a row that could be left out
            raise DataError(f"{faults.path}:{line}: {message}")
        faults.add(line, message)
    if len(unnamed) < 2:
        unnamed = []
    else:
        faults.notes.append(f"{faults.path}: {len(unnamed)} columns have no name and are not read")
    return [at for at, name in enumerate(header) if at not in unnamed and name not in unread]
