"""New files that are made when something is first written into them."""

import bz2
import gzip
import lzma
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Self, cast

# Gzip's without name and time, so that equal rows are equal bytes.
PACKERS: dict[str, Callable[[IO[bytes]], Any]] = {
    ".gz": lambda file: gzip.GzipFile("", "wb", fileobj=file, mtime=0),
    ".bz2": lambda file: bz2.BZ2File(file, "wb"),
    ".xz": lambda file: lzma.LZMAFile(file, "wb"),  # noqa: SIM115 - its caller closes it
}


class Outputs:
    """One new file per part of a split, compressed if its name says so.

    Args:
        paths: where they are made.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = list(paths)
        self._files: dict[int, IO[bytes]] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def __len__(self) -> int:
        return len(self.paths)

    def file(self, part: int) -> IO[bytes]:
        """Returns the file of a part, which exists from now on."""
        if part not in self._files:
            self._files[part] = self._opened(self.paths[part])
        return self._files[part]

    def is_open(self, part: int) -> bool:
        """Whether anything has been written into the file of a part."""
        return part in self._files

    @property
    def are_written(self) -> list[bool]:
        """For each part whether there is a file."""
        return [part in self._files for part in range(len(self))]

    def _opened(self, path: Path) -> IO[bytes]:
        path.parent.mkdir(parents=True, exist_ok=True)
        file: IO[bytes] = self._stack.enter_context(path.open("xb"))
        ending = path.suffix.lower()
        if ending not in PACKERS:
            return file
        return cast("IO[bytes]", self._stack.enter_context(PACKERS[ending](file)))
