"""Losses of any classes per row: targets and logits of shape `(B, C)`.

Targets are 0 or 1, or the share of annotators who named the class, and NaN where missing. All of
these losses are linear in the target, so that a share's is that of its labels on average.
"""

from typing import Any

import keras
from keras import KerasTensor, ops

from mtc_keras.tasks.losses.masked import MaskedCrossentropy
from mtc_keras.tasks.losses.powers import SMALLEST, power


@keras.saving.register_keras_serializable("mtc_keras")
class MaskedBinaryCrossentropy(MaskedCrossentropy):
    """Sigmoid cross-entropy per cell; targets 0 … 1 or NaN and logits of shape `(B, C)`.

    With the target smoothed to `q = (1 - s)·y + s / 2`, and a weight `v_c` for positives of
    class c: `l = -v_c q log p - (1 - q) log(1 - p)`.

    Args:
        class_weights: optional C floats, the weight of a class' positives.
        label_smoothing: float `s` in [0, 1).
    """

    # The mean over known cells, where Keras' own binary_crossentropy averages the cells of
    # a row first, which would weigh the known cells of a half-known row more than others.

    def elements(self, targets: KerasTensor, logits: KerasTensor) -> KerasTensor:
        smoothed = targets * (1.0 - self.label_smoothing) + self.label_smoothing / 2
        positive = (
            1.0
            if self.class_weights is None
            else ops.convert_to_tensor(self.class_weights, dtype=self.dtype)
        )
        # (B, C) each: what a cell would cost as a 1 and as a 0, by how much it is either.
        ones, zeros = smoothed * self.positives(logits), (1.0 - smoothed) * self.negatives(logits)
        return positive * ones + zeros

    def positives(self, logits: KerasTensor) -> KerasTensor:
        """Returns the loss of each cell if its label were 1."""
        return ops.softplus(-logits)

    def negatives(self, logits: KerasTensor) -> KerasTensor:
        """Returns the loss of each cell if its label were 0."""
        return ops.softplus(logits)


@keras.saving.register_keras_serializable("mtc_keras")
class MaskedBinaryFocal(MaskedBinaryCrossentropy):
    """Focal loss on sigmoids: `-(1 - p)^γ log p` for a 1, `-p^γ log(1 - p)` for a 0.

    Lin et al. 2017 (arXiv 1708.02002), equation 4.

    Args:
        gamma: float ≥ 0. At 0 it is the cross-entropy.
        **kwargs: as for `MaskedBinaryCrossentropy`.
    """

    def __init__(self, gamma: float = 2.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gamma = gamma

    def positives(self, logits: KerasTensor) -> KerasTensor:
        return power(ops.sigmoid(-logits), self.gamma) * ops.softplus(-logits)

    def negatives(self, logits: KerasTensor) -> KerasTensor:
        return power(ops.sigmoid(logits), self.gamma) * ops.softplus(logits)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gamma": self.gamma}


@keras.saving.register_keras_serializable("mtc_keras")
class MaskedAsymmetric(MaskedBinaryCrossentropy):
    """Asymmetric loss: easy negatives count little, very easy ones nothing.

    Ridnik et al. 2021 (arXiv 2009.14119), equation 7, with `p_m = max(p - m, 0)`:
    `-(1 - p)^γ₊ log p` for a 1, `-p_m^γ₋ log(1 - p_m)` for a 0.

    Args:
        gamma_positive: float ≥ 0, `γ₊`.
        gamma_negative: float ≥ 0, `γ₋`.
        margin: float in [0, 1), `m`: negatives below this probability have no loss.
        **kwargs: as for `MaskedBinaryCrossentropy`.
    """

    def __init__(
        self,
        gamma_positive: float = 0.0,
        gamma_negative: float = 4.0,
        margin: float = 0.05,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.gamma_positive = gamma_positive
        self.gamma_negative = gamma_negative
        self.margin = margin

    def positives(self, logits: KerasTensor) -> KerasTensor:
        return power(ops.sigmoid(-logits), self.gamma_positive) * ops.softplus(-logits)

    def negatives(self, logits: KerasTensor) -> KerasTensor:
        shifted = ops.relu(ops.sigmoid(logits) - self.margin)
        # log(1 - p) = -softplus(logit) is exact where 1 - p would lose its digits.
        if self.margin == 0:
            surprise = ops.softplus(logits)
        else:
            surprise = -ops.log(ops.maximum(1.0 - shifted, SMALLEST))
        return power(shifted, self.gamma_negative) * surprise

    def get_config(self) -> dict[str, Any]:
        own = {
            "gamma_positive": self.gamma_positive,
            "gamma_negative": self.gamma_negative,
            "margin": self.margin,
        }
        return {**super().get_config(), **own}
