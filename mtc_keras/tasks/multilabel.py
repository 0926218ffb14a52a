"""Any number of classes a row, none included: one sigmoid a class."""

from typing import Any, Literal

import numpy as np
from pydantic import Field

from mtc_keras.tasks.base import ClassificationTask, class_name
from mtc_keras.tasks.columns import Cell, parsed_list

THRESHOLD = 0.5


class Multilabel(ClassificationTask):
    """A task whose rows carry any subset of C classes.

    Targets are float32 of shape `(N, C)` with 0 and 1, and NaN where a row's or a
    single class' label is missing; logits and probabilities are float32 of shape
    `(N, C)`, probabilities being their sigmoid. A class is predicted at a
    probability of 0.5 or more.

    Example:

    ```python
    task = Multilabel(name="emotions", classes=["fear", "joy"])
    task.encode([["joy"], []])[0]  # array([[0., 1.], [0., 0.]], dtype=float32)
    ```
    """

    kind: Literal["multilabel"] = Field(
        default="multilabel", description="Any number of classes a row (sigmoids)."
    )
    separator: str = Field(
        default="|", min_length=1, description="Between the class names of a text cell."
    )
    empty_cell: Literal["missing", "none"] = Field(
        default="missing",
        description='An empty text cell: no label known, or "none" of the classes.',
    )

    @property
    def missing_target(self) -> np.ndarray:
        return np.full(len(self._index), np.nan, "float32")

    def is_missing(self, cell: Cell) -> bool:
        if self.empty_cell == "none" and isinstance(cell, str):
            return False
        return super().is_missing(cell)

    def names_in(self, cell: Cell) -> list[str]:
        return [class_name(value) for value in self._values(cell)]

    def _values(self, cell: Cell) -> list[object]:
        if isinstance(cell, str):
            cell = parsed_list(cell)
        if isinstance(cell, str):
            parts = [part.strip() for part in cell.split(self.separator)]
            return [part for part in parts if part]
        if isinstance(cell, list):
            return cell
        if isinstance(cell, int) and not isinstance(cell, bool):
            return [cell]
        raise ValueError(
            f"expected a list of class names, or text separated by {self.separator!r}, "
            f"received {cell!r}"
        )

    def encode_cell(self, cell: Cell) -> np.ndarray:
        if self.path.is_vector:
            return self.vector(cell)
        indices = [self.index_of(value) for value in self._values(cell)]
        known = [index for index in indices if index is not None]
        if indices and not known:  # only classes to be ignored
            return self.missing_target
        target = np.zeros(len(self._index), "float32")
        target[known] = 1
        return target

    def class_indicator(self, targets: np.ndarray) -> np.ndarray:
        return targets == 1

    def head(self, features: Any, name: str) -> Any:
        from keras import layers

        return layers.Dense(len(self._index), dtype="float32", name=name)(features)

    def loss(self) -> Any:
        from mtc_keras.losses import MaskedBinaryCrossentropy

        return MaskedBinaryCrossentropy()

    def activate(self, logits: Any) -> Any:
        from keras import ops

        return ops.sigmoid(logits)

    @property
    def main_metric(self) -> str:
        return "f1_micro"

    def decide(self, probabilities: np.ndarray) -> np.ndarray:
        return (probabilities >= THRESHOLD).astype(self.target_dtype)

    def predicted_indicator(self, targets: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        return self.class_indicator(predictions) & ~np.isnan(targets)

    def constant_prediction(self, training_targets: np.ndarray) -> np.ndarray:
        prediction = np.zeros(len(self._index), self.target_dtype)
        prediction[self.class_indicator(training_targets).sum(axis=0).argmax()] = 1
        return prediction

    def describe(self, probabilities: np.ndarray) -> dict[str, Any]:
        chosen = np.flatnonzero(self.decide(probabilities))
        return {
            "labels": [self.shown(int(index)) for index in chosen],
            "probabilities": {
                self.shown(index): float(value) for index, value in enumerate(probabilities)
            },
        }

    def label(self, target: Any) -> list[str] | None:
        if np.isnan(target).all():
            return None
        return [self.shown(int(index)) for index in np.flatnonzero(target == 1)]
