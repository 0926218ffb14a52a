"""A check in three lines, for the start of a training: only what is in memory by then.

Shapes: N rows, C classes.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from mtc_keras.data.rows import Rows
from mtc_keras.errors import plural
from mtc_keras.tasks import Task

FEW_ROWS = 10  # of a class, below which little can be learned of it, or told of it
NAMED = 3
ALL = "`mtc-keras check` of the same config shows all of it, and what else is odd"


def short_check(tasks: Sequence[Task], train: Rows, lengths: np.ndarray) -> list[str]:
    """Returns three lines for people: on lengths, on problems, and where all of it is.

    Args:
        tasks: the tasks.
        train: the N training rows.
        lengths: int of shape `(N,)`, the tokens of each whole text.
    """
    half, most = (int(np.quantile(lengths, share, method="higher")) for share in (0.5, 0.99))
    problems = [line for task in tasks if task.has_classes for line in _rare(task, train)]
    problems += _repeated(tasks, train)
    found = "; ".join(problems) or f"no class of under {FEW_ROWS} training rows, no text twice"
    return [
        f"texts: {plural(half, 'token')} (median), 99 % at most {most:,}, "
        f"the longest {int(lengths.max()):,}",
        f"at first sight: {found}",
        ALL,
    ]


def _rare(task: Task, train: Rows) -> Iterator[str]:
    """Yields `2 of 28 classes of emotions have under 10 training rows (grief 3, relief 8)`."""
    counts = task.class_indicator(train.targets[task.name]).sum(axis=0)
    rare = [int(label) for label in np.argsort(counts, kind="stable") if counts[label] < FEW_ROWS]
    if rare:
        shown = ", ".join(f"{task.shown_classes[at]} {counts[at]}" for at in rare[:NAMED])
        more = ", …" if len(rare) > NAMED else ""
        have = "has" if len(rare) == 1 else "have"
        yield (
            f"{len(rare):,} of {plural(len(counts), 'class')} of {task.name} {have} under "
            f"{FEW_ROWS} training rows ({shown}{more})"
        )


def _repeated(tasks: Sequence[Task], train: Rows) -> Iterator[str]:
    """Yields how many training rows repeat the text of another one, if any do."""
    order = np.argsort(train.text_keys, kind="stable")
    keys = train.text_keys[order]
    again = np.flatnonzero(keys[1:] == keys[:-1]) + 1  # places in the order
    if not len(again):
        return
    rows, before = order[again], order[again - 1]
    differs = np.zeros(len(again), bool)
    for task in tasks:
        targets = train.targets[task.name]
        differs |= _differ(task, targets[rows], targets[before])
    verb = "repeats" if len(again) == 1 else "repeat"
    line = f"{plural(len(again), 'training row')} {verb} the text of another one"
    if count := int(differs.sum()):
        line += f", {count:,} with other labels"
    yield f"{line} (first {train.where[int(rows.min())]})"


def _differ(task: Task, targets: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Returns bool of shape `(N,)`: rows whose labels are known in both, and not the same."""
    known = task.labelled(targets) & task.labelled(others)
    unlike = (targets != others) & ~(np.isnan(targets) | np.isnan(others))
    return known & (unlike if unlike.ndim == 1 else unlike.any(axis=1))
