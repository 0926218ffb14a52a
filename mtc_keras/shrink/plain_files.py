"""Vocabularies of plain text: vocab.txt of word pieces, vocab.json and merges.txt of byte pairs."""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mtc_keras.files import MOST_JSON, read_bytes, read_json
from mtc_keras.shrink.pieces import is_special
from mtc_keras.tokenization.folder import CONFIG, Folder

if TYPE_CHECKING:
    import tokenizers

VERSION = "#version"  # the first line of merges.txt, perhaps


class WordPieces:
    """vocab.txt: a piece per line.

    Args:
        folder: the checkpoint.

    Raises:
        ValueError: if the file is no text, or holds a piece twice.
    """

    parts: Mapping[int, Sequence[int]] = {}

    def __init__(self, folder: Path) -> None:
        try:
            text = read_bytes(folder / "vocab.txt", MOST_JSON).decode("utf-8")
        except ValueError as error:
            raise ValueError(f"vocab.txt {error}") from None
        self.lines = text.removesuffix("\n").split("\n")
        self.pieces: Mapping[int, str] = dict(enumerate(line.rstrip("\r") for line in self.lines))
        self.always = frozenset(row for row, piece in self.pieces.items() if is_special(piece))
        self.settings = Folder(folder).table(CONFIG)

    @cached_property
    def reader(self) -> "tokenizers.Tokenizer":
        """What reads texts as BERT does, by the settings beside the file."""
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

        vocabulary = {piece: row for row, piece in self.pieces.items()}
        unknown = str(self.settings.get("unk_token") or "[UNK]")
        found = Tokenizer(models.WordPiece(vocabulary, unk_token=unknown))
        found.normalizer = normalizers.BertNormalizer(
            lowercase=bool(self.settings.get("do_lower_case", True)),
            strip_accents=self.settings.get("strip_accents"),
            handle_chinese_chars=bool(self.settings.get("tokenize_chinese_chars", True)),
        )
        found.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        return found

    def rows_of(self, texts: Sequence[str]) -> list[list[int]]:
        """Returns the rows of the tokens of each text."""
        found = self.reader.encode_batch_fast(list(texts), add_special_tokens=False)
        return [encoding.ids for encoding in found]

    def cut(self, rows: Sequence[int]) -> dict[str, bytes]:
        """Returns the file with some of its lines."""
        lines = [self.lines[row] for row in rows if row < len(self.lines)]
        return {"vocab.txt": "".join(f"{line}\n" for line in lines).encode()}


class BytePairs:
    """vocab.json and merges.txt, as GPT-2 and RoBERTa have them.

    Args:
        folder: the checkpoint.

    Raises:
        ValueError: if one of the files cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        try:
            found = read_json(folder / "vocab.json")
            merges = read_bytes(folder / "merges.txt", MOST_JSON).decode("utf-8")
        except ValueError as error:
            raise ValueError(f"vocab.json or merges.txt {error}") from None
        if not isinstance(found, dict) or not all(type(row) is int for row in found.values()):
            raise ValueError("vocab.json names no row for each piece")
        self.vocabulary: dict[str, int] = found
        lines = merges.removesuffix("\n").split("\n")
        self.header = lines[:1] if lines[0].startswith(VERSION) else []
        self.merges = [line for line in lines[len(self.header) :] if line.count(" ") == 1]
        self.pieces: Mapping[int, str] = {row: piece for piece, row in found.items()}
        self.always = frozenset(row for row, piece in self.pieces.items() if is_special(piece))
        parts: dict[int, list[int]] = {}
        for line in self.merges:
            pieces = line.split(" ")
            whole = "".join(pieces)
            if {whole, *pieces} <= found.keys():
                parts.setdefault(found[whole], []).extend(found[piece] for piece in pieces)
        self.parts: Mapping[int, Sequence[int]] = parts
        self.settings = Folder(folder).table(CONFIG)

    @cached_property
    def reader(self) -> "tokenizers.Tokenizer":
        """What reads texts as RoBERTa does, by the settings beside the files."""
        from tokenizers import Tokenizer, models, pre_tokenizers

        pairs = [tuple(line.split(" ")) for line in self.merges]
        found = Tokenizer(models.BPE(self.vocabulary, pairs))  # type: ignore[arg-type]
        blank = bool(self.settings.get("add_prefix_space", False))
        found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=blank)
        return found

    def rows_of(self, texts: Sequence[str]) -> list[list[int]]:
        """Returns the rows of the tokens of each text."""
        found = self.reader.encode_batch_fast(list(texts), add_special_tokens=False)
        return [encoding.ids for encoding in found]

    def cut(self, rows: Sequence[int]) -> dict[str, bytes]:
        """Returns the files with some of their pieces."""
        new = {row: number for number, row in enumerate(rows)}
        kept = {piece: new[row] for piece, row in self.vocabulary.items() if row in new}
        merges = [
            line for line in self.merges if kept.keys() >= {line.replace(" ", ""), *line.split(" ")}
        ]
        lines = "".join(f"{line}\n" for line in [*self.header, *merges])
        return {
            "vocab.json": json.dumps(kept, ensure_ascii=False).encode(),
            "merges.txt": lines.encode(),
        }
