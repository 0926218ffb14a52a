"""The loss of one of K ordered classes per row: logits `(B, K - 1)`."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import KerasTensor, ops

from mtc_keras.tasks.losses.masked import MaskedLoss
from mtc_keras.tasks.losses.shares import known_rows, shares_of


@keras.saving.register_keras_serializable("mtc_keras")
class MaskedCORN(MaskedLoss):
    """Loss of conditional ordinal regression; targets `(B,)` or `(B, K)`, logits `(B, K - 1)`.

    Shi, Cao & Raschka 2021 (arXiv 2111.08851), section 3.3: logit `k` is that of
    `P(y > k | y ≥ k)`, trained by its sigmoid cross-entropy on the rows with `y ≥ k` alone.
    The mean is taken over all such pairs of row and `k`.

    Targets are integers, or the share `d` of each class. Then a pair counts `P(y ≥ k)`, and its
    loss is `-P(y > k) log σ(z_k) - d_k log(1 - σ(z_k))`, the mean over labels drawn from `d`.

    Args:
        class_weights: optional K floats, the weight of a row by its class.
    """

    def __init__(self, class_weights: Sequence[float] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.class_weights = None if class_weights is None else list(class_weights)

    def known(self, targets: KerasTensor, logits: KerasTensor) -> KerasTensor:
        return known_rows(targets)[:, None]  # (B, 1): all pairs of a row, or none

    def elements(self, targets: KerasTensor, logits: KerasTensor) -> KerasTensor:
        shares = shares_of(targets, logits.shape[-1] + 1, self.dtype)
        if self.class_weights is not None:
            shares = shares * ops.convert_to_tensor(self.class_weights, dtype=self.dtype)
        above = at_least(shares)[:, 1:]  # (B, K - 1), P(y > k)
        # softplus is exact for logits of any size, where log(sigmoid) underflows.
        return above * ops.softplus(-logits) + shares[:, :-1] * ops.softplus(logits)

    def counts(self, targets: KerasTensor, logits: KerasTensor) -> KerasTensor:
        shares = shares_of(targets, logits.shape[-1] + 1, self.dtype)
        return at_least(shares)[:, :-1]  # (B, K - 1), P(y ≥ k)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "class_weights": self.class_weights}


def at_least(shares: KerasTensor) -> KerasTensor:
    """Returns `P(y ≥ k)` for each class k, of shape `(B, K)`."""
    return ops.flip(ops.cumsum(ops.flip(shares, axis=-1), axis=-1), axis=-1)
