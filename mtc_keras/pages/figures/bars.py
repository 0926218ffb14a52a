"""Bars of named numbers, and histograms."""

from collections.abc import Mapping, Sequence

import numpy as np

from mtc_keras.pages.figures import frame
from mtc_keras.pages.figures.drawing import SENTINELS, SMALL, WIDTH, Drawing, Margins
from mtc_keras.pages.figures.frame import Mark
from mtc_keras.pages.names import room_for

THICK = 14.0  # pixels of a bar
BETWEEN = 6.0  # pixels between two
MOST = 60  # names

Series = Sequence[float] | Mapping[str, Sequence[float]]


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
    shown = min(len(names), most)
    numbers = [np.asarray(list(given)[:shown], np.float64) for given in series.values()]
    if not numbers or not np.isfinite(np.concatenate(numbers)).any():
        return frame.empty()
    many = len(series) > 1
    thick = THICK if not many else max(5.0, 26.0 / len(series))
    step = thick * len(series) + BETWEEN
    room = room_for(names[:shown], SMALL, 0.4 * WIDTH)
    lines = len(frame.legend_rows(list(series))) if many else 0
    top = 8 + lines * frame.ROW + (4 if many else 0)
    bottom = 12 + (18 if axis else 0) + (18 if shown < len(names) else 0)
    drawing = Drawing((WIDTH, top + shown * step + bottom), Margins(room + 10, 52, top, bottom))
    finite = np.concatenate(numbers)
    finite = finite[np.isfinite(finite)]
    ends = [0.0, *finite, *([reference.x] if reference else [])]
    low, high = min(ends), max(ends)
    drawing.axes.set_xlim(low, high if high > low else low + 1)
    drawing.axes.set_ylim(shown * step, 0)
    drawing.axes.axvline(0, color=SENTINELS["rule"], linewidth=1, zorder=0)
    for index, given in enumerate(numbers):
        of = f" ({list(series)[index]})" if many else ""
        for row, value in enumerate(given):
            if not np.isfinite(value):
                continue
            text = frame.number(value)
            y = row * step + BETWEEN / 2 + (index + 0.5) * thick
            drawing.axes.barh(
                y,
                value,
                height=thick - (1 if many else 0),
                color=SENTINELS[frame.colour(index)],
                gid=drawing.titled(f"{names[row]}{of}: {text}"),
            )
            if thick >= 9:
                drawing.text((max(value, 0), y), text, offset=(5, 0), size=SMALL)
    for row, name in enumerate(names[:shown]):
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
    if many:
        frame.legend(drawing, list(series), above=14, filled=True)
    if axis:
        frame.x_axis(drawing, axis)
    if reference:
        frame.marks_on(drawing, [reference])
    if shown < len(names):
        frame.note(drawing, f"the first {shown:,} of {len(names):,}")
    return drawing.svg()


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
    numbers = [np.asarray(given, np.float64) for given in series.values()]
    numbers = [given[np.isfinite(given)] for given in numbers]
    everything = np.concatenate(numbers) if numbers else np.empty(0)
    if not everything.size:
        return frame.empty()
    edges, last = _edges(everything, [mark.x for mark in marks], bins)
    many = len(series) > 1
    lines = len(frame.legend_rows(list(series))) if many else 0
    drawing = Drawing((WIDTH, 208 + lines * frame.ROW), Margins(52, 16, 26 + lines * frame.ROW, 42))
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
        frame.legend(drawing, list(series), above=32)
    frame.marks_on(drawing, [mark for mark in marks if edges[0] <= mark.x <= edges[-1]])
    return drawing.svg()


def _edges(values: np.ndarray, marks: Sequence[float], bins: int) -> tuple[np.ndarray, float]:
    """Returns the limits of the bars, and the greatest value."""
    low, high = float(values.min()), float(values.max())
    most = max([float(np.quantile(values, 0.99)), *(mark for mark in marks if mark <= high)])
    end = most if high - low > 2 * (most - low) > 0 else high
    if np.all(values == np.round(values)):
        wide = max(1, int(np.ceil((end - low + 1) / bins)))
        count = int(np.ceil((end - low + 1) / wide))
        return low - 0.5 + wide * np.arange(count + 1), high
    if end == low:
        return np.array([low - 0.5, low + 0.5]), high
    return np.linspace(low, end, bins + 1), high
