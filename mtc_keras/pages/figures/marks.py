"""Places in a figure that have names: the best epoch, a limit, a threshold."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from mtc_keras.pages.figures import frame
from mtc_keras.pages.figures.drawing import SENTINELS, SMALL, Drawing

LINE = 15.0  # pixels between the names of two vertical lines
ASIDE = 7.0  # pixels between a mark and its name


class Mark(NamedTuple):
    """A place in a figure that has a name.

    Args:
        name: str. Its name.
        x: float. Where it is.
        y: optional float. Where it is, if it is a point; else it is a vertical line.
    """

    name: str
    x: float
    y: float | None = None


def drawable(marks: Sequence[Mark]) -> list[Mark]:
    """Returns the marks that can be drawn, as their place is a number."""
    return [
        mark
        for mark in marks
        if math.isfinite(frame.drawable(mark.x))
        and (mark.y is None or math.isfinite(frame.drawable(mark.y)))
    ]


def draw_marks(drawing: Drawing, marks: Sequence[Mark]) -> None:
    """Draws marks, each with its name beside it; of one beyond an end only the name, with an arrow.

    Args:
        drawing: the drawing, whose axes have their limits.
        marks: the marks.
    """
    low, high = drawing.axes.get_xlim()
    lines = 0
    for mark in drawable(marks):
        if mark.y is not None:
            _draw_point(drawing, mark, mark.y)
            continue
        name = mark.name
        if low <= mark.x <= high:
            drawing.axes.axvline(
                mark.x, color=SENTINELS["ink"], linewidth=1.2, linestyle=(0, (3, 2)), zorder=3
            )
        else:
            name = f"← {name}" if mark.x < low else f"{name} →"
        x = min(max(mark.x, low), high)
        offset, align, room = _beside(drawing, x)
        drawing.text(
            (x, 1),
            name,
            in_data=(True, False),
            offset=(offset, -8 - LINE * lines),
            align=align,
            room=room,
            colour="ink",
            size=SMALL,
            over=True,
        )
        lines += 1


def _draw_point(drawing: Drawing, mark: Mark, y: float) -> None:
    drawing.axes.plot(
        [mark.x],
        [y],
        "o",
        color=SENTINELS["ink"],
        markeredgecolor=SENTINELS["paper"],
        markersize=8,
        clip_on=False,
        zorder=4,
    )
    offset, align, room = _beside(drawing, mark.x)
    drawing.text(
        (mark.x, y),
        mark.name,
        offset=(offset, 9),
        align=align,
        room=room,
        colour="ink",
        size=SMALL,
        over=True,
    )


def _beside(drawing: Drawing, x: float) -> tuple[float, str, float]:
    """Returns offset and alignment of a name, on the side with more room, and that room."""
    low, high = drawing.axes.get_xlim()
    share = (x - low) / (high - low)
    is_right = share > 0.5
    room = drawing.inner[0] * (share if is_right else 1 - share) - ASIDE
    return (-ASIDE, "right center", room) if is_right else (ASIDE, "left center", room)
