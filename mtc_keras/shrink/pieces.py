"""The files of a tokenizer, which all name the same pieces, and what is kept of those.

A row is one of the model's embeddings; the id of a piece is its row.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from mtc_keras.tokenization.folder import SENTENCE_PIECES

BLANKS = ("▁", "Ġ")  # what stands for the blank before a word
BYTE = re.compile(r"<0x[0-9A-F]{2}>")
# What special tokens are called, but for the many that nobody uses.
SPECIAL = re.compile(r"(?!\[unused)(\[.+\]|<.+>)")
CONTINUES = "##"  # before a word piece that does not begin a word
# E5's models were trained with one of these before each text.
PREFIXES = ("query: ", "passage: ")


class TokenizerFile(Protocol):
    """One file of a tokenizer, or two that go together.

    Attributes:
        pieces: the piece of each row that texts are made of.
        always: rows that are kept whatever the texts are: special tokens, bytes, and what decides
            how others are read.
        parts: the rows of the pieces that a piece is merged from, of byte pairs.
    """

    pieces: Mapping[int, str]
    always: frozenset[int]
    parts: Mapping[int, Sequence[int]]

    def rows_of(self, texts: Sequence[str]) -> list[list[int]]:
        """Returns the rows of the tokens of each text, special tokens left out."""

    def cut(self, rows: Sequence[int]) -> dict[str, bytes]:
        """Returns what its files hold when only some rows are kept, in their order."""


def is_byte(piece: str) -> bool:
    """Whether a piece stands for a byte, such as `<0x0A>`."""
    return BYTE.fullmatch(piece) is not None


def is_special(piece: str) -> bool:
    """Whether a piece is called as special tokens are, such as `[MASK]` or `</s>`."""
    return SPECIAL.fullmatch(piece) is not None


def single_characters(pieces: Mapping[int, str]) -> set[int]:
    """Returns the rows of characters: alone, at the beginning of a word, and inside of one."""
    found = set()
    for row, piece in pieces.items():
        for mark in (*BLANKS, CONTINUES):
            if piece.startswith(mark) and len(piece) > len(mark):
                piece = piece.removeprefix(mark)
                break
        if len(piece) == 1:
            found.add(row)
    return found


def with_parts(rows: Iterable[int], files: Sequence[TokenizerFile]) -> set[int]:
    """Returns rows and those of all that their pieces are merged from.

    A text whose pieces are kept is merged as before then: each merge that it needs is there, and
    of the others there were none that came first.
    """
    found: set[int] = set()
    waiting = list(rows)
    while waiting:
        row = waiting.pop()
        if row not in found:
            found.add(row)
            waiting += [part for file in files for part in file.parts.get(row, ())]
    return found


def tokenizer_files(folder: Path, model_type: str) -> list[TokenizerFile]:
    """Returns the files of a checkpoint's tokenizer.

    Args:
        folder: the checkpoint.
        model_type: of its config.json.

    Raises:
        ValueError: if there is none that can be cut, or two that name different pieces.
    """
    from mtc_keras.shrink.described import Described
    from mtc_keras.shrink.plain_files import BytePairs, WordPieces
    from mtc_keras.shrink.sentence_piece import SentencePiece

    files: list[TokenizerFile] = []
    if (folder / "tokenizer.json").is_file():
        files.append(Described(folder / "tokenizer.json"))
    known = files[0].pieces if files else None
    for name in SENTENCE_PIECES:
        if (folder / name).is_file():
            files.append(SentencePiece(folder / name, model_type, known))
    if (folder / "vocab.txt").is_file():
        files.append(WordPieces(folder))
    if (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
        files.append(BytePairs(folder))
    if not files:
        raise ValueError(
            "it has no tokenizer that can be cut: tokenizer.json (Unigram, WordPiece, BPE), "
            f"{', '.join(SENTENCE_PIECES)}, vocab.txt, or vocab.json with merges.txt"
        )
    for other in files[1:]:
        if not _agree(files[0], other):
            raise ValueError("its files of tokenizers name different pieces for the same rows")
    return files


def _agree(one: TokenizerFile, other: TokenizerFile) -> bool:
    """Whether the rows that both have are those of the same pieces, special tokens left out."""
    special = one.always | other.always
    return all(
        one.pieces.get(row, piece) == piece
        for row, piece in other.pieces.items()
        if row not in special
    )
