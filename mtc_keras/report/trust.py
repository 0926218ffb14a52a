"""How far probabilities can be trusted: reliability, and error against coverage. Shapes: N rows."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mtc_keras.pages import Figure
from mtc_keras.pages.figures import lines
from mtc_keras.report.known import Known
from mtc_keras.report.piece import Piece
from mtc_keras.report.wording import shown
from mtc_keras.tasks.metrics import calibration_error

BINS = 15  # as in the calibration error
POINTS = 200  # of a curve


def trust(known: Known) -> Piece:
    """Returns what a task's probabilities are worth; nothing of a task that states none."""
    if not known.task.has_probabilities or not known.is_finite or not len(known):
        return Piece()
    reliability, of_bins = _reliability(known)
    coverage, of_coverage = _coverage(known)
    tables = {"reliability": of_bins["rows"], "risk_coverage": of_coverage.pop("rows")}
    return Piece([reliability, coverage], {**of_bins["values"], **of_coverage}, tables)


def reliability_bins(stated: np.ndarray, came_true: np.ndarray) -> list[dict[str, float]]:
    """Returns for bins of equal width what was stated, and how often it came so.

    Args:
        stated: float of shape `(M,)`, probabilities.
        came_true: bool, or a share, of shape `(M,)`.

    Returns:
        Per bin with a probability its mean `stated`, the `share` that came true, and the `count`.
    """
    which = np.minimum((stated.astype("float64") * BINS).astype(int), BINS - 1)
    counts = np.bincount(which, minlength=BINS)
    sums = np.bincount(which, weights=stated, minlength=BINS)
    trues = np.bincount(which, weights=came_true, minlength=BINS)
    return [
        {
            "stated": float(sums[at] / counts[at]),
            "share": float(trues[at] / counts[at]),
            "count": int(counts[at]),
        }
        for at in np.flatnonzero(counts)
    ]


def _reliability(known: Known) -> tuple[Figure, dict[str, Any]]:
    task, errors, bins = known.task, {}, {}
    for moment, stated in (("before", known.undecided), ("after", known.probabilities)):
        said, came_true = task.reliability(known.targets, stated)
        errors[moment] = calibration_error(said, came_true)
        bins[moment] = reliability_bins(said, came_true)
    temperature = 1.0 if known.decision is None else known.decision.temperature
    names = {"before": "before", "after": f"after, temperature {temperature:.3g}"}
    if temperature == 1.0:
        names = {"after": "as stated"}
    series = {
        names[moment]: ([b["stated"] for b in bins[moment]], [b["share"] for b in bins[moment]])
        for moment in names
    }
    svg = lines(
        series,
        x_axis="stated probability",
        y_axis="share that came true",
        x_range=(0, 1),
        y_range=(0, 1),
        diagonal=True,
    )
    gap = f"{shown(errors['after'])}"
    if temperature != 1.0:
        gap = f"{shown(errors['before'])} before the temperature, {gap} after"
    caption = (
        "Reliability: on the diagonal, what is stated with 80 % is right in 80 of 100 cases. The "
        f"mean gap (expected calibration error) is {gap}."
    )
    rows = [{"moment": moment, **own} for moment, found in bins.items() for own in found]
    values = {"expected_calibration_error": errors, "temperature": temperature}
    alt = f"Reliability diagram; expected calibration error {gap}."
    return Figure(svg, caption, alt), {"values": values, "rows": rows}


def risk_curve(confidence: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Returns the error of the surest rows, however many are decided.

    El-Yaniv & Wiener 2010; Geifman & El-Yaniv 2017 (arXiv 1705.08500).

    Args:
        confidence: float of shape `(N,)`.
        right: bool of shape `(N,)`.

    Returns:
        Coverage and error, float64 of shape `(D,)` for D different confidences, and the area under
        them: the mean error over the rows' own confidences as thresholds.
    """
    order = np.argsort(-confidence, kind="stable")
    sure, wrong = confidence[order], np.cumsum(~right[order])
    # Rows of equal confidence are decided together.
    ends = np.flatnonzero(np.append(sure[:-1] > sure[1:], True))
    risk = wrong[ends] / (ends + 1)
    own = np.diff(np.append(-1, ends))  # rows of each confidence
    return (ends + 1) / len(sure), risk, float((risk * own).sum() / len(sure))


def _coverage(known: Known) -> tuple[Figure, dict[str, Any]]:
    task = known.task
    sure = task.confidence(known.probabilities, known.decision)
    coverage, risk, area = risk_curve(sure, task.right(known.targets, known.predictions))
    kept = np.unique(np.linspace(0, len(risk) - 1, min(POINTS, len(risk))).round().astype(int))
    rows = [{"coverage": float(coverage[at]), "error": float(risk[at])} for at in kept]
    figure = coverage_figure(rows, area)
    return figure, {"aurc": area, "error": float(risk[-1]), "rows": rows}


def coverage_figure(rows: Sequence[Mapping[str, float]], area: float | None = None) -> Figure:
    """Returns the figure of error against coverage.

    Args:
        rows: dicts with `coverage` and `error`.
        area: optional float. The area under the curve.
    """
    x, y = [row["coverage"] for row in rows], [row["error"] for row in rows]
    svg = lines(
        {"error": (x, y)},
        x_axis="share of rows decided, the surest first",
        y_axis="share of them that is wrong",
        x_range=(0, 1),
        y_range=(0, max(*y, 0.01) if len(y) > 1 else 1.0),
    )
    under = "" if area is None else f" The area under the curve (AURC) is {shown(area)}."
    caption = (
        "Error against coverage: how wrong the model is if only its surest rows are decided and "
        f"the others are left to people; --abstain-below of predict does so.{under}"
    )
    return Figure(svg, caption, f"Risk–coverage curve.{under}")
