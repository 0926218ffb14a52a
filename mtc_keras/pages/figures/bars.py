"""Bars of named numbers, and histograms."""

from collections.abc import Mapping, Sequence

import numpy as np

from mtc_keras.pages.figures import frame
from mtc_keras.pages.figures.drawing import SENTINELS, SMALL, WIDTH, Drawing, Margins
from mtc_keras.pages.figures.marks import Mark, draw_marks
from mtc_keras.pages.figures.marks import drawable as drawable_marks
from mtc_keras.pages.names import room_for

THICK = 14.0  # pixels of a bar
BETWEEN = 6.0  # pixels between two
NUMBERED = 9.0  # pixels of a bar, from which on its number stands at its end
NUMBER_ROOM = 52.0  # pixels right of the longest bar
MOST = 60  # names
WHOLE = 1e9  # below it ints are counted as such

Numbers = Sequence[float] | np.ndarray
Series = Numbers | Mapping[str, Numbers]


def bars(
    names: Sequence[str],
    values: Series,
    *,
    axis: str = "",
    reference: Mark | None = None,
    most: int = MOST,
) -> str:
    """Draws a horizontal bar per name, in the order given, with its number at its end.

    Args:
        names: the names.
        values: a number per name, or series of them by name. NaN has no bar.
        axis: str. What the numbers are.
        reference: optional. A vertical line, such as the mean.
        most: int. Names that are drawn; the figure says how many there are.

    Returns:
        str. An `<svg>` element.
    """
    series = values if isinstance(values, Mapping) else {"": values}
    shown = names[:most]
    numbers = {name: frame.drawable(list(given)[: len(shown)]) for name, given in series.items()}
    finite = [value for given in numbers.values() for value in given if np.isfinite(value)]
    if not finite:
        return frame.empty()
    thick = {1: THICK, 2: 0.86 * THICK}.get(len(series), max(5.0, 1.5 * THICK / len(series)))
    step = thick * len(series) + BETWEEN
    room = room_for(shown, SMALL, 0.4 * WIDTH)
    legend = len(frame.legend_rows(list(series))) * frame.ROW + 4 if len(series) > 1 else 0
    has_numbers = thick >= NUMBERED
    scale = 0 if has_numbers else 15
    below = 12 + scale + (18 if axis else 0) + (18 if len(shown) < len(names) else 0)
    drawing = Drawing(
        (WIDTH, 8 + legend + step * len(shown) + below),
        Margins(room + 10, NUMBER_ROOM if has_numbers else 14, 8 + legend, below),
    )
    marks = drawable_marks([reference] if reference else [])
    ends = [0.0, *finite, *(mark.x for mark in marks)]
    drawing.axes.set_xlim(min(ends), max(ends) if max(ends) > min(ends) else min(ends) + 1)
    drawing.axes.set_ylim(step * len(shown), 0)
    if has_numbers:
        drawing.axes.axvline(0, color=SENTINELS["rule"], linewidth=1, zorder=0)
    else:
        frame.x_ticks(drawing, count=4)
    _draw_bars(drawing, shown, numbers, thick, over=bool(marks))
    for row, name in enumerate(shown):
        drawing.text(
            (0, (row + 0.5) * step),
            name,
            in_data=(False, True),
            offset=(-8, 0),
            align="right center",
            room=room,
            colour="ink",
            size=SMALL,
        )
    if legend:
        frame.legend(drawing, list(series), above=14, filled=True)
    if axis:
        frame.x_axis(drawing, axis, below=8 + scale)
    draw_marks(drawing, marks)
    if len(shown) < len(names):
        frame.note(drawing, f"the first {len(shown):,} of {len(names):,}")
    return drawing.svg()


