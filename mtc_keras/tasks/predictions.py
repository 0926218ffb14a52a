"""Predictions as columns: one schema, whatever they are written to.

    target_TASK            the true label, where it is known
    target_TASK_shares     the share of each class, of labels that give such
    predicted_TASK         the label, the list of labels, or the number
    TASK_abstained         whether the label was left out as too unsure
    TASK_confidence        the probability that the label, or the whole list, is right
    TASK_probabilities     the probability of each class
    TASK_window            the window of a long text that decided, if it is asked for
    TASK_explanation       what each word contributed, if it is asked for

A file of JSON lines holds a row of this table per line, csv and parquet the same columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtc_keras.errors import ConfigError
from mtc_keras.tasks.base import Task
from mtc_keras.tasks.decision import Decision

COLUMNS = ("labels", "confidence", "probabilities")
DECIMALS = 4  # of numbers on the screen; files have all of a float32


@dataclass(frozen=True)
class Shown:
    """What is shown of predictions.

    Args:
        columns: of `"labels"`, `"confidence"` and `"probabilities"`; of a number the label is all
            that there is, and always shown.
        abstain_below: optional float in [0, 1]. Labels that are right with a lower probability
            are `None`.
        decimals: optional int. Decimals of numbers, for people; default: the shortest decimals
            that mean the float32.
        explain_window: bool. Whether the window of a long text that decided is shown.
        explain: optional dict from each task whose words are explained to the label that is, or
            to `None` for the most probable one.

    Raises:
        ConfigError: if a column is unknown, or `abstain_below` is no probability.
    """

    columns: tuple[str, ...] = ("labels", "probabilities")
    abstain_below: float | None = None
    decimals: int | None = None
    explain_window: bool = False
    explain: Mapping[str, str | None] | None = None

    def __post_init__(self) -> None:
        given = [self.columns] if isinstance(self.columns, str) else list(self.columns)
        if strangers := [name for name in given if name not in COLUMNS]:
            raise ConfigError(f"columns are {', '.join(COLUMNS)}; received {strangers[0]!r}")
        object.__setattr__(self, "columns", tuple(name for name in COLUMNS if name in given))
        if self.abstain_below is not None and not 0 <= self.abstain_below <= 1:
            raise ConfigError(
                f"abstain_below must lie between 0 and 1, received {self.abstain_below}"
            )


def prediction_columns(
    tasks: Sequence[Task],
    probabilities: Mapping[str, np.ndarray],
    decisions: Mapping[str, Decision],
    shown: Shown = Shown(),
) -> dict[str, list[Any]]:
    """Returns the predictions of N rows as columns of N plain values, task by task.

    Args:
        tasks: the tasks.
        probabilities: dict from task to float32 of shape `(N, C)`, or `(N,)` of a task without
            classes.
        decisions: the decisions of the tasks with probabilities.
        shown: the `Shown`.
    """
    columns: dict[str, list[Any]] = {}
    for task in tasks:
        found, decision = probabilities[task.name], decisions.get(task.name)
        labels = _labels(task, task.decide(found, decision), shown.decimals)
        if not task.has_probabilities:
            columns[f"predicted_{task.name}"] = labels
            continue
        confidence = task.confidence(found, decision)  # (N,)
        if "labels" in shown.columns:
            if shown.abstain_below is not None:
                abstained = (confidence < shown.abstain_below).tolist()
                labels = [None if a else x for a, x in zip(abstained, labels, strict=True)]
            columns[f"predicted_{task.name}"] = labels
            if shown.abstain_below is not None:
                columns[f"{task.name}_abstained"] = abstained
        if "confidence" in shown.columns:
            columns[f"{task.name}_confidence"] = _numbers(confidence, shown.decimals)
        if "probabilities" in shown.columns:
            columns[f"{task.name}_probabilities"] = [
                _by_class(task, row) for row in _numbers(found, shown.decimals)
            ]
    return columns


def target_columns(
    tasks: Sequence[Task], targets: Mapping[str, np.ndarray]
) -> dict[str, list[Any]]:
    """Returns the true labels of N rows as columns of N plain values, `None` where missing.

    Args:
        tasks: the tasks.
        targets: dict from task to encoded labels.
    """
    columns: dict[str, list[Any]] = {}
    for task in tasks:
        found = targets[task.name]
        columns[f"target_{task.name}"] = _labels(task, task.hard(found))
        if task.has_shares:
            columns[f"target_{task.name}_shares"] = [
                _by_class(task, row) if is_known else None
                for row, is_known in zip(_numbers(found), task.labelled(found), strict=True)
            ]
    return columns


def probability_cells(task: Task, found: np.ndarray, names: Sequence[str]) -> list[Any]:
    """Returns the probabilities of N rows as tables by class, and other predictions as numbers.

    Args:
        task: the task.
        found: float32 of shape `(N, C)`, or `(N,)` of a task without classes.
        names: what the C classes are called.
    """
    values = _numbers(found)
    if not task.has_classes:
        return values
    return [dict(zip(names, row, strict=True)) for row in values]


def _by_class(task: Task, values: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(task.shown_classes, values, strict=True))


def _labels(task: Task, targets: np.ndarray, decimals: int | None = None) -> list[Any]:
    """Returns encoded labels, or predictions in their form, as plain values."""
    labels = [task.label(target) for target in targets]
    if task.label_type is not float:
        return labels
    return _numbers(np.array([np.nan if x is None else x for x in labels], "float32"), decimals)


def _numbers(values: np.ndarray, decimals: int | None = None) -> list[Any]:
    """Returns float32 as the shortest decimals that mean them; NaN and infinities as `None`."""
    numbers = values.astype("float32").astype("U").astype("float64")
    if decimals is not None:
        numbers = numbers.round(decimals)
    if np.isfinite(numbers).all():
        return numbers.tolist()
    cells = numbers.astype(object)
    cells[~np.isfinite(numbers)] = None
    return cells.tolist()
