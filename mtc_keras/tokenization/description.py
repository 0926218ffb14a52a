"""A tokenizer.json as a stranger may have written it, parsed within limits."""

import json
from typing import TYPE_CHECKING, Any

from mtc_keras.config.model import MOST_VOCABULARY

if TYPE_CHECKING:
    import tokenizers

MODELS = ("WordPiece", "Unigram", "BPE", "WordLevel")


def parse_description(content: str) -> dict[str, Any]:
    """Returns the parsed content of a tokenizer.json.

    Raises:
        ValueError: what is wrong with it, without its name.
    """
    try:
        described = json.loads(content)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"is not JSON: {error}") from None
    model = described.get("model") if isinstance(described, dict) else None
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    if not isinstance(vocabulary, (dict, list)):
        raise ValueError("is no tokenizer.json of the package tokenizers: it has no vocabulary")
    if len(vocabulary) > MOST_VOCABULARY:
        raise ValueError(f"has {len(vocabulary):,} pieces, and may have {MOST_VOCABULARY:,}")
    return described


def rust_tokenizer(content: str) -> "tokenizers.Tokenizer":
    """Returns the `tokenizers.Tokenizer` of a tokenizer.json.

    Raises:
        ValueError: what is wrong with it, without its name.
    """
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_str(content)
    except BaseException as error:  # of Rust: plain `Exception`s, and panics, which are none
        if isinstance(error, (KeyboardInterrupt, SystemExit, MemoryError)):
            raise
        raise ValueError(f"is no tokenizer that the package tokenizers reads: {error}") from None
