"""`SHA256SUMS`: the checksums of a folder's files, as `sha256sum --check` reads them.

While a file is replaced two checksums are listed for it, the old and the new, so that a kill at any
moment leaves a folder that is whole.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from mtc_keras.files.reading import MOST_JSON, file_problem, read_bytes
from mtc_keras.files.whole import MARKER, sha256, write_whole

SUMS = "SHA256SUMS"
WINDOWS = "has line ends of Windows now; git leaves them where .gitattributes says `* -text`"
_LINE = re.compile(r"(?P<digest>[0-9a-f]{64})  (?P<name>.+)")


def write_sums(folder: Path, names: Iterable[str] | None = None) -> None:
    """Writes the checksums of a folder's files.

    Args:
        folder: the folder.
        names: optional names of files in it, at any depth; default: all.
    """
    if names is None:
        others = (SUMS, MARKER)  # the latter is there only until the folder has its name
        paths = [path for path in folder.rglob("*") if path.is_file() and path.name not in others]
        names = sorted(path.relative_to(folder).as_posix() for path in paths)
    _write(folder, {name: [sha256(folder / name)] for name in names})


def read_sums(folder: Path) -> dict[str, list[str]] | None:
    """Returns the checksums of a folder by file; `None` if none were written.

    Raises:
        ValueError: if they cannot be read, or name a file outside of the folder.
    """
    if not (folder / SUMS).is_symlink() and not (folder / SUMS).exists():
        return None
    sums: dict[str, list[str]] = {}
    *lines, rest = read_bytes(folder / SUMS, MOST_JSON).decode("utf-8").split("\n")
    if rest or not lines:
        raise ValueError("was cut short")
    for line in lines:
        match = _LINE.fullmatch(line.removesuffix("\r"))  # as git may have written it
        if match is None or not _is_inside(match["name"]):
            raise ValueError("is not what was written")
        if match["name"] != MARKER:  # which exports have listed, and none has
            sums.setdefault(match["name"], []).append(match["digest"])
    return sums


def changed_files(folder: Path, sums: Mapping[str, Iterable[str]]) -> list[str]:
    """Returns what is wrong with a folder's files: which are gone, or have changed."""
    problems = []
    for name, digests in sums.items():
        path = folder / name
        problem = file_problem(path) if _is_inside(name) else "lies elsewhere"
        if problem is None and sha256(path) not in digests:
            problem = WINDOWS if _has_windows_line_ends(path, digests) else "has changed"
        if problem is not None:
            problems.append(f"{name}: {problem}")
    return problems


def _has_windows_line_ends(path: Path, digests: Iterable[str]) -> bool:
    """Whether line ends are all that has changed in a file."""
    if file_problem(path, MOST_JSON):
        return False
    plain = read_bytes(path, MOST_JSON).replace(b"\r\n", b"\n")
    return hashlib.sha256(plain).hexdigest() in digests


def replace_file(folder: Path, name: str, text: str) -> None:
    """Replaces a file of a folder and its checksum, if it has one; a kill breaks neither."""
    sums = read_sums(folder)
    if sums is None or name not in sums:
        write_whole(folder / name, text)
        return
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    _write(folder, {**sums, name: [*sums[name], digest]})
    write_whole(folder / name, text)
    _write(folder, {**sums, name: [digest]})


def _write(folder: Path, sums: Mapping[str, Iterable[str]]) -> None:
    lines = [f"{digest}  {name}\n" for name, digests in sums.items() for digest in digests]
    write_whole(folder / SUMS, "".join(lines))


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\0" not in name
