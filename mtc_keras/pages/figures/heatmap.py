"""A matrix as shades of one colour: confusion, co-occurrence."""

import functools
from collections.abc import Sequence

import numpy as np

from mtc_keras.pages.figures import frame
from mtc_keras.pages.figures.drawing import SENTINELS, SMALL, WIDTH, Drawing, Margins
from mtc_keras.pages.names import room_for

MOST = 40  # rows and columns
NUMBERED = 16  # rows and columns whose cells have numbers
NAMES_ROOM = 120.0
SLANTED = 17.0  # pixels of a cell, below which slanted names would overlap
MOST_NARROW = 240.0  # pixels of a figure
# Shades of the colour. Between the fifth and the sixth neither ink nor paper could be read on it.
SHADES = (0.07, 0.15, 0.25, 0.37, 0.5, 0.82, 0.9, 1.0)
DARK = 5  # the first on which text has the colour of the paper


def heatmap(
    matrix: Sequence[Sequence[float]] | np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    counts: Sequence[Sequence[float]] | np.ndarray | None = None,
    row_axis: str = "",
    column_axis: str = "",
    greatest: float | None = None,
    most: int = MOST,
) -> str:
    """Draws a matrix: the greater a number, the stronger its cell's colour; negative ones are warm.

    Args:
        matrix: numbers of shape `(rows, columns)`, such as shares of each row. NaN has no cell.
        rows: names of the rows.
        columns: names of the columns.
        counts: optional. Numbers that are written into the cells; default: those of the matrix.
        row_axis: str. What the rows are, such as `"true"`.
        column_axis: str. What the columns are, such as `"predicted"`.
        greatest: optional float. The number that has the full colour; default: the greatest.
        most: int. Rows and columns that are drawn. Of more, those with the greatest numbers
            outside the diagonal of a square matrix, and the figure says how many there are.

    Returns:
        str. An `<svg>` element.
    """
    values = frame.drawable(matrix).reshape(len(rows), len(columns))
    numbers = values if counts is None else np.asarray(counts, np.float64).reshape(values.shape)
    if not np.isfinite(values).any():
        return frame.empty()
    keep_rows, keep_columns = _chosen(values, most, list(rows) == list(columns))
    cut = len(keep_rows) < len(rows) or len(keep_columns) < len(columns)
    shown, numbers = (
        values[np.ix_(keep_rows, keep_columns)],
        numbers[np.ix_(keep_rows, keep_columns)],
    )
    row_names, column_names = [rows[i] for i in keep_rows], [columns[i] for i in keep_columns]
    numbered = max(shown.shape) <= NUMBERED
    cell = _cell(shown.shape[1], numbered)
    drawing = _drawing(row_names, column_names, cell, (row_axis, column_axis), cut)
    levels = _levels(values, shown, greatest)
    _draw_cells(drawing, levels)
    if numbered:
        _write_numbers(drawing, levels, numbers, min(SMALL, cell * 0.34))
    if cut:
        frame.note(
            drawing,
            f"{len(keep_rows)} of {len(rows):,} × {len(keep_columns)} of {len(columns):,}, "
            "those with the greatest numbers",
        )
    return drawing.svg()


def _cell(columns: int, numbered: bool) -> float:
    room = 1.5 * WIDTH - NAMES_ROOM if columns > 10 else WIDTH - NAMES_ROOM
    return float(np.clip(room / max(columns, 1), 26 if numbered else 12, 44))


def _chosen(values: np.ndarray, most: int, square: bool) -> tuple[np.ndarray, np.ndarray]:
    """Returns the rows and columns to draw, in their order."""
    weights = np.abs(np.nan_to_num(values, posinf=0, neginf=0))
    if square:
        weights = weights * ~np.eye(len(weights), dtype=bool)
        order = np.argsort(-(weights.sum(axis=1) + weights.sum(axis=0)), kind="stable")[:most]
        return np.sort(order), np.sort(order)
    by_row = np.argsort(-weights.sum(axis=1), kind="stable")[:most]
    by_column = np.argsort(-weights.sum(axis=0), kind="stable")[:most]
    return np.sort(by_row), np.sort(by_column)


