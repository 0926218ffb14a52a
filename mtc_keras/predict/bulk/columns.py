"""What parquet and csv need to know of the columns that a model adds to rows."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow  # type: ignore[import-untyped]

from mtc_keras.predict.bulk.formats import TEXT
from mtc_keras.tasks import Task
from mtc_keras.tasks.predictions import Shown

NUMBER = pyarrow.float32()
LABEL_TYPES = {str: TEXT, list[str]: pyarrow.list_(TEXT), float: NUMBER}


def prediction_types(tasks: Sequence[Task], shown: Shown) -> dict[str, Any]:
    """Returns the pyarrow type of each column that `prediction_columns` returns, in order."""
    types: dict[str, Any] = {}
    for task in tasks:
        if "labels" in shown.columns or not task.has_probabilities:
            types[f"predicted_{task.name}"] = LABEL_TYPES[task.label_type]
        if not task.has_probabilities:
            continue
        if "labels" in shown.columns and shown.abstain_below is not None:
            types[f"{task.name}_abstained"] = pyarrow.bool_()
        if "confidence" in shown.columns:
            types[f"{task.name}_confidence"] = NUMBER
        if "probabilities" in shown.columns:
            types[f"{task.name}_probabilities"] = pyarrow.struct(
                [(name, NUMBER) for name in task.shown_classes]
            )
    return types


def csv_columns(tasks: Sequence[Task], columns: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """Returns columns of predictions with their labels as csv has them, which knows no lists."""
    cells = dict(columns)
    for task in tasks:
        name = f"predicted_{task.name}"
        if name in cells:
            cells[name] = [task.label_cell(label) for label in cells[name]]
    return cells
