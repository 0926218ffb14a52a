"""ModernBERT: Warner et al. 2024 (arXiv 2412.13663)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mtc_keras.model.backbones.described import (
    PLAIN,
    USUAL_SIZES,
    activation,
    check_heads,
    check_plain,
    flag,
    fraction,
    sizes_of,
    whole_number,
)
from mtc_keras.model.backbones.rotary_config import check_even_heads, wavelength

if TYPE_CHECKING:
    from mtc_keras.model.backbones.checkpoint import Checkpoint

GLOBAL, LOCAL = "full_attention", "sliding_attention"
# It says "absolute" or "sans_pos", and has rotary positions all the same.
CHECKED = [key for key in PLAIN if key != "position_embedding_type"]


def backbone_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments of a `ModernBertBackbone`."""
    check_plain(config, CHECKED)
    sizes = sizes_of(config, USUAL_SIZES)
    check_heads(sizes, "hidden_size", "num_attention_heads")
    check_even_heads(sizes)
    of_global = wavelength(config, "global_rope_theta", 160_000.0, GLOBAL)
    # Where files of transformers 4 say `null`, local layers have that of the global ones.
    of_local = of_global if config.get("local_rope_theta", 0) is None else 10_000.0
    return {
        **sizes,
        "local_attention_window": whole_number(config, "local_attention", 128),
        "global_attention_every_n_layers": global_every(config, sizes["num_layers"]),
        "global_max_wavelength": of_global,
        "local_max_wavelength": wavelength(config, "local_rope_theta", of_local, LOCAL),
        "activation": activation(config, "hidden_activation"),
        "layer_norm_epsilon": fraction(config, "norm_eps", 1e-5),
        "attention_bias": flag(config, "attention_bias"),
        "feedforward_bias": flag(config, "mlp_bias"),
        "norm_bias": flag(config, "norm_bias"),
        "dropout": fraction(config, "mlp_dropout", 0.0),
        "max_sequence_length": whole_number(config, "max_position_embeddings"),
    }


def global_every(config: Mapping[str, Any], num_layers: int) -> int:
    """Returns which layers read the whole text: each of that many, from the first.

    Raises:
        ValueError: if others do.
    """
    kinds = config.get("layer_types")
    if kinds is None:
        every = whole_number(config, "global_attn_every_n_layers", 3)
        if not every:
            raise ValueError("config.json: global_attn_every_n_layers is 0, and no number from 1")
        return every
    if isinstance(kinds, list):
        every = kinds.index(GLOBAL, 1) if GLOBAL in kinds[1:] else max(num_layers, 1)
        wanted = (LOCAL if i % every else GLOBAL for i in range(num_layers))
        if len(kinds) == num_layers and kinds == [*wanted]:
            return every
    raise ValueError(
        f"config.json: layer_types is {kinds!r:.80}, a form that is not computed here; it must "
        f"name {num_layers} layers, each n-th from the first {GLOBAL!r}, the others {LOCAL!r}"
    )


def convert_weights(backbone: Any, checkpoint: "Checkpoint", config: Mapping[str, Any]) -> None:
    """Gives a backbone the weights of a checkpoint."""
    port = checkpoint.port_weight
    port(backbone.token_embedding.embeddings, "embeddings.tok_embeddings.weight")
    checkpoint.norm(backbone.embeddings_layer_norm, "embeddings.norm")
    for index, layer in enumerate(backbone.transformer_layers):
        prefix = f"layers.{index}."
        attention, feedforward = layer.attention, layer.feedforward
        if layer.attention_norm is not None:
            checkpoint.norm(layer.attention_norm, f"{prefix}attn_norm")
        projections = [attention.query_dense, attention.key_dense, attention.value_dense]
        port_parts(checkpoint, projections, f"{prefix}attn.Wqkv")
        checkpoint.linear(attention.output_dense, f"{prefix}attn.Wo")
        checkpoint.norm(layer.feedforward_norm, f"{prefix}mlp_norm")
        dense = [feedforward.intermediate_dense, feedforward.gate_dense]
        port_parts(checkpoint, dense, f"{prefix}mlp.Wi")
        checkpoint.linear(feedforward.output_dense, f"{prefix}mlp.Wo")
    checkpoint.norm(backbone.layer_norm, "final_norm")


def port_parts(checkpoint: "Checkpoint", parts: list[Any], name: str) -> None:
    """Gives layers their weights, which the checkpoint has in one matrix, one below the other."""
    for index, layer in enumerate(parts):

        def part(stored: Any, shape: list[int], index: int = index) -> Any:
            rows = len(stored) // len(parts)
            return stored[index * rows : (index + 1) * rows].T.reshape(shape)

        checkpoint.port_weight(layer.kernel, f"{name}.weight", part)
        if layer.bias is not None:
            checkpoint.port_weight(layer.bias, f"{name}.bias", part)
