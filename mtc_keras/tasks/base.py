"""The contract of a task: all that differs between kinds stands in one class a kind."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from mtc_keras.tasks.columns import Cell, ColumnPath, Mistake, parse_column

TASK_NAME = r"^[a-z][a-z0-9_]*$"


class Task(BaseModel, ABC):
    """One thing to predict: one column of labels, one head, one loss.

    A task is a value: a `[tasks.NAME]` table of the config, checked, and after
    `learn` also what the training rows taught (its classes). Its `kind` decides
    how cells are read, the head, the loss, the metrics and how a prediction is
    shown; code elsewhere loops over tasks and never asks for the kind.

    Arrays: `targets` hold the encoded labels of N rows in the dtype and shape of
    the kind; `-1` (integer targets) or NaN (float targets) marks *missing*, a
    label that is not known. `logits` are a head's raw float32 outputs.
    `probabilities` are what people see: `activate(logits)`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str = Field(
        pattern=TASK_NAME, description="Name of output, logs and default column: [a-z][a-z0-9_]*."
    )
    kind: str
    column: str | list[str] | None = Field(
        default=None,
        description="Where the label stands: 'name' (default: the task's name), 'name[2]', "
        "'name[0:5]', or a list of 0/1 columns.",
    )
    loss_weight: float = Field(
        default=1.0, ge=0, allow_inf_nan=False, description="Factor of this task's loss in the sum."
    )

    @field_validator("column")
    @classmethod
    def _column_parses(cls, column: str | list[str] | None) -> str | list[str] | None:
        if column is not None:
            parse_column(column)
        return column

    @cached_property
    def path(self) -> ColumnPath:
        """Where this task's label stands in a row."""
        return parse_column(self.column or self.name)

    # === Labels ===

    @abstractmethod
    def learn(self, cells: Sequence[Cell]) -> Self:
        """Returns this task with what only the training rows can tell, such as its classes.

        Args:
            cells: the label cells of all training rows.

        Raises:
            ValueError: if the rows cannot make a task (a single class, no label at all).
        """

    @abstractmethod
    def encode_cell(self, cell: Cell) -> Any:
        """Returns the target of one cell that is not missing.

        Raises:
            ValueError: with what is wrong and what would be right.
        """

    @property
    @abstractmethod
    def missing_target(self) -> Any:
        """The target of a row without a label."""

    @property
    def target_dtype(self) -> str:
        """Dtype of targets."""
        return "float32"

    def is_missing(self, cell: Cell) -> bool:
        """Whether a cell holds no label: null, an empty or blank cell, or a list of such."""
        if isinstance(cell, str):
            return not cell.strip()
        if isinstance(cell, list) and cell and self.path.is_vector:
            return all(value is None or not str(value).strip() for value in cell)
        return cell is None

    def encode(self, cells: Sequence[Cell]) -> tuple[np.ndarray, list[Mistake]]:
        """Encodes label cells.

        Args:
            cells: N label cells; `None` and blank cells are missing.

        Returns:
            The targets of N rows (a wrong cell counts as missing), and the mistakes
            as pairs of row position and message.
        """
        targets, mistakes = [], []
        for position, cell in enumerate(cells):
            target = self.missing_target
            if not self.is_missing(cell):
                try:
                    target = self.encode_cell(cell)
                except ValueError as error:
                    mistakes.append((position, str(error)))
            targets.append(target)
        shape = (len(cells), *np.shape(self.missing_target))
        return np.asarray(targets, self.target_dtype).reshape(shape), mistakes

    def labelled(self, targets: np.ndarray) -> np.ndarray:
        """Returns bool of shape `(N,)`: which rows carry a label for this task."""
        known = targets >= 0 if targets.dtype.kind == "i" else ~np.isnan(targets)
        return np.asarray(known if known.ndim == 1 else known.any(axis=-1))

    @abstractmethod
    def class_indicator(self, targets: np.ndarray) -> np.ndarray:
        """Returns bool of shape `(N, C)`: which classes a row carries, for splits and counts.

        A task without classes returns some grouping of its rows that a split should keep.
        """

    def predicted_indicator(self, targets: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        """Returns bool of shape `(N, C)`: classes predicted, where the label is known."""
        return self.class_indicator(predictions)

    # === Model ===

    @abstractmethod
    def head(self, features: Any, name: str) -> Any:
        """Adds this task's float32 head to pooled features of shape `(B, D)`; returns logits."""

    @abstractmethod
    def loss(self) -> Any:
        """Returns the `keras.losses.Loss` of this task, which leaves out missing labels."""

    @abstractmethod
    def activate(self, logits: Any) -> Any:
        """Returns probabilities (or the predicted value), float32 of the logits' shape."""

    # === Judgement ===

    @property
    @abstractmethod
    def main_metric(self) -> str:
        """Name of the metric that enters the run's score."""

    @property
    @abstractmethod
    def metric_names(self) -> tuple[str, ...]:
        """Names of the scalar metrics, in the order in which they are shown."""

    @property
    @abstractmethod
    def shown_metrics(self) -> tuple[str, ...]:
        """Names of the few metrics that tables show."""

    @abstractmethod
    def decide(self, probabilities: np.ndarray) -> np.ndarray:
        """Returns the predictions, in the form of targets, for probabilities of N rows."""

    @abstractmethod
    def score(self, targets: np.ndarray, predictions: np.ndarray) -> dict[str, Any]:
        """Returns the metrics of predictions over the labelled rows.

        Args:
            targets: encoded labels of N rows, at least one of them labelled.
            predictions: what `decide` returned for the same rows.

        Returns:
            `metric_names` as floats; kinds with classes add `classes`: for each class
            its precision, recall, f1 and support.
        """

    @abstractmethod
    def constant_prediction(self, training_targets: np.ndarray) -> np.ndarray:
        """Returns the baseline: one row's prediction, the most frequent class or the mean."""

    # === For people ===

    @abstractmethod
    def describe(self, probabilities: np.ndarray) -> dict[str, Any]:
        """Returns one row's prediction as plain values, ready for JSON."""

    @abstractmethod
    def label(self, target: Any) -> Any:
        """Returns one row's target or prediction as a plain value, `None` where missing."""

    @property
    def summary(self) -> str:
        """A few words on the task for tables and logs."""
        return self.kind


class ClassificationTask(Task):
    """What the kinds with classes share: class names, counts and metrics."""

    classes: list[str] | None = Field(
        default=None,
        min_length=2,
        description="Class names in order; read from the training rows if absent.",
    )
    num_classes: int | None = Field(
        default=None, ge=2, description="Number of classes when labels are indices 0 … n-1."
    )
    class_names: dict[str, str] = Field(
        default_factory=dict, description="What people see for a class, by class."
    )
    unknown_classes: Literal["error", "ignore"] = Field(
        default="error", description="What to do with a class that training lacks."
    )

    def model_post_init(self, context: Any) -> None:
        """Holds what no single field can tell."""
        if self.classes is not None and len(set(self.classes)) < len(self.classes):
            raise ValueError("classes must differ from each other")
        if self.classes is not None and self.num_classes not in (None, len(self.classes)):
            raise ValueError(
                f"num_classes is {self.num_classes}, but classes lists {len(self.classes)}; "
                "give one of the two"
            )
        width = len(self.path.vector_classes) if self.path.is_vector else None
        given = self.num_classes or (len(self.classes) if self.classes else None)
        if width and given and width != given:
            raise ValueError(f"column {str(self.path)!r} has {width} positions for {given} classes")
        names = list(self.class_names.values())
        if len(set(names)) < len(names):
            raise ValueError("class_names must differ from each other")
        known = self._given_classes()
        strangers = [name for name in self.class_names if known and name not in known]
        if strangers:
            raise ValueError(f"class_names gives {strangers[0]!r}, which is none of the classes")

    def _given_classes(self) -> list[str] | None:
        """Classes that need no training rows: listed, counted, or those of a vector column."""
        if self.classes is not None:
            return self.classes
        if self.path.is_vector:
            return self.path.vector_classes
        if self.num_classes is not None:
            return [str(index) for index in range(self.num_classes)]
        return None

    @cached_property
    def _index(self) -> dict[str, int]:
        if self.classes is None:
            raise ValueError(f"task {self.name!r} has no classes yet: call `learn` first")
        return {name: index for index, name in enumerate(self.classes)}

    @cached_property
    def _numbers_are_names(self) -> bool:
        """An integer cell is an index, unless the classes themselves read as integers."""
        return any(name.lstrip("-").isdigit() for name in self._index)

    @property
    def summary(self) -> str:
        """Kind and number of classes."""
        return f"{self.kind}, {len(self._index)} classes"

    @abstractmethod
    def names_in(self, cell: Cell) -> list[str]:
        """Returns the class names that one cell holds, before classes are known."""

    def learn(self, cells: Sequence[Cell]) -> Self:
        classes, unreadable = self._given_classes(), ""
        if classes is None:
            names: set[str] = set()
            for cell in cells:
                if not self.is_missing(cell):
                    try:
                        names.update(self.names_in(cell))
                    except ValueError as error:  # `encode` reports it, with its row
                        unreadable = unreadable or f" (and a cell cannot be read: {error})"
            classes = sorted(names, key=_natural)
        if len(classes) < 2:
            raise ValueError(
                f"found {len(classes)} class{'' if len(classes) == 1 else 'es'} "
                f"in column {str(self.path)!r}; a task needs two or more{unreadable}"
            )
        # Rebuilt rather than copied, so that the checks see the classes too.
        values = self.model_dump(exclude={"num_classes"})
        return type(self).model_validate({**values, "classes": classes})

    def index_of(self, value: object) -> int | None:
        """Returns the index of the class a cell's value names; `None` for an ignored one.

        Raises:
            ValueError: for an unknown class, or an index outside the classes.
        """
        name = class_name(value)
        if name in self._index:
            return self._index[name]
        problem = f"class {name!r} is unknown"
        if not self._numbers_are_names and name.lstrip("-").isdecimal():
            if 0 <= int(name) < len(self._index):
                return int(name)
            problem = f"index {name} is outside 0 … {len(self._index) - 1}"
        if self.unknown_classes == "ignore":
            return None
        from mtc_keras.errors import did_you_mean, listed

        raise ValueError(
            f"{problem}; training knows {listed(list(self._index))}."
            f"{did_you_mean(str(value), self._index)} "
            f'(unknown_classes = "ignore" makes it missing)'
        )

    def vector(self, cell: Cell) -> np.ndarray:
        """Returns float32 of shape `(C,)` with 0, 1 and NaN for a 0/1 vector cell.

        Raises:
            ValueError: if it is no such vector or of another length.
        """
        width = len(self._index)
        if not isinstance(cell, list) or len(cell) != width:
            raise ValueError(f"expected a list of {width} values 0 or 1, received {cell!r}")
        values = {None: math.nan, "": math.nan, "0": 0.0, "1": 1.0}
        try:
            return np.array(
                [values[v.strip() if isinstance(v, str) else _bit(v)] for v in cell], "float32"
            )
        except (KeyError, TypeError, ValueError):  # no text, no number, no 0 or 1
            raise ValueError(f"expected only 0, 1 or null in a vector, received {cell!r}") from None

    def shown(self, index: int) -> str:
        """Returns what people see for the class at an index."""
        name = (self.classes or [])[index]
        return self.class_names.get(name, name)

    def score(self, targets: np.ndarray, predictions: np.ndarray) -> dict[str, Any]:
        from mtc_keras.metrics import classification_metrics

        rows = self.labelled(targets)
        return classification_metrics(
            self.class_indicator(targets[rows]),
            self.predicted_indicator(targets[rows], predictions[rows]),
            list(self._index),
        )

    @property
    def metric_names(self) -> tuple[str, ...]:
        averages = [f"{m}_{a}" for m in ("precision", "recall", "f1") for a in ("micro", "macro")]
        return ("accuracy", *averages)

    @property
    def shown_metrics(self) -> tuple[str, ...]:
        return ("accuracy", "f1_micro", "f1_macro")


def class_name(value: object) -> str:
    """Returns the class name that a cell's value stands for: `2` and `2.0` are `"2"`.

    Raises:
        ValueError: if the value cannot name a class (a list, a fraction, nothing).
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise ValueError(f"expected one class name, received {value!r}")


def _bit(value: object) -> str | None:
    return None if value is None else class_name(int(value) if isinstance(value, bool) else value)


def _natural(name: str) -> tuple[bool, float, str]:
    """Sorts integers by value and before other names."""
    is_number = name.lstrip("-").isdecimal()
    return (not is_number, float(name) if is_number else 0.0, name)
