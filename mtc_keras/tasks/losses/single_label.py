"""Losses of one class per row: logits `(B, C)`.

Targets are integers of shape `(B,)`, or the share of each class, floats of shape `(B, C)`. An
integer is read as the shares 0 and 1, so that both are one computation.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import KerasTensor, ops

from mtc_keras.tasks.losses.masked import MaskedCrossentropy
from mtc_keras.tasks.losses.powers import power
from mtc_keras.tasks.losses.shares import known_rows, shares_of, weighted


@keras.saving.register_keras_serializable("mtc_keras")
class MaskedSparseCategoricalCrossentropy(MaskedCrossentropy):
    """Softmax cross-entropy; targets integers `(B,)` or shares `(B, C)`, logits `(B, C)`.

    With `q`, the one-hot target smoothed to `(1 - s)·onehot + s / C` (Szegedy et al. 2016,
    section 7), and weight `v_y` of the true class: `l = -v_y Σ_c q_c log p_c`. Of shares `d` it
    is the mean of the classes' losses, `Σ_y d_y l_y`.

    Args:
        class_weights: optional C floats, one per class.
        label_smoothing: float `s` in [0, 1).
    """

    def known(self, targets: KerasTensor, logits: KerasTensor) -> KerasTensor:
        return known_rows(targets)

    def elements(self, targets: KerasTensor, logits: KerasTensor) -> KerasTensor:
        log_p = ops.log_softmax(logits, axis=-1)  # (B, C)
        classes = logits.shape[-1]
        shares, weights = weighted(shares_of(targets, classes, self.dtype), self.class_weights)
        # Smoothing without a second array: s / C is added to every class on the next line.
        smoothed = shares * (1.0 - self.label_smoothing)
        losses = -ops.sum((smoothed + self.label_smoothing / classes) * self.terms(log_p), axis=-1)
        return losses * weights

    def terms(self, log_p: KerasTensor) -> KerasTensor:
        """Returns what stands beside `q` in the sum over classes, of shape `(B, C)`."""
        return log_p


@keras.saving.register_keras_serializable("mtc_keras")
class MaskedSparseCategoricalFocal(MaskedSparseCategoricalCrossentropy):
    """Focal loss on softmax: `l = -v_y Σ_c q_c (1 - p_c)^γ log p_c`.

    Lin et al. 2017 (arXiv 1708.02002), equation 4, for several classes: what is predicted
    well already counts less.

    Args:
        gamma: float ≥ 0. At 0 it is the cross-entropy.
        **kwargs: as for `MaskedSparseCategoricalCrossentropy`.
    """

    def __init__(self, gamma: float = 2.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gamma = gamma

    def terms(self, log_p: KerasTensor) -> KerasTensor:
        return power(1.0 - ops.exp(log_p), self.gamma) * log_p

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gamma": self.gamma}


@keras.saving.register_keras_serializable("mtc_keras")
class MaskedLogitAdjusted(MaskedSparseCategoricalCrossentropy):
    """Softmax cross-entropy of `logits + τ·log π`, `π` being the classes' frequencies.

    Menon et al. 2021 (arXiv 2007.07314), equation 10. The head learns logits that are
    balanced between frequent and rare classes; predictions take them as they are.

    Args:
        frequencies: C floats > 0, the share of each class among the training labels.
        tau: float. Strength of the adjustment.
        **kwargs: as for `MaskedSparseCategoricalCrossentropy`.
    """

    def __init__(self, frequencies: Sequence[float], tau: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.frequencies = list(frequencies)
        self.tau = tau

    def elements(self, targets: KerasTensor, logits: KerasTensor) -> KerasTensor:
        log_pi = ops.log(ops.convert_to_tensor(self.frequencies, dtype=self.dtype))
        return super().elements(targets, logits + self.tau * log_pi)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "frequencies": self.frequencies, "tau": self.tau}
