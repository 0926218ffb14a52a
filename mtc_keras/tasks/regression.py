"""A number a row: a linear head."""

import math
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field

from mtc_keras.tasks.base import Task
from mtc_keras.tasks.columns import Cell, Cells, Mistake
from mtc_keras.tasks.decision import Decision

LARGEST = float(np.finfo("float32").max)


class Regression(Task):
    """A task whose rows carry a number.

    Targets, logits and predictions are float32 of shape `(N,)`, in the user's unit;
    NaN marks a missing target. The loss is that of the error in standard deviations of
    the training targets, so that the task's unit does not weigh it against the others.

    Example:

    ```python
    task = Regression(name="stars").learn([1, 5, None])
    task.encode(["4.5", None])[0]  # array([4.5, nan], dtype=float32)
    ```
    """

    kind: Literal["regression"] = Field(
        default="regression", description="One number per row (linear)."
    )
    loss: Literal["mse", "huber", "mae"] = Field(
        default="mse", description="The loss of the standardised error: squared, Huber, absolute."
    )
    delta: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Error in standard deviations at which Huber's loss turns linear; default: 1.",
    )
    mean: float | None = Field(
        default=None, allow_inf_nan=False, description="Mean of the training targets; measured."
    )
    scale: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Standard deviation of the training targets; measured.",
    )

    def model_post_init(self, context: Any) -> None:
        """Holds what no single field can tell."""
        if self.path.is_vector:
            raise ValueError(f"column {str(self.path)!r} has several values; a regression has one")
        self._only_with_loss("huber", ["delta"])

    @property
    def missing_target(self) -> float:
        return math.nan

    def learn(self, cells: Cells) -> Self:
        if self.mean is not None and self.scale is not None:
            return self
        targets, mistakes = self.encode(cells)
        known = targets[self.labelled(targets)].astype("float64")
        if not len(known):
            first = f": {mistakes[0][1]}" if mistakes else ""
            raise ValueError(
                f"column {str(self.path)!r} holds no number in any training row{first}"
            )
        scale = float(known.std())
        measured = {"mean": float(known.mean()), "scale": scale if scale > 0 else 1.0}
        return type(self).model_validate({**self.model_dump(), **measured})

    def encode(self, cells: Cells) -> tuple[np.ndarray, list[Mistake]]:
        if isinstance(cells, np.ndarray) and cells.dtype == self.target_dtype:
            return cells, []
        # Numbers, unlike classes, are seldom equal; so they are read all at once.
        if set(map(type, cells)) <= {int, float, type(None)}:
            try:
                numbers = np.array([math.nan if c is None else c for c in cells], "float64")
            except OverflowError:
                return super().encode(cells)
            known = np.array([cell is not None for cell in cells], bool)
            if (abs(numbers[known]) <= LARGEST).all():
                return numbers.astype(self.target_dtype), []
        return super().encode(cells)

    def encode_cell(self, cell: Cell) -> float:
        number = math.nan
        if isinstance(cell, (int, float, str)) and not isinstance(cell, bool):
            try:
                number = float(cell)
            except (ValueError, OverflowError):
                number = math.nan
        if not abs(number) <= LARGEST:
            raise ValueError(f"expected a number, received {cell!r}")
        return number

    def class_indicator(self, targets: np.ndarray) -> np.ndarray:
        known = targets[self.labelled(targets)]
        edges = np.quantile(known, [0.25, 0.5, 0.75]) if len(known) else np.zeros(3)
        quarter = np.where(self.labelled(targets), np.searchsorted(edges, targets), -1)
        return quarter[:, None] == np.arange(4)

    def head(self, features: Any, name: str) -> Any:
        from keras import layers

        # Standardised inside, so that a head of small first weights starts at the mean.
        standard = self.dense(features, 1, name)
        unit = layers.Rescaling(
            self.scale or 1.0, offset=self.mean or 0.0, dtype="float32", name=f"{name}_unit"
        )(standard)
        return layers.Reshape((), dtype="float32", name=f"{name}_value")(unit)

    def make_loss(self) -> Any:
        from mtc_keras.tasks import losses

        scale = self.scale or 1.0
        if self.loss == "huber":
            return losses.MaskedHuber(1.0 if self.delta is None else self.delta, scale=scale)
        if self.loss == "mae":
            return losses.MaskedMeanAbsoluteError(scale=scale)
        return losses.MaskedMeanSquaredError(scale=scale)

    def constant_loss(self) -> float:
        """Returns 1, the variance of standardised targets."""
        return 1.0

    @property
    def loss_factor(self) -> float:
        return 0.5 if self.loss == "mse" else 1.0

    def activate(self, logits: Any) -> Any:
        return logits

    @property
    def main_metric(self) -> str:
        return "r2"

    @property
    def metric_names(self) -> tuple[str, ...]:
        return ("mae", "rmse", "r2")

    @property
    def shown_metrics(self) -> tuple[str, ...]:
        return self.metric_names

    def choose(self, probabilities: Any, decision: Decision | None, ops: Any) -> Any:
        return probabilities

    def serve(self, probabilities: Any, decision: Decision | None = None) -> dict[str, Any]:
        """Returns `value`, the number predicted."""
        return {"value": probabilities}

    def score(self, targets: np.ndarray, predictions: np.ndarray) -> dict[str, Any]:
        from mtc_keras.tasks.metrics import regression_metrics

        rows = self.labelled(targets)
        return regression_metrics(targets[rows], predictions[rows])

    def constant_prediction(self, training_targets: np.ndarray) -> np.ndarray:
        return np.asarray(np.nanmean(training_targets), self.target_dtype)

    def describe(
        self,
        probabilities: np.ndarray,
        decision: Decision | None = None,
        abstain_below: float | None = None,
    ) -> dict[str, Any]:
        return {"value": float(probabilities)}

    @property
    def label_type(self) -> type[float]:
        return float

    def label(self, target: Any) -> float | None:
        return None if np.isnan(target) else float(target)
