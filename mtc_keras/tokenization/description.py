"""A tokenizer.json as a stranger may have written it, parsed within limits."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mtc_keras.config.model import MOST_VOCABULARY

if TYPE_CHECKING:
    import tokenizers

PROBES = [letter * 64 + end for letter in "aA0 .'é" for end in ("", "!", "\n", " a")]
AROUND_MODEL = ("normalizer", "pre_tokenizer", "post_processor", "decoder")
NO_MODEL = {"type": "WordLevel", "vocab": {"": 0}, "unk_token": ""}
MODELS = ("WordPiece", "Unigram", "BPE", "WordLevel")
LONGEST_WORD = 100  # characters; BERT takes a longer one for unknown


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
    if not isinstance(model, dict) or not isinstance(vocabulary, (dict, list)):
        raise ValueError("is no tokenizer.json of the package tokenizers: it has no vocabulary")
    if not model.get("type"):  # older files leave it out
        model["type"] = _kind(model)
    if model["type"] not in MODELS:
        raise ValueError(f"has a model of type {model['type']!r:.80}, not one of {MODELS}")
    added = described["added_tokens"] = described.get("added_tokens") or []
    if not isinstance(added, list) or not all(map(_is_added, added)):
        raise ValueError("has added tokens without a text or an id")
    ids = _ids(vocabulary, model["type"]) + [token["id"] for token in added]
    if not all(type(number) is int and 0 <= number < MOST_VOCABULARY for number in ids):
        raise ValueError(f"has ids that are no numbers from 0 to {MOST_VOCABULARY:,}")
    if model["type"] == "BPE":
        _check_merges(model)
    # What stands around the model is checked by the package itself, without the vocabulary.
    without = {key: described.setdefault(key, None) for key in AROUND_MODEL}
    if not all(isinstance(step, (dict, type(None))) for step in without.values()):
        raise ValueError(f"describes no {' or '.join(AROUND_MODEL)}")
    rust_tokenizer(json.dumps({**without, "model": NO_MODEL}))
    return described


def description_of_word_pieces(
    vocabulary: Mapping[str, int],
    *,
    lowercase: bool = True,
    strip_accents: bool | None = None,
    unknown: str = "[UNK]",
    continues: str = "##",
) -> dict[str, Any]:
    """Returns the content of a tokenizer.json that reads word pieces as BERT does.

    Args:
        vocabulary: the id of each piece.
        lowercase: bool. Whether texts are read in small letters.
        strip_accents: bool. Whether letters lose their accents; `None`: as small ones do.
        unknown: str. The piece of words that no pieces make up.
        continues: str. What begins a piece inside of a word.
    """
    return {
        "added_tokens": [],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": strip_accents,
            "lowercase": lowercase,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": None,
        "decoder": {"type": "WordPiece", "prefix": continues, "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": unknown,
            "continuing_subword_prefix": continues,
            "max_input_chars_per_word": LONGEST_WORD,
            "vocab": dict(vocabulary),
        },
    }


def vocabulary_of(described: dict[str, Any]) -> dict[str, int]:
    """Returns the id of each piece of a description's model, added tokens left out."""
    vocabulary = described["model"]["vocab"]
    if isinstance(vocabulary, dict):
        return vocabulary
    return {entry[0]: number for number, entry in enumerate(vocabulary)}


def rust_tokenizer(content: str) -> "tokenizers.Tokenizer":
    """Returns the `tokenizers.Tokenizer` of a tokenizer.json.

    Raises:
        ValueError: what is wrong with it, without its name.
    """
    from tokenizers import Tokenizer

    try:
        found = Tokenizer.from_str(content)
        # A pattern that tries all ways through a run of letters ends in a panic at the limit of
        # the regular expressions' library, and would at some user's text.
        found.encode_batch_fast(PROBES, add_special_tokens=False)
    except BaseException as error:  # of Rust: plain `Exception`s, and panics, which are none
        if isinstance(error, (KeyboardInterrupt, SystemExit, MemoryError)):
            raise
        raise ValueError(f"is no tokenizer that the package tokenizers reads: {error}") from None
    return found


def _ids(vocabulary: dict[str, Any] | list[Any], kind: str) -> list[Any]:
    """Returns the ids of a model's pieces.

    Raises:
        ValueError: if it holds something else than pieces.
    """
    if isinstance(vocabulary, dict):
        return [*vocabulary.values()]
    if kind != "Unigram" or not all(map(_is_scored, vocabulary)):
        raise ValueError("has a vocabulary of something else than pieces")
    return [*range(len(vocabulary))]


def _check_merges(model: dict[str, Any]) -> None:
    """Checks that the package does not count beyond a piece, at which it ends the program.

    Raises:
        ValueError: if it would.
    """
    prefix = model.get("continuing_subword_prefix") or ""
    merges = model.get("merges")
    if not isinstance(prefix, str) or not isinstance(merges, list):
        raise ValueError("has no merges of byte pairs")
    if not prefix:
        return
    for merge in merges:
        pair = merge.split(" ", 1) if isinstance(merge, str) else merge
        second = pair[1] if isinstance(pair, list) and len(pair) == 2 else None
        if not isinstance(second, str) or not second.startswith(prefix):
            raise ValueError(f"has merges whose second piece does not begin with {prefix!r:.80}")


def _is_scored(entry: Any) -> bool:
    pair = isinstance(entry, list) and len(entry) == 2
    return pair and isinstance(entry[0], str) and type(entry[1]) in (int, float)


def _is_added(token: Any) -> bool:
    return isinstance(token, dict) and isinstance(token.get("content"), str) and "id" in token


def _kind(model: dict[str, Any]) -> str | None:
    if isinstance(model.get("vocab"), list):
        return "Unigram"
    if "merges" in model:
        return "BPE"
    return "WordPiece" if "continuing_subword_prefix" in model else None
