"""Losses on logits that leave out missing labels, for any Keras model with several outputs.

Shapes: B rows, C classes, K ordered classes.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import KerasTensor, ops

SMALLEST = 1e-7  # keeps powers and logarithms, and their gradients, finite


class MaskedLoss(keras.losses.Loss):
    """Weighted mean of element losses over the labels that are known.

    With element losses `l`, known labels `m` (1 or 0) and row weights `w`:
    `loss = Σ w·m·l / Σ w·m`, and exactly 0 where no label is known. A missing
    label is a negative integer target or a NaN target; it is replaced by 0 before
    the element loss, so that gradients stay finite. Class weights belong to the
    element losses: they do not enter the denominator.

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
        known = self.known(targets, logits)  # (B,) or (B, C)
        # Before the loss and not after: NaN · 0 is NaN, in the loss and in its gradient.
        harmless = ops.where(known_labels(targets), targets, ops.zeros_like(targets))
        weights = ops.cast(known, self.dtype)
        if sample_weight is not None:
            # (B,) -> (B, 1) where a row has several cells, each of which has the row's weight.
            rows = ops.reshape(ops.cast(sample_weight, self.dtype), (-1, *[1] * (known.ndim - 1)))
            weights = weights * rows
        total = ops.sum(weights * self.elements(harmless, logits))
        return total, ops.sum(weights)

    def __call__(
        self,
        y_true: KerasTensor,
        y_pred: KerasTensor,
        sample_weight: KerasTensor | None = None,
    ) -> KerasTensor:
        return ops.divide_no_nan(*self.sums(y_true, y_pred, sample_weight))

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}


# === One class per row: targets integers of shape (B,), logits (B, C) ===


