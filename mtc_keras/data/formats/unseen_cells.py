"""Cells of Excel sheets that look filled on the screen and are blank in the file."""

import zipfile
from collections.abc import Collection
from typing import IO
from xml.etree.ElementTree import iterparse

_AT_ONCE = 2**20
_MARKS = _FORMULA, _MERGED = b"<f", b"<mergeCell "


def blank_cells(path: str, content: IO[bytes], part: str, columns: Collection[int]) -> list[str]:
    """Returns lines on formulas without a value, and on cells that are merged over several rows.

    Excel writes the value of a formula beside it, but programs that write workbooks do not.

    Args:
        path: the workbook, for messages.
        content: its bytes.
        part: the file of the sheet in it, which could be read.
        columns: the places of the columns that are read.
    """
    with zipfile.ZipFile(content) as archive:
        with archive.open(part) as sheet:
            if not _has_marks(sheet):
                return []
        with archive.open(part) as sheet:
            formulas, merged = _rows(sheet, columns)
    return [
        *_note(
            path,
            formulas,
            "formula has no value in the file and is read as blank",
            "formulas have no value in the file and are read as blank",
            "open the file in Excel and save it, which computes them",
        ),
        *_note(
            path,
            merged,
            "cell is merged over several rows, of which only the first one is filled",
            "cells are merged over several rows, of which only the first one is filled",
            "unmerge and fill them in Excel, if they hold for all",
        ),
    ]


def _note(path: str, rows: list[int], one: str, several: str, help_: str) -> list[str]:
    if not rows:
        return []
    what = f"1 {one}" if len(rows) == 1 else f"{len(rows):,} {several}"
    return [f"{path}: {what}, first {path}:{min(rows)}; {help_}"]


def _has_marks(sheet: IO[bytes]) -> bool:
    """Whether a sheet may have formulas or merged cells; most have none, and are not parsed."""
    end = b""
    while part := sheet.read(_AT_ONCE):
        if any(mark in end + part for mark in _MARKS):
            return True
        end = part[-len(_MERGED) :]
    return False


def _rows(sheet: IO[bytes], columns: Collection[int]) -> tuple[list[int], list[int]]:
    """Returns the rows of formulas without a value, and those in which merged cells begin."""
    from openpyxl.utils.cell import coordinate_to_tuple, range_boundaries
    from openpyxl.xml.constants import SHEET_MAIN_NS

    formulas, merged = [], []
    number = 0
    for _, element in iterparse(sheet):
        if element.tag == f"{{{SHEET_MAIN_NS}}}row":
            number = int(float(element.get("r", number + 1)))
            at = -1
            for cell in element:
                place = cell.get("r")
                at = coordinate_to_tuple(place)[1] - 1 if place else at + 1
                found = {inner.tag.rpartition("}")[2]: inner.text for inner in cell}
                if at in columns and "f" in found and not found.get("v") and "is" not in found:
                    formulas.append(number)
            element.clear()
        elif element.tag == f"{{{SHEET_MAIN_NS}}}mergeCell":
            left, top, right, bottom = range_boundaries(element.get("ref"))
            if bottom > top and any(left - 1 <= at <= right - 1 for at in columns):
                merged.append(top)
    return formulas, merged
