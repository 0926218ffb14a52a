"""Disentangled attention, of DeBERTa (He et al. 2020, arXiv 2006.03654).

A token attends to another for what both are, and for how far the other lies away. KerasHub's
layers do the same, but project the embeddings of all distances once per text; here they are
projected once per batch, and only those that occur in it.

Shapes: B texts, T tokens, N heads, H features of a head, D features, P = 2T - 1 distances.
"""

from typing import Any, Literal

import keras
import numpy as np
from keras import KerasTensor, layers, ops

AttentionType = Literal["c2p", "p2c"]  # content to position, position to content


def position_rows(distances: np.ndarray, bucket_size: int, furthest: int) -> np.ndarray:
    """Returns the row of the position embeddings that belongs to each distance.

    With buckets (DeBERTa-v2 and v3), distances up to half a bucket size have rows of their own,
    those beyond share rows, the more the further they are.

    Args:
        distances: int array, place of the query less place of the key.
        bucket_size: int. Rows for each direction; 0: no buckets, and `furthest` rows for each.
        furthest: int. The distance from which on all are the same.

    Returns:
        int32 array of the same shape, `0` to twice the rows of a direction less 1.
    """
    rows = bucket_size or furthest
    if bucket_size:
        middle = bucket_size // 2
        far = np.maximum(np.abs(distances), 1).astype("float32")
        # In single precision, as the weights were trained: a rounded number may be another row.
        logarithm = np.log(far / np.float32(middle)) / np.log(np.float32((furthest - 1) / middle))
        shared = np.ceil(logarithm * np.float32(middle - 1)) + middle
        distances = np.where(far <= middle, distances, np.sign(distances) * shared)
    return np.clip(distances + rows, 0, 2 * rows - 1).astype("int32")


