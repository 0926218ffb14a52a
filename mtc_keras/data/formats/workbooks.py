"""Rows of Excel workbooks, whose cells are the text of their values, but for dates."""

import itertools
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from typing import IO, Any

from mtc_keras.data.blocks import Block
from mtc_keras.data.formats.faults import Faults
from mtc_keras.data.formats.headers import MOST_ABOVE, header_of, repeated_names
from mtc_keras.data.formats.layout import Layout
from mtc_keras.data.formats.unseen_cells import blank_cells
from mtc_keras.data.formats.zip_archives import check_size
from mtc_keras.errors import DataError, did_you_mean, listed

_MOST_EXACT = 2**53  # above it not every whole number is a float

SheetRow = tuple[int, list[Any]]


def read_workbook(
    path: str, file: IO[bytes], sheet: str, faults: Faults, rows: int, layout: Layout
) -> Iterator[Block]:
    """Reads the rows of a sheet as blocks of so many rows; blank rows are none.

    Args:
        path: the workbook, for messages.
        file: its bytes, which can be read in any order.
        sheet: the name of the sheet; empty for the first one that holds something.
        faults: takes what is told.
        rows: int. Rows per block.
        layout: names the columns, or those that are looked for.

    Raises:
        DataError: if it is no workbook, has no such sheet, or openpyxl is not installed.
    """
    found = opened_sheet(path, file, sheet, faults)
    numbered = _rows(found, path)
    first = _padded(list(itertools.islice(numbered, MOST_ABOVE)))
    try:
        header = header_of([(at, list(map(str, cells))) for at, cells in first], layout)
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None
    faults.notes += [f"{path}: {note}" for note in header.notes]
    names = header.names
    width, columns = len(names), _columns(names, path, faults, layout)
    named = {place for place, name in enumerate(names) if name.strip()}
    unnamed, first_unnamed = 0, ""
    numbered = itertools.chain(first[header.above :], numbered)
    while part := list(itertools.islice(numbered, rows)):
        for at, cells in part:
            if any(cell != "" and place not in named for place, cell in enumerate(cells)):
                unnamed, first_unnamed = unnamed + 1, first_unnamed or f"{path}:{at}"
        table = [cells[:width] + [""] * (width - len(cells)) for _, cells in part]
        by_name = {name: [row[place] for row in table] for place, name in columns.items()}
        yield Block(path, [f"{path}:{at}" for at, _ in part], by_name, has_null=False)
    faults.notes += blank_cells(path, file, found._worksheet_path, columns)
    if unnamed:
        have = "row has" if unnamed == 1 else "rows have"
        faults.notes.append(
            f"{path}: {unnamed:,} {have} cells under no name, which are not read, first "
            f"{first_unnamed}"
        )


def opened_sheet(path: str, file: IO[bytes], sheet: str, faults: Faults) -> Any:
    """Returns openpyxl's sheet that is named, or the first one that holds something.

    Raises:
        DataError: if there is none, or openpyxl is not installed.
    """
    return _sheet(_opened(path, file), path, sheet, faults)


def _opened(path: str, content: IO[bytes]) -> Any:
    """Returns the workbook, whose sheets are read row by row."""
    try:
        import openpyxl
    except ImportError:
        raise DataError(
            f"{path}: Excel workbooks need openpyxl: pip install 'mtc-keras[excel]', or save the "
            "sheet as csv"
        ) from None
    try:
        with zipfile.ZipFile(content) as archive:
            check_size(archive.infolist(), path)
        with warnings.catch_warnings():  # of styles and rules, which are not read
            warnings.simplefilter("ignore")
            return openpyxl.load_workbook(content, read_only=True, data_only=True)
    except DataError:
        raise
    except Exception as error:  # openpyxl raises whatever comes of a damaged file
        raise DataError(_damaged(path, error)) from None


def _damaged(path: str, error: Exception) -> str:
    is_none = isinstance(error, zipfile.BadZipFile)
    help = "; if it is a table of text, name it .csv or .tsv" if is_none else ""
    return f"{path}: is not an Excel workbook that can be read: {type(error).__name__}{help}"


def _sheet(book: Any, path: str, sheet: str, faults: Faults) -> Any:
    """Returns the sheet that is named, or the first one that holds something; others are told."""
    names = [found.title for found in book.worksheets]
    if sheet:
        if sheet not in names:
            raise DataError(
                f"{path}: the workbook has no sheet {sheet!r}.{did_you_mean(sheet, names)} "
                f"It has {listed(names)}"
            )
        return book[sheet]
    shown = [found for found in book.worksheets if found.sheet_state == "visible"]
    filled = [found for found in shown if next(_rows(found, path), None)]
    if not filled:
        raise DataError(f"{path}: holds no rows; its sheets are {listed(names)}")
    if len(filled) > 1:
        others = listed([found.title for found in filled[1:]], 3)
        faults.notes.append(
            f"{path}: sheet {filled[0].title!r} is read, not {others}; to read another one, name "
            f"it: {path}/{filled[1].title}"
        )
    return filled[0]


def _rows(sheet: Any, path: str) -> Iterator[SheetRow]:
    """Yields number and cells of the rows that are not blank, up to their last cell."""
    sheet.reset_dimensions()  # what a file says of its size may be far too much
    rows = sheet.iter_rows(values_only=True)
    for number in itertools.count(1):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                row = next(rows, None)
        except Exception as error:  # openpyxl raises whatever comes of a damaged file
            raise DataError(_damaged(path, error)) from None
        if row is None:
            return
        cells = list(map(_text, row))
        while cells and cells[-1] == "":
            cells.pop()
        if cells:
            yield number, cells


def _text(value: Any) -> Any:
    """Returns the text of a value; a date stays what it is, as no text and no label is one."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer() and abs(value) < _MOST_EXACT:
        return str(int(value))
    if isinstance(value, (int, float)):
        return str(value)
    return value


def _padded(first: Sequence[SheetRow]) -> list[SheetRow]:
    """Returns rows of equally many cells, as a header may be shorter or longer than its rows."""
    width = max((len(cells) for _, cells in first), default=0)
    return [(at, cells + [""] * (width - len(cells))) for at, cells in first]


def _columns(names: Sequence[str], path: str, faults: Faults, layout: Layout) -> dict[int, str]:
    """Returns the columns that have a name of their own by their places."""
    wanted, unread = repeated_names(names, faults, layout)
    for name in wanted:
        raise DataError(f"{path}: two columns are called {name!r}; rename one of them in the file")
    return {at: name for at, name in enumerate(names) if name.strip() and name not in unread}
