"""A Unigram tokenizer.json as a SentencePiece model, which KerasHub's own tokenizers read.

Only what reads texts alike becomes one; the rest is read by the tokenizer.json itself.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from mtc_keras.tokenization.character_maps import divides_at_white_space, with_steps
from mtc_keras.tokenization.settings import ALBERT, BERT, ROBERTA

Layout = Literal["XLMRoberta", "Albert", "DebertaV3"]
BLANK = "▁"
# The first ids of CamemBERT's vocabulary, and their places in XLM-RoBERTa's; what follows moves up.
CAMEMBERT = ["<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED", "<s>", "</s>"]
XLM_ROBERTA = ["<s>", "<pad>", "</s>", "<unk>"]
MASK = "<mask>"
IN_ORDER = [CAMEMBERT.index(token) for token in XLM_ROBERTA]
# What may stand for several blanks, at the beginning, between words, at the end.
SEVERAL_BLANKS = {"type": "Replace", "pattern": {"Regex": " {2,}"}}


def in_order_of_xlm_roberta(described: dict[str, Any]) -> dict[str, Any]:
    """Returns CamemBERT's vocabulary with the ids of XLM-RoBERTa's.

    Raises:
        ValueError: if it does not begin as CamemBERT's.
    """
    model = described["model"]
    pieces = model["vocab"]
    begins = [entry[0] for entry in pieces[: len(CAMEMBERT)]] if isinstance(pieces, list) else []
    if begins != CAMEMBERT or model.get("unk_id") != CAMEMBERT.index("<unk>"):
        raise ValueError(
            f"its tokenizer is not CamemBERT's, whose tokens begin with {', '.join(CAMEMBERT)}"
        )
    moved = len(CAMEMBERT) - len(XLM_ROBERTA)
    ids = {old: new for new, old in enumerate(IN_ORDER)}
    tokens = [
        {**token, "id": ids.get(token["id"], token["id"] - moved)}
        for token in described["added_tokens"]
        if token["id"] in ids or token["id"] >= len(CAMEMBERT)
    ]
    return {
        **described,
        "added_tokens": sorted(tokens, key=lambda token: token["id"]),
        "model": {
            **model,
            "unk_id": XLM_ROBERTA.index("<unk>"),
            "vocab": [pieces[old] for old in IN_ORDER] + pieces[len(CAMEMBERT) :],
        },
    }


def layout_of(pieces: Sequence[str], roles: Mapping[str, str]) -> Layout | None:
    """Returns whose order of ids a vocabulary has, by its special tokens."""
    if list(pieces[:4]) == XLM_ROBERTA and pieces[-1] == MASK and roles["pad"] == ROBERTA["pad"]:
        return "XLMRoberta"
    known = set(pieces)
    for layout, expected in (("Albert", ALBERT), ("DebertaV3", BERT)):
        if set(expected.values()) <= known and all(
            roles.get(role) == token for role, token in expected.items()
        ):
            return layout  # type: ignore[return-value]
    return None


def proto_of(
    described: Mapping[str, Any], layout: Layout, special: set[str], user_defined: set[str]
) -> bytes | None:
    """Returns a SentencePiece model that reads texts as a description does.

    Args:
        described: the content of a Unigram tokenizer.json.
        layout: what `layout_of` returns.
        special: the special tokens, which no text spells.
        user_defined: pieces that are found in texts before others.

    Returns:
        A serialized `sentencepiece.ModelProto`, or `None` if none would read texts like that.
    """
    from sentencepiece import sentencepiece_model_pb2

    model = described["model"]
    reading = _reading(described)
    if reading is None or model.get("byte_fallback"):
        return None
    charsmap, by_words = reading
    entries, unknown = model["vocab"], model.get("unk_id")
    if layout == "XLMRoberta":  # which puts four tokens before SentencePiece's, and one behind
        entries = [entries[3], entries[0], entries[2], *entries[4:-1]]
        unknown = unknown and unknown - XLM_ROBERTA.index("<unk>")
    if type(unknown) is not int or not 0 <= unknown < len(entries):
        return None
    found = sentencepiece_model_pb2.ModelProto()
    kinds = sentencepiece_model_pb2.ModelProto.SentencePiece
    for number, (piece, score) in enumerate(entries):
        kind = kinds.NORMAL
        if number == unknown:
            kind = kinds.UNKNOWN
        elif piece in special:
            kind = kinds.CONTROL
        elif piece in user_defined:
            kind = kinds.USER_DEFINED
        elif by_words and BLANK in piece[1:]:
            kind = kinds.UNUSED  # it would cross from a word to the next
        found.pieces.add(piece=piece, score=score, type=kind)
    trained = found.trainer_spec
    trained.model_type = sentencepiece_model_pb2.TrainerSpec.UNIGRAM
    trained.vocab_size = len(entries)
    trained.unk_id, trained.bos_id, trained.eos_id, trained.pad_id = unknown, -1, -1, -1
    trained.unk_piece = entries[unknown][0]
    found.normalizer_spec.name = "tokenizer.json"
    found.normalizer_spec.precompiled_charsmap = charsmap
    found.normalizer_spec.add_dummy_prefix = True
    found.normalizer_spec.remove_extra_whitespaces = True
    found.normalizer_spec.escape_whitespaces = True
    return found.SerializeToString()


def _reading(described: Mapping[str, Any]) -> tuple[bytes, bool] | None:
    """Returns how a description reads texts, as far as a SentencePiece model can say it.

    Returns:
        The map of characters, and whether pieces stay within words; `None` where there is more
        to it.
    """
    steps = parts(described.get("normalizer"), "normalizers")
    charsmap = with_steps([step for step in steps if not _is_of_blanks(step)])
    if charsmap is None:
        return None
    words = parts(described.get("pre_tokenizer"), "pretokenizers")
    if not words or words[-1].get("type") != "Metaspace" or len(words) > 2:
        return None
    space = words[-1]
    scheme = space.get("prepend_scheme", "always" if space.get("add_prefix_space") else "never")
    # White space that is no blank divides words, which no model does that leaves it as it is.
    if len(words) == 2 and not (
        words[0].get("type") == "WhitespaceSplit" and divides_at_white_space(charsmap)
    ):
        return None
    if space.get("replacement") != BLANK or scheme not in ("always", "first"):
        return None
    return charsmap, space.get("split", True) is not False


def parts(step: Mapping[str, Any] | None, key: str) -> list[Mapping[str, Any]]:
    """Returns the steps of a normalizer or a pre-tokenizer, those of sequences singly."""
    if not step:
        return []
    if step.get("type") != "Sequence":
        return [step]
    return [part for inner in step.get(key) or [] for part in parts(inner, key)]


def _is_of_blanks(step: Mapping[str, Any]) -> bool:
    """Whether a step changes nothing but blanks that SentencePiece drops anyway."""
    replaced = {key: step.get(key) for key in SEVERAL_BLANKS} == SEVERAL_BLANKS
    return step.get("type") == "Strip" or (replaced and step.get("content") in (" ", BLANK))


def prepared(
    proto: bytes, special: set[str], steps: Sequence[Mapping[str, Any]] = ()
) -> bytes | None:
    """Returns a SentencePiece model in which no text spells a special token.

    Args:
        proto: a serialized `sentencepiece.ModelProto`.
        special: the special tokens.
        steps: what is done to texts before, as the steps of a normalizer.

    Returns:
        The model, or `None` if it cannot do these steps.

    Raises:
        ValueError: if it is no such model.
    """
    from google.protobuf.message import DecodeError
    from sentencepiece import sentencepiece_model_pb2

    try:
        found = sentencepiece_model_pb2.ModelProto.FromString(proto)
    except DecodeError:
        found = sentencepiece_model_pb2.ModelProto()
    kinds = sentencepiece_model_pb2.ModelProto.SentencePiece
    if not any(piece.type == kinds.UNKNOWN for piece in found.pieces):
        raise ValueError("is no SentencePiece model, or is damaged")
    for piece in found.pieces:
        if piece.piece in special and piece.type != kinds.UNKNOWN:
            piece.type = kinds.CONTROL
    if steps:
        own = found.normalizer_spec.precompiled_charsmap
        charsmap = with_steps([*steps, *([_step_of(own)] if own else [])])
        if charsmap is None:
            return None
        found.normalizer_spec.precompiled_charsmap = charsmap
    return found.SerializeToString()


def _step_of(charsmap: bytes) -> dict[str, Any]:
    encoded = base64.b64encode(charsmap).decode("ascii")
    return {"type": "Precompiled", "precompiled_charsmap": encoded}


def description_of_proto(proto: bytes, layout: Layout) -> dict[str, Any]:
    """Returns a Unigram SentencePiece model as the content of a tokenizer.json.

    Raises:
        ValueError: if it is no Unigram model.
    """
    from sentencepiece import sentencepiece_model_pb2

    found = sentencepiece_model_pb2.ModelProto.FromString(proto)
    if found.trainer_spec.model_type != sentencepiece_model_pb2.TrainerSpec.UNIGRAM:
        raise ValueError("is no Unigram model, and has no tokenizer.json beside it")
    entries = [[piece.piece, piece.score] for piece in found.pieces]
    kinds = sentencepiece_model_pb2.ModelProto.SentencePiece
    [unknown] = [n for n, piece in enumerate(found.pieces) if piece.type == kinds.UNKNOWN]
    if layout == "XLMRoberta":
        entries = [*([token, 0.0] for token in XLM_ROBERTA), *entries[3:], [MASK, 0.0]]
        unknown = XLM_ROBERTA.index("<unk>")
    charsmap = found.normalizer_spec.precompiled_charsmap
    steps: list[dict[str, Any]] = [_step_of(charsmap)] if charsmap else []
    steps += [{"type": "Strip", "strip_left": True, "strip_right": True}]
    steps += [{**SEVERAL_BLANKS, "content": " "}]
    return {
        "added_tokens": [],
        "normalizer": {"type": "Sequence", "normalizers": steps},
        "pre_tokenizer": {
            "type": "Metaspace",
            "replacement": BLANK,
            "prepend_scheme": "always",
            "split": False,
        },
        "post_processor": None,
        "decoder": None,
        "model": {"type": "Unigram", "unk_id": unknown, "byte_fallback": False, "vocab": entries},
    }
