"""Files and folders: written whole, held, hashed; values as JSON."""

import base64
import fcntl
import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from mtc_keras.errors import ConfigError

PART = ".part"


def sync(path: Path) -> None:
    """Waits until a file, or the names in a directory, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_all(directory: Path) -> None:
    """Waits until a directory and all that lies in it are on the disk."""
    for path in directory.rglob("*"):
        sync(path)
    sync(directory)


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """Opens a file under a temporary name; it gets its own when all is on the disk."""
    part = path.with_name(path.name + PART)
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync(path.parent)


def sha256(path: Path) -> str:
    """Returns the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Holds a folder as long as this process lives, or the context lasts.

    Raises:
        BlockingIOError: if another process holds it.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def write_whole(path: str | Path, text: str) -> None:
    """Writes a file under a temporary name first, so that it is whole or not there.

    Raises:
        ConfigError: if it cannot be written.
    """
    path = Path(path)
    check_writable(path)
    try:
        with written_whole(path) as file:
            file.write(text.encode("utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot write {str(path)!r}: {error.strerror}") from None


def check_writable(path: str | Path) -> None:
    """Checks, before any work is done, that a file can be written.

    Raises:
        ConfigError: if it is a directory, or its own directory does not exist.
    """
    path = Path(path)
    if path.is_dir():
        raise ConfigError(f"cannot write {str(path)!r}: it is a directory")
    if not path.parent.is_dir():
        raise ConfigError(f"cannot write {str(path)!r}: {str(path.parent)!r} does not exist")


def to_json(value: Any) -> Any:
    """Returns a value as plain JSON values: NumPy converted, NaN and infinities null."""
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, np.ndarray):
        return to_json(value.tolist())
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def readable_json(value: Any) -> str:
    """Returns a value as indented JSON text."""
    return json.dumps(to_json(value), indent=2, ensure_ascii=False) + "\n"


def json_line(value: Any) -> str:
    """Returns a value as one line of JSON.

    NaN and infinities are null, dates ISO 8601, bytes base64; an id of another type is text.
    """
    try:
        line = _LINES.encode(value)
    except ValueError:  # a number that JSON lacks: rare, and so not searched for in every line
        line = _LINES.encode(to_json(value))
    # A text may hold a lone surrogate, which UTF-8 cannot hold but JSON can, escaped.
    return line.encode("utf-8", "backslashreplace").decode("utf-8")


def plain_text(value: Any) -> str:
    """Returns what JSON has no type for as text: dates ISO 8601, bytes base64."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _json_value(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else plain_text(value)


_LINES = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_json_value)
