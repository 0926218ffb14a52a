"""BERT: Devlin et al. 2018 (arXiv 1810.04805)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mtc_keras.model.backbones.described import usual_config, whole_number

if TYPE_CHECKING:
    from mtc_keras.model.backbones.checkpoint import Checkpoint


def backbone_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments of a `keras_hub.models.BertBackbone`."""
    return {
        **usual_config(config),
        "max_sequence_length": whole_number(config, "max_position_embeddings"),
        "num_segments": num_segments(config),
    }


def num_segments(config: Mapping[str, Any]) -> int:
    """Returns how many types of tokens there are: two at least, for rows of two texts."""
    return max(whole_number(config, "type_vocab_size", 2), 2)


def with_last_row_repeated(table: np.ndarray, shape: list[int]) -> np.ndarray:
    """Returns a table of at least so many rows: models of one type of tokens know no other."""
    missing = max(shape[0] - len(table), 0) if len(table) == 1 else 0
    return np.concatenate([table, *[table[-1:]] * missing])


def convert_weights(backbone: Any, checkpoint: "Checkpoint", config: Mapping[str, Any]) -> None:
    """Gives a backbone the weights of a checkpoint."""
    from mtc_keras.model.backbones.encoder_layers import BERT_LAYER, port_layer

    port_embeddings(backbone, checkpoint)
    for index, layer in enumerate(backbone.transformer_layers):
        port_layer(checkpoint, layer, f"encoder.layer.{index}.", BERT_LAYER)
    checkpoint.linear(backbone.pooled_dense, "pooler.dense")


def port_embeddings(backbone: Any, checkpoint: "Checkpoint") -> None:
    """Gives the embeddings of tokens, positions and segments their weights."""
    port = checkpoint.port_weight
    port(backbone.token_embedding.embeddings, "embeddings.word_embeddings.weight")
    positions = backbone.position_embedding.position_embeddings
    port(positions, "embeddings.position_embeddings.weight")
    port(
        backbone.segment_embedding.embeddings,
        "embeddings.token_type_embeddings.weight",
        with_last_row_repeated,
    )
    checkpoint.norm(backbone.embeddings_layer_norm, "embeddings.LayerNorm")
