"""What surrounds data in a drawing: quiet grid lines, numbers, names of axes, a legend, a note."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from mtc_keras.pages.colours import SERIES
from mtc_keras.pages.figures.drawing import SENTINELS, SIZE, SMALL, WIDTH, Drawing, Margins
from mtc_keras.pages.names import width

GAP = 14.0  # pixels between entries of a legend
SAMPLE = 18.0  # pixels of an entry's line
ROW = 18.0  # pixels of a line of a legend
GREATEST = 1e100  # of numbers on an axis
DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 2)),
    (0, (1.5, 1.5)),
    (0, (7, 2, 1.5, 2)),
    (0, (3, 1.5)),
    (0, (9, 3)),
)


def drawable(values: Any) -> np.ndarray:
    """Returns numbers as float64, those that no axis can hold as NaN: infinite, or all but."""
    numbers = np.asarray(values, np.float64)
    return np.where(np.abs(numbers) <= GREATEST, numbers, np.nan)


def number(value: float) -> str:
    """Returns a number for an axis or a bar: ints whole, others with four digits that count."""
    if not math.isfinite(value):
        return "–"
    size = abs(value)
    if size >= 1e12 or 0 < size < 1e-4:
        shown = f"{value:.3g}"
    elif value == int(value):
        shown = f"{value:,.0f}"
    else:
        decimals = max(0, 3 - math.floor(math.log10(size)))
        shown = f"{value:,.{decimals}f}"
        shown = shown.rstrip("0").rstrip(".") if decimals else shown
    return shown.replace("-", "−")


def colour(index: int) -> str:
    """Returns the name of a series' colour."""
    return SERIES[index % len(SERIES)]


def x_ticks(drawing: Drawing, *, whole: bool = False, grid: bool = True, count: int = 5) -> None:
    """Writes numbers below the axes, with a grid line at each."""
    for value in _ticks(drawing.axes.get_xlim(), whole, count):
        if grid:
            drawing.axes.axvline(value, color=SENTINELS["rule"], linewidth=1, zorder=0)
        drawing.text(
            (value, 0),
            number(value),
            in_data=(True, False),
            offset=(0, -5),
            align="center top",
            size=SMALL,
        )


def y_ticks(drawing: Drawing, *, whole: bool = False, count: int = 5) -> None:
    """Writes numbers left of the axes, with a grid line at each."""
    for value in _ticks(drawing.axes.get_ylim(), whole, count):
        drawing.axes.axhline(value, color=SENTINELS["rule"], linewidth=1, zorder=0)
        drawing.text(
            (0, value),
            number(value),
            in_data=(False, True),
            offset=(-6, 0),
            align="right center",
            size=SMALL,
        )


def _ticks(limits: tuple[float, float], whole: bool, count: int) -> Sequence[float]:
    from matplotlib.ticker import MaxNLocator

    low, high = sorted(limits)
    ticks = MaxNLocator(count, steps=[1, 2, 2.5, 5, 10], integer=whole).tick_values(low, high)
    slack = (high - low) * 1e-6
    return [float(tick) for tick in ticks if low - slack <= tick <= high + slack]


def x_axis(drawing: Drawing, name: str, below: float = 21.0) -> None:
    """Names the horizontal axis, some pixels below it, where its numbers end."""
    drawing.text(
        (1, 0),
        name,
        in_data=(False, False),
        offset=(0, -below),
        align="right top",
        room=drawing.inner[0] + drawing.margins.left,
        size=SMALL,
    )


def y_axis(drawing: Drawing, name: str) -> None:
    """Names the vertical axis, above its numbers."""
    drawing.text(
        (0, 1),
        name,
        in_data=(False, False),
        offset=(-drawing.margins.left, 10),
        align="left bottom",
        room=drawing.size[0],
        size=SMALL,
    )


def legend_rows(names: Sequence[str], room: float = WIDTH) -> list[list[tuple[int, float]]]:
    """Returns which entries of a legend stand in which line, each with its x in pixels."""
    rows: list[list[tuple[int, float]]] = [[]]
    x = 0.0
    for index, name in enumerate(names):
        wide = SAMPLE + 6 + min(width(name, SMALL), room / 2)
        if x and x + wide > room:
            rows.append([])
            x = 0.0
        rows[-1].append((index, x))
        x += wide + GAP
    return rows


def legend(drawing: Drawing, names: Sequence[str], *, above: float, filled: bool = False) -> None:
    """Writes what the colours mean, in lines above the axes.

    Args:
        drawing: the drawing.
        names: of the series.
        above: float. Pixels between the axes and the lowest line's middle.
        filled: bool. Whether the series are areas, and not lines.
    """
    from matplotlib.lines import Line2D

    rows = legend_rows(names)
    wide, high = drawing.size
    for line, row in enumerate(rows):
        y = drawing.margins.bottom + drawing.inner[1] + above + ROW * (len(rows) - 1 - line)
        for index, start in row:
            x = start
            sample = Line2D(
                [x / wide, (x + SAMPLE) / wide],
                [y / high] * 2,
                color=SENTINELS[colour(index)],
                linewidth=8 if filled else 2,
                linestyle="-" if filled else DASHES[index % len(DASHES)],
                solid_capstyle="butt",
            )
            drawing.figure.add_artist(sample)
            drawing.text(
                (0, 1),
                names[index],
                in_data=(False, False),
                offset=(
                    x + SAMPLE + 6 - drawing.margins.left,
                    y - drawing.margins.bottom - drawing.inner[1],
                ),
                room=WIDTH / 2,
                colour="ink",
                size=SMALL,
            )


def note(drawing: Drawing, text: str) -> None:
    """Writes a line at the bottom: what has been left out."""
    drawing.text(
        (0, 0),
        text,
        in_data=(False, False),
        offset=(-drawing.margins.left, 4 - drawing.margins.bottom),
        align="left bottom",
        size=SMALL,
    )


def empty(text: str = "no values") -> str:
    """Returns a drawing that says that there is nothing to draw."""
    drawing = Drawing((WIDTH, 72.0), Margins(0, 0, 0, 0))
    drawing.text((0.5, 0.5), text, in_data=(False, False), align="center center", size=SIZE)
    return drawing.svg()
