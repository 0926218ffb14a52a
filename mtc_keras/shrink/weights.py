"""Weights of a checkpoint with some rows of its tables, copied part by part.

A file of safetensors is the length of a description, the description, and the numbers of one
tensor after the other. So rows are picked from it without reading what they mean, whatever their
precision is, and in memory that does not grow with the model.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any

from mtc_keras.files import parse_json, read_json
from mtc_keras.model.backbones.folders import INDEX, WEIGHTS, parts_of

AT_ONCE = 16 * 2**20  # bytes
MOST_DESCRIPTION = 100 * 2**20
# The embeddings of tokens in each family, and what heads of language models have per token.
EMBEDDINGS = re.compile(r"(^|\.)(word_embeddings|tok_embeddings|embed_tokens)\.weight$")
PER_TOKEN = re.compile(
    r"(^|\.)((lm_head|decoder|vocab_\w+|\w*predictions)\.)+(decoder\.)?(weight|bias)$"
)


@dataclass(frozen=True)
class Tensor:
    """Where the numbers of a tensor lie in a file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


class WeightsFile:
    """A file of safetensors.

    Args:
        path: the file.

    Raises:
        ValueError: if it is none.
    """

    def __init__(self, path: Path) -> None:
        from safetensors import SafetensorError, safe_open

        self.path = path
        try:
            with safe_open(path, framework="np"):  # which compares shapes with the file's size
                pass
        except (SafetensorError, OSError) as error:
            raise ValueError(f"{path.name} holds no weights: {error}") from None
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            described = parse_json(file.read(min(length, MOST_DESCRIPTION)))
        self.metadata = described.pop("__metadata__", None)
        self.tensors = [
            Tensor(
                name,
                found["dtype"],
                tuple(found["shape"]),
                *(8 + length + at for at in found["data_offsets"]),
            )
            for name, found in described.items()
        ]
        self.tensors.sort(key=lambda tensor: tensor.start)

    @property
    def numbers(self) -> int:
        """How many numbers it holds."""
        return sum(prod(tensor.shape) for tensor in self.tensors)

    def write(self, path: Path, rows: Sequence[int], vocabulary: int) -> int:
        """Writes a file with some rows of the tables that have one per token.

        Args:
            path: the file.
            rows: those that are kept, in order.
            vocabulary: int. How many there were.

        Returns:
            How many numbers it holds.
        """
        described: dict[str, Any] = {"__metadata__": self.metadata} if self.metadata else {}
        at = numbers = 0
        for tensor in self.tensors:
            shape, size = tensor.shape, tensor.end - tensor.start
            if is_cut(tensor, vocabulary):
                size = size // vocabulary * len(rows)
                shape = (len(rows), *shape[1:])
            offsets = [at, at + size]
            described[tensor.name] = {
                "dtype": tensor.dtype,
                "shape": list(shape),
                "data_offsets": offsets,
            }
            at, numbers = at + size, numbers + prod(shape)
        header = json.dumps(described, separators=(",", ":")).encode()
        header += b" " * (-len(header) % 8)  # numbers begin where a processor likes to read them
        with self.path.open("rb") as source, path.open("wb") as target:
            target.write(len(header).to_bytes(8, "little") + header)
            for tensor in self.tensors:
                kept = rows if is_cut(tensor, vocabulary) else None
                for part in _parts(source, tensor, kept):
                    target.write(part)
        return numbers


def is_cut(tensor: Tensor, vocabulary: int) -> bool:
    """Whether a tensor has a row per token."""
    named = EMBEDDINGS.search(tensor.name) or PER_TOKEN.search(tensor.name)
    return bool(named) and tensor.shape[:1] == (vocabulary,)


def _parts(source: IO[bytes], tensor: Tensor, rows: Sequence[int] | None) -> Iterator[bytes]:
    """Yields the bytes of a tensor, or of some of its rows, few at once."""
    if rows is None:
        for start in range(tensor.start, tensor.end, AT_ONCE):
            source.seek(start)
            yield source.read(min(AT_ONCE, tensor.end - start))
        return
    width = (tensor.end - tensor.start) // tensor.shape[0]
    for row in rows:
        source.seek(tensor.start + row * width)
        yield source.read(width)


def weights_files(folder: Path) -> list[WeightsFile]:
    """Returns the files of a checkpoint's weights, one or several.

    Raises:
        ValueError: if one is missing, or is none.
    """
    names = [WEIGHTS]
    if not (folder / WEIGHTS).is_file() and (folder / INDEX).is_file():
        names = sorted({*parts_of(read_json(folder / INDEX)).values()})
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise ValueError(f"{missing[0]} is missing")
    return [WeightsFile(folder / name) for name in names]


def embedding_rows(files: Sequence[WeightsFile]) -> int:
    """Returns how many rows the embeddings of tokens have.

    Raises:
        ValueError: if there are none, or several.
    """
    found = {
        tensor.name: tensor.shape[0]
        for file in files
        for tensor in file.tensors
        if EMBEDDINGS.search(tensor.name)
    }
    if len(set(found.values())) != 1:
        raise ValueError(f"its weights have {len(found) or 'no'} embeddings of tokens; one is read")
    return next(iter(found.values()))


def index_of(files: Sequence[WeightsFile]) -> dict[str, Any]:
    """Returns what names the file of each weight, where there are several."""
    size = sum(tensor.end - tensor.start for file in files for tensor in file.tensors)
    names = {tensor.name: file.path.name for file in files for tensor in file.tensors}
    return {"metadata": {"total_size": size}, "weight_map": names}
