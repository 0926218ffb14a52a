"""What a split keeps the shares of: each class of each task, and who has a label at all."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mtc_keras.data.rows import Rows
from mtc_keras.tasks import Task


@dataclass(frozen=True)
class Stratum:
    """Rows of which each part of a split gets its share.

    Args:
        task: the task's name.
        label: the class as people see it, or a range of numbers; `None` for all rows that have
            a label for the task.
    """

    task: str
    label: str | None = None


@dataclass(frozen=True, eq=False)
class Strata:
    """The strata of N rows.

    Args:
        of: the C strata: the classes of all tasks, and then each task's labelled rows.
        indicator: bool of shape `(N, C)`, which strata a row belongs to.
    """

    of: tuple[Stratum, ...]
    indicator: np.ndarray


def strata_of(rows: Rows, tasks: Sequence[Task]) -> Strata:
    """Returns the strata of rows by all tasks at once.

    Args:
        rows: N rows.
        tasks: the learned tasks. Of numbers, a quarter of them is a stratum.
    """
    strata, indicators = [], []
    for task in tasks:
        targets = rows.targets[task.name]
        indicator = task.class_indicator(targets)
        names = task.shown_classes or _ranges(targets, indicator)
        strata += [Stratum(task.name, name) for name in names]
        indicators.append(indicator)
    # A task with few labels keeps its share of them, also where a row has none of the classes.
    strata += [Stratum(task.name) for task in tasks]
    indicators += [task.labelled(rows.targets[task.name])[:, None] for task in tasks]
    return Strata(tuple(strata), np.concatenate(indicators, axis=1))


def _ranges(targets: np.ndarray, indicator: np.ndarray) -> list[str]:
    """Returns what the numbers of each column of an indicator are called, such as `1 to 2.5`."""
    names = []
    for at, chosen in enumerate(indicator.T, 1):
        numbers = targets[chosen]
        is_range = numbers.ndim == 1 and len(numbers)
        names.append(f"{numbers.min():g} to {numbers.max():g}" if is_range else f"group {at}")
    return names
