"""The backbones of our own, which Keras knows by their names once this module is imported."""

from mtc_keras.model.backbones import (
    as_trained,
    deberta_backbone,
    eurobert_backbone,
    modernbert_backbone,
)

__all__ = ["as_trained", "deberta_backbone", "eurobert_backbone", "modernbert_backbone"]
