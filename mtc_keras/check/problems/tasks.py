"""Tasks that have nothing to teach: constant ones, and those without labels."""

from collections.abc import Iterator

import numpy as np

from mtc_keras.check.problems.pooled import Finding, Pooled
from mtc_keras.errors import listed, plural
from mtc_keras.tasks import Task

SHOWN = 8  # classes named in a title


def unlabelled_tasks(pooled: Pooled) -> Iterator[Finding]:
    """Finds tasks that have no label in a split."""
    for task in pooled.tasks:
        for name, rows in pooled.checked.splits.items():
            if not task.labelled(rows.targets[task.name]).any():
                yield Finding(
                    f"unlabelled_{task.name}_{name}",
                    "warning",
                    f"no row of {name} with a label",
                    len(rows),
                    f"{name} says nothing of this task; is its column called {str(task.path)!r} "
                    "there, too?",
                    about=task.name,
                    places=pooled.places(np.flatnonzero(pooled.split == pooled.names.index(name))),
                )


def constant_tasks(pooled: Pooled) -> Iterator[Finding]:
    """Finds tasks, and classes of multilabel tasks, whose training labels are all the same."""
    for task in pooled.tasks:
        rows = np.flatnonzero(pooled.training & pooled.labelled(task))
        targets = pooled.targets[task.name][rows]
        if len(rows) < 2:
            continue
        if not task.has_classes:
            if np.ptp(targets) == 0:
                yield _constant(pooled, task, rows, f"the number {targets[0]:g}")
            continue
        has, known = task.class_indicator(targets), task.known_cells(targets)
        always = (has == known).all(axis=0) & known.any(axis=0)
        if _is_single(has) and always.any():
            name = task.shown_classes[int(always.argmax())]
            yield _constant(pooled, task, rows, f"the class {name!r}")
        elif (has == has[0]).all() and known.all():
            names = [name for name, one in zip(task.shown_classes, has[0], strict=True) if one]
            yield _constant(pooled, task, rows, f"the classes {listed(names, SHOWN)}")
        elif always.any():
            classes = np.flatnonzero(always)
            names = [task.shown_classes[at] for at in classes]
            yield Finding(
                f"constant_classes_{task.name}",
                "warning",
                f"{plural(len(names), 'class')} in every training row in which it is known if "
                f"they are there: {listed(names, SHOWN)}",
                len(names),
                "nothing can be learned of a class that is never absent; are the rows without it "
                "left out, or their cells empty in place of 0?",
                about=task.name,
                places=pooled.places(rows[has[:, classes].any(axis=1)]),
                table=[
                    {"class": task.shown_classes[at], "known": int(known[:, at].sum())}
                    for at in classes
                ],
            )


def _is_single(has: np.ndarray) -> bool:
    return bool((has.sum(axis=1) == 1).all())


def _constant(pooled: Pooled, task: Task, rows: np.ndarray, what: str) -> Finding:
    return Finding(
        f"constant_{task.name}",
        "error",
        f"all {len(rows):,} labelled training rows have {what}",
        len(rows),
        f"there is nothing to learn; leave out [tasks.{task.name}], or find the rows that differ",
        about=task.name,
        places=pooled.places(rows),
    )
