"""Files of data that are compressed or stand in an archive, and sheets of workbooks."""

import bz2
import fnmatch
import glob
import gzip
import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, Any

from mtc_keras.data.formats.zip_archives import chosen
from mtc_keras.errors import DataError

ARCHIVE = ".zip"
WORKBOOKS = (".xlsx", ".xlsm")
OLD_WORKBOOKS = (".xls", ".xlsb", ".ods")
OPENERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    ".gz": ("gzip", gzip.open),
    ".bz2": ("bzip2", bz2.open),
    ".xz": ("xz", lzma.open),
}
# What reading compressed bytes raises beside OSError, which is also raised without a number.
BROKEN = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError)


@dataclass(frozen=True)
class DataFile:
    """An open file of data.

    Args:
        file: its bytes, decompressed.
        name: its name, whose ending says the format.
        part: which part of it is named, such as a sheet; empty for all of it.
        notes: lines for people, without the file's name.
    """

    file: IO[bytes]
    name: str
    part: str = ""
    notes: tuple[str, ...] = ()

    def in_memory(self) -> IO[bytes]:
        """Returns its bytes for what reads them in no order."""
        return (
            self.file if isinstance(self.file, io.BufferedReader) else io.BytesIO(self.file.read())
        )


def located(path: str) -> tuple[str, str]:
    """Returns the file on the disk, and what is named in it: `x.zip`, `train.csv` of both.

    Nothing is named in a file that is no archive or workbook, or in one that is named as such.
    """
    if os.path.lexists(path):
        return path, ""
    head, part = os.path.split(path)
    while head and part:
        if head.lower().endswith((ARCHIVE, *WORKBOOKS)) and os.path.isfile(head):
            return head, path[len(head) + 1 :].replace(os.sep, "/")
        parent = os.path.dirname(head)
        head, part = (parent, head) if parent != head else ("", "")
    return path, ""


def matching(path: str) -> list[str]:
    """Returns the files of an archive that a glob such as `x.zip/*.csv` names, in order.

    Raises:
        DataError: if the archive is broken.
    """
    disk, pattern = located(path)
    if not pattern or not disk.lower().endswith(ARCHIVE) or not glob.has_magic(pattern):
        return [path]
    try:
        with zipfile.ZipFile(disk) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
    except BROKEN as error:
        raise DataError(_broken(path, "zip", error)) from None
    if pattern in names:
        return [path]
    return [f"{disk}/{name}" for name in sorted(fnmatch.filter(names, pattern))]


@contextmanager
def opened(path: str) -> Iterator[DataFile]:
    """Opens a file of data, or the one that is named in an archive; nothing is written anywhere.

    Raises:
        DataError: if it is broken, while it is read, too, or the archive does not say which file.
    """
    disk, part = located(path)
    kind = ""
    with ExitStack() as stack:
        try:
            file: IO[bytes] = stack.enter_context(open(disk, "rb"))
            name, notes = disk, tuple[str, ...]()
            if disk.lower().endswith(ARCHIVE):
                kind = "zip"
                archive = stack.enter_context(zipfile.ZipFile(file))
                found = chosen(archive, path, part)
                file = stack.enter_context(archive.open(found.info))
                name, notes, part = found.name, found.notes, ""
            ending = os.path.splitext(name)[1].lower()
            if ending in OPENERS:
                kind, opener = OPENERS[ending]
                file = stack.enter_context(opener(file))
                name = name[: -len(ending)]
            yield DataFile(file, name, part, notes)
        except BROKEN as error:
            raise DataError(_broken(path, kind, error)) from None
        except OSError as error:
            if error.errno is not None or not kind:
                raise
            raise DataError(_broken(path, kind, error)) from None


def _broken(path: str, kind: str, error: Exception) -> str:
    return f"{path}: is not a complete {kind} file: {error}"
