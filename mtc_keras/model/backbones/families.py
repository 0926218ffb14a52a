"""The families of encoders that are read from Hugging Face folders: one table, plain data.

It is what decides which folders are read and how; docs/backbones.md is written from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

TokenizerKind = Literal["word pieces", "Unigram", "byte pairs"]
# Which exports a tokenizer can leave by; the text is part of each.
EXPORTS: dict[TokenizerKind, tuple[str, ...]] = {
    "word pieces": ("SavedModel", "ONNX", "int8"),
    "Unigram": ("SavedModel", "ONNX", "int8"),
    "byte pairs": ("ONNX", "int8"),
}


@dataclass(frozen=True)
class GoodModel:
    """A published model that is worth a try.

    Args:
        name: its name at Hugging Face.
        language: what it reads, such as `"French"`.
        parameters: its size in millions of parameters.
    """

    name: str
    language: str
    parameters: int


@dataclass(frozen=True)
class Family:
    """One family of encoders.

    Args:
        model_type: the `model_type` of its config.json.
        name: what people call it.
        backbone: the class that computes it, with its package: `"keras_hub.models.…"` or
            `"mtc_keras.model.backbones.…"`.
        converter: the module of this package with its `backbone_config` and `convert_weights`.
        tokenizers: the kinds of tokenizer that its checkpoints have.
        prefix: what its weights' names begin with where they are saved under a head.
        positions: which rows of the position embeddings texts can use: all, those after the
            padding's (`pad_token_id` + 1 are reserved), or no such embedding.
        models: published models of the family.
        tried: what was tried of it, for docs/backbones.md.
        pooler: whether its checkpoints may have a pooler.
    """

    model_type: str
    name: str
    backbone: str
    converter: str
    tokenizers: tuple[TokenizerKind, ...]
    prefix: str
    positions: Literal["all", "after padding", "none"] = "all"
    models: tuple[GoodModel, ...] = ()
    tried: str = ""
    pooler: bool = True

    def max_length(self, config: Mapping[str, Any]) -> int | None:
        """Returns the most tokens that a checkpoint reads, `None` where nothing says so."""
        rows = config.get("max_position_embeddings")
        if rows is None or self.positions != "after padding":
            return rows
        padding = config.get("pad_token_id")
        return int(rows) - (1 if padding is None else int(padding)) - 1


FAMILIES: dict[str, Family] = {
    family.model_type: family
    for family in (
        Family(
            model_type="bert",
            name="BERT",
            backbone="keras_hub.models.BertBackbone",
            converter="bert",
            tokenizers=("word pieces", "Unigram"),
            prefix="bert.",
        ),
        Family(
            model_type="roberta",
            name="RoBERTa",
            backbone="keras_hub.models.RobertaBackbone",
            converter="roberta",
            tokenizers=("byte pairs",),
            prefix="roberta.",
            positions="after padding",
        ),
        Family(
            model_type="xlm-roberta",
            name="XLM-RoBERTa",
            backbone="keras_hub.models.XLMRobertaBackbone",
            converter="roberta",
            tokenizers=("Unigram",),
            prefix="roberta.",
            positions="after padding",
        ),
        Family(
            model_type="distilbert",
            name="DistilBERT",
            backbone="keras_hub.models.DistilBertBackbone",
            converter="distilbert",
            tokenizers=("word pieces",),
            prefix="distilbert.",
            pooler=False,
        ),
        Family(
            model_type="albert",
            name="ALBERT",
            backbone="keras_hub.models.AlbertBackbone",
            converter="albert",
            tokenizers=("Unigram",),
            prefix="albert.",
        ),
    )
}
