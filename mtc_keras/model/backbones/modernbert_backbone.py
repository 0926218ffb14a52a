"""ModernBERT as a KerasHub backbone, for as long as KerasHub has none."""

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
class ModernBertBackbone(keras_hub.models.Backbone):
    """A ModernBERT encoder.

    Warner et al. 2024, "Smarter, Better, Faster, Longer: A Modern Bidirectional Encoder for Fast,
    Memory Efficient, and Long Context Finetuning and Inference" (arXiv 2412.13663): rotary
    positions, gated feedforward, norms before attention and feedforward, and layers that read a
    window around each token between layers that read the whole text. It has no pooler.

    Args:
        vocabulary_size: int. Tokens of the vocabulary.
        num_layers: int. Transformer layers.
        num_heads: int. Heads of attention; `hidden_dim` is a multiple of them.
        hidden_dim: int. Numbers per token.
        intermediate_dim: int. Hidden numbers of the feedforward networks.
        local_attention_window: int. Tokens that a local layer reads around each, half of them on
            either side.
        global_attention_every_n_layers: int. Layers 0, n, 2 n, … read the whole text.
        global_max_wavelength: float. The base of the positions' wavelengths in global layers.
        local_max_wavelength: float. The same in local layers.
        activation: str. That of the feedforward networks.
        layer_norm_epsilon: float. Added to the variance.
        attention_bias: bool. Whether the projections of attention have biases.
        feedforward_bias: bool. Whether the feedforward networks have biases.
        norm_bias: bool. Whether the norms have biases.
        dropout: float. Dropout of embeddings, of attention's outputs and of the feedforward
            networks' hidden numbers.
        max_sequence_length: int. The most tokens of a text; no weight depends on it.
        dtype: a dtype or a policy. Norms, softmax and positions are float32 whatever it is.

    Call arguments:
        inputs: dict of `token_ids` and `padding_mask`, int32 of shape `(B, T)`.

    Returns:
        float of shape `(B, T, hidden_dim)`.

    Example:
    ```python
    backbone = ModernBertBackbone(
        vocabulary_size=1000, num_layers=4, num_heads=2, hidden_dim=32, intermediate_dim=48
    )
    ones = np.ones((2, 200), "int32")
    backbone({"token_ids": ones, "padding_mask": ones}).shape  # (2, 200, 32)
    ```
    """

    def __init__(
        self,
        vocabulary_size: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        intermediate_dim: int,
        *,
        local_attention_window: int = 128,
        global_attention_every_n_layers: int = 3,
        global_max_wavelength: float = 160_000.0,
        local_max_wavelength: float = 10_000.0,
        activation: str = "gelu",
        layer_norm_epsilon: float = 1e-5,
        attention_bias: bool = False,
        feedforward_bias: bool = False,
        norm_bias: bool = False,
        dropout: float = 0.0,
        max_sequence_length: int = 8192,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        def norm(name: str) -> layers.Layer:
            return layers.LayerNormalization(
                epsilon=layer_norm_epsilon, center=norm_bias, dtype=dtype, name=name
            )

        # === Layers ===
        self.token_embedding = keras_hub.layers.ReversibleEmbedding(
            vocabulary_size,
            hidden_dim,
            embeddings_initializer=kernel_initializer(),
            dtype=dtype,
            name="token_embedding",
        )
        self.embeddings_layer_norm = norm("embeddings_layer_norm")
        self.embeddings_dropout = layers.Dropout(dropout, dtype=dtype, name="embeddings_dropout")
        self.transformer_layers = []
        for i in range(num_layers):
            is_global = i % global_attention_every_n_layers == 0
            attention = RotaryAttention(
                num_heads,
                local_distance=None if is_global else local_attention_window // 2,
                max_wavelength=global_max_wavelength if is_global else local_max_wavelength,
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
                norm("attention_norm") if i else None,
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
        states = self.embeddings_layer_norm(self.token_embedding(token_ids))
        states = self.embeddings_dropout(states)
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
        self.local_attention_window = local_attention_window
        self.global_attention_every_n_layers = global_attention_every_n_layers
        self.global_max_wavelength = global_max_wavelength
        self.local_max_wavelength = local_max_wavelength
        self.activation = activation
        self.layer_norm_epsilon = layer_norm_epsilon
        self.attention_bias = attention_bias
        self.feedforward_bias = feedforward_bias
        self.norm_bias = norm_bias
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
            "local_attention_window": self.local_attention_window,
            "global_attention_every_n_layers": self.global_attention_every_n_layers,
            "global_max_wavelength": self.global_max_wavelength,
            "local_max_wavelength": self.local_max_wavelength,
            "activation": self.activation,
            "layer_norm_epsilon": self.layer_norm_epsilon,
            "attention_bias": self.attention_bias,
            "feedforward_bias": self.feedforward_bias,
            "norm_bias": self.norm_bias,
            "dropout": self.dropout,
            "max_sequence_length": self.max_sequence_length,
        }
