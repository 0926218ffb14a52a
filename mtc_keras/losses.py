"""Losses on logits that leave out missing labels, for any Keras model with several outputs."""

from typing import Any

import keras
from keras import ops


class MaskedLoss(keras.losses.Loss):
    """Weighted mean of element losses over the labels that are known.

    With element losses `l`, known labels `m` (1 or 0) and row weights `w`:
    `loss = Σ w·m·l / Σ w·m`, and exactly 0 where no label is known. A missing
    label is a negative integer target or a NaN target; it is replaced by 0 before
    the element loss, so that gradients stay finite.

    Subclasses write `elements(targets, logits)`, which returns the element losses:
    float32 of shape `(B,)`, or `(B, C)` for a target of C cells a row.
    """

    def __init__(self, name: str | None = None, dtype: str | None = None) -> None:
        super().__init__(name=name, reduction="mean_with_sample_weight", dtype=dtype)

    def elements(self, targets: Any, logits: Any) -> Any:
        """Returns element losses for targets without missing labels."""
        raise NotImplementedError

    def sums(self, targets: Any, logits: Any, sample_weight: Any = None) -> tuple[Any, Any]:
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
        if "int" in keras.backend.standardize_dtype(targets.dtype):
            known = targets >= 0
        else:
            known = ops.logical_not(ops.isnan(targets))
        harmless = ops.where(known, targets, ops.zeros_like(targets))
        weights = ops.cast(known, self.dtype)
        if sample_weight is not None:
            rows = ops.reshape(ops.cast(sample_weight, self.dtype), (-1, *[1] * (known.ndim - 1)))
            weights = weights * rows
        total = ops.sum(weights * self.elements(harmless, logits))
        return total, ops.sum(weights)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return ops.divide_no_nan(*self.sums(y_true, y_pred, sample_weight))

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}


@keras.saving.register_keras_serializable("mtc_keras")
class MaskedSparseCategoricalCrossentropy(MaskedLoss):
    """Softmax cross-entropy; targets integers of shape `(B,)`, logits `(B, C)`."""

    def elements(self, targets: Any, logits: Any) -> Any:
        return keras.losses.sparse_categorical_crossentropy(targets, logits, from_logits=True)


@keras.saving.register_keras_serializable("mtc_keras")
class MaskedBinaryCrossentropy(MaskedLoss):
    """Sigmoid cross-entropy a cell; targets 0, 1 or NaN and logits of shape `(B, C)`."""

    def elements(self, targets: Any, logits: Any) -> Any:
        # Keras' own binary_crossentropy averages the cells of a row, which would weigh
        # the known cells of a half-known row more than others.
        return ops.relu(logits) - logits * targets + ops.softplus(-ops.abs(logits))


@keras.saving.register_keras_serializable("mtc_keras")
class MaskedMeanSquaredError(MaskedLoss):
    """Squared error in units of `scale`; targets (NaN: missing) and logits of shape `(B,)`.

    Args:
        scale: float > 0, the unit of the error, such as the standard deviation of the targets.
    """

    def __init__(self, scale: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale

    def elements(self, targets: Any, logits: Any) -> Any:
        return ops.square((logits - targets) / self.scale)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale}
