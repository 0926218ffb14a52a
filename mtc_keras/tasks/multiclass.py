"""Exactly one class a row: a softmax head."""

from typing import Any, Literal

import numpy as np
from pydantic import Field

from mtc_keras.tasks.base import ClassificationTask, class_name
from mtc_keras.tasks.columns import Cell


class Multiclass(ClassificationTask):
    """A task whose rows carry exactly one of C classes.

    Targets are int32 of shape `(N,)`, `-1` where missing; logits and probabilities
    are float32 of shape `(N, C)`, probabilities being their softmax.

    Example:

    ```python
    task = Multiclass(name="sentiment", classes=["negative", "positive"])
    task.encode(["positive", None])[0]  # array([ 1, -1], dtype=int32)
    ```
    """

    kind: Literal["multiclass"] = Field(
        default="multiclass", description="Exactly one class a row (softmax)."
    )

    @property
    def missing_target(self) -> int:
        return -1

    @property
    def target_dtype(self) -> str:
        return "int32"

    def names_in(self, cell: Cell) -> list[str]:
        return [class_name(_single(cell))]

    def encode_cell(self, cell: Cell) -> int:
        if self.path.is_vector:
            ones = np.flatnonzero(self.vector(cell) == 1)
            if len(ones) != 1:
                raise ValueError(f"expected exactly one 1 in the vector, received {cell!r}")
            return int(ones[0])
        index = self.index_of(_single(cell))
        return -1 if index is None else index

    def class_indicator(self, targets: np.ndarray) -> np.ndarray:
        return targets[:, None] == np.arange(len(self._index))

    def head(self, features: Any, name: str) -> Any:
        from keras import layers

        return layers.Dense(len(self._index), dtype="float32", name=name)(features)

    def loss(self) -> Any:
        from mtc_keras.losses import MaskedSparseCategoricalCrossentropy

        return MaskedSparseCategoricalCrossentropy()

    def activate(self, logits: Any) -> Any:
        from keras import ops

        return ops.softmax(logits, axis=-1)

    @property
    def main_metric(self) -> str:
        return "accuracy"

    def decide(self, probabilities: np.ndarray) -> np.ndarray:
        return probabilities.argmax(axis=-1).astype(self.target_dtype)

    def constant_prediction(self, training_targets: np.ndarray) -> np.ndarray:
        frequent = self.class_indicator(training_targets).sum(axis=0).argmax()
        return np.asarray(frequent, self.target_dtype)

    def describe(self, probabilities: np.ndarray) -> dict[str, Any]:
        best = int(probabilities.argmax())
        return {"label": self.shown(best), "probability": float(probabilities[best])}

    def label(self, target: Any) -> str | None:
        return None if target < 0 else self.shown(int(target))


def _single(cell: Cell) -> Cell:
    """Returns the only label of a cell; a list of one is read as that one."""
    if isinstance(cell, list):
        if len(cell) != 1:
            raise ValueError(
                f"expected one label, received {len(cell)}: {cell!r}; "
                'kind = "multilabel" takes several'
            )
        return cell[0]
    return cell
