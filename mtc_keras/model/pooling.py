"""From the states of a text's tokens to one vector of features.

Shapes: B rows, T tokens, D features.
"""

from typing import Any

import keras
from keras import KerasTensor, layers, ops

from mtc_keras.errors import ConfigError

POOLINGS = ("mean", "cls", "max", "pooled")


@keras.saving.register_keras_serializable("mtc_keras")
class TextPooling(layers.Layer):
    """Pools the states of the real tokens of each text.

    Args:
        pooling: `"mean"` or `"max"` over the real tokens, or `"cls"`, the first token.

    Call arguments:
        states: float of shape `(B, T, D)`.
        padding_mask: `(B, T)`, true for real tokens.

    Returns:
        float32 of shape `(B, D)`.
    """

    def __init__(self, pooling: str = "mean", **kwargs: Any) -> None:
        # In float32 whatever the backbone's precision: a mean over 512 bfloat16 loses digits.
        super().__init__(dtype="float32", **{k: v for k, v in kwargs.items() if k != "dtype"})
        self.pooling = pooling
        self.supports_masking = True

    def call(self, states: KerasTensor, padding_mask: KerasTensor) -> KerasTensor:
        if self.pooling == "cls":
            return states[:, 0]  # (B, D)
        real = ops.cast(padding_mask, "bool")[..., None]  # (B, T, 1)
        if self.pooling == "max":
            return ops.max(ops.where(real, states, -1e9), axis=1)  # (B, D)
        real = ops.cast(real, states.dtype)
        # At least 1, so that a text without any token has features of 0 and no NaN.
        return ops.sum(states * real, axis=1) / ops.maximum(ops.sum(real, axis=1), 1.0)

    def compute_output_shape(
        self,
        states_shape: tuple[int | None, ...],
        padding_mask_shape: tuple[int | None, ...] | None = None,
    ) -> tuple[int | None, ...]:
        return (states_shape[0], states_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pooling": self.pooling}


def pool(backbone: keras.Model, poolings: list[str]) -> dict[str, KerasTensor]:
    """Adds the poolings to a backbone's graph.

    Args:
        backbone: a `keras_hub.models.Backbone`.
        poolings: those that the tasks ask for.

    Returns:
        dict from pooling to float32 features of shape `(B, D)`.

    Raises:
        ConfigError: for `"pooled"` where the backbone has no pooled output.
    """
    outputs = backbone(backbone.input)
    features = {}
    for number, pooling in enumerate(dict.fromkeys(poolings)):
        if pooling == "pooled":
            if not isinstance(outputs, dict) or "pooled_output" not in outputs:
                raise ConfigError(
                    f"model.pooling: {type(backbone).__name__} has no pooled output; "
                    '"mean", "cls" and "max" work with every backbone'
                )
            features[pooling] = outputs["pooled_output"]
            continue
        states = outputs["sequence_output"] if isinstance(outputs, dict) else outputs  # (B, T, D)
        # The names are those of models saved before tasks had poolings of their own.
        name = f"text_pooling_{number}" if number else "text_pooling"
        features[pooling] = TextPooling(pooling, name=name)(states, backbone.input["padding_mask"])
    return features
