"""Scores of pieces whose sums are exact, so that every program finds the same tokens of a text.

A Unigram model divides a text into the pieces whose scores have the largest sum. Where two ways
have the same sum ("rrrr" as rrr + r or r + rrr), the order of float32 additions decided, and
sentencepiece, TensorFlow Text and `tokenizers`, which adds in float64, decided differently. Sums
of multiples of 2⁻¹¹ are exact in float32 up to 8192, some 800 tokens; equal ones are equal
everywhere, and all three break ties alike.
"""

from typing import TYPE_CHECKING

from mtc_keras.tokenization.unigram import is_unigram, model_of, stands_as_it_is

if TYPE_CHECKING:
    import keras_hub

FRACTIONS = 2**11
# SentencePiece counts -0.1 for a user's symbol, which is no such multiple.
USER_DEFINED_SCORE = -0.125


def with_exact_scores(proto: bytes) -> bytes:
    """Returns a SentencePiece model whose scores are rounded to multiples of 2⁻¹¹.

    Users' symbols become pieces like others, of a score that has them found wherever they stand.

    Args:
        proto: a serialized `sentencepiece.ModelProto`. One that is no Unigram model is returned
            as it is.

    Raises:
        ValueError: if it is none.
    """
    from google.protobuf.message import DecodeError

    try:
        model = model_of(proto)
    except DecodeError:
        raise ValueError("is no SentencePiece model") from None
    if not is_unigram(model):
        return proto
    for piece in model.pieces:
        piece.score = exact(piece.score)
        if piece.type == piece.USER_DEFINED and stands_as_it_is(piece.piece, model):
            piece.type, piece.score = piece.NORMAL, USER_DEFINED_SCORE
    return model.SerializeToString()


def exact(score: float) -> float:
    """Returns the nearest multiple of 2⁻¹¹."""
    return round(score * FRACTIONS) / FRACTIONS


def make_exact(tokenizer: "keras_hub.tokenizers.Tokenizer") -> None:
    """Gives a KerasHub tokenizer exact scores, if it is one of SentencePiece."""
    proto = getattr(tokenizer, "proto", None)
    if isinstance(proto, bytes) and (rounded := with_exact_scores(proto)) != proto:
        tokenizer.set_proto(rounded)
