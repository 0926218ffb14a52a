"""How far off answers are that have an order: steps of a scale, and numbers. Shapes: N rows."""

import numpy as np

from mtc_keras.pages import Block, Column, Figure, Table
from mtc_keras.pages.figures import Mark, bars, histogram, scatter
from mtc_keras.report.known import Known
from mtc_keras.report.piece import Piece

QUANTILES = (0.5, 0.8, 0.9, 0.95, 0.99)
SPREAD = 0.35  # of points on one step, so that they can be seen beside one another


def distances(known: Known) -> Piece:
    """Returns how far off a scale's or a number's predictions are; nothing of other kinds."""
    if not len(known) or not known.is_finite:
        return Piece()
    if known.task.has_order:
        return _of_steps(known)
    is_number = known.task.label_type is float and known.predictions.ndim == 1
    return _of_numbers(known) if is_number and not known.task.has_classes else Piece()


def _of_steps(known: Known) -> Piece:
    task = known.task
    truth = task.hard(known.targets).astype("int64")
    errors = known.predictions.astype("int64") - truth
    steps = np.arange(errors.min(), errors.max() + 1)
    counts = [int((errors == step).sum()) for step in steps]
    names = [f"{step:+d}".replace("-", "−") if step else "right" for step in steps]
    off = Figure(
        bars(names, counts, axis="rows"),
        "How many steps predictions are off; above the truth is positive.",
        "Bars: " + ", ".join(f"{n}: {c}" for n, c in zip(names, counts, strict=True)),
    )
    expected = known.probabilities @ np.arange(known.probabilities.shape[1])
    moved = np.random.default_rng(0).uniform(-SPREAD, SPREAD, len(truth))
    cloud = Figure(
        scatter(
            truth + moved,
            expected,
            x_axis="true step, from 0; points are spread at random",
            y_axis="expected step",
        ),
        f"The step that is expected, Σ k · p(k), of {len(task.known_classes)} steps from "
        f"“{task.shown_classes[0]}” to “{task.shown_classes[-1]}”.",
        f"Cloud of {len(truth)} points.",
    )
    rows = [{"steps": int(s), "rows": c} for s, c in zip(steps, counts, strict=True)]
    return Piece(
        [off, cloud], {"errors": {str(r["steps"]): r["rows"] for r in rows}}, {"errors": rows}
    )


def _of_numbers(known: Known) -> Piece:
    truth = known.targets.astype("float64")
    residuals = known.predictions.astype("float64") - truth
    cloud = Figure(
        scatter(truth, known.predictions, x_axis="true", y_axis="predicted", diagonal=True),
        "Predicted against true; the line is where both are equal.",
        f"Cloud of {len(truth)} points.",
    )
    spread = Figure(
        histogram(residuals, axis="predicted − true", marks=[Mark("right", 0.0)]),
        f"Residuals. On average predictions are {abs(residuals.mean()):.3g} too "
        f"{'high' if residuals.mean() > 0 else 'low'}.",
        "Histogram of predicted minus true.",
    )
    quantiles = {f"{q:.0%}": float(np.quantile(np.abs(residuals), q)) for q in QUANTILES}
    columns = [Column("of the rows"), Column("are off by at most", "score")]
    table: Block = Table(columns, list(map(list, quantiles.items())))
    values = {"residual_mean": residuals.mean(), "absolute_error_quantiles": quantiles}
    rows = [
        {"true": float(t), "predicted": float(p)}
        for t, p in zip(truth, known.predictions, strict=True)
    ]
    return Piece([cloud, spread, table], values, {"residuals": rows})
