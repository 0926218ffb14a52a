"""A whole checkpoint, which rows of it are kept, and how it is written with those."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtc_keras.errors import ConfigError, DataError, listed
from mtc_keras.files import readable_json
from mtc_keras.model.backbones.folders import INDEX
from mtc_keras.shrink.checkpoint_files import (
    README,
    copy_files,
    model_card,
    needed_ids,
    other_files,
    read_config,
    renumbered_files,
)
from mtc_keras.shrink.given_texts import GivenTexts
from mtc_keras.shrink.pieces import (
    TokenizerFile,
    single_characters,
    tokenizer_files,
    with_parts,
)
from mtc_keras.shrink.weights import WeightsFile, embedding_rows, index_of, weights_files


@dataclass(frozen=True)
class Written:
    """What was written.

    Args:
        parameters: int. Numbers in the new files of weights.
        size: int. Bytes of all new files.
        size_before: int. Bytes of the files that they were made of.
        notes: lines for people.
    """

    parameters: int
    size: int
    size_before: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class WholeCheckpoint:
    """A whole checkpoint.

    Args:
        folder: its folder.
        config: the content of its config.json.
        tokenizer: the files of its tokenizer.
        weights: those of its weights.
        num_rows: int. How many rows its embeddings have.
        needed: rows that its settings name.
    """

    folder: Path
    config: dict[str, Any]
    tokenizer: list[TokenizerFile]
    weights: list[WeightsFile]
    num_rows: int
    needed: frozenset[int]

    @classmethod
    def of(cls, folder: Path, where: str) -> "WholeCheckpoint":
        """Opens a checkpoint.

        Raises:
            ConfigError: if it cannot be read, or has nothing that can be cut.
        """
        config = read_config(folder, where)
        try:
            tokenizer = tokenizer_files(folder, config["model_type"])
            weights = weights_files(folder)
            num_rows = embedding_rows(weights)
            needed = needed_ids(folder, config)
        except ValueError as error:
            raise ConfigError(f"{where} cannot be cut: {error}") from None
        last = max(row for file in tokenizer for row in file.pieces)
        if last >= num_rows:
            raise ConfigError(
                f"{where} cannot be cut: its tokenizer has a piece for row {last:,}, and its "
                f"embeddings have {num_rows:,} rows"
            )
        return cls(folder, config, tokenizer, weights, num_rows, frozenset(needed))

    @property
    def num_pieces(self) -> int:
        """How many pieces the tokenizer has, special ones included."""
        rows = {row for file in self.tokenizer for row in (*file.pieces, *file.always)}
        return sum(row < self.num_rows for row in rows)

    @property
    def parameters(self) -> int:
        """How many numbers the weights hold."""
        return sum(file.numbers for file in self.weights)

    def rows_of(self, texts: GivenTexts, more: Sequence[str]) -> list[int]:
        """Returns the rows that are kept, in order.

        Args:
            texts: those whose pieces are kept; all of them are read.
            more: further texts.

        Raises:
            DataError: if the texts cannot be read.
        """
        kept = set(self.needed)
        for file in self.tokenizer:
            kept |= file.always | single_characters(file.pieces)
            kept.update(*file.rows_of(list(more)))
        for batch in texts.batches():
            for file in self.tokenizer:
                kept.update(*file.rows_of(batch))
        return sorted(row for row in with_parts(kept, self.tokenizer) if row < self.num_rows)

    def write(self, out: Path, rows: Sequence[int], texts: GivenTexts) -> Written:
        """Writes the checkpoint with some of its rows.

        Args:
            out: an empty folder.
            rows: the rows.
            texts: what was read; its first texts are read by the new tokenizer, too.

        Raises:
            DataError: if that makes other tokens of them.
        """
        contents = renumbered_files(self.folder, self.config, rows)
        for file in self.tokenizer:
            contents |= file.cut(rows)
        names = [file.path.name for file in self.weights]
        kept, left_out = other_files(self.folder, [*contents, *names, INDEX])
        for name, content in contents.items():
            (out / name).write_bytes(content)
        self._check(out, rows, texts.first)
        numbers = [file.write(out / file.path.name, rows, self.num_rows) for file in self.weights]
        if (self.folder / INDEX).is_file() and len(names) > 1:
            index = index_of([WeightsFile(out / name) for name in names])
            (out / INDEX).write_text(readable_json(index), "utf-8")
        copy_files(self.folder, kept, out)
        (out / README).write_bytes(model_card(self.folder, self._note(rows, texts)))
        before = [self.folder / name for name in (*contents, *names, *kept)]
        return Written(
            sum(numbers),
            sum(path.stat().st_size for path in out.rglob("*") if path.is_file()),
            sum(path.stat().st_size for path in before),
            tuple(self._notes(rows, left_out)),
        )

    def _check(self, out: Path, rows: Sequence[int], texts: Sequence[str]) -> None:
        """Checks that the new tokenizer makes the same pieces of texts."""
        new = {row: number for number, row in enumerate(rows)}
        files = tokenizer_files(out, self.config["model_type"])
        for before, after in zip(self.tokenizer, files, strict=True):
            found = zip(before.rows_of(texts), after.rows_of(texts), strict=True)
            differ = sum([new.get(row) for row in old] != cut for old, cut in found)
            if differ:
                raise DataError(
                    f"the cut tokenizer reads {differ:,} of the first {len(texts):,} texts "
                    f"otherwise than the whole one, so nothing is written; {self.folder} has a "
                    "form of tokenizer that cannot be cut"
                )

    def _note(self, rows: Sequence[int], texts: GivenTexts) -> str:
        name = self.config.get("_name_or_path") or self.folder.name
        return (
            f"Cut from {name} by `mtc-keras shrink-vocab`: of {self.num_pieces:,} pieces the "
            f"{len(rows):,} are kept that {texts.count:,} texts are made of, with single "
            "characters and special tokens. A text whose pieces are all kept has the same tokens "
            "and states as before. All other weights are the original's, as is its licence.\n"
        )

    def _notes(self, rows: Sequence[int], left_out: Sequence[str]) -> list[str]:
        notes = []
        if spare := self.num_rows - self.num_pieces:
            notes.append(f"{spare:,} rows of the embeddings, of no piece, are left out")
        if left_out:
            names = listed(left_out, 5)
            notes.append(f"left out, as they are of the whole model: {names}")
        return notes
