"""Who writes a folder, and who reads it.

A lock file beside the folder is locked by the operating system, which unlocks it when the process
ends, however it ends: one that is left by a crash stands in nobody's way.

    .NAME.lock               the one process that writes NAME, or what is to take its place
    .NAME.PID-XXXX.reader    a process that reads NAME and wants it to stay as it is

Both hold the number of their process, for people.
"""

import contextlib
import os
import platform
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mtc_keras.errors import ConfigError

LOCK, READER = ".lock", ".reader"


@contextmanager
def held(folder: Path, where: str, inside: bool = False) -> Iterator[None]:
    """Holds a folder, so that no other process writes it, while the context lasts.

    Where no lock file can be made, as on some file systems of networks, a line on stderr says so.

    Args:
        folder: the folder. It is there, or its parent is.
        where: the option that names it, and its value, for the message.
        inside: bool. Whether the lock file lies in the folder, which is never renamed then, and
            whose parent need not be writable.

    Raises:
        ConfigError: if another process, or another thread of this one, holds it.
    """
    path = folder / LOCK if inside else folder.with_name(f".{folder.name}{LOCK}")
    try:
        descriptor = _locked(path)
    except OSError as error:
        print(
            f"note: {where}: no lock file can be made ({error.strerror}); start nothing else that "
            "writes it",
            file=sys.stderr,
        )
        yield
        return
    if descriptor is None:
        raise ConfigError(
            f"{where}: {_owner(path)} is writing it; wait until that has ended, or choose another"
        )
    try:
        yield
    finally:
        _release(descriptor, path)


@contextmanager
def being_read(folder: Path) -> Iterator[None]:
    """Says that a folder is being read while the context lasts; any number of processes may.

    Where nothing can be written beside the folder, as on a read-only file system, nobody is warned.
    """
    folder = folder.resolve()
    descriptor = None
    try:
        _forget_dead_readers(folder)
        while descriptor is None:  # one that has just been taken for a dead reader's is locked
            path = folder.with_name(f".{folder.name}.{os.getpid()}-{secrets.token_hex(4)}{READER}")
            descriptor = _locked(path)
    except OSError:
        yield
        return
    try:
        yield
    finally:
        _release(descriptor, path)


def check_not_read(folder: Path, where: str) -> None:
    """Checks that no process reads a folder, before it is changed.

    Raises:
        ConfigError: if one does.
    """
    if readers := _forget_dead_readers(folder.resolve()):
        raise ConfigError(f"{where}: {_owner(readers[0])} is reading it; wait until that has ended")


def _forget_dead_readers(folder: Path) -> list[Path]:
    """Removes what readers that were killed have left; returns the files of the others."""
    readers = re.compile(rf"\.{re.escape(folder.name)}\.\d+-[0-9a-f]{{8}}{re.escape(READER)}")
    alive = []
    for path in [found for found in folder.parent.iterdir() if readers.fullmatch(found.name)]:
        with contextlib.suppress(OSError):  # it has just ended
            descriptor = _locked(path)
            if descriptor is None:
                alive.append(path)
            else:
                _release(descriptor, path)
    return alive


def _locked(path: Path) -> int | None:
    """Opens and locks a lock file; returns `None` if it is locked already.

    Raises:
        OSError: if it cannot be opened, or the file system has no locks.
    """
    from filelock import lock_descriptor  # here, as it would take a tenth of the time of --help

    while True:
        descriptor = _opened(path)
        try:
            if not lock_descriptor(descriptor, blocking=False):
                os.close(descriptor)
                return None
            if _is_at(descriptor, path):
                with contextlib.suppress(OSError):  # another user's, whose process was killed
                    os.ftruncate(descriptor, 0)
                    os.write(descriptor, f"pid {os.getpid()} on {platform.node()}\n".encode())
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # whoever held it has removed it since it was opened: once more


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except PermissionError:
        return os.open(path, os.O_RDONLY)  # of another user: it can be locked all the same


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _release(descriptor: int, path: Path) -> None:
    # Removed while it is locked, so that nobody locks a file that is about to go.
    with contextlib.suppress(OSError):  # Windows removes no open file
        path.unlink()
    os.close(descriptor)


def _owner(path: Path) -> str:
    """Returns who holds a lock file, as far as it can be read."""
    try:
        return f"another process ({path.read_text(encoding='utf-8').strip() or 'just started'})"
    except OSError:  # Windows lets nobody read what is locked
        return "another process"
