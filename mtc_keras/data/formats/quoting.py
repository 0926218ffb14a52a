"""What quotes mean in a file: whether they stand around cells, or are characters of a text.

Both are common in tsv. pandas and Excel put quotes around a cell that holds a quote, a tab or a
line break, and double the quotes in it; Excel also around one that holds a comma. Others put them
around every cell, those of the header, too. Collections of texts are often written without: there
a text that opens with a quote would swallow the rows up to the next one.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from typing import IO

from mtc_keras.data.formats.long_cells import long_cells

_LINE_END = re.compile(r"\r\n|\r|\n")
_ENOUGH_COMMAS = 2  # cells that Excel quoted, as a single one may be a text that quotes somebody


def opening_quotes(text: IO[str], delimiter: str) -> tuple[int, int]:
    """Returns how many cells open with a quote, if quotes are characters, and the first one's line.

    Args:
        text: the open file.
        delimiter: what separates cells.
    """
    count = first = 0
    inner = f'{delimiter}"'
    for number, line in enumerate(text, 1):
        if '"' in line and (found := line.startswith('"') + line.count(inner)):
            count += found
            first = first or number
    return count, first


def quotes_cells(text: IO[str], delimiter: str) -> bool:
    """Whether the quotes of a file stand around cells: they do all over it, and there is a reason.

    It is a cell that needs them, a header all of whose cells have them, or that two or more cells
    with a comma have them and no other cell does.

    Args:
        text: the open file, which is read to its end.
        delimiter: what separates cells.
    """
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    must, width, start = False, 0, 0
    commas, is_excel = 0, True
    try:
        with long_cells:
            for row in reader:
                if not width:
                    width, must = len(row), _are_quoted(row, lines.last, delimiter)
                if hold_rows(row, width, delimiter):
                    return False
                is_alone = reader.line_num == start + 1
                if is_alone and len(row) != width == lines.last.count(delimiter) + 1:
                    return False
                start = reader.line_num
                must = must or not is_alone or _needs_quotes(row, lines.last, delimiter)
                if is_excel and not must:
                    with_commas = [cell for cell in row if "," in cell]
                    commas += len(with_commas)
                    is_excel = _are_quoted(with_commas, lines.last, delimiter)
    except csv.Error:
        return False
    return must or (is_excel and commas >= _ENOUGH_COMMAS)


def escapes_quotes(lines: Sequence[str], delimiter: str) -> bool:
    """Whether quotes within cells are written `\\"`, as R and MySQL do, and not doubled.

    Args:
        lines: the first lines of a file.
        delimiter: what separates cells.
    """
    escaped = [line for line in lines if '\\"' in line]
    so = sum(is_row(line, delimiter) for line in escaped)
    otherwise = sum(is_row(unescaped(line), delimiter) for line in escaped)
    return otherwise > 2 * so


def unescaped(line: str) -> str:
    """Returns a line with its quotes `\\"` doubled, as csv has them."""
    return line.replace('\\"', '""')


def is_row(line: str, delimiter: str) -> bool:
    """Whether a line is a row by itself, with quotes only around its cells."""
    try:
        with long_cells:
            return len(list(csv.reader([line], delimiter=delimiter, strict=True))) == 1
    except csv.Error:
        return False


def hold_rows(cells: Sequence[str], width: int, delimiter: str) -> bool:
    """Whether two or more lines of one row would each be a row, were its quotes characters.

    Args:
        cells: the row as it was read with quotes.
        width: int. Cells of a row.
        delimiter: what separates cells.
    """
    if not any("\n" in cell or "\r" in cell for cell in cells):
        return False
    lines = [line for line in _LINE_END.split(delimiter.join(cells)) if line.strip()]
    return sum(line.count(delimiter) == width - 1 for line in lines) > 1


def _are_quoted(cells: Sequence[str], line: str, delimiter: str) -> bool:
    """Whether quotes stand around some cells of a line and around no other one."""
    found = [cell for cell in line.rstrip("\r\n").split(delimiter) if cell.startswith('"')]
    return found == [f'"{cell}"' for cell in cells]


def _needs_quotes(cells: Sequence[str], line: str, delimiter: str) -> bool:
    """Whether a cell of a line holds what it could not hold without quotes around it."""
    if '"' not in line:
        return False
    return any(
        delimiter in cell or ('"' in cell and '"' + cell.replace('"', '""') + '"' in line)
        for cell in cells
    )


class _Lines:
    """The lines of a file, of which the last one that was read is kept."""

    def __init__(self, text: IO[str]) -> None:
        self._text = text
        self.last = ""

    def __iter__(self) -> Iterator[str]:
        for line in self._text:
            self.last = line
            yield line
