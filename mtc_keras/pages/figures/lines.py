"""Curves and clouds of points."""

from collections.abc import Mapping, Sequence

import numpy as np

from mtc_keras.pages.figures import frame
from mtc_keras.pages.figures.drawing import SENTINELS, WIDTH, Drawing, Margins
from mtc_keras.pages.figures.marks import Mark, draw_marks

MOST_POINTS = 1000  # of a cloud
MARKED = 30  # points of a curve that are seen each
Range = tuple[float, float]
Numbers = Sequence[float] | np.ndarray


def lines(
    series: Mapping[str, tuple[Numbers, Numbers]],
    *,
    x_axis: str,
    y_axis: str,
    marks: Sequence[Mark] = (),
    x_range: Range | None = None,
    y_range: Range | None = None,
    diagonal: bool = False,
    steps: bool = False,
) -> str:
    """Draws curves, each of its own colour and dashes.

    Args:
        series: x and y of each curve, by its name. NaN is a gap.
        x_axis: str. What x is.
        y_axis: str. What y is.
        marks: named points and vertical lines, such as the best epoch.
        x_range: optional. The ends of the axis; default: those of the values.
        y_range: optional. The same.
        diagonal: bool. Whether the line y = x is drawn, such as perfect calibration.
        steps: bool. Whether a curve keeps y until the next x.

    Returns:
        str. An `<svg>` element.
    """
    curves = {name: (frame.drawable(x), frame.drawable(y)) for name, (x, y) in series.items()}
    points = [np.stack([x, y])[:, np.isfinite(x) & np.isfinite(y)] for x, y in curves.values()]
    everything = np.concatenate(points, axis=1) if points else np.empty((2, 0))
    if not everything.size:
        return frame.empty()
    drawing = _axes(everything, x_range, y_range, list(curves) if len(curves) > 1 else [])
    if diagonal:
        _diagonal(drawing)
    for index, (x, y) in enumerate(curves.values()):
        few = len(x) <= MARKED
        drawing.axes.plot(
            x,
            y,
            color=SENTINELS[frame.colour(index)],
            linestyle=frame.DASHES[index % len(frame.DASHES)],
            linewidth=2,
            marker="o" if few and not steps else None,
            markersize=4,
            drawstyle="steps-post" if steps else "default",
        )
    steps_of_one = np.all(everything[0] == np.round(everything[0])) and np.ptp(everything[0]) >= 1
    whole = bool(steps_of_one) and x_range is None  # such as epochs
    frame.x_ticks(drawing, whole=whole, grid=False)
    frame.y_ticks(drawing)
    frame.x_axis(drawing, x_axis)
    frame.y_axis(drawing, y_axis)
    if len(curves) > 1:
        frame.legend(drawing, list(curves), above=36)
    draw_marks(drawing, marks)
    return drawing.svg()


def scatter(
    x: Numbers,
    y: Numbers,
    *,
    x_axis: str,
    y_axis: str,
    marks: Sequence[Mark] = (),
    diagonal: bool = False,
) -> str:
    """Draws a point per pair of numbers.

    Args:
        x: numbers.
        y: as many. A pair with a NaN is left out.
        x_axis: str. What x is.
        y_axis: str. What y is.
        marks: named points and vertical lines.
        diagonal: bool. Whether the line y = x is drawn; both axes have the same ends then.

    Returns:
        str. An `<svg>` element. Of many points it shows some, drawn at random, and says so.
    """
    points = np.stack([frame.drawable(x), frame.drawable(y)])
    points = points[:, np.isfinite(points).all(axis=0)]
    count = points.shape[1]
    if not count:
        return frame.empty()
    both = (float(points.min()), float(points.max())) if diagonal else None
    if count > MOST_POINTS:
        chosen = np.random.default_rng(0).choice(count, MOST_POINTS, replace=False)
        points = points[:, np.sort(chosen)]
    drawing = _axes(points, both, both, [], note=count > MOST_POINTS)
    if diagonal:
        _diagonal(drawing)
    drawing.axes.plot(
        *points,
        linestyle="",
        marker="o",
        markersize=5,
        markeredgewidth=0,
        color=SENTINELS["accent"],
        alpha=0.45,
        clip_on=False,
    )
    frame.x_ticks(drawing)
    frame.y_ticks(drawing)
    frame.x_axis(drawing, x_axis)
    frame.y_axis(drawing, y_axis)
    draw_marks(drawing, marks)
    if count > MOST_POINTS:
        frame.note(drawing, f"{MOST_POINTS:,} of {count:,} points, drawn at random")
    return drawing.svg()


def _axes(
    points: np.ndarray,
    x_range: Range | None,
    y_range: Range | None,
    names: Sequence[str],
    note: bool = False,
) -> Drawing:
    """Returns a drawing whose axes hold all points, with room for a legend above."""
    rows = len(frame.legend_rows(names)) * frame.ROW + 4 if names else 0
    drawing = Drawing((WIDTH, 252 + rows + 16 * note), Margins(48, 14, 26 + rows, 42 + 16 * note))
    for given, values, limit in (
        (x_range, points[0], drawing.axes.set_xlim),
        (y_range, points[1], drawing.axes.set_ylim),
    ):
        low, high = given or (float(values.min()), float(values.max()))
        if not given or low == high:
            slack = (
                max(0.04 * (high - low), abs(high) / 1e6)
                if high > low
                else max(abs(high) / 10, 0.5)
            )
            low, high = low - slack, high + slack
        limit(low, high)
    return drawing


def _diagonal(drawing: Drawing) -> None:
    ends = [*drawing.axes.get_xlim(), *drawing.axes.get_ylim()]
    drawing.axes.plot(
        [min(ends), max(ends)],
        [min(ends), max(ends)],
        color=SENTINELS["muted"],
        linewidth=1,
        linestyle=(0, (2, 2)),
        zorder=1,
    )
