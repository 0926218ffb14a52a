"""Texts that stand in several rows, and what these rows are labelled with."""

from collections.abc import Iterator

import numpy as np

from mtc_keras.check.problems.pooled import Finding, Pooled
from mtc_keras.errors import plural
from mtc_keras.files import json_line
from mtc_keras.tasks import Task

MANY = 0.1  # of the rows of a split
MANY_CONTRADICT = 0.01  # of a task's rows
LEAST_DIFFERENCE = 0.5  # of the numbers of one text, in standard deviations


def duplicates(pooled: Pooled) -> Iterator[Finding]:
    """Finds rows whose text stands in an earlier row of the same split."""
    _, number = np.unique(pooled.keys, return_inverse=True)
    group = number * len(pooled.names) + pooled.split
    _, first, group = np.unique(group, return_index=True, return_inverse=True)
    rows = np.flatnonzero(first[group] != np.arange(len(pooled)))
    if not len(rows):
        return
    sizes = np.bincount(pooled.split, minlength=len(pooled.names))
    repeated = np.bincount(pooled.split[rows], minlength=len(pooled.names))
    many = bool((repeated > MANY * sizes).any())
    yield Finding(
        "duplicates",
        "warning" if many else "note",
        f"{pooled.counted(rows, 'row', len(pooled))} with the text of an earlier row of their "
        "split, but for case and blanks",
        len(rows),
        "fine where people do write so; else leave the repeats out: what is there n times weighs "
        "n times",
        places=pooled.places(rows),
        table=pooled.table(rows, same_text_as=[pooled.where(first[group[row]]) for row in rows]),
    )


def contradictions(pooled: Pooled) -> Iterator[Finding]:
    """Finds, for each task, rows of one text whose labels differ; missing ones differ from none."""
    _, group = np.unique(pooled.keys, return_inverse=True)
    for task in pooled.tasks:
        conflicting = _conflicting(pooled, task, group)
        rows = np.flatnonzero(conflicting[group] & pooled.labelled(task))
        if not len(rows):
            continue
        rows = rows[np.argsort(group[rows], kind="stable")]
        texts = int(conflicting.sum())
        many = len(rows) > MANY_CONTRADICT * pooled.labelled(task).sum()
        yield Finding(
            f"contradictions_{task.name}",
            "warning" if many else "note",
            f"{plural(texts, 'text')} with labels that differ from row to row, in "
            f"{pooled.counted(rows, 'row')}",
            texts,
            "no model can be right for all of these rows: correct them, or train on the share of "
            f"each label: data.votes_by = {json_line(pooled.checked.config.data.text_columns[0])}",
            about=task.name,
            places=pooled.places(np.sort(rows)),
            table=pooled.table(rows, number=_numbers(group[rows]), label=pooled.labels(task, rows)),
        )


def _conflicting(pooled: Pooled, task: Task, group: np.ndarray) -> np.ndarray:
    """Returns bool of shape `(G,)`: whether labels of a group's rows differ."""
    targets, count = pooled.targets[task.name], int(group.max(initial=-1)) + 1
    if not task.has_classes:
        known = pooled.labelled(task)
        numbers, own = targets[known].astype("float64"), group[known]
        low, high = np.full(count, np.inf), np.full(count, -np.inf)
        np.minimum.at(low, own, numbers)
        np.maximum.at(high, own, numbers)
        return high - low > LEAST_DIFFERENCE * float(numbers.std()) if len(numbers) else low > high
    has, known = task.class_indicator(targets), task.known_cells(targets)
    conflicting = np.zeros(count, bool)
    for column, is_known in zip(has.T, known.T, strict=True):  # little memory beside the targets
        positive = np.bincount(group, column & is_known, count)
        conflicting |= (positive > 0) & (positive < np.bincount(group, is_known, count))
    return conflicting


def _numbers(group: np.ndarray) -> list[int]:
    """Returns numbers from 1 for values in the order in which they are met, equal for equal."""
    return (1 + np.cumsum(np.diff(group, prepend=group[:1]) != 0)).tolist()
