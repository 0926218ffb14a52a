"""The columns that a model adds to rows."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow  # type: ignore[import-untyped]

from mtc_keras.predict.bulk.formats import TEXT
from mtc_keras.predict.bulk.job import Options
from mtc_keras.tasks import Decision, Task

NUMBER = pyarrow.float32()
LABEL_TYPES = {str: TEXT, list[str]: pyarrow.list_(TEXT), float: NUMBER}


def prediction_columns(
    tasks: Sequence[Task],
    probabilities: Mapping[str, np.ndarray],
    decisions: Mapping[str, Decision],
    options: Options,
) -> dict[str, list[Any]]:
    """Returns the cells of N rows by column, as `prediction_types` names them.

    Args:
        tasks: the tasks.
        probabilities: what a predictor gave for N rows, by task.
        decisions: those of the tasks with probabilities.
        options: choose the columns.
    """
    columns: dict[str, list[Any]] = {}
    is_csv = options.format.startswith("csv")
    for task in tasks:
        found, decision = probabilities[task.name], decisions.get(task.name)
        labels = [task.label(target) for target in task.decide(found, decision)]
        if task.label_type is float:
            labels = _numbers(np.array([np.nan if x is None else x for x in labels], "float32"))
        if task.has_probabilities:
            confidence = task.confidence(found, decision)
            if options.abstain_below is not None:
                abstained = (confidence < options.abstain_below).tolist()
                labels = [None if a else x for a, x in zip(abstained, labels, strict=True)]
                columns[f"{task.name}_abstained"] = abstained
            columns[f"{task.name}_confidence"] = _numbers(confidence)
            names = task.shown_classes
            columns[f"{task.name}_probabilities"] = [
                dict(zip(names, row, strict=True)) for row in _numbers(found)
            ]
        columns[f"predicted_{task.name}"] = (
            [task.label_cell(x) for x in labels] if is_csv else labels
        )
    return {name: columns[name] for name in prediction_types(tasks, options)}


def prediction_types(tasks: Sequence[Task], options: Options) -> dict[str, Any]:
    """Returns the pyarrow type of each column of predictions, in order."""
    types: dict[str, Any] = {}
    for task in tasks:
        if "labels" in options.columns or not task.has_probabilities:
            types[f"predicted_{task.name}"] = LABEL_TYPES[task.label_type]
        if not task.has_probabilities:
            continue
        if "labels" in options.columns and options.abstain_below is not None:
            types[f"{task.name}_abstained"] = pyarrow.bool_()
        if "confidence" in options.columns:
            types[f"{task.name}_confidence"] = NUMBER
        if "probabilities" in options.columns:
            types[f"{task.name}_probabilities"] = pyarrow.struct(
                [(name, NUMBER) for name in task.shown_classes]
            )
    return types


def _numbers(values: np.ndarray) -> list[Any]:
    """Returns float32 as the shortest decimals that mean them; NaN and infinities as `None`."""
    decimals = values.astype("float32").astype("U").astype("float64")
    if np.isfinite(decimals).all():
        return decimals.tolist()
    cells = decimals.astype(object)
    cells[~np.isfinite(decimals)] = None
    return cells.tolist()
