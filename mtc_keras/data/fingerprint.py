"""Hashes of texts and arrays, by which caches and checkpoints know their data again."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import hashlib


def add_texts(digest: "hashlib._Hash", columns: Sequence[Sequence[str]]) -> None:
    """Adds columns of texts to a `hashlib` hash; lone surrogates, which JSON may hold, too.

    Columns and texts are added with their lengths, so that they cannot run into each other.
    """
    for column in columns:
        digest.update(b"%d;" % len(column))
        for text in column:
            data = text.encode("utf-8", "surrogatepass")
            digest.update(b"%d:" % len(data) + data)


def add_arrays(digest: "hashlib._Hash", arrays: Mapping[str, np.ndarray]) -> None:
    """Adds named arrays to a `hashlib` hash: names, types, shapes and values."""
    for name, array in arrays.items():
        digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).tobytes())


def keys(names: Iterable[str]) -> np.ndarray:
    """Returns uint64 of shape `(N,)`: a hash per string, the same in every process.

    Of five million strings, two different ones share a hash once in a million tables.
    """
    digests = (
        blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest() for name in names
    )
    return np.frombuffer(b"".join(digests), "<u8")


def text_keys(columns: Sequence[Sequence[str]]) -> np.ndarray:
    """Returns uint64 of shape `(N,)`: a key per row, the same for texts that a reader calls equal.

    These differ in nothing but case, blanks and the spelling of accents; of text pairs, both do.

    Args:
        columns: N strings for each text column.
    """
    # A line break stands in no text once its blanks are single spaces.
    return keys("\n".join(map(_plain, texts)) for texts in zip(*columns, strict=True))


def _plain(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return " ".join(text.split()).casefold()
