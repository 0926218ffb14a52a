"""Rows of one text by several raters become one row, whose labels are all of theirs.

Shapes: N rows, G rows that they become, C classes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from mtc_keras.data.groups import NO_GROUP
from mtc_keras.data.packed import take
from mtc_keras.data.rows import Rows
from mtc_keras.errors import plural
from mtc_keras.tasks import Task

MOST_SHOWN = 3  # of rows that disagree


def joined(
    rows: Rows, tasks: Iterable[Task], keys: np.ndarray, column: str, problems: list[str]
) -> Rows:
    """Returns a row for all rows of one key.

    Its target is the mean of theirs by their weights, which for votes is the share of each class
    among the raters who answered; its weight is the mean of theirs. Text, id, place and slices are
    those of the first of them.

    Args:
        rows: N rows.
        tasks: the tasks, learned where they can be.
        keys: uint64 of shape `(N,)`. `NO_GROUP` is the key of rows that stand alone.
        column: the column of the keys, for messages.
        problems: takes messages on rows that cannot be joined.
    """
    first, number = _numbered(keys)
    if len(first) == len(rows):
        return replace(rows, told=(*rows.told, f"{rows.name}: no two rows share their {column!r}"))
    problems += _differing(rows, first[number], column)
    weights = rows.sample_weight or {}
    targets = {
        name: _mean(found, number, weights.get(name)) for name, found in rows.targets.items()
    }
    for name, found in rows.targets.items():
        if targets[name].dtype.kind == "i":
            differ = (found >= 0) & (found != targets[name][number])
            problems += _told(rows, f"tasks.{name}", differ, first[number], column)
    sizes = np.bincount(number)
    note = (
        f"{rows.name}: {len(rows):,} rows become {plural(len(first), 'row')} by their {column!r}, "
        f"each of {_range(sizes)}"
    )
    return replace(
        rows,
        texts=tuple(take(texts, first) for texts in rows.texts),
        targets=targets,
        sample_weight=rows.sample_weight and _mean_weights(rows, weights, tasks, number),
        ids=None if rows.ids is None else take(rows.ids, first),
        where=take(rows.where, first),
        groups=None if rows.groups is None else rows.groups[first],
        slices={name: take(values, first) for name, values in rows.slices.items()},
        raters=_raters(rows, tasks, number),
        told=(*rows.told, note),
    )


def _range(sizes: np.ndarray) -> str:
    least, most = int(sizes.min()), int(sizes.max())
    return plural(most, "rater") if least == most else f"{least} to {most} raters"


def _numbered(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the first row of each key, in their order, and the number of each row's key."""
    alone = np.flatnonzero(keys == NO_GROUP)
    _, first, number = np.unique(keys, return_index=True, return_inverse=True)
    number = first[number]  # what it was first met in
    number[alone] = alone
    return np.unique(number, return_inverse=True)


def _mean(targets: np.ndarray, number: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Returns the mean of the known targets of each number; of integers the first known one."""
    count = int(number.max()) + 1
    if targets.dtype.kind == "i":
        found = np.full(count, -1, targets.dtype)
        known = np.flatnonzero(targets >= 0)[::-1]  # the first is written last
        found[number[known]] = targets[known]
        return found
    columns = targets.reshape(len(targets), -1)
    found = np.empty((count, columns.shape[1]), targets.dtype)
    for index, column in enumerate(columns.T):  # one by one: little memory beside the targets
        known = ~np.isnan(column)
        weight = np.ones(known.sum()) if weights is None else weights[known].astype("float64")
        total = np.bincount(number[known], weight, count)
        equal = np.bincount(number[known], minlength=count)
        # Raters who all weigh nothing are still what is known of a row, which weighs nothing.
        weight = np.where(total[number[known]] > 0, weight, 1.0)
        total = np.where(total > 0, total, equal)
        sums = np.bincount(number[known], weight * column[known], count)
        with np.errstate(invalid="ignore"):
            found[:, index] = sums / total  # NaN where nothing is known
    return found.reshape(count, *targets.shape[1:])


def _mean_weights(
    rows: Rows, weights: Mapping[str, np.ndarray], tasks: Iterable[Task], number: np.ndarray
) -> dict[str, np.ndarray]:
    """Returns the mean weight of each number's rows that carry a task's label."""
    found = {}
    for task in tasks:
        if task.name in rows.targets:  # else it could not be learned
            labelled = task.labelled(rows.targets[task.name])
            own = np.where(labelled, weights[task.name], np.float32(np.nan))
            found[task.name] = np.nan_to_num(_mean(own, number, None), nan=1.0)
    return found


def _raters(rows: Rows, tasks: Iterable[Task], number: np.ndarray) -> dict[str, np.ndarray]:
    """Returns how many answered in the rows of each number, of tasks that read shares."""
    found = {}
    for task in tasks:
        if task.has_shares and task.name in rows.targets:
            own = task.labelled(rows.targets[task.name])  # a rater each, unless a cell has several
            counts = np.bincount(number, rows.raters.get(task.name, own))
            found[task.name] = counts.astype("int32")
    return found


def _differing(rows: Rows, first: np.ndarray, column: str) -> list[str]:
    """Returns messages on rows of one key whose texts or groups differ from the first one's."""
    differ = rows.text_keys != rows.text_keys[first]
    problems = _told(rows, "text", differ, first, column)
    if rows.groups is not None:
        problems += _told(rows, "data.group", rows.groups != rows.groups[first], first, column)
    return problems


def _told(rows: Rows, what: str, differ: np.ndarray, first: np.ndarray, column: str) -> list[str]:
    wrong = np.flatnonzero(differ)
    if not len(wrong):
        return []
    row = wrong[0]
    return [
        f"{rows.where[row]}: data.votes_by: {what} differs from that of {rows.where[first[row]]}, "
        f"which has the same {column!r}; {plural(len(wrong), 'such row')} in all. Rows of one text "
        "become one row: name a column that differs where texts do"
    ]
