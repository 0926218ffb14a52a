"""Where a task's labels stand in the rows of a block, and which of them say that none is known."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from mtc_keras.data.blocks import Block
from mtc_keras.tasks import Task
from mtc_keras.tasks.columns import UNKNOWN, Cell, Mistake
from mtc_keras.tasks.markers import MARKERS, marker_key
from mtc_keras.tasks.paths import pick_all
from mtc_keras.tasks.spelling import number_of
from mtc_keras.tasks.written import written_value


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
    other = UNKNOWN if path.is_several else None
    found = [_cells_of(block, name, markers, other) for name in path.names]
    if not path.is_several:
        return found[0]
    rows = [list(row) for row in zip(*(one.cells for one in found), strict=True)]
    decided = task.can_encode  # else what a blank row means is still to be learned
    return LabelCells(
        [None if decided and task.is_missing(row) else row for row in rows],
        [mistake for one in found for mistake in one.mistakes],
        [marker for one in found for marker in one.markers],
    )


def _cells_of(block: Block, column: str, markers: Collection[str], other: Cell) -> LabelCells:
    """Reads the cells of one column; of a path, markers may stand at either end."""
    path = block.path(column)
    if path is None:
        return LabelCells([None] * len(block), [], [])
    if not path.steps:
        cells, marked = _without_markers(block.cells(column), markers, other)
        return LabelCells(cells, [], marked)
    cells, marked = _without_markers(block.cells(path.name), markers)
    picked = pick_all(cells, path)
    cells, found = _without_markers(picked.cells, markers, other)
    outer = {row for row, _ in marked}
    cells = [other if row in outer else cell for row, cell in enumerate(cells)]
    return LabelCells(cells, picked.mistakes, [*marked, *found])


def list_or_table(cell: Any) -> Cell:
    """Returns the list or table that a text cell writes as JSON; blank text is nothing."""
    return written_value(cell.strip()) or None if isinstance(cell, str) else cell


def _without_markers(
    cells: list[Cell], markers: Collection[str], other: Cell = None
) -> tuple[list[Cell], list[tuple[int, str]]]:
    """Returns cells with another in place of markers, and where these stood."""
    if not markers:
        return cells, []
    has_number = any(number_of(marker) == number_of(marker) for marker in markers)
    kinds = (str, int, float) if has_number else (str,)
    values = {cell for cell in cells if type(cell) in kinds}  # few are different
    marked = {value for value in values if marker_key(value) in markers}
    if not marked:
        return cells, []
    is_marker = [type(cell) in kinds and cell in marked for cell in cells]
    found = [(row, str(cells[row]).strip()) for row, is_one in enumerate(is_marker) if is_one]
    return [other if m else cell for cell, m in zip(cells, is_marker, strict=True)], found
