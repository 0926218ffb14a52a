"""The weights of a transformer layer with its norms last, as BERT has them."""

from dataclasses import dataclass
from typing import Any

from mtc_keras.model.backbones.checkpoint import Checkpoint


@dataclass(frozen=True)
class LayerNames:
    """What a family calls the parts of a layer."""

    query: str
    key: str
    value: str
    attention_output: str
    attention_norm: str
    intermediate: str
    output: str
    output_norm: str


BERT_LAYER = LayerNames(
    query="attention.self.query",
    key="attention.self.key",
    value="attention.self.value",
    attention_output="attention.output.dense",
    attention_norm="attention.output.LayerNorm",
    intermediate="intermediate.dense",
    output="output.dense",
    output_norm="output.LayerNorm",
)


def port_layer(checkpoint: Checkpoint, layer: Any, prefix: str, names: LayerNames) -> None:
    """Gives a `keras_hub.layers.TransformerEncoder` its weights.

    Args:
        checkpoint: the `Checkpoint`.
        layer: the layer.
        prefix: what precedes the parts' names, such as `"encoder.layer.0."`.
        names: what the family calls the parts.
    """
    attention = layer._self_attention_layer
    checkpoint.linear(attention.query_dense, prefix + names.query)
    checkpoint.linear(attention.key_dense, prefix + names.key)
    checkpoint.linear(attention.value_dense, prefix + names.value)
    checkpoint.linear(attention.output_dense, prefix + names.attention_output)
    checkpoint.norm(layer._self_attention_layer_norm, prefix + names.attention_norm)
    checkpoint.linear(layer._feedforward_intermediate_dense, prefix + names.intermediate)
    checkpoint.linear(layer._feedforward_output_dense, prefix + names.output)
    checkpoint.norm(layer._feedforward_layer_norm, prefix + names.output_norm)
