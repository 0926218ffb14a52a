"""DeBERTa-v2 and v3: He et al. 2020 (arXiv 2006.03654) and 2021 (arXiv 2111.09543)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mtc_keras.errors import listed
from mtc_keras.model.backbones.described import activation, fraction, usual_config, whole_number

if TYPE_CHECKING:
    from mtc_keras.model.backbones.checkpoint import Checkpoint
    from mtc_keras.model.backbones.deberta_backbone import DebertaBackbone


def backbone_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments of a `DebertaBackbone`."""
    found = usual_config(config)
    hidden, heads = found["hidden_dim"], found["num_heads"]
    if config.get("attention_head_size") not in (None, hidden // heads):
        raise ValueError(
            f"config.json: attention_head_size is {config['attention_head_size']!r:.80}; it must "
            f"be hidden_size / num_attention_heads, {hidden // heads}"
        )
    longest = whole_number(config, "max_position_embeddings", 512)
    furthest = _if_positive(config, "max_relative_positions") or longest
    relative = bool(config.get("relative_attention"))
    buckets = _if_positive(config, "position_buckets")
    if relative and buckets and not 2 <= buckets <= 2 * (furthest - 2):
        raise ValueError(
            f"config.json: position_buckets is {buckets}, which does not go with distances up to "
            f"{furthest}; it must be from 2 to {2 * (furthest - 2)}"
        )
    size, groups = _if_positive(config, "conv_kernel_size"), whole_number(config, "conv_groups", 1)
    if size and (size % 2 == 0 or not groups or hidden % groups):
        raise ValueError(
            f"config.json: conv_kernel_size is {size} and conv_groups {groups}; the first must be "
            f"odd, the second divide hidden_size, {hidden}"
        )
    return {
        **found,
        "layer_norm_epsilon": fraction(config, "layer_norm_eps", 1e-7),
        "embedding_dim": whole_number(config, "embedding_size", hidden),
        "max_sequence_length": longest,
        "max_relative_positions": furthest,
        "bucket_size": buckets,
        "relative_attention": relative,
        "attention_types": _parts(config, "pos_att_type", ("c2p", "p2c")),
        "share_projections": bool(config.get("share_att_key")),
        "normalize_positions": bool(_parts(config, "norm_rel_ebd", ("layer_norm",))),
        "absolute_positions": bool(config.get("position_biased_input", True)),
        "convolution_size": size,
        "convolution_groups": groups,
        "convolution_activation": activation(config, "conv_act", "tanh"),
    }


def _if_positive(config: Mapping[str, Any], key: str) -> int:
    """Returns a size that -1, 0 or nothing puts out of use; 0 then."""
    unused = config.get(key) == -1
    return 0 if unused else whole_number(config, key, 0)


def _parts(config: Mapping[str, Any], key: str, known: Sequence[str]) -> list[str]:
    """Returns what a value such as `"p2c|c2p"` or `["p2c", "c2p"]` names, in the order of `known`.

    Raises:
        ValueError: if it names something else, which `transformers` would pass over.
    """
    given = config.get(key)
    if isinstance(given, str):
        given = [] if given.lower() == "none" else given.lower().split("|")
    named = [str(part).strip() for part in given] if isinstance(given, list) else given or []
    if not isinstance(named, list) or not set(named) <= set(known):
        raise ValueError(f"config.json: {key} is {config[key]!r:.80}; it may be {listed(known)}")
    return [part for part in known if part in named]


def convert_weights(
    backbone: "DebertaBackbone", checkpoint: "Checkpoint", config: Mapping[str, Any]
) -> None:
    """Gives a backbone the weights of a checkpoint."""
    tokens = folded = backbone.token_embedding.embeddings
    checkpoint.port_weight(tokens, "embeddings.word_embeddings.weight")
    if backbone.position_embedding is not None:
        folded = backbone.position_embedding.position_embeddings
        checkpoint.port_weight(folded, "embeddings.position_embeddings.weight")
    if config.get("type_vocab_size"):
        # Texts are of the first type, so its embedding is a part of each sum.
        types = checkpoint.get("embeddings.token_type_embeddings.weight")
        if types is not None:
            folded.assign(folded + types[0])
    if backbone.embedding_projection is not None:
        checkpoint.linear(backbone.embedding_projection, "embeddings.embed_proj")
    checkpoint.norm(backbone.embeddings_layer_norm, "embeddings.LayerNorm")
    positions = backbone.relative_positions
    if positions is not None:
        checkpoint.port_weight(positions.embeddings, "encoder.rel_embeddings.weight")
        if positions.layer_norm is not None:
            checkpoint.norm(positions.layer_norm, "encoder.LayerNorm")
    for number, layer in enumerate(backbone.transformer_layers):
        _convert_layer(layer, checkpoint, f"encoder.layer.{number}")


def _convert_layer(layer: Any, checkpoint: "Checkpoint", name: str) -> None:
    attention = layer.attention
    for projection, own in (
        (attention.query, "query_proj"),
        (attention.key, "key_proj"),
        (attention.value, "value_proj"),
    ):
        checkpoint.linear(projection, f"{name}.attention.self.{own}")
    if attention.position_key is not attention.key:
        checkpoint.linear(attention.position_key, f"{name}.attention.self.pos_key_proj")
    if attention.position_query is not attention.query:
        checkpoint.linear(attention.position_query, f"{name}.attention.self.pos_query_proj")
    checkpoint.linear(attention.output_projection, f"{name}.attention.output.dense")
    checkpoint.norm(layer.attention_layer_norm, f"{name}.attention.output.LayerNorm")
    checkpoint.linear(layer.intermediate_dense, f"{name}.intermediate.dense")
    checkpoint.linear(layer.output_dense, f"{name}.output.dense")
    checkpoint.norm(layer.output_layer_norm, f"{name}.output.LayerNorm")
    if layer.convolution is not None:  # of the first layer, though it has a name beside them
        checkpoint.port_weight(
            layer.convolution.kernel, "encoder.conv.conv.weight", lambda x, _: x.transpose(2, 1, 0)
        )
        checkpoint.port_weight(layer.convolution.bias, "encoder.conv.conv.bias")
        checkpoint.norm(layer.convolution_layer_norm, "encoder.conv.LayerNorm")
