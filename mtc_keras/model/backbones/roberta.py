"""RoBERTa (Liu et al. 2019, arXiv 1907.11692), XLM-RoBERTa and CamemBERT: one form.

Its positions begin after the padding's id, and of its types of tokens only the first is used. It is
added to the positions here, as KerasHub's backbone has no types.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mtc_keras.model.backbones.described import usual_config, whole_number

if TYPE_CHECKING:
    from mtc_keras.model.backbones.checkpoint import Checkpoint

# The tokens of CamemBERT's checkpoints where XLM-RoBERTa's have theirs. They begin with
# <s>NOTUSED <pad> </s>NOTUSED <unk> <unk>NOTUSED <s> </s> and the pieces, XLM-RoBERTa's with
# <s> <pad> </s> <unk> and the pieces; both end with <mask>.
CAMEMBERT_SPECIALS, CAMEMBERT_PIECES = (5, 1, 6, 3), 7
CAMEMBERT_UNUSED = CAMEMBERT_PIECES - len(CAMEMBERT_SPECIALS)


def backbone_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments of a `RobertaBackbone` or `XLMRobertaBackbone`."""
    found = usual_config(config)
    if config.get("model_type") == "camembert":
        found["vocabulary_size"] -= CAMEMBERT_UNUSED
    rows, first = whole_number(config, "max_position_embeddings"), first_position(config)
    if rows <= first:
        raise ValueError(
            f"config.json: max_position_embeddings ({rows}) must be above the {first} rows that "
            "pad_token_id keeps"
        )
    return {**found, "max_sequence_length": rows - first}


def first_position(config: Mapping[str, Any]) -> int:
    """Returns the row of the position embedding that belongs to a text's first token."""
    return whole_number(config, "pad_token_id", 1) + 1


def with_tokens_of_xlm_roberta(table: np.ndarray, shape: list[int]) -> np.ndarray:
    """Returns CamemBERT's embeddings in the order of XLM-RoBERTa's tokens."""
    return np.concatenate([table[list(CAMEMBERT_SPECIALS)], table[CAMEMBERT_PIECES:]])


def convert_weights(backbone: Any, checkpoint: "Checkpoint", config: Mapping[str, Any]) -> None:
    """Gives a backbone the weights of a checkpoint."""
    from mtc_keras.model.backbones.encoder_layers import BERT_LAYER, port_layer

    port = checkpoint.port_weight
    port(
        backbone.token_embedding.embeddings,
        "embeddings.word_embeddings.weight",
        with_tokens_of_xlm_roberta if config.get("model_type") == "camembert" else None,
    )
    types = checkpoint.get("embeddings.token_type_embeddings.weight")
    first = first_position(config)
    port(
        backbone.embeddings.position_embedding.position_embeddings,
        "embeddings.position_embeddings.weight",
        lambda table, shape: table[first:] if types is None else table[first:] + types[0],
    )
    checkpoint.norm(backbone.embeddings_layer_norm, "embeddings.LayerNorm")
    for index, layer in enumerate(backbone.transformer_layers):
        port_layer(checkpoint, layer, f"encoder.layer.{index}.", BERT_LAYER)
