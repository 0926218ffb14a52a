"""Classes that have few rows, or none where they are trained or judged."""

from collections.abc import Iterator, Sequence

import numpy as np

from mtc_keras.check.problems.pooled import Finding, Pooled
from mtc_keras.errors import listed, plural
from mtc_keras.tasks import Task

FEW = 10  # training rows
SHOWN = 8  # classes named in a title


def rare_classes(pooled: Pooled) -> Iterator[Finding]:
    """Finds classes of which few rows, or none, are trained."""
    for task, counts in _counts(pooled):
        own, names = counts[0], task.shown_classes
        absent, few = np.flatnonzero(own == 0), np.flatnonzero((own > 0) & (own < FEW))
        if len(absent):
            yield Finding(
                f"untrained_classes_{task.name}",
                "warning",
                f"{_of(absent, names)} in no training row: {_named(task, absent)}",
                len(absent),
                "they are never predicted; add rows of them, or take them out of "
                f"tasks.{task.name}.classes",
                about=task.name,
                places=_first_rows(pooled, task, absent),
                table=_table(pooled, task, counts, absent),
            )
        if len(few):
            few = few[np.argsort(own[few], kind="stable")]
            shown = ", ".join(f"{names[at]!r} {own[at]:,}" for at in few[:SHOWN])
            yield Finding(
                f"rare_classes_{task.name}",
                "warning",
                f"{_of(few, names)} in fewer than {FEW} training rows: {shown}"
                + (", …" if len(few) > SHOWN else ""),
                len(few),
                "add rows of them, join them with others, or do without them: list the other "
                f'classes in tasks.{task.name} and set unknown_classes = "ignore"',
                about=task.name,
                places=_first_rows(pooled, task, few),
                table=_table(pooled, task, counts, few),
            )


def unjudged_classes(pooled: Pooled) -> Iterator[Finding]:
    """Finds classes that are trained, but never occur in a split that is judged."""
    for task, counts in _counts(pooled):
        judged = [
            at for at, split in enumerate(pooled.names) if at and _is_labelled(pooled, task, split)
        ]
        if not judged:
            continue
        lacking = (counts[0] > 0) & (counts[judged] == 0).any(axis=0)
        everywhere = lacking & (counts[1:] == 0).all(axis=0)
        for name, which, where in (
            ("classes_of_training_only", everywhere, "in training rows alone"),
            ("unjudged_classes", lacking & ~everywhere, "without a row in a split that is judged"),
        ):
            found = np.flatnonzero(which)
            if not len(found):
                continue
            of_splits = [
                f"{pooled.names[at]} lacks {int((counts[at][found] == 0).sum()):,}"
                for at in judged
                if (counts[at][found] == 0).any()
            ]
            detail = "" if which is everywhere else f" ({', '.join(of_splits)})"
            yield Finding(
                f"{name}_{task.name}",
                "note",
                f"{len(found):,} of {plural(len(counts[0]), 'class')} {where}{detail}: "
                f"{_named(task, found)}",
                len(found),
                "how well they are predicted cannot be told; mtc-keras check --config … --split "
                "0.8,0.1,0.1 --pool --out-dir DIR gives each class its share",
                about=task.name,
                places=_first_rows(pooled, task, found),
                table=_table(pooled, task, counts, found),
            )


def _counts(pooled: Pooled) -> Iterator[tuple[Task, np.ndarray]]:
    """Yields each task with classes, and int64 of shape `(S, C)`: rows by split and class."""
    indicators = pooled.checked.indicators
    for task in pooled.tasks:
        if task.has_classes:
            rows = [indicators[name][task.name].sum(axis=0) for name in pooled.names]
            yield task, np.array(rows, "int64")


def _is_labelled(pooled: Pooled, task: Task, split: str) -> bool:
    return bool(task.labelled(pooled.checked.splits[split].targets[task.name]).any())


def _named(task: Task, classes: np.ndarray) -> str:
    return listed([task.shown_classes[at] for at in classes], SHOWN)


def _of(classes: np.ndarray, names: Sequence[str]) -> str:
    return f"{len(classes):,} of {plural(len(names), 'class')}"


def _first_rows(pooled: Pooled, task: Task, classes: np.ndarray) -> tuple[str, ...]:
    """Returns where the first rows of some classes stand."""
    has = task.class_indicator(pooled.targets[task.name])[:, classes].any(axis=1)
    return pooled.places(np.flatnonzero(has))


def _table(
    pooled: Pooled, task: Task, counts: np.ndarray, classes: np.ndarray
) -> list[dict[str, object]]:
    return [
        {"class": task.shown_classes[at]}
        | {name: int(counts[split, at]) for split, name in enumerate(pooled.names)}
        for at in classes
    ]
