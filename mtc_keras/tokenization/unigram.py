"""SentencePiece's Unigram models, put together of the steps of `tokenizers`.

KerasHub reads a whole text as one lattice of pieces, as sentencepiece does; nothing is divided at
blanks before. SentencePiece finds neither control symbols nor pieces that are unused in a text,
`tokenizers` finds every piece: such ones get names that no text has.
"""

from typing import TYPE_CHECKING, Any

from mtc_keras.tokenization.letters_in_a_row import replacements
from mtc_keras.tokenization.marks import letters_and_marks
from mtc_keras.tokenization.unspelt import UNSPELT

if TYPE_CHECKING:
    import keras_hub
    import tokenizers

BLANK = "▁"
# Above all sums of other pieces of the same characters, and below a longer one of its own kind.
USER_DEFINED_SCORE = -0.1
# Between "<" and the rest of what the name of a byte spells, which is no byte where a text has it.
IN_BYTES = r"(?<=<)(?=0x[0-9A-F]{2}>)"


def settings(tokenizer: "keras_hub.tokenizers.SentencePieceTokenizer") -> Any:
    """Returns all that decides how a tokenizer reads texts."""
    return tokenizer.proto, tokenizer.add_bos, tokenizer.add_eos


def made(tokenizer: "keras_hub.tokenizers.SentencePieceTokenizer") -> "tokenizers.Tokenizer | None":
    """Returns a `tokenizers.Tokenizer` that reads texts as KerasHub's SentencePiece does.

    Returns:
        `None` for models that are not Unigram, and for settings that `tokenizers` has no way to
        follow.
    """
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    model = model_of(tokenizer.proto)
    normalizer = _normalizer(model.normalizer_spec)
    if not is_unigram(model) or normalizer is None or tokenizer.add_bos or tokenizer.add_eos:
        return None
    in_bytes = model.trainer_spec.byte_fallback
    pieces: dict[int, tuple[str, float]] = {}
    for number, piece in enumerate(model.pieces):
        place = _number(tokenizer, number)
        if piece.type == piece.USER_DEFINED:
            if not stands_as_it_is(piece.piece, model):
                return None
            pieces[place] = (piece.piece, USER_DEFINED_SCORE)
        elif piece.type == piece.NORMAL:
            if place in pieces or (in_bytes and "<0" in piece.piece):
                return None
            pieces[place] = (piece.piece, piece.score)
        elif piece.type == piece.BYTE and in_bytes:
            pieces[place] = (piece.piece, 0.0)
    names = tokenizer.get_vocabulary()
    vocabulary = [pieces.get(i, (UNSPELT + name, 0.0)) for i, name in enumerate(names)]
    unknown = _number(tokenizer, model.trainer_spec.unk_id)
    found = Tokenizer(models.Unigram(vocabulary, unk_id=unknown, byte_fallback=in_bytes))
    found.normalizer = normalizer
    if in_bytes:
        found.pre_tokenizer = pre_tokenizers.Split(Regex(IN_BYTES), "isolated")
    return found


def model_of(proto: bytes) -> Any:
    """Returns a parsed `sentencepiece.ModelProto`."""
    from sentencepiece import sentencepiece_model_pb2

    return sentencepiece_model_pb2.ModelProto.FromString(proto)


def is_unigram(model: Any) -> bool:
    """Whether a `sentencepiece.ModelProto` is a Unigram model."""
    return model.trainer_spec.model_type == model.trainer_spec.UNIGRAM


def stands_as_it_is(symbol: str, model: Any) -> bool:
    """Whether a user's symbol, which is never normalized, would be the same if it was."""
    normalizer = _normalizer(model.normalizer_spec)
    if normalizer is None or " " in symbol or BLANK in symbol:
        return False
    return normalizer.normalize_str(symbol).removeprefix(BLANK) == symbol


def _number(tokenizer: "keras_hub.tokenizers.SentencePieceTokenizer", number: int) -> int:
    """Returns the token id of one of SentencePiece's pieces."""
    import keras_hub

    if isinstance(tokenizer, keras_hub.tokenizers.XLMRobertaTokenizer):
        return number + 1 if number else tokenizer.unk_token_id  # as fairseq counts
    return number


def _normalizer(spec: Any) -> "tokenizers.normalizers.Normalizer | None":
    """Returns the steps of a `sentencepiece.NormalizerSpec`; `None` for some that are rare."""
    from tokenizers import Regex, normalizers

    def replace(pattern: str, by: str) -> Any:
        return normalizers.Replace(Regex(pattern), by)

    if not spec.escape_whitespaces:
        return None
    before = [normalizers.Prepend(BLANK)] if spec.add_dummy_prefix else []
    steps: list[Any] = [normalizers.Replace(UNSPELT, "")]
    if not spec.remove_extra_whitespaces:
        steps += before  # also where no character is left after it
    if spec.precompiled_charsmap:
        steps += replacements(spec.precompiled_charsmap)
        steps += letters_and_marks(UNSPELT)
        steps.append(normalizers.Precompiled(spec.precompiled_charsmap))
        steps.append(normalizers.Replace(UNSPELT, ""))
    if spec.remove_extra_whitespaces:
        steps += [replace(r"\A +| +\z", ""), replace(" {2,}", " "), *before]
    steps.append(normalizers.Replace(" ", BLANK))
    if spec.remove_extra_whitespaces:
        steps.append(replace(rf"{BLANK}+\z", ""))
    return normalizers.Sequence(steps)
