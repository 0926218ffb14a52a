"""The cells of a table, ready to be written by a template."""

import functools
import math
from dataclasses import dataclass
from numbers import Integral
from typing import Any, NamedTuple

from mtc_keras.pages.blocks import Column, Table

DASH = "–"


class Cell(NamedTuple):
    """A cell: what stands in it, by what it is sorted, and how long its bar is, in per cent.

    `sort` is `None` where the text itself is sorted by, and empty where there is no value.
    """

    kind: str
    text: str
    sort: str | None = None
    bar: str | None = None


@dataclass(frozen=True)
class Cells:
    """The cells of a table."""

    caption: str
    rows: list[list[Cell]]

    @functools.cached_property
    def widths(self) -> list[int]:
        """The most characters of a cell of each column, so that bars begin at one place."""
        return [max(len(cell.text) for cell in column) for column in zip(*self.rows, strict=True)]


def cells_of(table: Table) -> Cells:
    """Returns the cells of a table's first rows, and a caption that tells of those left out."""
    given = list(table.rows)
    rows = given[: table.most]
    caption = table.caption
    if len(rows) < len(given):
        caption = f"{caption} The first {len(rows):,} of {len(given):,} rows.".strip()
    greatest = [_greatest(rows, index) for index in range(len(table.columns))]
    return Cells(
        caption,
        [
            [
                _cell(column, value, most)
                for column, value, most in zip(table.columns, row, greatest, strict=True)
            ]
            for row in rows
        ],
    )


def _greatest(rows: list[Any], index: int) -> float:
    """Returns the greatest int of a column, beside which others' bars are measured."""
    return max((abs(row[index]) for row in rows if _is_count(row[index])), default=1) or 1


def _is_count(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _cell(column: Column, value: Any, greatest: float) -> Cell:
    if column.kind == "text":
        empty = value is None or value != value
        return Cell("text", DASH if empty else str(value), "" if empty else None)
    if value is None or not math.isfinite(value):
        return Cell(column.kind, DASH, "")
    sort = repr(float(value))
    match column.kind:
        case "count":
            shown = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
            return Cell("count", _signed(shown), sort)
        case "score":
            return Cell("score", _signed(f"{value:.4f}"), sort)
        case "share":
            return Cell("share", _signed(f"{value:.1%}"), sort)
        case "bar":
            count = _is_count(value)
            share = float(value) / greatest if count else float(value)
            long = f"{100 * min(max(share, 0.0), 1.0):.1f}"
            return Cell("bar", _signed(f"{value:,}" if count else f"{value:.1%}"), sort, long)


def _signed(shown: str) -> str:
    return shown.replace("-", "−")
