"""Rows of .txt files: one text a line, fastText's labels before it, or cells."""

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import IO

from mtc_keras.data.blocks import Block
from mtc_keras.data.formats.delimiters import cells_of, delimiter_of, sample_of
from mtc_keras.data.formats.dialects import tsv_dialect
from mtc_keras.data.formats.faults import Faults
from mtc_keras.data.formats.headers import guessed_names
from mtc_keras.data.formats.layout import ANY, Layout
from mtc_keras.data.formats.separated import read_table
from mtc_keras.errors import DataError, plural
from mtc_keras.files import json_line

PREFIX = "__label__"  # of labels, as fastText writes them; also the name of their column

_OTHER_PREFIX = re.compile(r"(__[A-Za-z]+__)\S")
_MOST = 0.5  # share of the first lines that show what the others are


def read_txt(
    path: str, text: IO[str], faults: Faults, rows: int, layout: Layout = ANY
) -> Iterator[Block]:
    """Reads the lines of a .txt file as blocks of so many rows."""
    lines = sample_of(text)
    if is_fasttext(lines):
        return _read_fasttext(text, faults, rows, layout)
    if layout.delimiter or len(layout.header) > 1 or _is_table(lines, layout):
        return read_table(text, faults, rows, layout, tsv_dialect(text, faults, layout, ""))
    return read_text_lines(text, faults, rows, _column(lines, faults, layout))


def read_text_lines(text: IO[str], faults: Faults, rows: int, column: str) -> Iterator[Block]:
    """Reads each line as a row of one cell; a blank line is a row, too, whose cell is empty.

    Args:
        text: the open file.
        faults: takes the broken lines, and what is told of the others.
        rows: int. Rows per block, broken ones counted.
        column: the name of the column.
    """
    numbered = iter(faults.decoded((at, line.rstrip("\r\n")) for at, line in enumerate(text, 1)))
    first = next(numbered, None)
    if first and first[1].strip() == column:
        faults.notes.append(f"{faults.path}: its first line is {column!r}, its header and no row")
        first = None
    numbered = itertools.chain([first] if first else [], numbered)
    while part := list(itertools.islice(numbered, rows)):
        where = [f"{faults.path}:{line}" for line, _ in part]
        yield Block(faults.path, where, {column: [cell for _, cell in part]}, has_null=False)


def is_fasttext(lines: Sequence[str]) -> bool:
    """Whether the first lines of a file begin with labels as fastText writes them."""
    return sum(line.startswith(PREFIX) for line in lines) > _MOST * len(lines)


def _read_fasttext(text: IO[str], faults: Faults, rows: int, layout: Layout) -> Iterator[Block]:
    column = layout.texts[0] if layout.texts else "text"
    lines = ((at, line.strip()) for at, line in enumerate(text, 1))
    numbered = iter(faults.decoded((at, line) for at, line in lines if line))
    while part := list(itertools.islice(numbered, rows)):
        texts, labels = zip(*(_parted(line) for _, line in part), strict=True)
        where = [f"{faults.path}:{line}" for line, _ in part]
        yield Block(faults.path, where, {column: list(texts), PREFIX: list(labels)})


def _parted(line: str) -> tuple[str, list[str] | None]:
    """Returns the text of a line without its labels, and these; `None` if there are none."""
    labels = []
    while line.startswith(PREFIX):
        label, *rest = line.split(None, 1)
        labels.append(label.removeprefix(PREFIX))
        line = rest[0] if rest else ""
    return line, labels or None


def _is_table(lines: Sequence[str], layout: Layout) -> bool:
    """Whether the first line is a header with the text columns."""
    delimiter = delimiter_of(lines, layout)
    if not delimiter:
        return False
    header = cells_of(lines[:1], delimiter)[0]
    return bool(layout.texts) and layout.has_texts(layout.column_names(header))


def _column(lines: Sequence[str], faults: Faults, layout: Layout) -> str:
    """Returns what the lines are called; tells of, or refuses, what may be more than texts."""
    if found := _OTHER_PREFIX.match(lines[0] if lines else ""):
        faults.notes.append(
            f"{faults.path}: its lines begin with {found[1]!r}, which is read as text: of labels, "
            f"only {PREFIX!r} is known"
        )
    delimiter = delimiter_of(lines, layout)
    if len(layout.texts) > 1 or (delimiter and layout.labels):
        raise DataError(f"{faults.path}: {_help(lines, layout, delimiter)}")
    if delimiter:
        help_ = _help(lines, layout, delimiter)
        faults.notes.append(f"{faults.path}: each line is read as one text; {help_}")
    return (layout.header or layout.texts or ("text",))[0]


def _help(lines: Sequence[str], layout: Layout, delimiter: str) -> str:
    if not delimiter:
        return (
            f"a line is one text, but data.text names {len(layout.texts)} columns; set "
            "data.delimiter and data.header"
        )
    rows = cells_of(lines, delimiter)
    return (
        f"its lines have {plural(len(rows[0]), 'cell')} separated by {delimiter!r}: set "
        f"data.delimiter = {json_line(delimiter)} and data.header = {guessed_names(rows, layout)}"
    )
