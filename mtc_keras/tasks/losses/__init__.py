"""Losses on logits that leave out missing labels, for any Keras model with several outputs."""

from mtc_keras.tasks.losses.masked import MaskedLoss, known_labels
from mtc_keras.tasks.losses.multilabel import (
    MaskedAsymmetric,
    MaskedBinaryCrossentropy,
    MaskedBinaryFocal,
)
from mtc_keras.tasks.losses.numbers import (
    MaskedHuber,
    MaskedMeanAbsoluteError,
    MaskedMeanSquaredError,
)
from mtc_keras.tasks.losses.ordinal import MaskedCORN
from mtc_keras.tasks.losses.single_label import (
    MaskedLogitAdjusted,
    MaskedSparseCategoricalCrossentropy,
    MaskedSparseCategoricalFocal,
)

__all__ = [
    "MaskedAsymmetric",
    "MaskedBinaryCrossentropy",
    "MaskedBinaryFocal",
    "MaskedCORN",
    "MaskedHuber",
    "MaskedLogitAdjusted",
    "MaskedLoss",
    "MaskedMeanAbsoluteError",
    "MaskedMeanSquaredError",
    "MaskedSparseCategoricalCrossentropy",
    "MaskedSparseCategoricalFocal",
    "known_labels",
]
