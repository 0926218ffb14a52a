"""Differences with their intervals, one under another."""

import math
from collections.abc import Sequence

from mtc_keras.pages.figures import frame
from mtc_keras.pages.figures.drawing import SENTINELS, SMALL, WIDTH, Drawing, Margins
from mtc_keras.pages.names import room_for

STEP = 26.0  # pixels from one to the next


def forest(
    names: Sequence[str],
    values: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    *,
    reference: float = 0.0,
    axis: str = "",
    decimals: int = 3,
) -> str:
    """Draws a point and its interval per name, and a line where there is no difference.

    Those whose interval lies on one side of the line are coloured: above it blue, below it warm.

    Args:
        names: the names.
        values: a number per name; NaN has no point.
        low: lower end of each interval.
        high: upper end of each interval.
        reference: float. Where the line is.
        axis: str. What the numbers are.
        decimals: int. Of the numbers written beside them.

    Returns:
        str. An `<svg>` element.
    """
    values, low, high = (frame.drawable(given).tolist() for given in (values, low, high))
    rows = list(zip(names, values, low, high, strict=True))
    finite = [number for row in rows for number in row[1:] if math.isfinite(number)]
    if not finite:
        return frame.empty()
    room = room_for(names, SMALL, 0.5 * WIDTH)
    wider = max(room - 0.32 * WIDTH, 0.0)  # long names take nothing from the intervals
    written = [_written(*row[1:], decimals, signed=reference == 0) for row in rows]
    right = room_for(written, SMALL, 0.45 * WIDTH) + 12
    bottom = 26 + (18 if axis else 0)
    drawing = Drawing(
        (1.25 * WIDTH + wider, 10 + STEP * len(rows) + bottom),
        Margins(room + 12, right, 10, bottom),
    )
    ends = [*finite, reference]
    slack = max(0.06 * (max(ends) - min(ends)), abs(max(ends)) / 1e6) or 0.5
    drawing.axes.set_xlim(min(ends) - slack, max(ends) + slack)
    drawing.axes.set_ylim(len(rows), 0)
    frame.x_ticks(drawing, count=4)
    drawing.axes.axvline(reference, color=SENTINELS["muted"], linewidth=1.4, zorder=1)
    for row, (name, value, lower, upper) in enumerate(rows):
        y = row + 0.5
        shade = "accent" if lower > reference else "warm" if upper < reference else "muted"
        if math.isfinite(lower) and math.isfinite(upper):
            drawing.axes.plot([lower, upper], [y, y], color=SENTINELS[shade], linewidth=2.4)
        if math.isfinite(value):
            drawing.axes.plot(
                [value],
                [y],
                "s",
                color=SENTINELS[shade],
                markersize=8,
                gid=drawing.titled(f"{name}: {written[row]}"),
            )
        drawing.text(
            (0, y),
            name,
            in_data=(False, True),
            offset=(-8, 0),
            align="right center",
            room=room,
            colour="ink",
            size=SMALL,
        )
        drawing.text(
            (1, y), written[row], in_data=(False, True), offset=(8, 0), room=right, size=SMALL
        )
    if axis:
        frame.x_axis(drawing, axis)
    return drawing.svg()


def _written(value: float, low: float, high: float, decimals: int, *, signed: bool) -> str:
    sign = "+" if signed else ""
    shown = [
        f"{number:{sign}.{decimals}f}" if abs(number) < 1e6 else frame.number(number)
        for number in (value, low, high)
    ]
    return f"{shown[0]} [{shown[1]}, {shown[2]}]".replace("-", "−")
