"""tokenizer.json, the file of the package `tokenizers`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mtc_keras.files import MOST_JSON, read_bytes
from mtc_keras.shrink.pieces import is_byte, is_special
from mtc_keras.tokenization.description import parse_description, rust_tokenizer
from mtc_keras.tokenization.exact_scores import exact


class Described:
    """A tokenizer.json with a Unigram model, word pieces, whole words or byte pairs.

    Args:
        path: the file.

    Raises:
        ValueError: if it cannot be read, or is of another kind.
    """

    def __init__(self, path: Path) -> None:
        try:
            content = read_bytes(path, MOST_JSON).decode("utf-8")
            self.described = parse_description(content)
            self.readers = [rust_tokenizer(content)]
        except ValueError as error:
            raise ValueError(f"{path.name} {error}") from None
        self.name = path.name
        self.model = self.described["model"]
        self.kind = self.model["type"]
        self.added = {token["id"]: token for token in self.described["added_tokens"]}
        self.pieces: Mapping[int, str] = {
            **dict(self._vocabulary()),
            **{row: token["content"] for row, token in self.added.items()},
        }
        self._rows = {piece: row for row, piece in self.pieces.items()}
        self.always = frozenset([*self.added, *self._needed()])
        self.parts: Mapping[int, Sequence[int]] = self._parts()
        if self.kind == "Unigram":
            # Read with rounded scores (`exact_scores`), a text may fall into other pieces.
            rounded = [[piece, exact(score)] for piece, score in self.model["vocab"]]
            described = {**self.described, "model": {**self.model, "vocab": rounded}}
            self.readers.append(rust_tokenizer(json.dumps(described)))
        for reader in self.readers:
            reader.no_truncation()
            reader.no_padding()

    def _vocabulary(self) -> Iterator[tuple[int, str]]:
        vocabulary = self.model["vocab"]
        if self.kind == "Unigram":
            yield from enumerate(piece for piece, _ in vocabulary)
        else:
            yield from ((row, piece) for piece, row in vocabulary.items())

    def _needed(self) -> set[int]:
        """Returns the rows of the unknown token and of bytes; those of the extreme scores."""
        found = {row for row, piece in self.pieces.items() if is_byte(piece) or is_special(piece)}
        if self.kind == "Unigram":
            scores = [score for _, score in self.model["vocab"]]
            # What a character costs that no piece holds depends on the lowest score.
            found |= {scores.index(min(scores)), self.model.get("unk_id") or 0}
        unknown = self.model.get("unk_token")
        return found | ({self._rows[unknown]} if unknown in self._rows else set())

    def _merges(self) -> Iterator[tuple[Any, str, str, str]]:
        """Yields each merge as it stands there, its two parts, and what they become."""
        prefix = self.model.get("continuing_subword_prefix") or ""
        for merge in self.model.get("merges") or ():
            first, second = merge.split(" ") if isinstance(merge, str) else merge
            yield merge, first, second, first + second.removeprefix(prefix)

    def _parts(self) -> dict[int, list[int]]:
        parts: dict[int, list[int]] = {}
        for _, first, second, whole in self._merges():
            if {first, second, whole} <= self._rows.keys():
                parts.setdefault(self._rows[whole], []).extend(
                    (self._rows[first], self._rows[second])
                )
        return parts

    def rows_of(self, texts: Sequence[str]) -> list[list[int]]:
        """Returns the rows of the tokens of each text, by each reader."""
        rows: list[list[int]] = [[] for _ in texts]
        for reader in self.readers:
            encoded = reader.encode_batch_fast(list(texts), add_special_tokens=False)
            for row, encoding in zip(rows, encoded, strict=True):
                row += encoding.ids
        return rows

    def cut(self, rows: Sequence[int]) -> dict[str, bytes]:
        """Returns the file with some of its rows."""
        new = {row: number for number, row in enumerate(rows)}
        vocabulary, model = self.model["vocab"], dict(self.model)
        if self.kind == "Unigram":
            model["vocab"] = [vocabulary[row] for row in rows if row < len(vocabulary)]
            if model.get("unk_id") is not None:
                model["unk_id"] = new[model["unk_id"]]
        else:
            model["vocab"] = {piece: new[row] for piece, row in vocabulary.items() if row in new}
        if model.get("merges"):
            kept = model["vocab"].keys()
            model["merges"] = [merge for merge, *pieces in self._merges() if kept >= set(pieces)]
        added = [{**token, "id": new[row]} for row, token in self.added.items()]
        described = {**self.described, "model": model, "added_tokens": added}
        for key in ("post_processor", "padding"):
            described[key] = self._renumbered(described.get(key), new)
        text = json.dumps(described, ensure_ascii=False, indent=1)
        return {self.name: f"{text}\n".encode()}

    def _renumbered(self, value: Any, new: Mapping[int, int]) -> Any:
        """Returns what puts special tokens around a text, with their new ids."""
        if isinstance(value, dict):
            found = {key: self._renumbered(item, new) for key, item in value.items()}
            if isinstance(value.get("ids"), list):
                found["ids"] = [new[row] for row in value["ids"]]
            if isinstance(value.get("pad_id"), int):
                found["pad_id"] = new.get(value["pad_id"], value["pad_id"])
            return found
        if isinstance(value, list):
            if len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int):
                return [value[0], new[value[1]]]  # `cls` and `sep` of BERT and RoBERTa
            return [self._renumbered(item, new) for item in value]
        return value
