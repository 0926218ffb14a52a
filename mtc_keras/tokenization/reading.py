"""From the tokenizer's files of a Hugging Face folder to a KerasHub tokenizer."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtc_keras.tokenization.plans import plan_of

if TYPE_CHECKING:
    import keras_hub


def read_tokenizer(
    preset: str, model_type: str, config: Mapping[str, Any]
) -> tuple["keras_hub.tokenizers.Tokenizer", list[str]]:
    """Reads the tokenizer of a Hugging Face folder, in the way that keeps most doors open.

    Word pieces as BERT's become a `BertTokenizer`, Unigram models KerasHub's own tokenizers, which
    every export takes. Byte pairs, and whatever else KerasHub would read otherwise, are read by the
    tokenizer.json itself, which leaves as ONNX.

    Args:
        preset: the folder, or a hub's name such as `"hf://…"`.
        model_type: the `model_type` of its config.json.
        config: the content of its config.json.

    Returns:
        A `keras_hub.tokenizers.Tokenizer`, and what is to be told, one line each. CamemBERT's has
        the ids of XLM-RoBERTa.

    Raises:
        ValueError: what is missing or wrong, with the name of the file.
    """
    import keras_hub

    from mtc_keras.tokenization.bert_tokenizer import BertTokenizer
    from mtc_keras.tokenization.exact_scores import with_exact_scores
    from mtc_keras.tokenization.hugging_face_tokenizer import HuggingFaceTokenizer

    plan = plan_of(preset, model_type, config)
    if plan.word_pieces is not None:
        tokenizer = BertTokenizer(**plan.word_pieces)
    elif plan.proto is not None:
        layout, proto = plan.proto
        tokenizer = getattr(keras_hub.models, f"{layout}Tokenizer")(proto=with_exact_scores(proto))
    else:
        described, roles = plan.described or ({}, {})
        template = plan.template
        arguments: dict[str, Any] = {"start_token": None, "end_token": None, **roles}
        tokenizer = HuggingFaceTokenizer(
            json.dumps(described),
            separator=template.separator,
            second_segment=template.second_segment,
            **arguments,
        )
    return tokenizer, list(plan.notes)


def missing_files(folder: Path, model_type: str, config: Mapping[str, Any]) -> list[str]:
    """Returns what keeps a folder's tokenizer from being read, a sentence each.

    Nothing of Keras is imported.

    Args:
        folder: the folder.
        model_type: the `model_type` of its config.json.
        config: the content of its config.json.
    """
    try:
        plan_of(str(folder), model_type, config)
    except ValueError as error:
        return [str(error)]
    return []