class RelativePositions(layers.Layer):
    """Embeddings of the distances between the tokens of a text.

    Args:
        hidden_dim: int. D.
        bucket_size: int. As `position_rows` takes it.
        furthest: int. As `position_rows` takes it.
        longest: int. The most tokens of a text.
        layer_norm_epsilon: float; `None` leaves the embeddings as they are.

    Call arguments:
        states: float of shape `(B, T, D)`.

    Returns:
        float of shape `(P, D)`, from the distance `1 - T` to `T - 1`.
    """

    def __init__(
        self,
        hidden_dim: int,
        bucket_size: int,
        furthest: int,
        longest: int,
        *,
        layer_norm_epsilon: float | None,
        initializer: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.hidden_dim = hidden_dim
        self.num_rows = 2 * (bucket_size or furthest)
        self.initializer = initializer
        self.last = max(longest, furthest) - 1
        every = np.arange(-self.last, self.last + 1)
        self.rows = position_rows(every, bucket_size, furthest)
        self.layer_norm = None
        if layer_norm_epsilon is not None:
            self.layer_norm = layers.LayerNormalization(
                epsilon=layer_norm_epsilon, dtype=self.dtype_policy, name="layer_norm"
            )

    def build(self, states_shape: Any) -> None:
        self.embeddings = self.add_weight(
            (self.num_rows, self.hidden_dim), self.initializer, name="embeddings"
        )
        if self.layer_norm is not None:
            self.layer_norm.build((self.num_rows, self.hidden_dim))

    def call(self, states: KerasTensor) -> KerasTensor:
        length = ops.shape(states)[1]
        places = ops.arange(2 * length - 1) + (self.last + 1 - length)
        embeddings = ops.take(self.embeddings, ops.take(self.rows, places, axis=0), axis=0)
        return embeddings if self.layer_norm is None else self.layer_norm(embeddings)  # (P, D)

    def compute_output_shape(self, states_shape: tuple[int | None, ...]) -> tuple[int | None, int]:
        length = states_shape[1]
        return (None if length is None else 2 * length - 1, self.hidden_dim)


class DisentangledAttention(layers.Layer):
    """Attention by content and by distance.

    Args:
        num_heads: int. N.
        attention_types: which scores by distance are added to those by content.
        share_projections: bool. Whether distances are projected by the kernels of queries and
            keys, or by their own.
        dropout: float, of attention probabilities and of embeddings of distances.

    Call arguments:
        states: float of shape `(B, T, D)`.
        positions: float of shape `(P, D)`, or `None` for attention by content alone.
        padding_mask: `(B, T)`, true for real tokens.

    Returns:
        float of shape `(B, T, D)`.
    """

    def __init__(
        self,
        num_heads: int,
        attention_types: tuple[AttentionType, ...],
        share_projections: bool,
        *,
        dropout: float,
        initializer: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.attention_types = attention_types
        self.share_projections = share_projections
        self.initializer = initializer
        self.position_dropout = layers.Dropout(dropout, dtype=self.dtype_policy)
        self.attention_dropout = layers.Dropout(dropout, dtype=self.dtype_policy)

    def build(self, states_shape: tuple[int | None, ...]) -> None:
        width = int(states_shape[-1] or 0)
        size = width // self.num_heads
        # As He et al., eq. 5: by all that are added, also where distances are left out.
        self.scale = ((1 + len(self.attention_types)) * size) ** -0.5

        def projection(name: str, equation: str, *shape: int) -> layers.EinsumDense:
            layer = layers.EinsumDense(
                equation,
                (None, *shape),
                bias_axes=equation[-len(shape) :],
                kernel_initializer=keras.initializers.get(self.initializer),
                dtype=self.dtype_policy,
                name=name,
            )
            layer.build(states_shape)
            return layer

        def by_head(name: str) -> layers.EinsumDense:
            return projection(name, "btd,dnh->btnh", self.num_heads, size)

        self.query, self.key, self.value = by_head("query"), by_head("key"), by_head("value")
        self.output_projection = projection("attention_output", "btd,de->bte", width)
        self.position_key, self.position_query = self.key, self.query
        if not self.share_projections:
            if "c2p" in self.attention_types:
                self.position_key = by_head("position_key")
            if "p2c" in self.attention_types:
                self.position_query = by_head("position_query")

    def call(
        self,
        states: KerasTensor,
        positions: KerasTensor | None = None,
        padding_mask: KerasTensor | None = None,
        training: bool | None = None,
    ) -> KerasTensor:
        query, key, value = self.query(states), self.key(states), self.value(states)
        logits = ops.einsum("bqnh,bknh->bnqk", query, key)
        if positions is not None:
            positions = self.position_dropout(positions, training=training)[None]  # (1, P, D)
            if "c2p" in self.attention_types:
                rows = ops.flip(self.position_key(positions)[0], axis=0)  # (P, N, H)
                logits += by_distance(ops.einsum("bqnh,pnh->bnqp", query, rows))
            if "p2c" in self.attention_types:
                rows = self.position_query(positions)[0]  # (P, N, H)
                of_keys = by_distance(ops.einsum("bknh,pnh->bnkp", key, rows))
                logits += ops.swapaxes(of_keys, 2, 3)
        logits = ops.cast(logits, "float32") * self.scale  # (B, N, T, T)
        if padding_mask is not None:
            logits = ops.where(ops.cast(padding_mask, "bool")[:, None, None], logits, -1e9)
        probabilities = ops.cast(ops.softmax(logits), self.compute_dtype)
        probabilities = self.attention_dropout(probabilities, training=training)
        attended = ops.einsum("bnqk,bknh->bqnh", probabilities, value)
        return self.output_projection(ops.reshape(attended, ops.shape(states)))

    def compute_output_shape(
        self, states_shape: tuple[int | None, ...], *_: Any, **__: Any
    ) -> tuple[int | None, ...]:
        return states_shape


def by_distance(values: KerasTensor) -> KerasTensor:
    """Moves each row of values by distance to its place: `out[a, b] = values[a, b - a + T - 1]`.

    By shapes alone (Huang et al. 2018, arXiv 1809.04281, section 3.4.1), as gathering so many
    values is slow, its gradient slower still.

    Args:
        values: `(B, N, T, P)`.

    Returns:
        `(B, N, T, T)`.
    """
    batch, heads, length, _ = ops.shape(values)
    width = 2 * length - 1
    flat = ops.reshape(
        ops.pad(values, ((0, 0), (0, 0), (0, 0), (0, 1))), (batch, heads, length * (width + 1))
    )
    moved = flat[:, :, length - 1 : length - 1 + length * width]
    return ops.reshape(moved, (batch, heads, length, width))[..., :length]
