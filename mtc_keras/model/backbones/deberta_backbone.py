"""DeBERTa-v2 and v3 in all forms of their checkpoints, as a Keras model.

KerasHub's `DebertaV3Backbone` computes one of these forms, and takes up to three times as long
(`deberta_attention`). KerasHub's presets have it all the same.

Shapes: B texts, T tokens, D features, P = 2T - 1 distances.
"""

from collections.abc import Sequence
from typing import Any

import keras
import keras_hub
from keras import KerasTensor, layers, ops

from mtc_keras.model.backbones.as_trained import activation_named
from mtc_keras.model.backbones.deberta_attention import (
    AttentionType,
    DisentangledAttention,
    RelativePositions,
)


@keras.saving.register_keras_serializable("mtc_keras")
class DebertaBackbone(keras_hub.models.Backbone):
    """DeBERTa encoder (He et al. 2020, arXiv 2006.03654; 2021, arXiv 2111.09543).

    Its inputs are `token_ids` and `padding_mask`, int32 of shape `(B, T)`, its output the states
    of the tokens, `(B, T, D)`.

    Args:
        vocabulary_size: int.
        num_layers: int.
        num_heads: int. Attention heads of each layer.
        hidden_dim: int. D.
        intermediate_dim: int. Features between the two dense layers of each transformer layer.
        embedding_dim: int. Features of token embeddings; default: D.
        dropout: float, of states, attention probabilities and embeddings of distances.
        max_sequence_length: int. The most tokens of a text.
        max_relative_positions: int. The distance from which on all are the same; default:
            `max_sequence_length`.
        bucket_size: int. Buckets of distances for each direction; 0: each distance has its own.
        relative_attention: bool. Whether tokens attend by distance.
        attention_types: of `"c2p"` and `"p2c"`, which scores by distance there are.
        share_projections: bool. Whether distances are projected as queries and keys are.
        normalize_positions: bool. Whether embeddings of distances go through a layer norm.
        absolute_positions: bool. Whether embeddings of places are added to those of tokens.
        convolution_size: int. Tokens that the convolution beside the first layer looks at
            (DeBERTa-v2-xlarge and xxlarge); 0: there is none.
        convolution_groups: int. Its groups of features.
        convolution_activation: name of its activation.
        activation: name of the activation between the two dense layers.
        layer_norm_epsilon: float.
        initializer_range: float. Standard deviation of kernels and embeddings that are drawn.
        dtype: dtype policy; attention probabilities and layer norms are computed in float32.
    """

    def __init__(
        self,
        vocabulary_size: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        intermediate_dim: int,
        *,
        embedding_dim: int | None = None,
        dropout: float = 0.1,
        max_sequence_length: int = 512,
        max_relative_positions: int | None = None,
        bucket_size: int = 256,
        relative_attention: bool = True,
        attention_types: Sequence[AttentionType] = ("c2p", "p2c"),
        share_projections: bool = True,
        normalize_positions: bool = True,
        absolute_positions: bool = False,
        convolution_size: int = 0,
        convolution_groups: int = 1,
        convolution_activation: str = "tanh",
        activation: str = "gelu",
        layer_norm_epsilon: float = 1e-7,
        initializer_range: float = 0.02,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        config: dict[str, Any] = {
            "vocabulary_size": vocabulary_size,
            "num_layers": num_layers,
            "num_heads": num_heads,
            "hidden_dim": hidden_dim,
            "intermediate_dim": intermediate_dim,
            "embedding_dim": embedding_dim or hidden_dim,
            "dropout": dropout,
            "max_sequence_length": max_sequence_length,
            "max_relative_positions": max_relative_positions or max_sequence_length,
            "bucket_size": bucket_size,
            "relative_attention": relative_attention,
            "attention_types": list(attention_types),
            "share_projections": share_projections,
            "normalize_positions": normalize_positions,
            "absolute_positions": absolute_positions,
            "convolution_size": convolution_size,
            "convolution_groups": convolution_groups,
            "convolution_activation": convolution_activation,
            "activation": activation,
            "layer_norm_epsilon": layer_norm_epsilon,
            "initializer_range": initializer_range,
        }

        # === Layers ===
        def initializer() -> keras.Initializer:
            return keras.initializers.TruncatedNormal(stddev=initializer_range)

        self.token_embedding = keras_hub.layers.ReversibleEmbedding(
            vocabulary_size,
            config["embedding_dim"],
            embeddings_initializer=initializer(),
            dtype=dtype,
            name="token_embedding",
        )
        self.position_embedding = self.embedding_projection = self.relative_positions = None
        if absolute_positions:
            self.position_embedding = keras_hub.layers.PositionEmbedding(
                max_sequence_length,
                initializer=initializer(),
                dtype=dtype,
                name="position_embedding",
            )
        if config["embedding_dim"] != hidden_dim:
            self.embedding_projection = layers.Dense(
                hidden_dim,
                use_bias=False,
                kernel_initializer=initializer(),
                dtype=dtype,
                name="embedding_projection",
            )
        self.embeddings_layer_norm = layers.LayerNormalization(
            epsilon=layer_norm_epsilon, dtype=dtype, name="embeddings_layer_norm"
        )
        self.embeddings_dropout = layers.Dropout(dropout, dtype=dtype, name="embeddings_dropout")
        if relative_attention and attention_types:
            self.relative_positions = RelativePositions(
                hidden_dim,
                bucket_size,
                config["max_relative_positions"],
                max_sequence_length,
                layer_norm_epsilon=layer_norm_epsilon if normalize_positions else None,
                initializer=initializer(),
                dtype=dtype,
                name="relative_positions",
            )
        self.transformer_layers = [
            DebertaLayer(
                {**config, "convolution_size": 0 if number else convolution_size},
                dtype=dtype,
                name=f"transformer_layer_{number}",
            )
            for number in range(num_layers)
        ]

        # === Functional Model ===
        token_ids = keras.Input((None,), dtype="int32", name="token_ids")
        padding_mask = keras.Input((None,), dtype="int32", name="padding_mask")
        states = self.token_embedding(token_ids)
        if self.position_embedding is not None:
            states = states + self.position_embedding(states)
        if self.embedding_projection is not None:
            states = self.embedding_projection(states)
        states = self.embeddings_layer_norm(states)
        # Zero, so that the convolution takes nothing of what is padding.
        states = states * ops.cast(padding_mask, states.dtype)[..., None]
        states = self.embeddings_dropout(states)
        positions = self.relative_positions and self.relative_positions(states)
        for layer in self.transformer_layers:
            states = layer(states, positions=positions, padding_mask=padding_mask)
        inputs = {"token_ids": token_ids, "padding_mask": padding_mask}
        super().__init__(inputs=inputs, outputs=states, dtype=dtype, **kwargs)

        # === Config ===
        self.sizes = config
        for name in ("vocabulary_size", "num_layers", "hidden_dim", "max_sequence_length"):
            setattr(self, name, config[name])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.sizes}


