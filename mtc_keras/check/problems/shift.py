"""Labels that are distributed in another way in one split than in training, beyond chance."""

from collections.abc import Iterator

import numpy as np

from mtc_keras.check.problems.pooled import Finding, Pooled
from mtc_keras.tasks import Task

LEVEL = 0.001  # of significance
LEAST, MUCH = 0.05, 0.2  # shift that is told, and warned of
LEAST_EXPECTED = 5.0  # rows per class that the χ² test wants; rarer classes are put together
SHOWN = 3  # classes named in a title


def shifted_labels(pooled: Pooled) -> Iterator[Finding]:
    """Finds splits whose labels differ from training's more than chance explains.

    Single labels by the χ² test, those of multilabel tasks class by class and the level divided
    by the number of classes (Bonferroni), numbers by the test of Kolmogorov and Smirnov.
    """
    train = pooled.checked.splits["train"]
    for task in pooled.tasks:
        for name in pooled.names[1:]:
            own = pooled.checked.splits[name].targets[task.name]
            found = _shift(task, train.targets[task.name], own)
            if found is None:
                continue
            shift, what, table = found
            yield Finding(
                f"shifted_{task.name}_{name}",
                "warning" if shift >= MUCH else "note",
                f"labels of {name} are distributed otherwise than those of train, beyond chance: "
                f"{what}",
                len(table),
                "scores there speak of other data than were trained; if the splits should be "
                "alike: mtc-keras check --config … --split 0.8,0.1,0.1 --pool --out-dir DIR",
                about=task.name,
                table=table,
            )


def _shift(
    task: Task, train: np.ndarray, own: np.ndarray
) -> tuple[float, str, list[dict[str, object]]] | None:
    """Returns how large the shift is, what it is, and a line per class that has shifted."""
    if not task.has_classes:
        return _shift_of_numbers(task, train, own)
    counts, totals = _counts(task, train)
    own_counts, own_totals = _counts(task, own)
    if not totals.any() or not own_totals.any():
        return None
    with np.errstate(invalid="ignore"):
        shares, own_shares = counts / totals, own_counts / own_totals
    difference = np.nan_to_num(own_shares - shares)
    is_single = bool((counts.sum() == totals).all())  # one class per row
    if is_single:
        shift = float(np.abs(difference).sum() / 2)
        if _chi_squared(counts, own_counts) >= LEVEL or shift < LEAST:
            return None
        shifted = np.flatnonzero(difference)
    else:
        level = LEVEL / len(counts)
        tests = zip(counts, totals, own_counts, own_totals, strict=True)
        chance = np.array([_two_shares(*test) for test in tests])
        shifted = np.flatnonzero((chance < level) & (np.abs(difference) >= LEAST))
        if not len(shifted):
            return None
        shift = float(np.abs(difference[shifted]).max())
    shifted = shifted[np.argsort(-np.abs(difference[shifted]), kind="stable")]
    names = task.shown_classes
    what = ", ".join(
        f"{names[at]!r} {own_shares[at]:.1%} rather than {shares[at]:.1%}" for at in shifted[:SHOWN]
    )
    table: list[dict[str, object]] = [
        {
            "class": names[at],
            "train": int(counts[at]),
            "share_of_train": round(float(shares[at]), 4),
            "split": int(own_counts[at]),
            "share_of_split": round(float(own_shares[at]), 4),
        }
        for at in shifted
    ]
    return shift, what + (", …" if len(shifted) > SHOWN else ""), table


def _shift_of_numbers(
    task: Task, train: np.ndarray, own: np.ndarray
) -> tuple[float, str, list[dict[str, object]]] | None:
    from scipy.stats import ks_2samp

    a, b = train[task.labelled(train)], own[task.labelled(own)]
    if not len(a) or not len(b):
        return None
    test = ks_2samp(a, b, method="asymp")
    shift = float(test.statistic)
    if test.pvalue >= LEVEL or shift < LEAST:
        return None
    medians = float(np.median(a)), float(np.median(b))
    what = f"a median of {medians[1]:g} rather than {medians[0]:g}, distance {shift:.2f}"
    return shift, what, [{"median_of_train": medians[0], "median_of_split": medians[1]}]


def _counts(task: Task, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns float64 of shape `(C,)` twice: rows that have each class, and that it is known of."""
    has, known = task.class_indicator(targets), task.known_cells(targets)
    return has.sum(axis=0, dtype="float64"), known.sum(axis=0, dtype="float64")


def _chi_squared(counts: np.ndarray, own: np.ndarray) -> float:
    """Returns the probability of such counts, or less alike ones, if both have one distribution."""
    from scipy.stats import chi2_contingency

    table = np.stack([counts, own])[:, counts + own > 0]
    table = table[:, np.argsort(table.sum(axis=0))]
    expected = table.sum(axis=0) * table.sum(axis=1).min() / table.sum()
    rare = expected < LEAST_EXPECTED
    table = np.concatenate([table[:, rare].sum(axis=1, keepdims=True), table[:, ~rare]], axis=1)
    table = table[:, table.sum(axis=0) > 0]
    return float(chi2_contingency(table).pvalue) if table.shape[1] > 1 else 1.0


def _two_shares(count: float, total: float, own: float, own_total: float) -> float:
    """Returns the probability of two counts, or less alike ones, by Fisher's exact test."""
    from scipy.stats import fisher_exact

    if not total or not own_total:
        return 1.0
    return float(fisher_exact([[count, total - count], [own, own_total - own]]).pvalue)
