"""The mean of element losses over the labels that are known. Shapes: B rows, C classes."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import KerasTensor, ops


class MaskedLoss(keras.losses.Loss):
    """Weighted mean of element losses over the labels that are known.

    With element losses `l`, known labels `m` (1 or 0) and row weights `w`:
    `loss = Σ w·m·l / Σ w·m`, and exactly 0 where no label is known. A missing
    label is a negative integer target or a NaN target; it is replaced by 0 before
    the element loss, so that gradients stay finite. Class weights belong to the
    element losses: they do not enter the denominator.

    The loss of a target that gives the share of each class is the expected loss of a label that
    is drawn from it: what training on each annotator's answer as a row of its own costs.

    Subclasses write `elements(targets, logits)`, which returns the element losses:
    float32 of shape `(B,)`, or `(B, C)` for a target of C cells per row.
    """

    def __init__(self, name: str | None = None, dtype: str | None = None) -> None:
        super().__init__(name=name, reduction="mean_with_sample_weight", dtype=dtype)

    def elements(self, targets: KerasTensor, logits: KerasTensor) -> KerasTensor:
        """Returns element losses for targets without missing labels."""
        raise NotImplementedError

    def known(self, targets: KerasTensor, logits: KerasTensor) -> KerasTensor:
        """Returns bool of the element losses' shape: which of them have a label."""
        return known_labels(targets)

    def counts(self, targets: KerasTensor, logits: KerasTensor) -> KerasTensor | float:
        """Returns what each element counts in the mean, 0 … 1; by default all of them 1."""
        return 1.0

    def sums(
        self,
        targets: KerasTensor,
        logits: KerasTensor,
        sample_weight: KerasTensor | None = None,
    ) -> tuple[KerasTensor, KerasTensor]:
        """Returns numerator and denominator of the loss.

        Args:
            targets: `(B,)` integers or floats, or `(B, C)` floats.
            logits: float32, of the shape the subclass expects.
            sample_weight: optional float32 of shape `(B,)`, the rows' weights.

        Returns:
            Two float32 scalars: `Σ w·m·l` and `Σ w·m`.
        """
        targets = ops.convert_to_tensor(targets)
        logits = ops.cast(logits, self.dtype)
        known = self.known(targets, logits)  # (B,), (B, 1) or (B, C)
        # Before the loss and not after: NaN · 0 is NaN, in the loss and in its gradient.
        harmless = ops.where(known_labels(targets), targets, ops.zeros_like(targets))
        weights = ops.cast(known, self.dtype)
        if sample_weight is not None:
            # (B,) -> (B, 1) where a row has several cells, each of which has the row's weight.
            rows = ops.reshape(ops.cast(sample_weight, self.dtype), (-1, *[1] * (known.ndim - 1)))
            weights = weights * rows
        total = ops.sum(weights * self.elements(harmless, logits))
        return total, ops.sum(weights * self.counts(harmless, logits))

    def __call__(
        self,
        y_true: KerasTensor,
        y_pred: KerasTensor,
        sample_weight: KerasTensor | None = None,
    ) -> KerasTensor:
        return ops.divide_no_nan(*self.sums(y_true, y_pred, sample_weight))

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}


class MaskedCrossentropy(MaskedLoss):
    """What the cross-entropies share: weights of classes and label smoothing.

    Args:
        class_weights: optional C floats, one per class.
        label_smoothing: float in [0, 1).
    """

    def __init__(
        self,
        class_weights: Sequence[float] | None = None,
        label_smoothing: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.class_weights = None if class_weights is None else list(class_weights)
        self.label_smoothing = label_smoothing

    def get_config(self) -> dict[str, Any]:
        own = {"class_weights": self.class_weights, "label_smoothing": self.label_smoothing}
        return {**super().get_config(), **own}


def known_labels(targets: KerasTensor) -> KerasTensor:
    """Returns bool of the targets' shape: not negative integers, and not NaN."""
    if "int" in keras.backend.standardize_dtype(targets.dtype):
        return targets >= 0
    return ops.logical_not(ops.isnan(targets))
