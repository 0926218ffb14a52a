"""Special tokens that no text can spell.

In the files of `tokenizers` a special token is a text like any other: whoever writes "[SEP]" or
"</s>" in a comment gets the token that ends a text, not the six characters. KerasHub's word pieces
and SentencePiece do not read texts like that, so here special tokens get names that no text has.
"""

from collections.abc import Iterable
from typing import Any

UNSPELT = "\0"  # begins the name of a special token; texts have none, as the normalizer drops it
DROPPED = {"type": "Replace", "pattern": {"String": UNSPELT}, "content": ""}


def without_spelling(described: dict[str, Any], roles: Iterable[str]) -> dict[str, Any]:
    """Returns the content of a tokenizer.json whose special tokens are spelt by no text.

    All ids stay as they are. What is put around a text, truncation and padding are left out, as
    they are a preprocessor's. Added tokens that are not special are still found in texts.

    Args:
        described: the parsed content of a tokenizer.json.
        roles: further special tokens, as a file need not mark them as such.

    Raises:
        ValueError: if it is no tokenizer.json.
    """
    model = described.get("model")
    added = described.get("added_tokens") or []
    if not isinstance(model, dict) or not isinstance(added, list):
        raise ValueError("describes no tokenizer")
    if not all(isinstance(token, dict) and "content" in token for token in added):
        raise ValueError("describes no added tokens")
    special = {token["content"] for token in added if token.get("special")} | set(roles)
    names = {name: UNSPELT + name for name in special if not name.startswith(UNSPELT)}
    tokens = [
        {**token, "content": names[token["content"]], "normalized": False}
        if token["content"] in names
        else token
        for token in added
    ]
    return {
        **described,
        "truncation": None,
        "padding": None,
        "post_processor": None,
        "added_tokens": tokens,
        "normalizer": _dropping(described.get("normalizer")),
        "model": _renamed(model, names),
    }


def spelling(name: str) -> str:
    """Returns a token as its model's files call it."""
    return name.removeprefix(UNSPELT)


def _dropping(normalizer: dict[str, Any] | None) -> dict[str, Any]:
    """Returns a normalizer that drops the character before special tokens' names first."""
    if normalizer is None:
        return DROPPED
    parts = normalizer.get("normalizers") if normalizer.get("type") == "Sequence" else [normalizer]
    if parts and parts[0] == DROPPED:
        return normalizer
    return {"type": "Sequence", "normalizers": [DROPPED, *(parts or [])]}


def _renamed(model: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """Returns the description of a model with other names of pieces."""
    vocabulary = model.get("vocab")
    if isinstance(vocabulary, dict):
        vocabulary = {names.get(piece, piece): number for piece, number in vocabulary.items()}
    elif isinstance(vocabulary, list):
        vocabulary = [[names.get(entry[0], entry[0]), *entry[1:]] for entry in vocabulary]
    unknown = model.get("unk_token")
    if isinstance(unknown, str):
        model = {**model, "unk_token": names.get(unknown, unknown)}
    return {**model, "vocab": vocabulary}
