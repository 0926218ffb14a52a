"""The model of sentencepiece, whose pieces a family may count from another number on."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mtc_keras.files import read_bytes
from mtc_keras.tokenization.exact_scores import with_exact_scores
from mtc_keras.tokenization.folder import MOST_BYTES

# By how much a piece's row is above its number, as fairseq put tokens of its own first.
OFFSETS = {"camembert": 4, "xlm-roberta": 1}
OF_FAIRSEQ = ("sentencepiece.bpe.model",)
SPECIAL = 3  # pieces that come first: unknown, beginning and end


class SentencePiece:
    """A Unigram model of sentencepiece.

    Args:
        path: the file.
        model_type: of the config.json beside it.
        known: the pieces of tokenizer.json by row, which tell how they are counted; `None` where
            there is none.

    Raises:
        ValueError: if it cannot be read, is no Unigram model, or has other pieces.
    """

    parts: Mapping[int, Sequence[int]] = {}

    def __init__(self, path: Path, model_type: str, known: Mapping[int, str] | None) -> None:
        from google.protobuf.message import DecodeError
        from sentencepiece import SentencePieceProcessor, sentencepiece_model_pb2

        self.name = path.name
        self.proto = sentencepiece_model_pb2.ModelProto()
        try:
            content = read_bytes(path, MOST_BYTES)
            self.proto.ParseFromString(content)
        except (ValueError, DecodeError) as error:
            raise ValueError(f"{path.name} is no model of sentencepiece: {error}") from None
        if self.proto.trainer_spec.model_type != sentencepiece_model_pb2.TrainerSpec.UNIGRAM:
            raise ValueError(f"{path.name} is of another kind than Unigram, which can be cut")
        usual = OFFSETS.get(model_type, int(path.name in OF_FAIRSEQ))
        offsets = [usual, *sorted({0, 1, 4} - {usual})] if known else [usual]
        self.offset = next((o for o in offsets if self._counted_by(o, known)), -1)
        if self.offset < 0:
            raise ValueError(f"tokenizer.json and {path.name} have different pieces")
        kinds = sentencepiece_model_pb2.ModelProto.SentencePiece
        normal = [n for n, piece in enumerate(self.proto.pieces) if piece.type == kinds.NORMAL]
        scores = [self.proto.pieces[number].score for number in normal]
        # What a character costs that no piece holds depends on the lowest score, what a piece of
        # a user's own is worth on the highest.
        always = set(range(len(self.proto.pieces))) - set(normal) | set(range(SPECIAL))
        if normal:
            always |= {normal[scores.index(extreme(scores))] for extreme in (min, max)}
        if known is None:
            always.add(len(self.proto.pieces))  # of the mask, which follows unless it is among them
        self.always = frozenset([*range(self.offset), *(n + self.offset for n in always)])
        self.pieces: Mapping[int, str] = {
            number + self.offset: self.proto.pieces[number].piece for number in normal
        }
        self.readers = [
            SentencePieceProcessor(model_proto=proto)
            for proto in (content, with_exact_scores(content))
        ]

    def _counted_by(self, offset: int, known: Mapping[int, str] | None) -> bool:
        pieces = self.proto.pieces
        places = range(SPECIAL, len(pieces))
        return known is None or all(known.get(n + offset) == pieces[n].piece for n in places)

    def rows_of(self, texts: Sequence[str]) -> list[list[int]]:
        """Returns the rows of the tokens of each text, as it is, and with rounded scores."""
        rows: list[list[int]] = [[] for _ in texts]
        for reader in self.readers:
            encoded = reader.encode(list(texts), out_type=int)
            for row, numbers in zip(rows, encoded, strict=True):
                row += [number + self.offset for number in numbers]
        return rows

    def cut(self, rows: Sequence[int]) -> dict[str, bytes]:
        """Returns the file with some of its rows."""
        kept = [row - self.offset for row in rows if self.offset <= row]
        kept = [number for number in kept if number < len(self.proto.pieces)]
        new = {number: place for place, number in enumerate(kept)}
        proto = type(self.proto)()
        proto.CopyFrom(self.proto)
        del proto.pieces[:]
        proto.pieces.extend(self.proto.pieces[number] for number in kept)
        trainer = proto.trainer_spec
        trainer.vocab_size = len(kept)
        for name in ("unk_id", "bos_id", "eos_id", "pad_id"):
            number = getattr(trainer, name)
            setattr(trainer, name, new.get(number, number))
        return {self.name: proto.SerializeToString(deterministic=True)}
