"""Exactly one class per row: a softmax head."""

from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from mtc_keras.tasks import arrays
from mtc_keras.tasks.decision import Decision
from mtc_keras.tasks.single_label import SMALLEST, SingleLabelTask

if TYPE_CHECKING:
    import keras

    from mtc_keras.tasks.losses import MaskedLoss


class Multiclass(SingleLabelTask):
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
        default="multiclass", description="Exactly one class per row (softmax)."
    )
    loss: Literal["crossentropy", "focal", "logit_adjusted"] = Field(
        default="crossentropy",
        description="The loss: plain, focal (Lin et al. 2017), or cross-entropy of logits "
        "adjusted by the classes' frequencies (Menon et al. 2021).",
    )
    gamma: float | None = Field(
        default=None, ge=0, allow_inf_nan=False, description="γ of the focal loss; default: 2."
    )
    tau: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="τ, the strength of the logit adjustment; default: 1.",
    )
    label_smoothing: float = Field(
        default=0.0, ge=0, lt=1, description="Share of each target spread over all classes."
    )

    def model_post_init(self, context: Any) -> None:
        """Checks what involves several fields."""
        super().model_post_init(context)
        self._only_with_loss("focal", ["gamma"])
        self._only_with_loss("logit_adjusted", ["tau"])

    def head(self, features: "keras.KerasTensor", name: str) -> "keras.KerasTensor":
        return self.dense(features, len(self._index), name)

    @property
    def base_logits(self) -> np.ndarray | None:
        if self.class_counts is None or self.loss != "crossentropy":
            return None
        # Logarithms of the frequencies, shifted to a mean of 0; one label more each, for log 0.
        return np.log(self.counts + 1) - np.log(self.counts + 1).mean()

    def make_loss(self) -> "MaskedLoss":
        from mtc_keras.tasks import losses

        shared: dict[str, Any] = {
            "class_weights": self.class_weight_list,
            "label_smoothing": self.label_smoothing,
        }
        if self.loss == "focal":
            return losses.MaskedSparseCategoricalFocal(_or(self.gamma, 2.0), **shared)
        if self.loss == "logit_adjusted":
            # A class that training lacks keeps a logarithm, far below any other.
            frequencies = np.maximum(self.frequencies, SMALLEST).tolist()
            return losses.MaskedLogitAdjusted(frequencies, _or(self.tau, 1.0), **shared)
        return losses.MaskedSparseCategoricalCrossentropy(**shared)

    def constant_loss(self) -> float:
        """Returns the entropy of the classes' frequencies."""
        seen = self.frequencies[self.frequencies > 0]
        return float(-(seen * np.log(seen)).sum())

    def activate(self, logits: "keras.KerasTensor") -> "keras.KerasTensor":
        from keras import ops

        return ops.softmax(logits, axis=-1)

    def activate_array(self, logits: np.ndarray) -> np.ndarray:
        return arrays.softmax(logits)

    @property
    def main_metric(self) -> str:
        return "accuracy"

    def choose(self, probabilities: Any, decision: Decision | None, ops: ModuleType) -> Any:
        return ops.argmax(probabilities, axis=-1)


def _or(value: float | None, default: float) -> float:
    return default if value is None else value
