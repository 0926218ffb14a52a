"""Files that a stranger may have written, read within limits: regular files, of a size that fits.

A pipe would be waited for, `/dev/zero` read for ever, and JSON or TOML of gigabytes parsed into
many times the memory.
"""

import fnmatch
import json
import stat
from pathlib import Path
from typing import Any

MOST_JSON = 128 * 2**20  # bytes; the description of a model with a million classes has fewer
MOST_TOML = 32 * 2**20
# What file systems and people's desktops leave in any folder.
LEFT_BY_SYSTEM = (
    *(".DS_Store*", "._*", "Thumbs.db", "desktop.ini", ".directory", "@eaDir"),
    *(".nfs*", ".fuse_hidden*"),
)


def is_left_by_system(name: str) -> bool:
    """Whether nobody has put a file of that name where it is, but the system that shows it."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in LEFT_BY_SYSTEM)


def file_problem(path: Path, most: int | None = None) -> str | None:
    """Returns what keeps a file from being read; `None` if nothing does.

    Args:
        path: the file, or a link to one.
        most: optional int. The most bytes that it may have.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return "leads nowhere" if path.is_symlink() else "is gone"
    except (OSError, ValueError) as error:  # links that lead to each other; a NUL in the name
        return f"cannot be read: {getattr(error, 'strerror', None) or error}"
    if not stat.S_ISREG(found.st_mode):
        return "is a directory" if stat.S_ISDIR(found.st_mode) else "is not a regular file"
    if most is not None and found.st_size > most:
        return f"has {found.st_size:,} bytes, and may have {most:,}"
    return None


def read_bytes(path: Path, most: int) -> bytes:
    """Returns what a file holds.

    Raises:
        ValueError: what is wrong with it, without its name.
    """
    if problem := file_problem(path, most):
        raise ValueError(problem)
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None


def parse_json(content: bytes) -> Any:
    """Returns the value that JSON in UTF-8 encodes.

    Raises:
        ValueError: what is wrong with it.
    """
    try:
        return json.loads(content.decode("utf-8"))
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    except ValueError as error:  # of JSON, or of UTF-8; an integer of thousands of digits
        raise ValueError(f"is not JSON: {error}") from None


def read_json(path: Path) -> Any:
    """Returns the value of a JSON file.

    Raises:
        ValueError: what is wrong with it, without its name.
    """
    return parse_json(read_bytes(path, MOST_JSON))