def _draw_bars(
    drawing: Drawing,
    names: Sequence[str],
    numbers: Mapping[str, np.ndarray],
    thick: float,
    *,
    over: bool,
) -> None:
    """Draws the bars of all series, each with its number where there is room."""
    step = thick * len(numbers) + BETWEEN
    for index, (series, given) in enumerate(numbers.items()):
        for row, value in enumerate(given):
            if not np.isfinite(value):
                continue
            text = frame.number(value)
            y = row * step + BETWEEN / 2 + (index + 0.5) * thick
            title = (
                f"{names[row]}: {text}" if len(numbers) == 1 else f"{names[row]}, {series}: {text}"
            )
            drawing.axes.barh(
                y,
                value,
                height=thick - (len(numbers) > 1),
                color=SENTINELS[frame.colour(index)],
                gid=drawing.titled(title),
            )
            if thick >= NUMBERED:
                size = min(SMALL, thick - 2)
                drawing.text((max(value, 0), y), text, offset=(5, -0.5), size=size, over=over)


def histogram(
    values: Series,
    *,
    axis: str,
    marks: Sequence[Mark] = (),
    bins: int = 32,
) -> str:
    """Draws how often values occur: of one series counts, of several shares of each.

    Args:
        values: numbers, or series of them by name. NaN and infinities are left out.
        axis: str. What the numbers are, such as `"tokens per text"`.
        marks: vertical lines, such as a limit.
        bins: int. Number of bars; ints that are few have one each.

    Returns:
        str. An `<svg>` element. Values far above 99 of 100 stand together in the last bar, and
        the figure says so.
    """
    series = values if isinstance(values, Mapping) else {"": values}
    numbers = [frame.drawable(given) for given in series.values()]
    numbers = [given[np.isfinite(given)] for given in numbers]
    everything = np.concatenate(numbers) if numbers else np.empty(0)
    if not everything.size:
        return frame.empty()
    edges, last = _edges(everything, [mark.x for mark in drawable_marks(marks)], bins)
    many = len(series) > 1
    lines = len(frame.legend_rows(list(series))) * frame.ROW + 4 if many else 0
    drawing = Drawing((WIDTH, 208 + lines), Margins(48, 14, 26 + lines, 42))
    heights = []
    for given in numbers:
        counts = np.histogram(np.minimum(given, edges[-1]), edges)[0]
        heights.append(counts / max(given.size, 1) if many else counts)
    drawing.axes.set_xlim(edges[0], edges[-1])
    drawing.axes.set_ylim(0, max(height.max() for height in heights) * 1.08 or 1)
    for index, height in enumerate(heights):
        shade = SENTINELS[frame.colour(index)]
        if many:
            dashes = frame.DASHES[index % len(frame.DASHES)]
            drawing.axes.stairs(height, edges, color=shade, linewidth=1.8, linestyle=dashes)
        else:
            drawing.axes.stairs(height, edges, fill=True, color=shade, alpha=0.75)
    frame.y_ticks(drawing, whole=not many, count=4)
    frame.x_ticks(drawing, grid=False)
    frame.y_axis(drawing, "share" if many else "number")
    frame.x_axis(
        drawing,
        f"{axis} (at the right end: up to {frame.number(last)})" if last > edges[-1] else axis,
    )
    if many:
        frame.legend(drawing, list(series), above=36)
    draw_marks(drawing, marks)
    return drawing.svg()


def _edges(values: np.ndarray, marks: Sequence[float], bins: int) -> tuple[np.ndarray, float]:
    """Returns the limits of the bars, and the greatest value."""
    low, high = float(values.min()), float(values.max())
    most = max([float(np.quantile(values, 0.99)), *(mark for mark in marks if mark <= high)])
    end = most if high - low > 2 * (most - low) > 0 else high
    if np.all(values == np.round(values)) and np.abs(values).max() < WHOLE:
        wide = max(1, int(np.ceil((end - low + 1) / bins)))
        count = int(np.ceil((end - low + 1) / wide))
        return low - 0.5 + wide * np.arange(count + 1), high
    if end == low:
        half = max(0.5, abs(low) / 1e3)
        return np.array([low - half, low + half]), high
    return np.linspace(low, end, bins + 1), high