class DebertaLayer(layers.Layer):
    """A transformer layer: disentangled attention, then two dense layers, normed after each.

    Args:
        config: the arguments of `DebertaBackbone`, of which it reads its own.

    Call arguments:
        states: float of shape `(B, T, D)`.
        positions: float of shape `(P, D)`, or `None`.
        padding_mask: `(B, T)`, true for real tokens.

    Returns:
        float of shape `(B, T, D)`.
    """

    def __init__(self, config: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        policy = self.dtype_policy

        def initializer() -> keras.Initializer:
            return keras.initializers.TruncatedNormal(stddev=config["initializer_range"])

        def norm(name: str) -> layers.LayerNormalization:
            epsilon = config["layer_norm_epsilon"]
            return layers.LayerNormalization(epsilon=epsilon, dtype=policy, name=name)

        def dense(width: int, name: str, activation: Any = None) -> layers.Dense:
            initial = initializer()
            return layers.Dense(
                width, activation, kernel_initializer=initial, dtype=policy, name=name
            )

        self.attention = DisentangledAttention(
            config["num_heads"],
            tuple(config["attention_types"]),
            config["share_projections"] or not config["relative_attention"],
            dropout=config["dropout"],
            initializer=initializer(),
            dtype=policy,
            name="attention",
        )
        self.attention_layer_norm = norm("attention_layer_norm")
        self.intermediate_dense = dense(
            config["intermediate_dim"], "intermediate_dense", activation_named(config["activation"])
        )
        self.output_dense = dense(config["hidden_dim"], "output_dense")
        self.output_layer_norm = norm("output_layer_norm")
        self.dropout = layers.Dropout(config["dropout"], dtype=policy)
        self.convolution = None
        if config["convolution_size"]:
            self.convolution = layers.Conv1D(
                config["hidden_dim"],
                config["convolution_size"],
                padding="same",
                groups=config["convolution_groups"],
                kernel_initializer=initializer(),
                dtype=policy,
                name="convolution",
            )
            self.convolution_activation = activation_named(config["convolution_activation"])
            self.convolution_layer_norm = norm("convolution_layer_norm")

    def build(self, states_shape: tuple[int | None, ...]) -> None:
        for layer in (self.attention, self.attention_layer_norm, self.intermediate_dense):
            layer.build(states_shape)
        self.output_dense.build((*states_shape[:-1], self.intermediate_dense.units))
        self.output_layer_norm.build(states_shape)
        if self.convolution is not None:
            self.convolution.build(states_shape)
            self.convolution_layer_norm.build(states_shape)

    def call(
        self,
        states: KerasTensor,
        positions: KerasTensor | None = None,
        padding_mask: KerasTensor | None = None,
        training: bool | None = None,
    ) -> KerasTensor:
        attended = self.attention(states, positions, padding_mask, training=training)
        attended = self.dropout(attended, training=training)
        attended = self.attention_layer_norm(attended + states)
        output = self.output_dense(self.intermediate_dense(attended))
        output = self.output_layer_norm(self.dropout(output, training=training) + attended)
        if self.convolution is None:
            return output
        real = ops.cast(padding_mask, output.dtype)[..., None]
        nearby = self.dropout(self.convolution(states) * real, training=training)
        return self.convolution_layer_norm(self.convolution_activation(nearby) + output) * real

    def compute_output_shape(
        self, states_shape: tuple[int | None, ...], *_: Any, **__: Any
    ) -> tuple[int | None, ...]:
        return states_shape
