"""DistilBERT: Sanh et al. 2019 (arXiv 1910.01108)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mtc_keras.model.backbones.described import (
    activation,
    check_heads,
    check_plain,
    fraction,
    sizes_of,
)

if TYPE_CHECKING:
    from mtc_keras.model.backbones.checkpoint import Checkpoint

SIZES = {
    "vocabulary_size": "vocab_size",
    "num_layers": "n_layers",
    "num_heads": "n_heads",
    "hidden_dim": "dim",
    "intermediate_dim": "hidden_dim",
    "max_sequence_length": "max_position_embeddings",
}


def backbone_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments of a `keras_hub.models.DistilBertBackbone`."""
    check_plain(config)
    sizes = sizes_of(config, SIZES)
    check_heads(sizes, "dim", "n_heads")
    return {
        **sizes,
        "dropout": fraction(config, "dropout", 0.1),
        "activation": activation(config, "activation"),
        "layer_norm_epsilon": 1e-12,
    }


def convert_weights(backbone: Any, checkpoint: "Checkpoint", config: Mapping[str, Any]) -> None:
    """Gives a backbone the weights of a checkpoint."""
    from mtc_keras.model.backbones.encoder_layers import LayerNames, port_layer

    names = LayerNames(
        query="attention.q_lin",
        key="attention.k_lin",
        value="attention.v_lin",
        attention_output="attention.out_lin",
        attention_norm="sa_layer_norm",
        intermediate="ffn.lin1",
        output="ffn.lin2",
        output_norm="output_layer_norm",
    )
    port = checkpoint.port_weight
    port(backbone.token_embedding.embeddings, "embeddings.word_embeddings.weight")
    positions = backbone.embeddings.position_embedding.position_embeddings
    port(positions, "embeddings.position_embeddings.weight")
    checkpoint.norm(backbone.embeddings_layer_norm, "embeddings.LayerNorm")
    for index, layer in enumerate(backbone.transformer_layers):
        port_layer(checkpoint, layer, f"transformer.layer.{index}.", names)
