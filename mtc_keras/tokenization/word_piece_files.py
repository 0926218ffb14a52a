"""Word pieces of a tokenizer.json for KerasHub's own tokenizer, which leaves by every door."""

from collections.abc import Mapping
from typing import Any

from mtc_keras.tokenization.description import LONGEST_WORD
from mtc_keras.tokenization.settings import BERT, Settings

NORMALIZER, WORDS = "BertNormalizer", "BertPreTokenizer"
# What BERT's classes of `transformers` set in a tokenizer.json, by the name that the option has.
OPTIONS = {
    "lowercase": ("do_lower_case", True),
    "strip_accents": ("strip_accents", None),
    "handle_chinese_chars": ("tokenize_chinese_chars", True),
}


def with_bert_options(
    described: dict[str, Any], settings: Settings, from_file: bool
) -> tuple[dict[str, Any], list[str]]:
    """Returns a description of word pieces as BERT's classes read it.

    Those go by tokenizer_config.json and by their own defaults, whatever tokenizer.json says.

    Args:
        described: the content of a tokenizer.json.
        settings: the `Settings`, of one of BERT's classes.
        from_file: bool. Whether the folder has that tokenizer.json.

    Returns:
        The description, and what is to be told, one line each.

    Raises:
        ValueError: if nothing says whether capital letters are read, and there are some.
    """
    stated = described.get("normalizer") or {}
    if stated.get("type") != NORMALIZER:
        return described, []
    options = {key: settings.flag(name, default) for key, (name, default) in OPTIONS.items()}
    notes = []
    if "do_lower_case" not in settings.options and not from_file:
        if has_capitals(described, settings):
            raise ValueError(
                "tokenizer_config.json lacks do_lower_case: add true for an uncased model, false "
                "for a cased one, as the capital letters in vocab.txt tell"
            )
        notes.append(
            "tokenizer_config.json lacks do_lower_case; texts are read in small letters, as "
            "vocab.txt has no others"
        )
    for key, value in options.items() if from_file else ():
        name = OPTIONS[key][0]
        if stated.get(key) != value and _effect(stated, key) != _effect(options, key):
            source = "says" if name in settings.options else "lacks it, for which the class takes"
            notes.append(
                f"{name}: tokenizer.json says {_written(stated.get(key))}, tokenizer_config.json "
                f"{source} {_written(value)}, which is used, as transformers does"
            )
    return {**described, "normalizer": {**stated, **options}}, notes


def has_capitals(described: Mapping[str, Any], settings: Settings) -> bool:
    """Whether a vocabulary has pieces that a text in small letters never has."""
    special = set(settings.roles.values())
    return any(
        piece != piece.lower()
        for piece in described["model"]["vocab"]
        if piece not in special and not (piece.startswith("[") and piece.endswith("]"))
    )


def bert_arguments(described: Mapping[str, Any], settings: Settings) -> dict[str, Any] | None:
    """Returns the arguments of a KerasHub `BertTokenizer` that reads by a description.

    Returns:
        `None` if no such tokenizer would read texts like that, or be saved as it is.
    """
    model, normalizer = described["model"], described.get("normalizer") or {}
    if model.get("type") != "WordPiece" or normalizer.get("type") != NORMALIZER:
        return None
    by_words = described.get("pre_tokenizer") or {}
    usual = (
        by_words.get("type") == WORDS
        and normalizer.get("clean_text") is True
        and normalizer.get("handle_chinese_chars") is True
        and model.get("continuing_subword_prefix") == "##"
        and model.get("max_input_chars_per_word") == LONGEST_WORD
        and model.get("unk_token") == BERT["unk"]
        and all(settings.roles.get(role) == token for role, token in BERT.items())
    )
    pieces = sorted(model["vocab"], key=model["vocab"].__getitem__)
    if not usual or [model["vocab"][piece] for piece in pieces] != [*range(len(pieces))]:
        return None
    # A line of vocabulary.txt each, which is read without what blanks end it.
    if not all(piece and piece == piece.rstrip() and "\r" not in piece for piece in pieces):
        return None
    if not set(BERT.values()) <= model["vocab"].keys():
        return None
    return {
        "vocabulary": pieces,
        "lowercase": bool(normalizer.get("lowercase")),
        "strip_accents": _effect(normalizer, "strip_accents"),
    }


def _effect(normalizer: Mapping[str, Any], key: str) -> bool:
    """Returns what a setting of `BertNormalizer` does: small letters lose their accents, too."""
    value = normalizer.get(key)
    if key == "strip_accents" and value is None:
        value = normalizer.get("lowercase")
    return bool(value)


def _written(value: bool | None) -> str:
    return "null" if value is None else str(value).lower()
