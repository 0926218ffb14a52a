"""The operation: texts are read, their pieces counted, and a smaller checkpoint is written."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtc_keras.errors import ConfigError, plural
from mtc_keras.files import check_folder, folder_written_whole, held, parents_made, resolved
from mtc_keras.shrink.checkpoint_files import checkpoint_folder
from mtc_keras.shrink.given_texts import GivenTexts
from mtc_keras.shrink.pieces import PREFIXES
from mtc_keras.shrink.whole import WholeCheckpoint


@dataclass(frozen=True)
class ShrunkVocabulary:
    """A checkpoint that was cut.

    Args:
        folder: where it is; it loads as the whole one does.
        texts: int. How many texts were read.
        pieces: int. How many pieces are kept.
        pieces_before: int. How many the whole tokenizer has.
        parameters: int. Of all weights in the new files.
        parameters_before: int. Of those of the whole checkpoint.
        size: int. Bytes of the new folder.
        size_before: int. Bytes of the same files of the whole checkpoint.
        notes: what else is to be told, one line each.
    """

    folder: Path
    texts: int
    pieces: int
    pieces_before: int
    parameters: int
    parameters_before: int
    size: int
    size_before: int
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return (
            f"{plural(self.texts, 'text')} read; {self.pieces:,} of {self.pieces_before:,} pieces "
            f"kept: {self.parameters_before / 1e6:.1f} → {self.parameters / 1e6:.1f} million "
            f"parameters, {self.size_before / 1e6:.1f} → {self.size / 1e6:.1f} MB"
        )


def shrink_vocab(
    backbone: str | Path,
    texts: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    text_columns: str | Sequence[str] = "text",
    keep: Sequence[str] = (),
    reading: Mapping[str, Any] | None = None,
) -> ShrunkVocabulary:
    """Cuts a checkpoint of Hugging Face to the pieces of given texts.

    Kept are special tokens, single characters (alone, at the beginning of a word and inside of
    one), and all pieces that the whole tokenizer makes of the texts. A text whose pieces are all
    kept has the same pieces and states as before; any other is read in smaller pieces.

    Args:
        backbone: a folder with config.json, model.safetensors and the tokenizer's files
            (Unigram, word pieces or byte pairs); `"hf://…"`, which is fetched; or `"minilm"`.
        texts: files of texts, or globs, in any format that training reads.
        out: the new folder, which is not there, or empty.
        text_columns: the columns of the texts.
        keep: more texts whose pieces are kept, such as those of a `[model] prefix`. Those of
            E5's `"query: "` and `"passage: "` always are.
        reading: keys of `[data]` that say how the files are read, such as
            `{"delimiter": ";"}`.

    Returns:
        The `ShrunkVocabulary`.

    Raises:
        ConfigError: if the checkpoint cannot be cut, or the folder not be written.
        DataError: if the texts cannot be read.

    Example:

    ```python
    mtc_keras.shrink_vocab("hf://intfloat/multilingual-e5-small", "train.jsonl", "e5-small-fr")
    ```
    """
    where = f"out {str(out)!r}"
    folder = resolved(out, where)
    check_target(folder, where)
    columns = [text_columns] if isinstance(text_columns, str) else list(text_columns)
    files = texts if isinstance(texts, (list, tuple)) else [texts]
    given = GivenTexts([str(path) for path in files], columns, reading or {})
    whole = WholeCheckpoint.of(checkpoint_folder(str(backbone)), f"backbone {str(backbone)!r}")
    rows = whole.rows_of(given, [*keep, *PREFIXES])
    with parents_made(folder), held(folder, where):
        check_target(folder, where)
        with folder_written_whole(folder, replace=folder.is_dir()) as part:
            written = whole.write(part, rows, given)
    return ShrunkVocabulary(
        folder,
        texts=given.count,
        pieces=len(rows),
        pieces_before=whole.num_pieces,
        parameters=written.parameters,
        parameters_before=whole.parameters,
        size=written.size,
        size_before=written.size_before,
        notes=(*given.notes, *written.notes),
    )


def check_target(folder: Path, where: str) -> None:
    """Checks that a new folder can be written.

    Raises:
        ConfigError: if it holds something, or cannot be made.
    """
    if os.path.isdir(folder) and any(folder.iterdir()):
        raise ConfigError(f"{where} holds something already; choose another, or remove it")
    check_folder(folder, where)
