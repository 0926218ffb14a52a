"""Which versions of a model there are, on the disk and in the server."""

import enum
import os
from dataclasses import dataclass
from pathlib import Path

from mtc_keras.export.folder import is_version
from mtc_keras.predict.exports import export_in
from mtc_keras.run.directory import MODEL


class State(enum.StrEnum):
    """What TensorFlow Serving calls the state of a version."""

    START = "START"
    LOADING = "LOADING"
    AVAILABLE = "AVAILABLE"
    UNLOADING = "UNLOADING"
    END = "END"
    FAILED = "FAILED"


@dataclass(frozen=True)
class Version:
    """A version and what has become of it.

    Args:
        number: int.
        state: the `State`.
        message: str. Why it failed, else empty.
    """

    number: int
    state: State
    message: str = ""


@dataclass(frozen=True)
class Found:
    """A version as it lies on the disk.

    Args:
        number: optional int. Its number; `None` of a run, or an export that has none.
        path: its folder.
        identity: what changes when another takes its place, or one of its files does.
    """

    number: int | None
    path: Path
    identity: tuple[tuple[str, int, int], ...]


def versions_in(path: Path) -> list[Found]:
    """Returns the versions that a path names, the newest first.

    Args:
        path: a run, the folder of an export's version, or a folder of versions. It need not be
            there.
    """
    folder = export_in(path)
    if folder is None or folder == path:
        number = int(path.name) if is_version(path) else None
        return [Found(number, path, _identity(path))] if path.is_dir() else []
    found = [entry for entry in path.glob("*") if is_version(entry) and export_in(entry) == entry]
    found.sort(key=lambda entry: int(entry.name), reverse=True)
    return [Found(int(entry.name), entry, _identity(entry)) for entry in found]


def _identity(path: Path) -> tuple[tuple[str, int, int], ...]:
    """Returns the names, sizes and times of the files that decide a model's numbers."""
    model = path / MODEL  # of a run, whose other files do not
    found = []
    for folder, _, names in os.walk(model if model.is_dir() else path):
        for name in names:
            file = Path(folder, name)
            try:
                status = file.stat()
            except OSError:  # it is just being replaced, or a link to nowhere
                continue
            found.append((str(file.relative_to(path)), status.st_size, status.st_mtime_ns))
    return tuple(sorted(found))
