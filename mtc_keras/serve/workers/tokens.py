"""How many tokens texts have, before a worker reads them: batches are made by that."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mtc_keras.export.onnx.ask import POOL, TOKENIZER, as_rows
from mtc_keras.tokenization.fast import readable

BYTES_PER_TOKEN = 3  # of UTF-8: fewer than English has, as many as most characters of Chinese
SPECIAL = 2

Counting = Callable[[Sequence[Sequence[str]]], list[int]]


def counting_of(path: Path, max_length: int | None) -> Counting:
    """Returns what counts the tokens that a model reads of texts.

    An ONNX export has its tokenizer beside it, which counts exactly. A SavedModel's is part of its
    graph and a run's is made by Keras: those texts are estimated by their bytes.

    Args:
        path: a run, or the folder of an export's version.
        max_length: optional int. Tokens that are read of a text at most; `None` for any number.

    Returns:
        A function from N strings for each text column to N ints, 1 or more.
    """
    if (path / TOKENIZER).is_file() and not (path / POOL).is_file():
        return _Counted(path / TOKENIZER)
    return lambda texts: [_estimated(row, max_length) for row in zip(*texts, strict=True)]


class _Counted:
    def __init__(self, file: Path) -> None:
        from tokenizers import Tokenizer

        self._tokenizer: Any = Tokenizer.from_file(str(file))
        self._tokenizer.no_padding()

    def __call__(self, texts: Sequence[Sequence[str]]) -> list[int]:
        columns = [[readable(text) for text in column] for column in texts]
        found = self._tokenizer.encode_batch_fast(as_rows(columns))
        return [max(len(row.ids), 1) for row in found]


def _estimated(texts: Sequence[str], max_length: int | None) -> int:
    size = sum(len(text.encode("utf-8", "replace")) for text in texts)
    count = size // BYTES_PER_TOKEN + SPECIAL
    return count if max_length is None else min(count, max_length)
