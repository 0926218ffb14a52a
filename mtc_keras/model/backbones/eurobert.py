"""EuroBERT: Boizard et al. 2025 (arXiv 2503.05500)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mtc_keras.model.backbones.described import (
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


def backbone_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments of an `EuroBertBackbone`."""
    # Published configs name the code that `transformers` has taken over since.
    check_plain({key: value for key, value in config.items() if key != "auto_map"})
    sizes = sizes_of(config, USUAL_SIZES)
    check_heads(sizes, "hidden_size", "num_attention_heads")
    check_even_heads(sizes)
    heads, per_head = sizes["num_heads"], sizes["hidden_dim"] // sizes["num_heads"]
    shared = whole_number(config, "num_key_value_heads", heads)
    if not shared or heads % shared:
        raise ValueError(
            f"config.json: num_attention_heads ({heads}) must be a multiple of "
            f"num_key_value_heads ({shared})"
        )
    for key, usual in (("head_dim", per_head), ("clip_qkv", None)):
        if config.get(key) not in (None, usual):
            raise ValueError(
                f"config.json: {key} is {config[key]!r:.80}, a form that is not computed here; "
                f"it must be {usual!r}"
            )
    return {
        **sizes,
        "num_key_value_heads": shared,
        "max_wavelength": wavelength(config, "rope_theta", None),
        "activation": activation(config, "hidden_act", "silu"),
        "layer_norm_epsilon": fraction(config, "rms_norm_eps", 1e-5),
        "attention_bias": flag(config, "attention_bias"),
        "feedforward_bias": flag(config, "mlp_bias"),
        "dropout": fraction(config, "attention_dropout", 0.0),
        "max_sequence_length": whole_number(config, "max_position_embeddings"),
    }


def convert_weights(backbone: Any, checkpoint: "Checkpoint", config: Mapping[str, Any]) -> None:
    """Gives a backbone the weights of a checkpoint."""
    checkpoint.port_weight(backbone.token_embedding.embeddings, "embed_tokens.weight")
    for index, layer in enumerate(backbone.transformer_layers):
        prefix = f"layers.{index}."
        attention, feedforward = layer.attention, layer.feedforward
        linear = {
            "self_attn.q_proj": attention.query_dense,
            "self_attn.k_proj": attention.key_dense,
            "self_attn.v_proj": attention.value_dense,
            "self_attn.o_proj": attention.output_dense,
            "mlp.gate_proj": feedforward.intermediate_dense,
            "mlp.up_proj": feedforward.gate_dense,
            "mlp.down_proj": feedforward.output_dense,
        }
        for name, dense in linear.items():
            checkpoint.linear(dense, prefix + name)
        norms = {
            "input_layernorm": layer.attention_norm,
            "post_attention_layernorm": layer.feedforward_norm,
        }
        for name, norm in norms.items():
            checkpoint.port_weight(norm.scale, f"{prefix}{name}.weight")
    checkpoint.port_weight(backbone.layer_norm.scale, "norm.weight")
