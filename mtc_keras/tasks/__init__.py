"""The kinds of task. A new kind is one file here and its name in `KINDS`."""

from typing import Any

from mtc_keras.tasks.base import Task
from mtc_keras.tasks.classification import ClassificationTask
from mtc_keras.tasks.decision import Decision
from mtc_keras.tasks.multiclass import Multiclass
from mtc_keras.tasks.multilabel import Multilabel
from mtc_keras.tasks.ordinal import Ordinal
from mtc_keras.tasks.regression import Regression

KINDS: dict[str, type[Task]] = {
    "multiclass": Multiclass,
    "multilabel": Multilabel,
    "ordinal": Ordinal,
    "regression": Regression,
}


def task_from_config(config: dict[str, Any]) -> Task:
    """Returns the task that `task.model_dump()` described."""
    return KINDS[config["kind"]].model_validate(config)


__all__ = [
    "KINDS",
    "ClassificationTask",
    "Decision",
    "Multiclass",
    "Multilabel",
    "Ordinal",
    "Regression",
    "Task",
    "task_from_config",
]
