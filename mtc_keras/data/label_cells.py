"""Where a task's labels stand in the rows of a block, and which of them say that none is known."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from mtc_keras.data.blocks import Block
from mtc_keras.tasks import Task
from mtc_keras.tasks.columns import UNKNOWN, Cell, Mistake, parsed_json
from mtc_keras.tasks.markers import MARKERS


@dataclass(frozen=True)
class LabelCells:
    """The label cells of one task in one block of N rows.

    Args:
        cells: N cells, `None` where the label or its column is missing.
        mistakes: pairs of row position and message; their cells are `None`.
        markers: pairs of row position and text for each cell that says by a text, such as
            `N/A`, that no label is known; it is `None` in `cells`, `UNKNOWN` beside others.
    """

    cells: list[Cell]
    mistakes: list[Mistake]
    markers: list[tuple[int, str]]


def label_cells(block: Block, task: Task) -> LabelCells:
    """Reads a task's cells by its column path.

    Args:
        block: the rows.
        task: the task.
    """
    path = task.path
    markers = task.markers(() if block.has_null else MARKERS)
    columns, marked = [], []
    for name in path.names:
        other = UNKNOWN if path.is_several else None
        column, found = _without_markers(block.cells(name), markers, other)
        columns.append(column)
        marked += found
    if path.is_several:
        rows = (list(row) for row in zip(*columns, strict=True))
        return LabelCells([None if task.is_missing(row) else row for row in rows], [], marked)
    if path.start is None:
        return LabelCells(columns[0], [], marked)
    cells: list[Cell] = []
    mistakes = []
    for position, cell in enumerate(columns[0]):
        picked = None
        try:
            picked = path.pick(list_or_table(cell))
        except ValueError as error:
            mistakes.append((position, str(error)))
        cells.append(picked)
    cells, found = _without_markers(cells, markers)
    return LabelCells(cells, mistakes, [*marked, *found])


def list_or_table(cell: Any) -> Cell:
    """Returns the list or table that a text cell writes as JSON; blank text is nothing."""
    return parsed_json(cell.strip()) or None if isinstance(cell, str) else cell


def _without_markers(
    cells: list[Cell], markers: Collection[str], other: Cell = None
) -> tuple[list[Cell], list[tuple[int, str]]]:
    """Returns cells with another in place of markers, and where these stood."""
    if not markers:
        return cells, []
    texts = {cell for cell in cells if type(cell) is str}  # few are different
    marked = {text for text in texts if text.strip() in markers}
    if not marked:
        return cells, []
    is_marker = [type(cell) is str and cell in marked for cell in cells]
    found = [(row, str(cells[row]).strip()) for row, is_one in enumerate(is_marker) if is_one]
    return [other if m else cell for cell, m in zip(cells, is_marker, strict=True)], found
