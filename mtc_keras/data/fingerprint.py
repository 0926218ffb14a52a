"""Hashes of texts and arrays, by which caches and checkpoints know their data again."""

from collections.abc import Mapping, Sequence
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
