"""What separates the cells of a file: by its name, its header and how even its rows are."""

import csv
import io
import re
from collections.abc import Sequence
from typing import IO

from mtc_keras.data.formats.layout import Layout
from mtc_keras.data.formats.long_cells import long_cells

DELIMITERS = (",", ";", "\t", "|")
SAMPLE = 2**16  # characters of a file that are looked at

_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_EVEN = 0.9  # share of rows that have as many cells as the first one


def sample_of(text: IO[str]) -> list[str]:
    """Returns the first lines of a file that are not blank; the file is wound back."""
    start = text.read(SAMPLE)
    text.seek(0)
    lines = list(io.StringIO(start, newline=""))
    if len(start) == SAMPLE and len(lines) > 1:
        del lines[-1]  # it may be cut
    return [line for line in lines if line.strip("\r\n")]


def said_delimiter(lines: Sequence[str]) -> str | None:
    """Returns the delimiter that a first line such as `sep=;` tells Excel, if there is one."""
    found = _SEPARATOR_LINE.fullmatch(lines[0].rstrip("\r\n")) if lines else None
    return found[1] if found else None


def delimiter_of(lines: Sequence[str], layout: Layout, usual: str = "") -> str:
    """Returns what separates the cells of a file by its first lines.

    It is what makes most of the columns of the header that are looked for, and among several, or
    if none does, what makes rows of equally many cells.

    Args:
        lines: the first lines of a file.
        layout: names the columns that are looked for.
        usual: what stands in files of this name; it is returned if nothing else is better.
    """
    best, most = usual, (0, 0.0, False)
    if not lines or len(layout.header) == 1 or layout.known([lines[0].strip()]):
        return usual  # there is one column
    for delimiter in DELIMITERS:
        rows = cells_of(lines, delimiter)
        if not rows or len(rows[0]) < 2:
            continue
        even = sum(len(row) == len(rows[0]) for row in rows) / len(rows)
        fits = len(rows[0]) == len(layout.header)
        known = int(fits) if layout.header else len(layout.known(rows[0]))
        found = known, round(even, 1), delimiter == usual
        if found > most and (known or even >= _EVEN or delimiter == usual):
            best, most = delimiter, found
    return best


def cells_of(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    """Returns the cells of lines, as far as they can be read."""
    rows: list[list[str]] = []
    with long_cells:
        rows += csv.reader(lines, delimiter=delimiter)
    return rows
