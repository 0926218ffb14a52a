"""Labels that are distributed in another way in one split than in training, beyond chance."""

from collections.abc import Iterator

import numpy as np

from mtc_keras.check.problems.pooled import Finding, Pooled
from mtc_keras.check.statistics.shifts import Shift, shifts
from mtc_keras.tasks import Task

UNLIKELY = 0.001  # by chance: a problem is told of fewer shifts than a table has
# Of the shares of a class, or of the distributions of a number: what is told, and warned of. What
# chance does not explain may still be too small to matter.
LEAST, MUCH = 0.05, 0.2
SHOWN = 3  # classes named in a title


def shifted_labels(pooled: Pooled) -> Iterator[Finding]:
    """Finds splits whose labels differ from training's by more than chance, and by some amount.

    Classes by `shifts`, numbers by the test of Kolmogorov and Smirnov.
    """
    found: dict[tuple[str, str], list[Shift]] = {}
    for shift in shifts(pooled.checked):
        if shift.p_value < UNLIKELY and abs(shift.other - shift.share) >= LEAST:
            found.setdefault((shift.task, shift.split), []).append(shift)
    for task in pooled.tasks:
        shown = dict(zip(task.known_classes, task.shown_classes, strict=True))
        for split in pooled.names[1:]:
            if not task.has_classes:
                yield from _shift_of_numbers(pooled, task, split)
            elif moved := found.get((task.name, split)):
                what = ", ".join(
                    f"{shown[shift.name]!r} {shift.other:.1%} rather than {shift.share:.1%}"
                    for shift in moved[:SHOWN]
                )
                table: list[dict[str, object]] = [
                    {
                        "class": shown[shift.name],
                        "share_of_train": round(shift.share, 4),
                        f"share_of_{split}": round(shift.other, 4),
                    }
                    for shift in moved
                ]
                most = abs(moved[0].other - moved[0].share)
                more = ", …" if len(moved) > SHOWN else ""
                yield _told(task, split, most, what + more, table)


def _shift_of_numbers(pooled: Pooled, task: Task, split: str) -> Iterator[Finding]:
    from scipy.stats import ks_2samp

    targets = (pooled.checked.splits[name].targets[task.name] for name in ("train", split))
    train, own = (numbers[task.labelled(numbers)] for numbers in targets)
    if not len(train) or not len(own):
        return
    test = ks_2samp(train, own, method="asymp")
    if test.pvalue < UNLIKELY and test.statistic >= LEAST:
        median, other = float(np.median(train)), float(np.median(own))
        what = f"a median of {other:g} rather than {median:g}"
        table: list[dict[str, object]] = [{"median_of_train": median, f"median_of_{split}": other}]
        yield _told(task, split, float(test.statistic), what, table)


def _told(
    task: Task, split: str, most: float, what: str, table: list[dict[str, object]]
) -> Finding:
    return Finding(
        f"shifted_{task.name}_{split}",
        "warning" if most >= MUCH else "note",
        f"labels of {split} that are distributed otherwise than those of train: {what}",
        len(table),
        "scores there speak of other data than were trained; if the splits should be alike: "
        "mtc-keras check --config … --split 0.8,0.1,0.1 --pool --out-dir DIR",
        about=task.name,
        table=table,
    )
