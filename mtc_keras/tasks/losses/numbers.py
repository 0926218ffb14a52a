"""Losses of a number per row: targets (NaN: missing) and logits of shape `(B,)`."""

from typing import Any

import keras
from keras import KerasTensor, ops

from mtc_keras.tasks.losses.masked import MaskedLoss


@keras.saving.register_keras_serializable("mtc_keras")
class MaskedMeanSquaredError(MaskedLoss):
    """Squared error in units of `scale`; targets (NaN: missing) and logits of shape `(B,)`.

    Args:
        scale: float > 0, the unit of the error, such as the standard deviation of the targets.
    """

    def __init__(self, scale: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale

    def elements(self, targets: KerasTensor, logits: KerasTensor) -> KerasTensor:
        return self.of_error((logits - targets) / self.scale)

    def of_error(self, error: KerasTensor) -> KerasTensor:
        """Returns the loss of an error in units of `scale`."""
        return ops.square(error)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable("mtc_keras")
class MaskedMeanAbsoluteError(MaskedMeanSquaredError):
    """Absolute error in units of `scale`; targets (NaN: missing) and logits of shape `(B,)`."""

    def of_error(self, error: KerasTensor) -> KerasTensor:
        return ops.abs(error)


@keras.saving.register_keras_serializable("mtc_keras")
class MaskedHuber(MaskedMeanSquaredError):
    """Huber's loss: `e² / 2` up to an error of `delta`, then `delta·(|e| - delta / 2)`.

    Args:
        delta: float > 0, in units of `scale`.
        **kwargs: as for `MaskedMeanSquaredError`.
    """

    def __init__(self, delta: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.delta = delta

    def of_error(self, error: KerasTensor) -> KerasTensor:
        size = ops.abs(error)
        linear = self.delta * (size - self.delta / 2)
        return ops.where(size <= self.delta, ops.square(error) / 2, linear)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "delta": self.delta}
