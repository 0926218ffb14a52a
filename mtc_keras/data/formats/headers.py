"""The names of the columns of a table that is written in lines or in cells of a sheet."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mtc_keras.data.blocks import repeated_in
from mtc_keras.data.formats.faults import Faults
from mtc_keras.data.formats.layout import Layout
from mtc_keras.errors import listed, plural
from mtc_keras.files import json_line
from mtc_keras.tasks.markers import MARKERS

MOST_ABOVE = 20  # rows among which a header is looked for

_LONG = 50  # characters of a cell that is no name
_MANY_WORDS = 7
_NUMBER = re.compile(r"\s*[-+]?\d+([.,]\d+)?\s*")
_DATE = re.compile(r"\s*(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ,].*)?|\d{1,2}:\d{2}.*)")
_FEW_ROWS = 8  # of which nothing can be concluded about cells that recur
_RULE = re.compile(r"\s*:?-{3,}:?\s*")  # of a table in Markdown

Row = tuple[int, list[str]]


@dataclass(frozen=True)
class Header:
    """The names of the columns, and where the rows begin.

    Args:
        names: one name per column.
        above: int. How many of the first rows are none.
        notes: lines for people, without the file's name.
    """

    names: list[str]
    above: int
    notes: tuple[str, ...] = ()


def header_of(first: Sequence[Row], layout: Layout) -> Header:
    """Returns the header of a table.

    Args:
        first: number and cells of the first rows, `MOST_ABOVE` of them or all.
        layout: gives the names, or names the columns that are looked for.

    Raises:
        ValueError: if the first row is none, with what would help.
    """
    if layout.header:
        return _given(first[0][1] if first else [], layout.header)
    if not first:
        return Header([], 0)
    for at, (line, cells) in enumerate(first):
        names, notes = layout.column_names(cells), []
        if layout.has_texts(names):
            if at:
                above = "1 row above it is" if at == 1 else f"{at} rows above it are"
                notes.append(f"its header is line {line}; {above} not read")
            notes += [
                f"column {old!r} is read as {new!r}"
                for old, new in zip(cells, names, strict=True)
                if old != new
            ]
            rows_below = [row for _, row in first[at + 1 :]]
            if rows_below and all(map(_RULE.fullmatch, filter(None, rows_below[0]))):
                notes.append(f"line {first[at + 1][0]} is the rule under a header, and no row")
                return Header(names, at + 2, tuple(notes))
            return _widened(Header(names, at + 1, tuple(notes)), rows_below)
    rows = [cells for _, cells in first]
    if _is_data(rows[0], rows[1:]):
        count = plural(len(rows[0]), "column")
        raise ValueError(
            f"its first row looks like data: set data.header = {guessed_names(rows, layout)} "
            f"({count})"
        )
    return _widened(Header(layout.column_names(rows[0]), 1), rows[1:])


def repeated_names(
    names: Sequence[str], faults: Faults, layout: Layout
) -> tuple[list[str], list[str]]:
    """Returns names of several columns: those that are looked for, and others, which are told."""
    repeated = repeated_in(names)
    wanted = [name for name in repeated if not layout.names or name in layout.names]
    unread = [name for name in repeated if name not in wanted]
    if unread:
        shown = listed(unread, 3)
        faults.notes.append(f"{faults.path}: several columns are called {shown}, and are not read")
    return wanted, unread


def _given(cells: list[str], names: Sequence[str]) -> Header:
    bare = [cell.strip() for cell in cells]
    if bare == list(names):
        return Header(list(names), 1, ("its first row is the header of data.header, and no row",))
    if sorted(bare) == sorted(names):
        raise ValueError(
            "its first row has the names of data.header in another order; leave data.header out"
        )
    if cells and len(cells) != len(names):
        raise ValueError(
            f"data.header names {plural(len(names), 'column')}, but the first row has "
            f"{plural(len(cells), 'cell')}"
        )
    return Header(list(names), 0)


def _widened(header: Header, rows: Sequence[Sequence[str]]) -> Header:
    """Returns a header with the column that its rows have beyond it.

    R writes the numbers of the rows without a name above them; others end each row with one
    delimiter more than the header.
    """
    width = len(header.names) + 1
    if not rows or any(len(row) != width for row in rows):
        return header
    if not any(row[-1] for row in rows):
        note = "its rows end in an empty cell that the header does not have"
        return Header([*header.names, ""], header.above, (*header.notes, note))
    if [row[0] for row in rows] == [str(number) for number in range(1, len(rows) + 1)]:
        note = "its rows begin with their number, as R writes them, which the header does not have"
        return Header(["", *header.names], header.above, (*header.notes, note))
    return header


def _is_data(first: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Whether a first row is a row and no header."""
    filled = [cell.strip() for cell in first if cell.strip()]
    if filled == [str(number) for number in range(len(first))]:
        return False  # the header of a DataFrame whose columns have no names
    is_repeated = len(set(filled)) < len(filled)
    recurs = any(
        cell.strip() and any(at < len(row) and row[at] == cell for row in others)
        for at, cell in enumerate(first)
    )
    if is_repeated or recurs or any(map(_NUMBER.fullmatch, filled)):
        return True
    is_long = any(len(cell) > _LONG or len(cell.split()) >= _MANY_WORDS for cell in filled)
    return is_long and not _is_above_others(first, others)


def _is_above_others(first: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Whether a first row stands above cells of another sort, as the questions of a form do."""
    columns = [
        [row[at].strip() for row in others if at < len(row) and row[at].strip()]
        for at, cell in enumerate(first)
        if any(map(str.isalpha, cell)) and cell.strip() not in MARKERS and not _DATE.fullmatch(cell)
    ]
    if any(
        len(cells) > 1 and all(map(pattern.fullmatch, cells))
        for cells in columns
        for pattern in (_NUMBER, _DATE)
    ):
        return True  # a name above numbers or dates
    choices = [cells for cells in columns if len(cells) >= max(_FEW_ROWS, 3 * len(set(cells)))]
    return len(choices) > 1  # none of which the first row repeats


def guessed_names(rows: Sequence[Sequence[str]], layout: Layout) -> str:
    """Returns names for the columns of rows without a header, as a config writes them.

    The longest cells are texts; those that recur most are labels.
    """
    width = len(rows[0])
    columns = [[row[at] for row in rows if len(row) == width] for at in range(width)]
    names = [f"column_{at + 1}" for at in range(width)]
    by_length = sorted(range(width), key=lambda at: -sum(map(len, columns[at])))
    texts = sorted(by_length[: len(layout.texts)])
    for at, text in zip(texts, layout.texts, strict=False):
        names[at] = text
    others = [at for at in range(width) if at not in texts]
    by_repeats = sorted(others, key=lambda at: len(set(columns[at])))
    for at, label in zip(sorted(by_repeats[: len(layout.labels)]), layout.labels, strict=False):
        names[at] = label
    return json_line(names)
