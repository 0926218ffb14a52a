"""A row per class: how often it is right, how often it is found, and from which threshold on."""

from collections.abc import Mapping
from typing import Any

from mtc_keras.pages import Column, Table
from mtc_keras.report.known import Known
from mtc_keras.report.piece import Piece
from mtc_keras.tasks import Decision, Task

FEW = 12  # classes that stand there at once

_COLUMNS = {
    "class": Column("class"),
    "support": Column("support", "count", "labelled rows that have the class"),
    "predicted": Column("predicted", "count", "labelled rows for which it is predicted"),
    "precision": Column("precision", "score", "of the rows predicted so, the share that is right"),
    "recall": Column("recall", "score", "of the rows that have it, the share that is found"),
    "f1": Column("F1", "score", "harmonic mean of precision and recall"),
    "threshold": Column("threshold", "score", "the class is predicted from this probability on"),
    "average_precision": Column(
        "AP", "score", "average precision: how well its probability ranks rows, by any threshold"
    ),
    "roc_auc": Column("ROC AUC", "score", "probability that a row with it is ranked above another"),
}


def class_table(
    task: Task, scores: Mapping[str, Any], decision: Decision | None, known: Known | None
) -> Piece:
    """Returns the metrics of each class; nothing of a task without classes.

    Args:
        task: the task.
        scores: its metrics, as `metrics.json` has them.
        decision: its thresholds.
        known: its labelled rows, as far as they were kept.
    """
    by_class = scores.get("classes")
    if not by_class:
        return Piece()
    thresholds = {} if decision is None else decision.thresholds
    counts = None if known is None else known.predicted.sum(axis=0)
    rows = []
    for index, (name, shown) in enumerate(zip(task.known_classes, task.shown_classes, strict=True)):
        found = by_class.get(name) or {}
        row: dict[str, Any] = {"class": shown, "support": found.get("support")}
        if counts is not None:
            row["predicted"] = int(counts[index])
        row |= {metric: found.get(metric) for metric in ("precision", "recall", "f1")}
        if thresholds:
            row["threshold"] = thresholds[name]
        rows.append(row | {m: found.get(m) for m in ("average_precision", "roc_auc")})
    ordered = rows if task.has_order else sorted(rows, key=lambda row: -(row["support"] or 0))
    columns = [_COLUMNS[key] for key in rows[0]]
    table = Table(columns, [list(row.values()) for row in ordered], shown=FEW)
    return Piece(
        [table], {"classes": dict(zip(task.known_classes, rows, strict=True))}, {"classes": rows}
    )
