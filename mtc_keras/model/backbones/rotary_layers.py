"""Layers of encoders with rotary positions and gated feedforward: ModernBERT, EuroBERT.

They have no `get_config`: the config of their backbone makes them anew.

Shapes: B texts, T tokens, D hidden, N heads, K heads of keys and values, H numbers per head.
"""

from typing import Any

import keras
import numpy as np
from keras import KerasTensor, layers, ops

from mtc_keras.model.backbones.rotary_attention import global_attention, local_attention

Shape = tuple[int | None, ...]


class RotaryPositions(layers.Layer):
    """Turns queries or keys by angles that grow with their position.

    RoPE, Su et al. 2021 (arXiv 2104.09864), with the halves of a head as the pairs of numbers.
    Angles are float32 in every precision: bfloat16 has 8 bits for positions up to 8,192.

    Args:
        max_wavelength: float. The base of the wavelengths, called theta.

    Call arguments:
        states: float of shape `(B, T, N, H)`.

    Returns:
        float of shape `(B, T, N, H)`.
    """

    def __init__(self, max_wavelength: float = 10_000.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_wavelength = max_wavelength

    def build(self, states_shape: Shape) -> None:
        size = states_shape[-1] or 0
        # By NumPy, in float64: at position 8,000 an error of the last bit would be one of 1e-3.
        exponents = np.arange(0, size, 2, dtype="float64") / size
        self._frequencies = (self.max_wavelength**-exponents).astype("float32")  # (H / 2,)
        self.built = True

    def call(self, states: KerasTensor) -> KerasTensor:
        positions = ops.arange(ops.shape(states)[1], dtype="float32")
        angles = (positions[:, None] * self._frequencies)[:, None, :]  # (T, 1, H / 2)
        cosines, sines = ops.cos(angles), ops.sin(angles)
        first, second = ops.split(ops.cast(states, "float32"), 2, axis=-1)
        turned = [first * cosines - second * sines, second * cosines + first * sines]
        return ops.cast(ops.concatenate(turned, axis=-1), self.compute_dtype)

    def compute_output_shape(self, states_shape: Shape) -> Shape:
        return states_shape


class RotaryAttention(layers.Layer):
    """Self-attention with rotary positions, of whole texts or of a window around each token.

    Args:
        num_heads: int. Heads of queries.
        num_key_value_heads: int. Heads of keys and values; each is shared by as many heads of
            queries as it takes (Ainslie et al. 2023, arXiv 2305.13245).
        local_distance: int or `None`. How far a token reads; `None`: all of its text.
        max_wavelength: float. The base of the positions' wavelengths.
        use_bias: bool. Whether the projections have biases.

    Call arguments:
        states: float of shape `(B, T, D)`.
        padding_mask: `(B, T)`, nonzero for real tokens.

    Returns:
        float of shape `(B, T, D)`.
    """

    def __init__(
        self,
        num_heads: int,
        num_key_value_heads: int | None = None,
        *,
        local_distance: int | None = None,
        max_wavelength: float = 10_000.0,
        use_bias: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.num_key_value_heads = num_key_value_heads or num_heads
        self.local_distance = local_distance
        self.max_wavelength = max_wavelength
        self.use_bias = use_bias

    def build(self, states_shape: Shape, padding_mask_shape: Shape | None = None) -> None:
        hidden_dim = states_shape[-1] or 0
        head_dim = hidden_dim // self.num_heads
        if hidden_dim % self.num_heads or head_dim % 2:
            raise ValueError(
                "The hidden size must be a multiple of twice the number of heads. Received: "
                f"hidden_dim={hidden_dim}, num_heads={self.num_heads}"
            )
        if self.num_heads % self.num_key_value_heads:
            raise ValueError(
                "The number of heads must be a multiple of those of keys and values. Received: "
                f"num_heads={self.num_heads}, num_key_value_heads={self.num_key_value_heads}"
            )
        # LoRA looks for `query` and `value`.
        self.query_dense = self._projection("query", self.num_heads, head_dim)
        self.key_dense = self._projection("key", self.num_key_value_heads, head_dim)
        self.value_dense = self._projection("value", self.num_key_value_heads, head_dim)
        for dense in (self.query_dense, self.key_dense, self.value_dense):
            dense.build(states_shape)
        self.rotary_positions = RotaryPositions(
            self.max_wavelength, dtype=self.dtype_policy, name="rotary_positions"
        )
        heads_shape = (*states_shape[:-1], self.num_heads, head_dim)
        self.rotary_positions.build(heads_shape)
        self.output_dense = layers.EinsumDense(
            "btnh,nhd->btd",
            output_shape=(None, hidden_dim),
            bias_axes="d" if self.use_bias else None,
            kernel_initializer=kernel_initializer(),
            dtype=self.dtype_policy,
            name="attention_output",
        )
        self.output_dense.build(heads_shape)
        self.built = True

    def _projection(self, name: str, heads: int, head_dim: int) -> layers.EinsumDense:
        return layers.EinsumDense(
            "btd,dnh->btnh",
            output_shape=(None, heads, head_dim),
            bias_axes="nh" if self.use_bias else None,
            kernel_initializer=kernel_initializer(),
            dtype=self.dtype_policy,
            name=name,
        )

    def call(self, states: KerasTensor, padding_mask: KerasTensor) -> KerasTensor:
        query = self.rotary_positions(self.query_dense(states))
        key = self._shared(self.rotary_positions(self.key_dense(states)))
        value = self._shared(self.value_dense(states))
        real = ops.cast(padding_mask, "bool")
        if self.local_distance is None:
            found = global_attention(query, key, value, real)
        else:
            found = local_attention(query, key, value, real, self.local_distance)
        return self.output_dense(found)

    def _shared(self, states: KerasTensor) -> KerasTensor:
        """Gives each head of queries its keys or values: `(B, T, K, H)` to `(B, T, N, H)`."""
        times = self.num_heads // self.num_key_value_heads
        if times == 1:
            return states
        # Keras 3.15 does so itself, but on TensorFlow not for a single head.
        texts, tokens, heads, size = ops.shape(states)
        return ops.reshape(
            ops.stack([states] * times, axis=3), (texts, tokens, heads * times, size)
        )

    def compute_output_shape(
        self, states_shape: Shape, padding_mask_shape: Shape | None = None
    ) -> Shape:
        return states_shape


class GatedFeedForward(layers.Layer):
    """A feedforward network whose hidden numbers are multiplied by gates.

    GeGLU and SwiGLU of Shazeer 2020, "GLU Variants Improve Transformer" (arXiv 2002.05202).

    Args:
        intermediate_dim: int. Hidden numbers.
        activation: of the hidden numbers, not of their gates.
        dropout: float. Dropout of the products.
        use_bias: bool. Whether the layers have biases.

    Call arguments:
        states: float of shape `(B, T, D)`.

    Returns:
        float of shape `(B, T, D)`.
    """

    def __init__(
        self,
        intermediate_dim: int,
        activation: Any = "gelu",
        *,
        dropout: float = 0.0,
        use_bias: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.intermediate_dim = intermediate_dim
        self.activation = keras.activations.get(activation)
        self.dropout = dropout
        self.use_bias = use_bias

    def build(self, states_shape: Shape) -> None:
        hidden_dim = states_shape[-1] or 0
        self.intermediate_dense = self._dense("intermediate", self.intermediate_dim)
        self.gate_dense = self._dense("gate", self.intermediate_dim)
        self.output_dense = self._dense("output", hidden_dim)
        self.intermediate_dense.build(states_shape)
        self.gate_dense.build(states_shape)
        self.output_dense.build((*states_shape[:-1], self.intermediate_dim))
        self.dropout_layer = layers.Dropout(self.dropout, dtype=self.dtype_policy, name="dropout")
        self.built = True

    def _dense(self, name: str, units: int) -> layers.Dense:
        return layers.Dense(
            units,
            use_bias=self.use_bias,
            kernel_initializer=kernel_initializer(),
            dtype=self.dtype_policy,
            name=name,
        )

    def call(self, states: KerasTensor, training: bool | None = None) -> KerasTensor:
        gated = self.activation(self.intermediate_dense(states)) * self.gate_dense(states)
        return self.output_dense(self.dropout_layer(gated, training=training))

    def compute_output_shape(self, states_shape: Shape) -> Shape:
        return states_shape


class PreNormEncoderLayer(layers.Layer):
    """A transformer layer that normalizes what attention and feedforward read, not their sums.

    Args:
        attention: a `RotaryAttention`.
        feedforward: a `GatedFeedForward`.
        attention_norm: a layer that normalizes, or `None`, as in ModernBERT's first layer, whose
            embeddings are normalized already.
        feedforward_norm: a layer that normalizes.
        dropout: float. Dropout of what attention adds. Its weights have none, so that flash
            attention remains possible.

    Call arguments:
        states: float of shape `(B, T, D)`.
        padding_mask: `(B, T)`, nonzero for real tokens.

    Returns:
        float of shape `(B, T, D)`.
    """

    def __init__(
        self,
        attention: RotaryAttention,
        feedforward: GatedFeedForward,
        attention_norm: layers.Layer | None,
        feedforward_norm: layers.Layer,
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.attention = attention
        self.feedforward = feedforward
        self.attention_norm = attention_norm
        self.feedforward_norm = feedforward_norm
        self.dropout = dropout
        self.attention_dropout = layers.Dropout(
            dropout, dtype=self.dtype_policy, name="attention_dropout"
        )

    def build(self, states_shape: Shape, padding_mask_shape: Shape | None = None) -> None:
        parts = (self.attention, self.feedforward, self.attention_norm, self.feedforward_norm)
        for part in parts:
            if part is not None:
                part.build(states_shape)
        self.built = True

    def call(
        self, states: KerasTensor, padding_mask: KerasTensor, training: bool | None = None
    ) -> KerasTensor:
        read = states if self.attention_norm is None else self.attention_norm(states)
        read = self.attention(read, padding_mask=padding_mask)
        states = states + self.attention_dropout(read, training=training)
        read = self.feedforward(self.feedforward_norm(states), training=training)
        return states + read

    def compute_output_shape(
        self, states_shape: Shape, padding_mask_shape: Shape | None = None
    ) -> Shape:
        return states_shape


def kernel_initializer() -> keras.initializers.Initializer:
    """Returns how the weights of such models are drawn."""
    return keras.initializers.TruncatedNormal(stddev=0.02)
