"""How the cells of one file are written: what separates them, and what quotes mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from mtc_keras.data.formats.delimiters import delimiter_of, said_delimiter, sample_of
from mtc_keras.data.formats.faults import Faults
from mtc_keras.data.formats.layout import Layout
from mtc_keras.data.formats.quoting import escapes_quotes, opening_quotes, quotes_cells
from mtc_keras.errors import DataError, plural

OF_TEXTS = ("\t", "|")  # whose files are often written without quotes around cells


@dataclass(frozen=True)
class Dialect:
    """How the cells of a file are written.

    Args:
        delimiter: what separates them.
        is_quoted: bool. Whether quotes stand around cells, and not in a text.
        is_escaped: bool. Whether quotes within cells are written `\\\\"`.
        says_delimiter: bool. Whether the first line is one such as `sep=;`, for Excel.
    """

    delimiter: str
    is_quoted: bool = True
    is_escaped: bool = False
    says_delimiter: bool = False


def csv_dialect(text: IO[str], faults: Faults, layout: Layout) -> Dialect:
    """Returns the dialect of a file called .csv, which is wound back."""
    lines = sample_of(text)
    delimiter, is_said = _delimiter(lines, faults, layout, ",")
    return _quoted(lines, faults, layout, delimiter, is_said)


def tsv_dialect(text: IO[str], faults: Faults, layout: Layout, usual: str = "\t") -> Dialect:
    """Returns the dialect of a file called .tsv or .txt, which is wound back."""
    lines = sample_of(text)
    delimiter, is_said = _delimiter(lines, faults, layout, usual)
    delimiter = delimiter or OF_TEXTS[0]  # nothing shows one
    is_quoted = layout.quoting != "none"
    if layout.quoting is None and delimiter in OF_TEXTS:
        is_quoted = _shows_quotes(text, faults, delimiter)
    if not is_quoted:
        return Dialect(delimiter, is_quoted=False, says_delimiter=is_said)
    return _quoted(lines, faults, layout, delimiter, is_said)


def _quoted(
    lines: Sequence[str], faults: Faults, layout: Layout, delimiter: str, is_said: bool
) -> Dialect:
    is_escaped = layout.quoting == "escaped"
    if layout.quoting is None and escapes_quotes(lines, delimiter):
        is_escaped = True
        faults.notes.append(
            f'{faults.path}: quotes in its cells are written \\" and are read as quotes; set '
            "data.quoting if that is wrong"
        )
    return Dialect(delimiter, layout.quoting != "none", is_escaped, is_said)


def _delimiter(
    lines: Sequence[str], faults: Faults, layout: Layout, usual: str
) -> tuple[str, bool]:
    """Returns the delimiter, and whether the first line is there to say it."""
    said = said_delimiter(lines)
    if said:
        lines = lines[1:]
    if layout.delimiter:
        _check_key(lines, faults, layout, layout.delimiter)
        return layout.delimiter, said is not None
    found = said or delimiter_of(lines, layout, usual)
    if found != usual:
        faults.notes.append(
            f"{faults.path}: its cells are separated by {found!r}; set data.delimiter if that is "
            "wrong"
        )
    return found, said is not None


def _check_key(lines: Sequence[str], faults: Faults, layout: Layout, key: str) -> None:
    """Refuses a delimiter that separates nothing where another one does."""
    found = delimiter_of(lines, layout)
    if lines and key not in lines[0] and found:
        raise DataError(
            f"{faults.path}: data.delimiter {key!r} does not stand in its first line, whose cells "
            f"are separated by {found!r}"
        )


def _shows_quotes(text: IO[str], faults: Faults, delimiter: str) -> bool:
    """Whether a file shows that quotes stand around its cells; either is told."""
    count, first = opening_quotes(text, delimiter)
    text.seek(0)
    if not count:
        return False
    is_quoted = quotes_cells(text, delimiter)
    text.seek(0)
    cells = f"{plural(count, 'cell')} {'opens' if count == 1 else 'open'}"
    read = "around the cell, as csv has it" if is_quoted else "part of the text"
    other = "none" if is_quoted else "minimal"
    faults.notes.append(
        f"{faults.path}: {cells} with a quote, which is read as {read}, first "
        f'{faults.path}:{first}; else set data.quoting = "{other}"'
    )
    return is_quoted