def _levels(values: np.ndarray, shown: np.ndarray, greatest: float | None) -> np.ndarray:
    """Returns the shade of each cell: 0 for none, else its number from 1, with the sign."""
    finite = np.abs(values[np.isfinite(values)])
    full = greatest or float(finite.max()) or 1.0
    share = np.clip(np.nan_to_num(shown, posinf=full, neginf=-full) / full, -1, 1)
    return (np.sign(share) * np.ceil(np.abs(share) * len(SHADES) - 1e-9)).astype(int)


def _drawing(
    rows: Sequence[str],
    columns: Sequence[str],
    cell: float,
    axes: tuple[str, str],
    cut: bool,
) -> Drawing:
    """Returns a drawing with the names of rows and columns, and room for the cells."""
    needed = room_for(columns, SMALL, NAMES_ROOM)
    angle = 0 if needed < cell - 4 else 45 if cell >= SLANTED else 90
    left = room_for(rows, SMALL, NAMES_ROOM) + 14
    if angle == 45:  # the first column's name goes to the left, too
        left = max(left, needed * 0.71 - cell / 2 + 8)
    below = {0: 24.0, 45: needed * 0.71 + 18, 90: needed + 14}[angle]
    bottom = below + (18 if axes[1] else 0) + (18 if cut else 0)
    wide, high, top = cell * len(columns), cell * len(rows), 26 if axes[0] else 8
    right = max(12.0, MOST_NARROW - left - wide)
    drawing = Drawing((left + wide + right, top + high + bottom), Margins(left, right, top, bottom))
    drawing.axes.set_xlim(0, len(columns))
    drawing.axes.set_ylim(len(rows), 0)
    label = functools.partial(drawing.text, room=NAMES_ROOM, colour="ink", size=SMALL)
    for row, name in enumerate(rows):
        label((0, row + 0.5), name, in_data=(False, True), offset=(-6, 0), align="right center")
    for column, name in enumerate(columns):
        label(
            (column + 0.5, 0),
            name,
            in_data=(True, False),
            offset={0: (0, -7), 45: (4, -9), 90: (0, -7)}[angle],
            align="right center" if angle else "center top",
            rotation=angle,
        )
    if axes[0]:
        frame.y_axis(drawing, f"{axes[0]} ↓")
    if axes[1]:
        drawing.text(
            (1, 0),
            f"{axes[1]} →",
            in_data=(False, False),
            offset=(0, 4 + (18 if cut else 0) - bottom),
            align="right bottom",
            size=SMALL,
        )
    return drawing


def _draw_cells(drawing: Drawing, levels: np.ndarray) -> None:
    """Draws all cells of one shade as one path, which keeps a matrix of many classes small."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    gap = 0.03
    square = np.array([[gap, gap], [1 - gap, gap], [1 - gap, 1 - gap], [gap, 1 - gap], [gap, gap]])
    codes = np.array([Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY])
    for level in np.unique(levels):
        rows, columns = np.nonzero(levels == level)
        corners = np.stack([columns, rows], axis=1)[:, None, :] + square[None]
        path = Path(corners.reshape(-1, 2), np.tile(codes, len(rows)))
        shade = "rule" if level == 0 else "accent" if level > 0 else "warm"
        strength = 0.35 if level == 0 else SHADES[abs(level) - 1]
        patch = PathPatch(path, facecolor=SENTINELS[shade], alpha=strength, linewidth=0)
        drawing.axes.add_artist(patch)  # `add_patch` would look for its limits


def _write_numbers(drawing: Drawing, levels: np.ndarray, numbers: np.ndarray, size: float) -> None:
    for (row, column), value in np.ndenumerate(numbers):
        if not np.isfinite(value) or (value == 0 and levels[row, column] == 0):
            continue
        text = f"{value:.2g}" if abs(value) >= 1e5 else f"{value:.2f}"
        text = f"{value:,.0f}" if abs(value) < 1e5 and float(value).is_integer() else text
        text = text.replace("-", "−")
        colour = "paper" if abs(levels[row, column]) > DARK else "ink"
        drawing.text(
            (column + 0.5, row + 0.5), text, align="center center", colour=colour, size=size
        )
