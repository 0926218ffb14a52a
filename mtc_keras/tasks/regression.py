"""A number per row: a linear head."""

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import Field

from mtc_keras.tasks.columns import Cells
from mtc_keras.tasks.number import NumberTask

if TYPE_CHECKING:
    import keras

    from mtc_keras.tasks.losses import MaskedLoss


class Regression(NumberTask):
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
        """Checks what involves several fields."""
        super().model_post_init(context)
        self._only_with_loss("huber", ["delta"])

    def learn(self, cells: Cells) -> Self:
        if self.mean is not None and self.scale is not None:
            return self
        known = self.known_numbers(cells)
        scale = float(known.std())
        # Less than float32 can tell apart is no spread but the rounding of equal numbers.
        varies = scale > float(np.finfo("float32").eps) * float(np.abs(known).max())
        measured = {"mean": float(known.mean()), "scale": scale if varies else 1.0}
        return type(self).model_validate({**self.model_dump(), **measured})

    def head(self, features: "keras.KerasTensor", name: str) -> "keras.KerasTensor":
        from keras import layers

        # Standardised inside, so that a head of small first weights starts at the mean.
        standard = self.dense(features, 1, name)  # (B, D) -> (B, 1)
        unit = layers.Rescaling(
            self.scale or 1.0, offset=self.mean or 0.0, dtype="float32", name=f"{name}_unit"
        )(standard)
        return layers.Reshape((), dtype="float32", name=f"{name}_value")(unit)  # (B,)

    def exported(self) -> dict[str, Any]:
        return {**super().exported(), "mean": self.mean, "scale": self.scale}

    @property
    def logit_unit(self) -> float:
        return self.scale or 1.0

    def evidence(
        self, logits: np.ndarray, probabilities: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns how far a window lies from the training mean, on the text's side of it."""
        mean = self.mean or 0.0
        return (logits - mean) * np.sign(probabilities - mean), np.zeros(len(logits), int)

    def make_loss(self) -> "MaskedLoss":
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

    def activate(self, logits: "keras.KerasTensor") -> "keras.KerasTensor":
        return logits

    def activate_array(self, logits: np.ndarray) -> np.ndarray:
        return logits
