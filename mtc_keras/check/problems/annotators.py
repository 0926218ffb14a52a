"""Where annotators disagree, and how much of it is beyond chance.

Shapes: N rows of two annotators or more, C classes.
"""

from collections.abc import Iterator

import numpy as np

from mtc_keras.check.problems.pooled import Finding, Pooled
from mtc_keras.tasks import Task

LEAST_ALPHA = 0.4  # "moderate", Landis and Koch 1977
SHOWN = 3  # classes named in a title


def disagreement(pooled: Pooled) -> Iterator[Finding]:
    """Finds rows whose annotators do not agree, of tasks that read their votes."""
    for task in pooled.tasks:
        raters = _raters(pooled, task)
        rows = np.flatnonzero(raters > 1)
        if not len(rows):
            continue
        raters = raters[rows]
        counts = np.rint(np.nan_to_num(pooled.targets[task.name][rows]) * raters[:, None])
        tables = _tables(task, counts, raters)
        agreement = np.mean([row_agreement(table) for table in tables], axis=0)
        differ = np.flatnonzero(agreement < 1)
        if not len(differ):
            continue
        alphas = [krippendorff_alpha(table, ordered=task.has_order) for table in tables]
        alpha = float(np.nanmean(alphas))
        by_class = class_agreement(counts, raters)
        least = np.argsort(by_class, kind="stable")  # NaN last
        shown = ", ".join(
            f"{task.shown_classes[at]!r} {by_class[at]:.0%}"
            for at in least[:SHOWN]
            if not np.isnan(by_class[at])
        )
        order = differ[np.argsort(agreement[differ], kind="stable")]
        yield Finding(
            f"disagreement_{task.name}",
            "note" if alpha >= LEAST_ALPHA else "warning",
            f"{pooled.counted(rows[differ], 'row', len(rows))} on which annotators disagree: two "
            f"of them agree in {agreement.mean():.0%} of all cases (Krippendorff's alpha "
            f"{alpha:.2f}), least often on {shown}",
            len(differ),
            "no model agrees better with one of them than another one does; say in the guideline "
            "what tells these classes apart, or join them",
            about=task.name,
            places=pooled.places(rows[order]),
            table=pooled.table(
                rows[order],
                annotators=raters[order].tolist(),
                agreement=agreement[order].round(3).tolist(),
                votes=[_votes(task, counts[at]) for at in order],
            ),
        )


def _raters(pooled: Pooled, task: Task) -> np.ndarray:
    """Returns int64 of shape `(all rows,)`: annotators of each, 0 where there are no votes."""
    found = [rows.raters.get(task.name, np.zeros(len(rows), "int32")) for rows in pooled.splits]
    return np.concatenate(found).astype("int64")


def _tables(task: Task, counts: np.ndarray, raters: np.ndarray) -> list[np.ndarray]:
    """Returns votes by row and choice: one table, or of several classes one of yes and no each."""
    if (counts.sum(axis=1) == raters).all():
        return [counts]
    return [np.stack([column, raters - column], axis=1) for column in counts.T]


def row_agreement(counts: np.ndarray) -> np.ndarray:
    """Returns float64 of shape `(N,)`: the share of the pairs of a row's annotators that agree.

    Args:
        counts: of shape `(N, C)`, annotators by class, two or more in each row.
    """
    raters = counts.sum(axis=1)
    return (counts * (counts - 1)).sum(axis=1) / (raters * (raters - 1))


def class_agreement(counts: np.ndarray, raters: np.ndarray) -> np.ndarray:
    """Returns float64 of shape `(C,)`: how often another annotator chose a class that one did.

    The specific agreement of Cicchetti and Feinstein (1990), for any number of annotators; NaN for
    a class that nobody chose.

    Args:
        counts: of shape `(N, C)`, annotators by class.
        raters: of shape `(N,)`, annotators of each row, two or more.
    """
    others = (raters - 1)[:, None]
    chosen = (counts * others).sum(axis=0)
    again = (counts * (counts - 1)).sum(axis=0)
    return np.divide(again, chosen, out=np.full(len(chosen), np.nan), where=chosen > 0)


def krippendorff_alpha(counts: np.ndarray, *, ordered: bool = False) -> float:
    """Returns Krippendorff's alpha: 1 for full agreement, 0 for what chance would bring.

    Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), with its nominal or ordinal
    difference; NaN where all annotators chose one class.

    Args:
        counts: of shape `(N, C)`, annotators by class, two or more in each row.
        ordered: bool. Whether the classes are steps of a scale.
    """
    weights = 1 / (counts.sum(axis=1, keepdims=True) - 1)
    # (C, C): pairs of choices of two annotators of one row, all rows weighed by their annotators.
    together = counts.T @ (counts * weights) - np.diag((counts * weights).sum(axis=0))
    totals = together.sum(axis=1)
    number = totals.sum()
    if ordered:
        below = totals.cumsum() - totals / 2
        difference = (below[:, None] - below[None, :]) ** 2
    else:
        difference = 1.0 - np.eye(len(totals))
    expected = (np.outer(totals, totals) * difference).sum()
    if not expected:
        return float("nan")
    return float(1 - (number - 1) * (together * difference).sum() / expected)


def _votes(task: Task, counts: np.ndarray) -> str:
    """Returns the votes of a row, such as `joy 2, fear 1`."""
    order = np.argsort(-counts, kind="stable")
    chosen = [f"{task.shown_classes[at]} {int(counts[at])}" for at in order if counts[at]]
    return ", ".join(chosen)
