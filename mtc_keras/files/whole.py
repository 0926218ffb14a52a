"""A file or folder written whole: under its own name all of it is on the disk, or nothing.

What is being written has a temporary name beside its own, `.NAME.PID.XXXXXXXX.part`. It is forced
to the disk, renamed, and then the directory is, which holds the name: a power cut at any moment
leaves the old or the new, never half of either.
"""

import contextlib
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mtc_keras.errors import ConfigError
from mtc_keras.files.places import PART, check_file

# In a folder that is being written: one without it was made by somebody else, and is left alone.
MARKER = ".written_by_mtc_keras"


def sync(path: Path) -> None:
    """Waits until a file, or the names in a directory, are on the disk."""
    if os.name == "nt" and path.is_dir():  # it opens no directories, and orders their names itself
        return
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
    part = _part_of(path)
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


def write_whole(path: str | Path, text: str) -> None:
    """Writes a text file, so that it is whole or not there.

    Raises:
        ConfigError: if it cannot be written.
    """
    path = Path(path)
    check_file(path)
    try:
        with written_whole(path) as file:
            file.write(text.encode("utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot write {str(path)!r}: {error.strerror}") from None


@contextmanager
def folder_written_whole(directory: Path, replace: bool = False) -> Iterator[Path]:
    """Gives a new folder beside a directory, which gets its name when all is on the disk.

    Args:
        directory: the folder to be. Its parent exists.
        replace: bool. Whether a folder of that name is removed first, or else an error.

    Raises:
        OSError: if it cannot be written; nothing is left then.
    """
    part = _part_of(directory)
    part.mkdir()
    try:
        (part / MARKER).touch()
        yield part
        (part / MARKER).unlink()
        sync_all(part)  # before any other goes
        if replace:
            shutil.rmtree(directory, ignore_errors=True)
        rename(part, directory)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


@contextmanager
def parents_made(path: Path) -> Iterator[None]:
    """Makes the directories above a path; after an error those that it made go again, if empty.

    Raises:
        OSError: if they cannot be made.
    """
    made = [parent for parent in path.parents if not parent.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for parent in made:
            with contextlib.suppress(OSError):  # something has been put there, or it never was
                parent.rmdir()
        raise


def rename(folder: Path, directory: Path) -> None:
    """Renames a folder within its directory, and waits until that is on the disk.

    Raises:
        OSError: if a folder of that name holds something.
    """
    folder.rename(directory)
    sync(directory.parent)


def remove_leftovers(directory: Path, name: str | None = None) -> None:
    """Removes what killed processes were writing in a directory; nobody else may be writing there.

    Args:
        directory: where it lies.
        name: optional str. The name that it was to get; default: any.
    """
    for path in [found for found in directory.iterdir() if is_unfinished(found.name, name)]:
        if not path.is_dir():
            path.unlink()
        elif (path / MARKER).exists() or not any(path.iterdir()):
            shutil.rmtree(path, ignore_errors=True)


def is_unfinished(part: str, name: str | None = None) -> bool:
    """Whether a name is one under which something is written that is to get a name, or any."""
    wanted = ".+" if name is None else re.escape(name)
    return re.fullmatch(rf"\.{wanted}\.\d+\.[0-9a-f]{{8,}}{re.escape(PART)}", part) is not None


def sha256(path: Path) -> str:
    """Returns the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _part_of(path: Path) -> Path:
    """Returns a name that no other process, and no other thread of this one, writes under."""
    return path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}{PART}")
