"""ALBERT: Lan et al. 2019 (arXiv 1909.11942). Its layers share weights, in groups."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mtc_keras.model.backbones.bert import num_segments, port_embeddings
from mtc_keras.model.backbones.described import fraction, usual_config, whole_number

if TYPE_CHECKING:
    from mtc_keras.model.backbones.checkpoint import Checkpoint


def backbone_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments of a `keras_hub.models.AlbertBackbone`."""
    found = usual_config(config, hidden_act="gelu_new")
    groups = whole_number(config, "num_hidden_groups", 1)
    if not groups or found["num_layers"] % groups:
        raise ValueError(
            f"config.json: num_hidden_layers ({found['num_layers']}) must be a multiple of "
            f"num_hidden_groups ({groups})"
        )
    return {
        **found,
        "dropout": fraction(config, "hidden_dropout_prob", 0.0),
        "embedding_dim": whole_number(config, "embedding_size", 128),
        "num_groups": groups,
        "num_inner_repetitions": whole_number(config, "inner_group_num", 1),
        "max_sequence_length": whole_number(config, "max_position_embeddings"),
        "num_segments": num_segments(config),
    }


def convert_weights(backbone: Any, checkpoint: "Checkpoint", config: Mapping[str, Any]) -> None:
    """Gives a backbone the weights of a checkpoint."""
    from mtc_keras.model.backbones.encoder_layers import LayerNames, port_layer

    names = LayerNames(
        query="attention.query",
        key="attention.key",
        value="attention.value",
        attention_output="attention.dense",
        attention_norm="attention.LayerNorm",
        intermediate="ffn",
        output="ffn_output",
        output_norm="full_layer_layer_norm",
    )
    port_embeddings(backbone, checkpoint)
    checkpoint.linear(backbone.embeddings_projection, "encoder.embedding_hidden_mapping_in")
    for group, layers in enumerate(backbone.transformer_layers):
        for index, layer in enumerate(layers):
            prefix = f"encoder.albert_layer_groups.{group}.albert_layers.{index}."
            port_layer(checkpoint, layer, prefix, names)
    checkpoint.linear(backbone.pooled_dense, "pooler")
