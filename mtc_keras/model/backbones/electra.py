"""ELECTRA: Clark et al. 2020 (arXiv 2003.10555). Of its two models, the discriminator."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mtc_keras.model.backbones.bert import num_segments, port_embeddings
from mtc_keras.model.backbones.described import usual_config, whole_number

if TYPE_CHECKING:
    from mtc_keras.model.backbones.checkpoint import Checkpoint


def backbone_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments of an `ElectraBackbone`."""
    return {
        **usual_config(config),
        "embedding_dim": whole_number(config, "embedding_size", 128),
        "max_sequence_length": whole_number(config, "max_position_embeddings"),
        "num_segments": num_segments(config),
    }


def convert_weights(backbone: Any, checkpoint: "Checkpoint", config: Mapping[str, Any]) -> None:
    """Gives a backbone the weights of a checkpoint; ELECTRA has no pooler, so that is made."""
    from mtc_keras.model.backbones.encoder_layers import BERT_LAYER, port_layer

    port_embeddings(backbone, checkpoint)
    if backbone.embedding_dim != backbone.hidden_dim:
        checkpoint.linear(backbone.embeddings_projection, "embeddings_project")
    for index, layer in enumerate(backbone.transformer_layers):
        port_layer(checkpoint, layer, f"encoder.layer.{index}.", BERT_LAYER)
    checkpoint.linear(backbone.pooled_dense, "pooler.dense")
