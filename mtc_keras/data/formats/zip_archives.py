"""Which file of a zip archive is read; it is streamed and never written to the disk."""

import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

from mtc_keras.errors import DataError, did_you_mean, listed, plural

DATA = (".csv", ".tsv", ".tab", ".txt", ".jsonl", ".ndjson", ".json", ".parquet", ".xlsx", ".xlsm")
COMPRESSED = (".gz", ".bz2", ".xz")

_NO_DATA = ("readme", "license", "licence", "copying", "notice", "changelog")
_LITTER = ("__macosx/", "thumbs.db", "desktop.ini")
_ENCRYPTED = 0x1  # a bit of the flags of a file
_MOST_RATIO = 200  # of the bytes of tables to those that they are packed into
_FREE_BYTES = 2**28  # that any archive may hold


@dataclass(frozen=True)
class Member:
    """A file of an archive.

    Args:
        info: where it stands.
        name: what its format is told by.
        notes: lines for people, without the archive's name.
    """

    info: zipfile.ZipInfo
    name: str
    notes: tuple[str, ...] = ()


def chosen(archive: zipfile.ZipFile, path: str, part: str) -> Member:
    """Returns the file of an archive that is named, or the only one of data.

    Args:
        archive: the open archive.
        path: how it is named, for messages.
        part: the file's name in it; empty if none is named.

    Raises:
        DataError: if there is none, or several, or it cannot be read.
    """
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if part:
        found = [info for info in infos if info.filename.replace("\\", "/") == part]
        if not found:
            names = [info.filename for info in infos]
            raise DataError(
                f"{path}: the archive holds no {part!r}.{did_you_mean(part, names)} "
                f"It holds {listed(names)}"
            )
        return _readable(found[-1], path, part)
    infos = [info for info in infos if not _is_litter(info.filename)]
    data = [info for info in infos if _is_data(info.filename)]
    if not data and len(infos) == 1:  # as in x.csv.zip, whose name says the format
        return _readable(infos[0], path, os.path.splitext(path)[0])
    names = [info.filename for info in data or infos]
    if not data:
        raise DataError(f"{path}: the archive holds no data file, but {listed(names) or 'nothing'}")
    if len(data) > 1:
        raise DataError(
            f"{path}: the archive holds {plural(len(data), 'data file')}, {listed(names)}; "
            f'name one or several, such as "{path}/{names[0]}"'
        )
    others = [info.filename for info in infos if info is not data[0]]
    notes = (f"{names[0]!r} is read of it, not {listed(others, 3)}",) if others else ()
    return _readable(data[0], path, names[0], notes)


def check_size(infos: Sequence[zipfile.ZipInfo], path: str) -> None:
    """Refuses files that hold far more than texts can be packed into so few bytes.

    Raises:
        DataError: if they do.
    """
    size = sum(info.file_size for info in infos)
    packed = sum(info.compress_size for info in infos)
    if size > _FREE_BYTES and size > _MOST_RATIO * packed:
        raise DataError(
            f"{path}: would grow from {packed:,} to {size:,} bytes, more than tables do; unpack it "
            "yourself if it is right"
        )


def _readable(info: zipfile.ZipInfo, path: str, name: str, notes: tuple[str, ...] = ()) -> Member:
    if info.flag_bits & _ENCRYPTED:
        raise DataError(f"{path}: {info.filename!r} is encrypted; unpack it with its password")
    check_size([info], path)
    return Member(info, name, notes)


def _is_litter(name: str) -> bool:
    """Whether a file is there for an operating system, or to tell people of the others."""
    base = name.rpartition("/")[2]
    is_told = os.path.splitext(base)[0].casefold().startswith(_NO_DATA)
    return (
        base.startswith(".")
        or name.casefold().startswith(_LITTER)
        or is_told
        or (base.casefold() in _LITTER)
    )


def _is_data(name: str) -> bool:
    stem, ending = os.path.splitext(name.casefold())
    return ending in DATA or (ending in COMPRESSED and os.path.splitext(stem)[1] in DATA)
