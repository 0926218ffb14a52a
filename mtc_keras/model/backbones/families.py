"""The families of encoders that are read from Hugging Face folders: one table, plain data.

It is what decides which folders are read and how; docs/backbones.md is written from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any, Literal

from mtc_keras.errors import did_you_mean, listed

TokenizerKind = Literal["word pieces", "Unigram", "byte pairs"]
# Which of its tokenizers can leave by an export; the text is part of each.
EXPORTS: dict[TokenizerKind, dict[str, str]] = {
    "word pieces": {"SavedModel": "by BERT's rules", "ONNX": "all", "int8": "all"},
    "Unigram": {"SavedModel": "all", "ONNX": "all", "int8": "all"},
    "byte pairs": {"SavedModel": "of GPT-2's form", "ONNX": "all", "int8": "all"},
}


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
        anchor: a weight that each has, without the prefix.
        made: the names of weights that may be missing and are drawn then: the pooler's.
        unused: what the names of weights begin with that nothing is computed of here.
        positions: which rows of the position embeddings texts can use: all, those after the
            padding's (`pad_token_id` + 1 are reserved), or no such embedding.
        gives_way_to: the name of a class of KerasHub that is to compute it as soon as there is
            one; what was saved with ours keeps it.
    """

    model_type: str
    name: str
    backbone: str
    converter: str
    tokenizers: tuple[TokenizerKind, ...]
    prefix: str
    anchor: str = "embeddings.word_embeddings.weight"
    made: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    positions: Literal["all", "after padding", "none"] = "all"
    gives_way_to: str = ""

    def max_length(self, config: Mapping[str, Any]) -> int | None:
        """Returns the most tokens that a checkpoint reads, `None` where nothing says so."""
        rows = config.get("max_position_embeddings")
        if rows is None or self.positions != "after padding":
            return rows
        padding = config.get("pad_token_id")
        return int(rows) - (1 if padding is None else int(padding)) - 1


POOLER = ("pooler.dense.weight", "pooler.dense.bias")
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
            made=POOLER,
        ),
        Family(
            model_type="electra",
            name="ELECTRA",
            backbone="mtc_keras.model.backbones.as_trained.ElectraBackbone",
            converter="electra",
            tokenizers=("word pieces",),
            prefix="electra.",
            made=POOLER,
        ),
        Family(
            model_type="roberta",
            name="RoBERTa",
            backbone="keras_hub.models.RobertaBackbone",
            converter="roberta",
            tokenizers=("byte pairs", "word pieces"),
            prefix="roberta.",
            unused=("pooler.",),
            positions="after padding",
        ),
        Family(
            model_type="xlm-roberta",
            name="XLM-RoBERTa",
            backbone="keras_hub.models.XLMRobertaBackbone",
            converter="roberta",
            tokenizers=("Unigram",),
            prefix="roberta.",
            unused=("pooler.",),
            positions="after padding",
        ),
        Family(
            model_type="camembert",
            name="CamemBERT",
            backbone="keras_hub.models.XLMRobertaBackbone",
            converter="roberta",
            tokenizers=("Unigram",),
            prefix="roberta.",
            unused=("pooler.",),
            positions="after padding",
        ),
        Family(
            model_type="distilbert",
            name="DistilBERT",
            backbone="keras_hub.models.DistilBertBackbone",
            converter="distilbert",
            tokenizers=("word pieces",),
            prefix="distilbert.",
        ),
        Family(
            model_type="albert",
            name="ALBERT",
            backbone="keras_hub.models.AlbertBackbone",
            converter="albert",
            tokenizers=("Unigram",),
            prefix="albert.",
            made=("pooler.weight", "pooler.bias"),
        ),
        Family(
            model_type="deberta-v2",
            name="DeBERTa-v2 and v3",
            backbone="mtc_keras.model.backbones.deberta_backbone.DebertaBackbone",
            converter="deberta",
            tokenizers=("Unigram", "word pieces"),
            prefix="deberta.",
            # v3's files have embeddings of places that position_biased_input = false leaves out.
            unused=("embeddings.position_embeddings.", "pooler."),
        ),
        Family(
            model_type="modernbert",
            name="ModernBERT",
            backbone="mtc_keras.model.backbones.modernbert_backbone.ModernBertBackbone",
            converter="modernbert",
            tokenizers=("byte pairs", "word pieces"),
            prefix="model.",
            anchor="embeddings.tok_embeddings.weight",
            gives_way_to="ModernBertBackbone",
        ),
        Family(
            model_type="eurobert",
            name="EuroBERT",
            backbone="mtc_keras.model.backbones.eurobert_backbone.EuroBertBackbone",
            converter="eurobert",
            tokenizers=("byte pairs",),
            prefix="model.",
            anchor="embed_tokens.weight",
        ),
    )
}


# What people bring beside those, and what to bring in its place.
DECODER = "It reads from left to right and predicts the next word; for labels, take an encoder"
INSTEAD = {
    "bart": "Take an encoder without a decoder, such as roberta-base",
    "big_bird": 'for long texts, take a ModernBERT, or long_texts = "windows"',
    "deberta": "Take DeBERTa-v3 (type 'deberta-v2'), such as microsoft/deberta-v3-base",
    "flaubert": "For French, take almanach/camembert-base",
    "funnel": "Take an ELECTRA, such as google/electra-base-discriminator",
    "longformer": 'for long texts, take a ModernBERT, or long_texts = "windows"',
    "mobilebert": "For small and fast, take distilbert-base-uncased or minilm",
    "modernbert-decoder": DECODER,
    "mpnet": "Take sentence-transformers/all-MiniLM-L12-v2 or intfloat/e5-base-v2",
    "new": "For many languages, take intfloat/multilingual-e5-base",
    "nomic_bert": "Take nomic-ai/modernbert-embed-base",
    "roformer": "Take bert-base-uncased",
    "squeezebert": "For small and fast, take distilbert-base-uncased or minilm",
    "t5": "Take an encoder without a decoder, such as roberta-base",
    "mt5": "Take an encoder without a decoder, such as xlm-roberta-base",
    "umt5": "Take an encoder without a decoder, such as xlm-roberta-base",
    "xlm": "For many languages, take xlm-roberta-base",
    "xlm-roberta-xl": "Take xlm-roberta-large",
    "xlnet": "Take roberta-base or microsoft/deberta-v3-base",
    **dict.fromkeys(
        ("gemma", "gemma2", "gemma3_text", "gpt2", "gpt_neox", "llama", "mistral", "opt", "phi3"),
        DECODER,
    ),
    **dict.fromkeys(("qwen2", "qwen3", "bloom", "smollm3", "gpt_neo", "falcon"), DECODER),
}


def unknown_type(kind: Any, config: Mapping[str, Any]) -> str:
    """Returns why a type of model is refused: what works, the nearest, and a way out."""
    known = f"what is read here is {listed(list(FAMILIES), most=len(FAMILIES))}."
    if not isinstance(kind, str):
        return f"names no model_type in its config.json; {known}"
    way = f" {INSTEAD[kind]}." if kind in INSTEAD else did_you_mean(kind, FAMILIES)
    code = " Its own code (auto_map in config.json) is never run." if "auto_map" in config else ""
    return f"is a model of type {kind!r:.80}; {known}{way}{code}"


def converter_of(family: Family) -> ModuleType:
    """Returns the module with a family's `backbone_config` and `convert_weights`."""
    return import_module(f"mtc_keras.model.backbones.{family.converter}")
