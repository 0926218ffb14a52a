"""Which classes are taken for which others. Shapes: N rows, C classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mtc_keras.pages import Block, Column, Figure, Paragraph, Table
from mtc_keras.pages.figures import heatmap
from mtc_keras.report.known import Known
from mtc_keras.report.piece import Piece

MOST_PAIRS = 10  # of confused classes, in the table
MOST_DRAWN = 40  # classes of a figure
NOTHING = "nothing else"


def confusion(known: Known) -> Piece:
    """Returns which classes are predicted in place of which; nothing of a task without classes."""
    if not known.task.has_classes or not len(known):
        return Piece()
    return _of_one_class(known) if known.task.is_exclusive else _instead(known)


def _of_one_class(known: Known) -> Piece:
    from sklearn.metrics import confusion_matrix

    task, names = known.task, known.task.shown_classes
    truth = task.hard(known.targets)
    counts = confusion_matrix(truth, known.predictions, labels=np.arange(len(names)))
    support = counts.sum(axis=1)
    shares = counts / np.maximum(support, 1)[:, None]
    svg = heatmap(
        np.where(support[:, None] > 0, shares, np.nan),
        names,
        names,
        counts=counts,
        row_axis="true",
        column_axis="predicted",
        greatest=1.0,
        most=MOST_DRAWN,
    )
    wrong = counts - np.diag(np.diag(counts))
    caption = (
        "A row per true class, a column per predicted one; colours are shares of the row, the "
        f"diagonal is right.{_cut(len(names))}"
    )
    alt = f"Confusion matrix of {len(names)} classes, {int(wrong.sum()):,} rows wrong."
    pairs = _pairs(wrong, support, names, names)
    blocks: list[Block] = [
        Figure(svg, caption, alt),
        _pair_table(pairs, "true", "predicted", "of the class"),
    ]
    every = _pairs(counts, support, names, names)
    rows = [{"true": r["missed"], "predicted": r["instead"], "rows": r["rows"]} for r in every]
    values = {"confusion": {"classes": names, "counts": counts}} if len(names) <= 200 else {}
    return Piece(blocks, values, {"confusion": rows})


def _instead(known: Known) -> Piece:
    """Returns what was predicted in vain on rows where a label was missed."""
    names = known.task.shown_classes
    missed = known.truth & ~known.predicted  # (N, C)
    wrong = known.predicted & ~known.truth & known.cells
    alone = ~wrong.any(axis=1)  # nothing else was said in vain
    counts = np.concatenate(
        [missed.T.astype("int64") @ wrong, (missed.T.astype("int64") @ alone)[:, None]], axis=1
    )
    total = missed.sum(axis=0)
    if not total.any():
        return Piece([Paragraph("No label was missed.")], {"predicted_instead": {}})
    columns, rows = [*names, NOTHING], np.flatnonzero(total)
    svg = heatmap(
        counts[rows] / total[rows, None],
        [names[row] for row in rows],
        columns,
        counts=counts[rows],
        row_axis="missed",
        column_axis="predicted in vain on the same rows",
        greatest=1.0,
        most=MOST_DRAWN,
    )
    caption = (
        "What was predicted instead: a row per label, of the rows where it was missed; a column "
        f"per label that was predicted there and is wrong.{_cut(len(names))}"
    )
    alt = f"Labels predicted in vain where others were missed, {int(total.sum()):,} times."
    every = _pairs(counts, total, names, columns)
    named = [pair for pair in every if pair["instead"] != NOTHING]
    values = {
        "predicted_instead": {
            "classes": names,
            "missed": total,
            "counts": counts[:, :-1],
            "nothing_else": counts[:, -1],
        }
    }
    table = _pair_table(named, "missed", "predicted in vain", "of the missed")
    blocks: list[Block] = [Figure(svg, caption, alt), table]
    return Piece(blocks, values if len(names) <= 200 else {}, {"predicted_instead": every})


def _pairs(
    counts: np.ndarray, total: np.ndarray, names: Sequence[str], columns: Sequence[str]
) -> list[dict[str, Any]]:
    """Returns the pairs that occur, the most frequent first."""
    rows, others = np.nonzero(counts)
    order = np.lexsort((others, rows, -counts[rows, others]))
    return [
        {
            "missed": names[rows[at]],
            "instead": columns[others[at]],
            "rows": int(counts[rows[at], others[at]]),
            "share": float(counts[rows[at], others[at]] / total[rows[at]]),
        }
        for at in order
    ]


def _pair_table(pairs: Sequence[dict[str, Any]], missed: str, instead: str, share: str) -> Block:
    if not pairs:
        return Paragraph("None is taken for another.")
    columns = [Column(missed), Column(instead), Column("rows", "count"), Column(share, "share")]
    caption = f"The most confused, of {len(pairs):,} pairs." if len(pairs) > MOST_PAIRS else ""
    return Table(columns, [list(pair.values()) for pair in pairs[:MOST_PAIRS]], caption)


def _cut(classes: int) -> str:
    if classes <= MOST_DRAWN:
        return ""
    return f" It shows the {MOST_DRAWN} most confused of {classes}; all are in the CSV file."
