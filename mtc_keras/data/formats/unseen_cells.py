"""Cells of Excel sheets that look filled on the screen and are blank in the file."""

import io
import warnings
import zipfile
from collections.abc import Collection, Iterator
from typing import Any

_AT_ONCE = 2**20
_FORMULA, _MERGED = b"<f", b"<mergeCell "


def blank_cells(path: str, content: io.BytesIO, sheet: str, columns: Collection[int]) -> list[str]:
    """Returns lines on formulas without a value, and on cells that are merged over several rows.

    Excel writes the value of a formula beside it, but programs that write workbooks do not.

    Args:
        path: the workbook, for messages.
        content: its bytes.
        sheet: the title of the sheet.
        columns: the places of the columns that are read.
    """
    formulas, merged = _marks(content)
    notes = []
    if formulas:
        places = [f"{path}:{at}" for at in _formulas_without_value(content, sheet, columns)]
        if places:
            are = "1 formula has" if len(places) == 1 else f"{len(places):,} formulas have"
            notes.append(
                f"{path}: {are} no value in the file and {_is(places)} read as blank, first "
                f"{places[0]}; open the file in Excel and save it, which computes them"
            )
    if merged:
        places = [f"{path}:{at}" for at in _merged_rows(content, sheet, columns)]
        if places:
            are = "1 cell is" if len(places) == 1 else f"{len(places):,} cells are"
            notes.append(
                f"{path}: {are} merged over several rows, of which only the first one is filled, "
                f"first {places[0]}; unmerge and fill them in Excel, if they hold for all"
            )
    return notes


def _is(places: list[str]) -> str:
    return "is" if len(places) == 1 else "are"


def _marks(content: io.BytesIO) -> tuple[bool, bool]:
    """Returns whether any sheet has formulas, or merged cells."""
    formulas = merged = False
    with zipfile.ZipFile(content) as archive:
        for name in archive.namelist():
            if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                with archive.open(name) as sheet:
                    end = b""
                    while part := sheet.read(_AT_ONCE):
                        formulas = formulas or _FORMULA in end + part
                        merged = merged or _MERGED in end + part
                        end = part[-len(_MERGED) :]
    return formulas, merged


def _formulas_without_value(
    content: io.BytesIO, sheet: str, columns: Collection[int]
) -> Iterator[int]:
    values, formulas = (_rows(content, sheet, data_only=only) for only in (True, False))
    for number, (row, written) in enumerate(zip(values, formulas, strict=False), 1):
        for at in columns:
            if at < len(row) and row[at] is None and at < len(written) and written[at] is not None:
                yield number


def _rows(content: io.BytesIO, sheet: str, *, data_only: bool) -> Iterator[tuple[Any, ...]]:
    import openpyxl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book = openpyxl.load_workbook(content, read_only=True, data_only=data_only)
        found = book[sheet]
        found.reset_dimensions()
        yield from found.iter_rows(values_only=True)


def _merged_rows(content: io.BytesIO, sheet: str, columns: Collection[int]) -> Iterator[int]:
    import openpyxl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = openpyxl.load_workbook(content)[sheet]
    for area in found.merged_cells.ranges:
        is_read = any(area.min_col - 1 <= at <= area.max_col - 1 for at in columns)
        if is_read and area.max_row > area.min_row:
            yield area.min_row
