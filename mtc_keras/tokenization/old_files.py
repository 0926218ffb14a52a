"""The vocabularies that were written before tokenizer.json, described as one."""

from typing import Any

from mtc_keras.files import parse_json
from mtc_keras.tokenization.description import description_of_word_pieces
from mtc_keras.tokenization.folder import BYTE_PAIRS, SENTENCE_PIECES, WORD_PIECES, Folder


def description_of_vocab_txt(content: str) -> dict[str, Any]:
    """Returns a vocab.txt as the content of a tokenizer.json that reads as BERT's does."""
    lines = content.split("\n")
    if not lines[-1]:
        lines.pop()
    # Of a piece on several lines, `transformers` takes the last one.
    return description_of_word_pieces(
        {line.removesuffix("\r"): number for number, line in enumerate(lines)}
    )


def description_of_byte_pairs(vocabulary: bytes, merges: str) -> dict[str, Any]:
    """Returns a vocab.json and a merges.txt as the content of a tokenizer.json.

    Raises:
        ValueError: what is wrong with which of them.
    """
    try:
        pieces = parse_json(vocabulary)
    except ValueError as error:
        raise ValueError(f"{BYTE_PAIRS[0]} {error}") from None
    if not isinstance(pieces, dict):
        raise ValueError(f"{BYTE_PAIRS[0]} must hold an object, pieces with their ids")
    lines = [line.strip() for line in merges.split("\n")]
    pairs = [line.split(" ") for line in lines if line and not line.startswith("#version")]
    for place, pair in enumerate(pairs):
        if len(pair) != 2:
            raise ValueError(f"{BYTE_PAIRS[1]}: merge {place + 1} is no pair of pieces")
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    return {
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {**level, "use_regex": True},
        "post_processor": None,
        "decoder": {**level, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": pieces,
            "merges": pairs,
        },
    }


def sentence_pieces(folder: Folder) -> bytes | None:
    """Returns the content of a folder's SentencePiece model, if it has one."""
    found = (folder.content(name) for name in SENTENCE_PIECES)
    return next((content for content in found if content is not None), None)


def described_old_files(folder: Folder) -> dict[str, Any] | None:
    """Returns a folder's word pieces or byte pairs as the content of a tokenizer.json."""
    words = folder.text(WORD_PIECES)
    if words is not None:
        return description_of_vocab_txt(words)
    vocabulary, merges = folder.content(BYTE_PAIRS[0]), folder.text(BYTE_PAIRS[1])
    if vocabulary is not None and merges is not None:
        return description_of_byte_pairs(vocabulary, merges)
    return None
