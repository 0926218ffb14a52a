"""Wrong labels, put among those that rows have. Shapes: N rows, C classes."""

from collections.abc import Mapping, Sequence

import numpy as np

from mtc_keras.tasks import Task

Targets = dict[str, np.ndarray]


def plant(
    tasks: Sequence[Task],
    targets: Mapping[str, np.ndarray],
    share: float,
    scheme: str,
    random: np.random.Generator,
) -> tuple[Targets, Targets]:
    """Returns targets of which some are wrong, and by task bool of shape `(N,)`: which.

    Args:
        tasks: the tasks.
        targets: by task, encoded labels of N rows.
        share: float. Share of the labelled rows (`"each"`) or of all rows (`"row"`) made wrong.
        scheme: `"each"` for errors of each task by itself, `"row"` for rows that get the labels
            of another row.
        random: what is drawn from.
    """
    if scheme == "each":
        planted = {t.name: _of_task(t, targets[t.name], share, random) for t in tasks}
    else:
        order = random.permutation(len(next(iter(targets.values()))))
        rows = order[: round(share * len(order))]
        planted = {}
        for task in tasks:
            wrong = targets[task.name].copy()
            wrong[rows] = targets[task.name][np.roll(rows, 1)]
            planted[task.name] = wrong
    return planted, {
        t.name: t.labelled(planted[t.name]) & _differ(targets[t.name], planted[t.name])
        for t in tasks
    }


def _differ(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Returns bool of shape `(N,)`: whether anything differs; missing equals missing."""
    same = (left == right) | ((left != left) & (right != right))
    return ~same if same.ndim == 1 else ~same.all(axis=1)


def _of_task(
    task: Task, targets: np.ndarray, share: float, random: np.random.Generator
) -> np.ndarray:
    """Returns the targets of a task with errors in a share of its labelled rows."""
    planted = targets.copy()
    labelled = np.flatnonzero(task.labelled(targets))
    rows = random.choice(labelled, round(share * len(labelled)), replace=False)
    if not task.has_classes:
        planted[rows] = targets[np.roll(rows, 1)]
        return planted
    counts = task.class_indicator(targets).sum(axis=0) + 1.0
    for row in rows:
        if targets.ndim == 1:
            planted[row] = _drawn(counts, np.arange(len(counts)) == targets[row], random)
        else:
            planted[row] = _wrong_set(targets[row], counts, random)
    return planted


def _wrong_set(target: np.ndarray, counts: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Returns a set of classes of which one is replaced, dropped or added."""
    wrong, carried = target.copy(), np.flatnonzero(target == 1)
    change = random.choice(["replace", "drop", "add"]) if len(carried) else "add"
    if change != "add":
        wrong[random.choice(carried)] = 0
    if change != "drop" and (target == 0).any():
        wrong[_drawn(counts, target != 0, random)] = 1
    return wrong


def _drawn(counts: np.ndarray, excluded: np.ndarray, random: np.random.Generator) -> int:
    """Returns a class, drawn by frequency, that is not excluded."""
    chances = np.where(excluded, 0.0, counts)
    return int(random.choice(len(counts), p=chances / chances.sum()))
