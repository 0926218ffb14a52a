"""EuroBERT as a KerasHub backbone."""

from typing import Any

import keras
import keras_hub
from keras import layers

from mtc_keras.model.backbones.as_trained import activation_named
from mtc_keras.model.backbones.rotary_layers import (
    GatedFeedForward,
    PreNormEncoderLayer,
    RotaryAttention,
    kernel_initializer,
)


@keras.saving.register_keras_serializable("mtc_keras")
class EuroBertBackbone(keras_hub.models.Backbone):
    """A EuroBERT encoder.

    Boizard et al. 2025, "EuroBERT: Scaling Multilingual Encoders for European Languages"
    (arXiv 2503.05500): Llama's layers, of which each reads the whole text in both directions:
    rotary positions, gated feedforward, heads of queries that share keys and values, and norms by
    the root mean square (Zhang and Sennrich 2019, arXiv 1910.07467). It has no pooler.

    Args:
        vocabulary_size: int. Tokens of the vocabulary.
        num_layers: int. Transformer layers.
        num_heads: int. Heads of queries; `hidden_dim` is a multiple of them.
        hidden_dim: int. Numbers per token.
        intermediate_dim: int. Hidden numbers of the feedforward networks.
        num_key_value_heads: int or `None`. Heads of keys and values, of which `num_heads` is a
            multiple; `None`: as many as of queries.
        max_wavelength: float. The base of the positions' wavelengths.
        activation: str. That of the feedforward networks.
        layer_norm_epsilon: float. Added to the mean square.
        attention_bias: bool. Whether the projections of attention have biases.
        feedforward_bias: bool. Whether the feedforward networks have biases.
        dropout: float. Dropout of attention's outputs and of the feedforward networks' hidden
            numbers.
        max_sequence_length: int. The most tokens of a text; no weight depends on it.
        dtype: a dtype or a policy. Norms, softmax and positions are float32 whatever it is.

    Call arguments:
        inputs: dict of `token_ids` and `padding_mask`, int32 of shape `(B, T)`.

    Returns:
        float of shape `(B, T, hidden_dim)`.
    """

    def __init__(
        self,
        vocabulary_size: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        intermediate_dim: int,
        *,
        num_key_value_heads: int | None = None,
        max_wavelength: float = 250_000.0,
        activation: str = "silu",
        layer_norm_epsilon: float = 1e-5,
        attention_bias: bool = False,
        feedforward_bias: bool = False,
        dropout: float = 0.0,
        max_sequence_length: int = 8192,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        def norm(name: str) -> layers.Layer:
            return layers.RMSNormalization(epsilon=layer_norm_epsilon, dtype=dtype, name=name)

        # === Layers ===
        self.token_embedding = keras_hub.layers.ReversibleEmbedding(
            vocabulary_size,
            hidden_dim,
            embeddings_initializer=kernel_initializer(),
            dtype=dtype,
            name="token_embedding",
        )
        self.transformer_layers = []
        for i in range(num_layers):
            attention = RotaryAttention(
                num_heads,
                num_key_value_heads,
                max_wavelength=max_wavelength,
                use_bias=attention_bias,
                dtype=dtype,
                name="attention",
            )
            feedforward = GatedFeedForward(
                intermediate_dim,
                activation_named(activation),
                dropout=dropout,
                use_bias=feedforward_bias,
                dtype=dtype,
                name="feedforward",
            )
            layer = PreNormEncoderLayer(
                attention,
                feedforward,
                norm("attention_norm"),
                norm("feedforward_norm"),
                dropout,
                dtype=dtype,
                name=f"transformer_layer_{i}",
            )
            self.transformer_layers.append(layer)
        self.layer_norm = norm("layer_norm")

        # === Functional Model ===
        token_ids = keras.Input((None,), dtype="int32", name="token_ids")
        padding_mask = keras.Input((None,), dtype="int32", name="padding_mask")
        states = self.token_embedding(token_ids)
        for layer in self.transformer_layers:
            states = layer(states, padding_mask=padding_mask)
        super().__init__(
            inputs={"token_ids": token_ids, "padding_mask": padding_mask},
            outputs=self.layer_norm(states),
            dtype=dtype,
            **kwargs,
        )

        # === Config ===
        self.vocabulary_size = vocabulary_size
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.intermediate_dim = intermediate_dim
        self.num_key_value_heads = num_key_value_heads
        self.max_wavelength = max_wavelength
        self.activation = activation
        self.layer_norm_epsilon = layer_norm_epsilon
        self.attention_bias = attention_bias
        self.feedforward_bias = feedforward_bias
        self.dropout = dropout
        self.max_sequence_length = max_sequence_length

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the backbone."""
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "intermediate_dim": self.intermediate_dim,
            "num_key_value_heads": self.num_key_value_heads,
            "max_wavelength": self.max_wavelength,
            "activation": self.activation,
            "layer_norm_epsilon": self.layer_norm_epsilon,
            "attention_bias": self.attention_bias,
            "feedforward_bias": self.feedforward_bias,
            "dropout": self.dropout,
            "max_sequence_length": self.max_sequence_length,
        }
