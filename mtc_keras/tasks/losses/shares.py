"""Targets of one class per row as the share of each class. Shapes: B rows, C classes."""

from collections.abc import Sequence

from keras import KerasTensor, ops

from mtc_keras.tasks.losses.masked import known_labels


def known_rows(targets: KerasTensor) -> KerasTensor:
    """Returns bool of shape `(B,)`: the rows with a label, which a row of shares has as a whole."""
    known = known_labels(targets)
    return known if known.ndim == 1 else ops.all(known, axis=-1)


def shares_of(targets: KerasTensor, classes: int, dtype: str) -> KerasTensor:
    """Returns the share of each class, of shape `(B, C)`: 0 and 1 for the index of a class."""
    if targets.ndim > 1:
        return ops.cast(targets, dtype)
    return ops.one_hot(targets, classes, dtype=dtype)


def weighted(
    shares: KerasTensor, class_weights: Sequence[float] | None
) -> tuple[KerasTensor, KerasTensor | float]:
    """Returns shares by which classes of more weight count more, and the weight of each row.

    The expected loss of a label drawn from the shares `d`, each with the weight `v` of its class,
    is `Σ_k d_k v_k l_k`: with the row's weight `w = Σ_k d_k v_k`, that of the shares `d_k v_k / w`.
    For shares of 0 and 1 these are the shares themselves, and the weight of the class.

    Args:
        shares: float of shape `(B, C)`.
        class_weights: optional C floats; default: all are 1.

    Returns:
        Floats of shape `(B, C)` and of shape `(B,)`, or 1.
    """
    if class_weights is None:
        return shares, 1.0
    parts = shares * ops.convert_to_tensor(class_weights, dtype=shares.dtype)
    weights = ops.sum(parts, axis=-1)
    counts = weights > 0
    parts = parts / ops.where(counts, weights, ops.ones_like(weights))[:, None]
    return ops.where(counts[:, None], parts, shares), weights
