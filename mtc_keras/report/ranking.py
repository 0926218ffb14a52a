"""What another threshold would give: precision against recall. Shapes: N rows, C classes."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from mtc_keras.pages import Figure
from mtc_keras.pages.figures import Mark, lines
from mtc_keras.report.known import Known
from mtc_keras.report.piece import Piece

TOGETHER = 5  # curves in a figure
POINTS = 200  # of a curve that is drawn
KEPT = 50  # of one in the CSV file
ALL = "all labels together"


class Curve(NamedTuple):
    """Precision and recall of one class at every threshold.

    Args:
        name: what it is of.
        support: int. Positives.
        recall: float of shape `(P,)`, falling.
        precision: float of shape `(P,)`.
        threshold: float of shape `(P,)`, rising; the last one is above all probabilities.
        point: recall and precision as it was decided, and by which threshold; NaN without one.
    """

    name: str
    support: int
    recall: np.ndarray
    precision: np.ndarray
    threshold: np.ndarray
    point: tuple[float, float, float]


def ranking(known: Known) -> Piece:
    """Returns precision–recall curves; nothing where no class has rows with and without it."""
    if not known.task.has_classes or not known.is_finite:
        return Piece()
    curves = list(_curves(known))
    if not curves:
        return Piece()
    frequent = sorted(curves, key=lambda curve: -curve.support)[:TOGETHER]
    series = {c.name: _thinned((c.recall, c.precision), POINTS) for c in frequent}
    marks = [
        Mark("" if np.isnan(threshold) else f"{threshold:.2f}", recall, precision)
        for recall, precision, threshold in (curve.point for curve in frequent)
        if np.isfinite(recall) and np.isfinite(precision)
    ]
    svg = lines(
        {name: (x, y) for name, (x, y) in series.items()},
        x_axis="recall",
        y_axis="precision",
        marks=marks,
        x_range=(0, 1),
        y_range=(0, 1),
    )
    of = f" of the {len(frequent)} most frequent" if len(frequent) < len(curves) else ""
    how = "at its threshold" if any(mark.name for mark in marks) else "as the likeliest class wins"
    caption = (
        f"Precision against recall{of}, for every threshold. A dot is what is decided now, {how}: "
        "a curve far above its dot has a better one."
    )
    rows = [row for curve in curves for row in _rows(curve)]
    alt = f"Precision–recall curves of {', '.join(curve.name for curve in frequent)}."
    return Piece([Figure(svg, caption, alt)], {}, {"precision_recall": rows})


def _curves(known: Known) -> Iterator[Curve]:
    task, decision = known.task, known.decision
    thresholds = {} if decision is None else dict(decision.thresholds)
    if not task.is_exclusive:
        cells = known.cells
        yield from _curve(
            ALL, known.truth[cells], known.probabilities[cells], known.predicted[cells]
        )
    for index, (name, shown) in enumerate(zip(task.known_classes, task.shown_classes, strict=True)):
        rows = known.cells[:, index]
        yield from _curve(
            shown,
            known.truth[rows, index],
            known.probabilities[rows, index],
            known.predicted[rows, index],
            thresholds.get(name, np.nan),
        )


def _curve(
    name: str,
    truth: np.ndarray,
    stated: np.ndarray,
    predicted: np.ndarray,
    threshold: float = np.nan,
) -> Iterator[Curve]:
    from sklearn.metrics import precision_recall_curve

    positives = int(truth.sum())
    if not 0 < positives < len(truth):
        return
    precision, recall, at = precision_recall_curve(truth, stated)
    hits, chosen = int((truth & predicted).sum()), int(predicted.sum())
    point = (hits / positives, hits / chosen if chosen else np.nan, threshold)
    yield Curve(name, positives, recall, precision, np.append(at, np.inf), point)


def _thinned(columns: Sequence[np.ndarray], most: int) -> list[np.ndarray]:
    """Returns a curve by so many points, its ends among them."""
    count = len(columns[0])
    kept = np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int))
    return [column[kept] for column in columns]


def _rows(curve: Curve) -> list[dict[str, Any]]:
    columns = _thinned((curve.threshold, curve.precision, curve.recall), KEPT)
    return [
        {"class": curve.name, "threshold": threshold, "precision": precision, "recall": recall}
        for threshold, precision, recall in zip(*(c.tolist() for c in columns), strict=True)
    ]
