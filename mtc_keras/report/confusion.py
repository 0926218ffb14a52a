"""Which classes are taken for which others. Shapes: N rows, C classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_array, diags_array

from mtc_keras.pages import Block, Column, Figure, Paragraph, Table
from mtc_keras.pages.figures import heatmap
from mtc_keras.report.known import Known
from mtc_keras.report.piece import Piece

MOST_PAIRS = 10  # of confused classes, in the table
MOST_DRAWN = 40  # classes of a figure
MOST_STORED = 200  # classes of a matrix in report.json; the CSV file has all pairs
NOTHING = "nothing else"


def confusion(known: Known) -> Piece:
    """Returns which classes are predicted in place of which; nothing of a task without classes."""
    if not known.task.has_classes or not len(known):
        return Piece()
    return _of_one_class(known) if known.task.is_exclusive else _instead(known)


def _of_one_class(known: Known) -> Piece:
    task, names = known.task, known.task.shown_classes
    truth = task.hard(known.targets)
    size = len(names)
    # Of very many classes a row and a column each would not fit into memory.
    counts = csr_array((np.ones(len(truth), "int64"), (truth, known.predictions)), (size, size))
    support = np.bincount(truth, minlength=size)
    wrong = csr_array(counts - diags_array(counts.diagonal(), dtype="int64"))
    wrong.eliminate_zeros()
    kept = _most(wrong.sum(axis=1) + wrong.sum(axis=0))
    shown, of_shown = counts[kept][:, kept].toarray(), support[kept][:, None]
    kept_names = [names[at] for at in kept]
    svg = heatmap(
        np.where(of_shown > 0, shown / np.maximum(of_shown, 1), np.nan),
        kept_names,
        kept_names,
        counts=shown,
        row_axis="true",
        column_axis="predicted",
        greatest=1.0,
        most=MOST_DRAWN,
    )
    caption = (
        "A row per true class, a column per predicted one; colours are shares of the row, the "
        f"diagonal is right.{_cut(size)}"
    )
    alt = f"Confusion matrix of {size} classes, {int(wrong.sum()):,} rows wrong."
    blocks: list[Block] = [
        Figure(svg, caption, alt),
        _pair_table(_pairs(wrong, support, names, names), "true", "predicted", "of the class"),
    ]
    every = _pairs(counts, support, names, names)
    rows = [{"true": r["missed"], "predicted": r["instead"], "rows": r["rows"]} for r in every]
    values: dict[str, Any] = {}
    if size <= MOST_STORED:
        values = {"confusion": {"classes": names, "counts": counts.toarray()}}
    return Piece(blocks, values, {"confusion": rows})


def _instead(known: Known) -> Piece:
    """Returns what was predicted in vain on rows where a label was missed."""
    names = known.task.shown_classes
    missed = known.truth & ~known.predicted  # (N, C)
    wrong = known.predicted & ~known.truth & known.cells
    total = missed.sum(axis=0)
    if not total.any():
        return Piece([Paragraph("No label was missed.")], {"predicted_instead": {}})
    alone = ~wrong.any(axis=1, keepdims=True)  # nothing else was said in vain
    instead = csr_array(np.concatenate([wrong, alone], axis=1).astype("int64"))
    counts = csr_array(csr_array(missed.T.astype("int64")) @ instead)  # (C, C + 1)
    columns = [*names, NOTHING]
    rows, kept = _most(total), _most(counts.sum(axis=0))
    rows = rows[total[rows] > 0]
    shown = counts[rows][:, kept].toarray()
    svg = heatmap(
        shown / total[rows, None],
        [names[row] for row in rows],
        [columns[at] for at in kept],
        counts=shown,
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
    values: dict[str, Any] = {}
    if len(names) <= MOST_STORED:
        dense = counts.toarray()
        values = {
            "predicted_instead": {
                "classes": names,
                "missed": total,
                "counts": dense[:, :-1],
                "nothing_else": dense[:, -1],
            }
        }
    table = _pair_table(named, "missed", "predicted in vain", "of the missed")
    return Piece([Figure(svg, caption, alt), table], values, {"predicted_instead": every})


def _most(weights: np.ndarray) -> np.ndarray:
    """Returns the classes of a figure, those with the greatest weights, in their order."""
    return np.sort(np.argsort(-weights, kind="stable")[:MOST_DRAWN])


def _pairs(
    counts: csr_array, total: np.ndarray, names: Sequence[str], columns: Sequence[str]
) -> list[dict[str, Any]]:
    """Returns the pairs that occur, the most frequent first."""
    found = counts.tocoo()
    rows, others, numbers = found.row, found.col, found.data
    order = np.lexsort((others, rows, -numbers))
    return [
        {
            "missed": names[rows[at]],
            "instead": columns[others[at]],
            "rows": int(numbers[at]),
            "share": float(numbers[at] / total[rows[at]]),
        }
        for at in order
        if numbers[at]
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