@keras.saving.register_keras_serializable("mtc_keras")
class MaskedSparseCategoricalCrossentropy(MaskedLoss):
    """Softmax cross-entropy; targets integers of shape `(B,)`, logits `(B, C)`.

    With `q`, the one-hot target smoothed to `(1 - s)·onehot + s / C` (Szegedy et al. 2016,
    section 7), and weight `v_y` of the true class: `l = -v_y Σ_c q_c log p_c`.

    Args:
        class_weights: optional C floats, one per class.
        label_smoothing: float `s` in [0, 1).
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

    def elements(self, targets: KerasTensor, logits: KerasTensor) -> KerasTensor:
        log_p = ops.log_softmax(logits, axis=-1)  # (B, C)
        classes = logits.shape[-1]
        # Smoothing without a second array: s / C is added to every class on the next line.
        smoothed = ops.one_hot(targets, classes, dtype=self.dtype) * (1.0 - self.label_smoothing)
        losses = -ops.sum((smoothed + self.label_smoothing / classes) * self.terms(log_p), axis=-1)
        return losses * _of_class(self.class_weights, targets, self.dtype)

    def terms(self, log_p: KerasTensor) -> KerasTensor:
        """Returns what stands beside `q` in the sum over classes, of shape `(B, C)`."""
        return log_p

    def get_config(self) -> dict[str, Any]:
        own = {"class_weights": self.class_weights, "label_smoothing": self.label_smoothing}
        return {**super().get_config(), **own}


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
        return _power(1.0 - ops.exp(log_p), self.gamma) * log_p

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


@keras.saving.register_keras_serializable("mtc_keras")
class MaskedCORN(MaskedLoss):
    """Loss of conditional ordinal regression; targets integers `(B,)`, logits `(B, K - 1)`.

    Shi, Cao & Raschka 2021 (arXiv 2111.08851), section 3.3: logit `k` is that of
    `P(y > k | y ≥ k)`, trained by its sigmoid cross-entropy on the rows with `y ≥ k` alone.
    The mean is taken over all such pairs of row and `k`.

    Args:
        class_weights: optional K floats, the weight of a row by its class.
    """

    def __init__(self, class_weights: Sequence[float] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.class_weights = None if class_weights is None else list(class_weights)

    def known(self, targets: KerasTensor, logits: KerasTensor) -> KerasTensor:
        # Logit k is trained by the rows that have reached class k; a missing target, -1, by none.
        return targets[:, None] >= ops.arange(logits.shape[-1], dtype=targets.dtype)

    def elements(self, targets: KerasTensor, logits: KerasTensor) -> KerasTensor:
        above = targets[:, None] > ops.arange(logits.shape[-1], dtype=targets.dtype)
        losses = _sigmoid_crossentropy(ops.cast(above, self.dtype), logits)  # (B, K - 1)
        return losses * _of_class(self.class_weights, targets, self.dtype)[..., None]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "class_weights": self.class_weights}


# === Any classes per row: targets 0, 1 or NaN and logits of shape (B, C) ===


@keras.saving.register_keras_serializable("mtc_keras")
class MaskedBinaryCrossentropy(MaskedLoss):
    """Sigmoid cross-entropy per cell; targets 0, 1 or NaN and logits of shape `(B, C)`.

    With the target smoothed to `q = (1 - s)·y + s / 2`, and a weight `v_c` for positives of
    class c: `l = -v_c q log p - (1 - q) log(1 - p)`.

    Args:
        class_weights: optional C floats, the weight of a class' positives.
        label_smoothing: float `s` in [0, 1).
    """

    # The mean over known cells, where Keras' own binary_crossentropy averages the cells of
    # a row first, which would weigh the known cells of a half-known row more than others.

    def __init__(
        self,
        class_weights: Sequence[float] | None = None,
        label_smoothing: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.class_weights = None if class_weights is None else list(class_weights)
        self.label_smoothing = label_smoothing

    def elements(self, targets: KerasTensor, logits: KerasTensor) -> KerasTensor:
        smoothed = targets * (1.0 - self.label_smoothing) + self.label_smoothing / 2
        positive = 1.0 if self.class_weights is None else _row(self.class_weights, self.dtype)
        # (B, C) each: what a cell would cost as a 1 and as a 0, by how much it is either.
        ones, zeros = smoothed * self.positives(logits), (1.0 - smoothed) * self.negatives(logits)
        return positive * ones + zeros

    def positives(self, logits: KerasTensor) -> KerasTensor:
        """Returns the loss of each cell if its label were 1."""
        return ops.softplus(-logits)

    def negatives(self, logits: KerasTensor) -> KerasTensor:
        """Returns the loss of each cell if its label were 0."""
        return ops.softplus(logits)

    def get_config(self) -> dict[str, Any]:
        own = {"class_weights": self.class_weights, "label_smoothing": self.label_smoothing}
        return {**super().get_config(), **own}


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
        return _power(ops.sigmoid(-logits), self.gamma) * ops.softplus(-logits)

    def negatives(self, logits: KerasTensor) -> KerasTensor:
        return _power(ops.sigmoid(logits), self.gamma) * ops.softplus(logits)

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
        return _power(ops.sigmoid(-logits), self.gamma_positive) * ops.softplus(-logits)

    def negatives(self, logits: KerasTensor) -> KerasTensor:
        shifted = ops.relu(ops.sigmoid(logits) - self.margin)
        # log(1 - p) = -softplus(logit) is exact where 1 - p would lose its digits.
        if self.margin == 0:
            surprise = ops.softplus(logits)
        else:
            surprise = -ops.log(ops.maximum(1.0 - shifted, SMALLEST))
        return _power(shifted, self.gamma_negative) * surprise

    def get_config(self) -> dict[str, Any]:
        own = {
            "gamma_positive": self.gamma_positive,
            "gamma_negative": self.gamma_negative,
            "margin": self.margin,
        }
        return {**super().get_config(), **own}


# === A number per row: targets (NaN: missing) and logits of shape (B,) ===


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


def known_labels(targets: KerasTensor) -> KerasTensor:
    """Returns bool of the targets' shape: not negative integers, and not NaN."""
    if "int" in keras.backend.standardize_dtype(targets.dtype):
        return targets >= 0
    return ops.logical_not(ops.isnan(targets))


def _power(base: KerasTensor, exponent: float) -> KerasTensor:
    """Returns `base^exponent` for a base in [0, 1], with a gradient that is finite at 0."""
    if exponent == 0:
        return 1.0
    return ops.power(ops.maximum(base, SMALLEST), exponent)


def _sigmoid_crossentropy(targets: KerasTensor, logits: KerasTensor) -> KerasTensor:
    # softplus is exact for logits of any size, where log(sigmoid) underflows.
    return targets * ops.softplus(-logits) + (1.0 - targets) * ops.softplus(logits)


def _row(values: Sequence[float], dtype: str) -> KerasTensor:
    return ops.convert_to_tensor(values, dtype=dtype)


def _of_class(weights: Sequence[float] | None, targets: KerasTensor, dtype: str) -> KerasTensor:
    """Returns the weight of each row's class, of shape `(B,)`."""
    if weights is None:
        return ops.ones(ops.shape(targets), dtype=dtype)
    return ops.take(_row(weights, dtype), targets, axis=0)
