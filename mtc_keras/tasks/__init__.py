"""The kinds of task. A new kind is one class; `register_kind` makes it known."""

from mtc_keras.tasks.base import Task
from mtc_keras.tasks.classification import ClassificationTask
from mtc_keras.tasks.decision import Decision
from mtc_keras.tasks.kinds import (
    kind_named,
    kind_names,
    known_kinds,
    register_kind,
    task_from_config,
)
from mtc_keras.tasks.multiclass import Multiclass
from mtc_keras.tasks.multilabel import Multilabel
from mtc_keras.tasks.number import NumberTask
from mtc_keras.tasks.ordinal import Ordinal
from mtc_keras.tasks.regression import Regression
from mtc_keras.tasks.single_label import SingleLabelTask

__all__ = [
    "ClassificationTask",
    "Decision",
    "Multiclass",
    "Multilabel",
    "NumberTask",
    "Ordinal",
    "Regression",
    "SingleLabelTask",
    "Task",
    "kind_named",
    "kind_names",
    "known_kinds",
    "register_kind",
    "task_from_config",
]
