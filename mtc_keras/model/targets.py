"""What users hand in as `y` and `sample_weight` becomes arrays by task, or one error.

Numbers are encoded targets, as `Task.encode` returns them; names of classes go through that
very method. Shapes: N rows, C classes.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import pandas

from mtc_keras.data.blocks import plain_cells
from mtc_keras.data.readings import Readings
from mtc_keras.errors import DataError, did_you_mean, listed, plural
from mtc_keras.model.keras_losses import OtherLoss
from mtc_keras.tasks import Task
from mtc_keras.tasks.columns import Cell
from mtc_keras.tasks.distinct import DistinctCells
from mtc_keras.tasks.losses import MaskedLoss

Losses = Mapping[str, keras.losses.Loss]
Arrays = dict[str, np.ndarray]
MOST_SHOWN = 5


def read_targets(tasks: Sequence[Task], losses: Losses, y: Any, rows: int) -> Arrays:
    """Returns targets by task.

    Args:
        tasks: the model's tasks.
        losses: the losses it was compiled with, by task. For one that takes a share of each
            class, numbers are its own affair: of them only the number of rows is looked at.
        y: dict or DataFrame from task to N targets or class names; of a model of one task also
            the targets alone. Tasks may be left out.
        rows: int. Number of rows `N` that `x` has.

    Returns:
        dict from task to targets, as `Task.encode` returns them.

    Raises:
        ValueError: if `y` names no task, or its values are no targets of N rows.
    """
    known = {task.name: task for task in tasks}
    found = {}
    for name, values in by_task("y", tasks, y).items():
        task = known[name]
        try:
            found[name] = _targets(task, values, is_masked(losses, task))
        except DataError as error:
            raise DataError(f"y[{name!r}]: {error.headline}", error.problems) from None
        except ValueError as error:
            raise ValueError(f"y[{name!r}]: {error}") from None
        _check_rows(f"y[{name!r}]", found[name], rows)
    return found


def is_masked(losses: Losses, task: Task) -> bool:
    """Whether a task's loss is, or will be, one that reads the task's own form of targets."""
    loss = losses.get(task.name)
    if isinstance(loss, OtherLoss):
        return not loss.takes_soft_targets
    return loss is None or isinstance(loss, MaskedLoss)


def by_task(what: str, tasks: Sequence[Task], given: Any) -> dict[str, Any]:
    """Returns what was handed in by the names of tasks.

    Args:
        what: the argument's name, for messages.
        tasks: the model's tasks.
        given: a dict or DataFrame by task; of a model of one task also that task's values.

    Raises:
        ValueError: if it names no task, or something else, or says not which task is meant.
    """
    names = [task.name for task in tasks]
    if isinstance(given, pandas.DataFrame) and (len(tasks) > 1 or set(given.columns) & set(names)):
        given = {str(column): given[column] for column in given.columns}
    if not isinstance(given, Mapping):
        if len(tasks) == 1 and not isinstance(given, tuple) and given is not None:
            return {names[0]: given}
        kind = "None" if given is None else f"a {type(given).__name__}"
        raise ValueError(
            f"{what} must be a dict by task, such as {{{names[0]!r}: …}}. "
            f"Tasks: {listed(names)}. Received: {kind}"
        )
    if strangers := [name for name in given if name not in names]:
        raise ValueError(
            f"{what} must name the model's tasks {listed(names)}. "
            f"Received: {listed([str(name) for name in strangers])}."
            f"{did_you_mean(str(strangers[0]), names)}"
        )
    if not given:
        raise ValueError(f"{what} names none of the model's tasks {listed(names)}")
    return dict(given)


def read_sample_weight(tasks: Sequence[Task], given: Any, rows: int) -> Arrays | np.ndarray | None:
    """Returns the weights of rows as arrays.

    Args:
        tasks: the model's tasks.
        given: `None`, N numbers, or a dict or DataFrame of such by task.
        rows: int. Number of rows `N` that `x` has.

    Returns:
        `None`, float32 of shape `(N,)`, or a dict of such by task.

    Raises:
        ValueError: if it names no task, or the numbers are no weights of N rows.
    """
    if given is None:
        return None
    if isinstance(given, (Mapping, pandas.DataFrame)):
        return {
            name: _weights(f"sample_weight[{name!r}]", values, rows)
            for name, values in by_task("sample_weight", tasks, given).items()
        }
    return _weights("sample_weight", given, rows)


def _weights(what: str, values: Any, rows: int) -> np.ndarray:
    try:
        weights = np.asarray(values, "float32")
    except (TypeError, ValueError):
        raise ValueError(f"{what} must hold one number per row") from None
    if weights.ndim == 2 and weights.shape[1] == 1:
        weights = weights[:, 0]
    if weights.ndim != 1:
        raise ValueError(f"{what} must have the shape (N,). Received: shape {weights.shape}")
    _check_rows(what, weights, rows)
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(wrong):
        raise ValueError(
            f"{what} must be finite and not below 0. Received: {weights[wrong[0]]} in row "
            f"{wrong[0]}; {plural(len(wrong), 'such row')} in all"
        )
    return weights


def _check_rows(what: str, values: np.ndarray, rows: int) -> None:
    if len(values) != rows:
        raise ValueError(f"{what} has {plural(len(values), 'row')}, but x has {rows:,}")


def _targets(task: Task, values: Any, masked: bool) -> np.ndarray:
    if isinstance(values, pandas.DataFrame):
        values = _in_order_of_classes(task, values)
    found = _array_or_cells(values)
    if isinstance(found, list):
        return _encoded(task, found)
    if found.ndim == 0:
        raise ValueError(f"must have one target per row. Received: {found.item()!r}")
    return task.read_targets(found) if masked else found


def _in_order_of_classes(task: Task, frame: pandas.DataFrame) -> pandas.DataFrame:
    """Returns one column per class in the order of the classes, whatever that of the frame."""
    if frame.shape[1] == 1:
        return frame
    columns = [str(column) for column in frame.columns]
    classes = task.known_classes
    if sorted(columns) != sorted(classes):
        raise ValueError(
            f"the columns of a DataFrame must be the classes {listed(classes)}. "
            f"Received: {listed(columns)}"
        )
    return frame.set_axis(columns, axis=1)[classes]


def _encoded(task: Task, cells: list[Cell]) -> np.ndarray:
    """Returns the targets of labels, as a file would have them."""
    targets, mistakes = task.encode(cells)
    if mistakes:
        raise DataError(
            f"{plural(len(mistakes), 'label')} cannot be read",
            [f"row {row}: {problem}" for row, problem in mistakes[:MOST_SHOWN]],
        )
    _tell(task, cells)
    return targets


def _tell(task: Task, cells: list[Cell]) -> None:
    """Warns of labels that are read as something else than what stands in them."""
    if not task.has_classes:
        return
    distinct, readings = DistinctCells(), Readings(task.name)
    numbers = distinct.numbers(cells)
    readings.add_all(task, distinct.cells, numbers)
    for line in readings.report([f"row {row}" for row in range(len(cells))]):
        warnings.warn(line, stacklevel=2)


def _array_or_cells(values: Any) -> np.ndarray | list[Cell]:
    """Returns numbers as an array, NaN where missing, and labels of any other form as cells."""
    if isinstance(values, pandas.Series) and isinstance(values.dtype, pandas.CategoricalDtype):
        return plain_cells(values.tolist())  # categories are labels, even if they are numbers
    if not isinstance(values, list):
        values = np.asarray(values)
        if values.dtype.kind in "biuf":
            return values
        if values.dtype.kind not in "OUT":  # dates, bytes: `tolist` would make numbers of some
            raise ValueError(f"must hold numbers or class names. Received: {values.dtype}")
        if values.ndim == 2 and values.shape[1] == 1:
            values = values[:, 0]
        values = values.tolist()
    if not isinstance(values, list):
        raise ValueError(f"must have one target per row. Received: a {type(values).__name__}")
    cells = plain_cells(values)
    kinds = set(map(type, cells)) - {type(None)}
    if str in kinds and kinds & {int, float, bool}:
        raise ValueError(
            "holds class names and numbers; numbers are positions of classes, so that only one "
            "of the two can be meant"
        )
    partly_bool = kinds == {bool} and None in cells  # an array would make numbers of them
    if str in kinds or dict in kinds or not kinds or partly_bool or _hold_names(cells):
        return cells
    return _numbers(cells)


def _hold_names(cells: list[Cell]) -> bool:
    """Whether lists hold class names, or nothing at all: no class."""
    lists = [cell for cell in cells if isinstance(cell, list)]
    return bool(lists) and (not any(lists) or any(map(_names_some, lists)))


def _names_some(values: list[Any]) -> bool:
    """Whether a list holds the name of a class, an annotator's object, or a list of such."""
    return any(
        isinstance(value, (str, dict)) or (isinstance(value, list) and _names_some(value))
        for value in values
    )


def _numbers(cells: list[Cell]) -> np.ndarray:
    """Returns numbers, or lists of one length of such, as an array with NaN for `None`."""
    try:
        array = np.asarray(_nan_for_none(cells))
    except ValueError:
        raise ValueError(
            "its rows hold different numbers of values; give an array of shape (N, C) with 0 and "
            "1 or with shares, lists of class names as text, or what task.encode makes of the cells"
        ) from None
    if array.dtype.kind not in "biuf":
        kind = next(type(cell).__name__ for cell in cells if cell is not None)
        raise ValueError(f"must hold numbers or class names. Received: {kind}")
    return array


def _nan_for_none(cells: Any) -> Any:
    if isinstance(cells, list):
        return [_nan_for_none(cell) for cell in cells]
    return np.nan if cells is None else cells
