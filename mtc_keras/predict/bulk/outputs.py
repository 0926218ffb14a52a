"""Where predictions go: a folder of parts, or one file that is joined from them."""

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mtc_keras.data.sources import expand
from mtc_keras.errors import ConfigError
from mtc_keras.files import (
    LOCK,
    PART,
    check_folder,
    check_writable,
    held,
    is_unfinished,
    parse_json,
    written_whole,
)
from mtc_keras.predict.bulk.job import FORMATS
from mtc_keras.predict.bulk.joining import join_parts
from mtc_keras.predict.bulk.manifest import MANIFEST

BAD_ROWS = "_bad_rows.jsonl"
MOST_LINE = 2**20  # bytes of a line of it that is looked at
PART_NAME = re.compile(r"part-\d{5,}\..+")
PARTS = ".parts"  # after the name of a file that is not finished
# Names of files that are no folder, though they cannot be written.
READ_ONLY = (".json", ".ndjson", ".tsv", ".gz", ".txt", ".xlsx")


class PartsFolder:
    """A folder that holds the parts.

    Args:
        path: the folder.
        form: the format of the parts.

    Attributes:
        folder: where the parts are written.
        part_form: in which format.
    """

    def __init__(self, path: Path, form: str) -> None:
        self.path = self.folder = path
        self.form = self.part_form = form

    @property
    def where(self) -> str:
        """What messages call it."""
        return f"--out {str(self.path)!r}"

    def check_input(self, files: Sequence[str]) -> None:
        """Checks that nothing that is written is read, as a glob may do.

        Raises:
            ConfigError: if it is.
        """
        for path in expand(list(files)):
            if self._holds(Path(path).resolve()):
                raise ConfigError(
                    f"--data names {path!r}, which lies in {self.where}; name the files of "
                    "the input alone"
                )

    def _holds(self, path: Path) -> bool:
        return self.folder.resolve() in path.parents

    def check(self, resume: bool) -> None:
        """Checks that parts may be written.

        Raises:
            ConfigError: if the folder cannot be made or written to; if there are files already,
                and they are none to go on with.
        """
        if os.path.isfile(self.folder):
            raise ConfigError(f"{self.where} is a file; name a folder, or {listed_formats()}")
        check_folder(self.folder, self.where, renamed=False)
        names = self._names()
        has_manifest = MANIFEST in names
        if all(name in (LOCK, MANIFEST + PART) or is_unfinished(name) for name in names):
            return  # nothing but what is left of a process that was killed as it began
        if resume and not has_manifest:
            raise ConfigError(f"{self.where} holds files but no {MANIFEST}; choose another folder")
        if not resume:
            hint = "continue with --resume, or " if has_manifest else ""
            raise ConfigError(f"{self.where} already holds files; {hint}choose another folder")

    def _names(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()} if self.folder.exists() else set()

    @contextmanager
    def held(self, resume: bool) -> Iterator[None]:
        """Makes the folder and holds it, so that no other process writes parts into it.

        Raises:
            ConfigError: if it cannot be made or written to, or another process holds it.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"{self.where} cannot be made: {error.strerror}") from None
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise ConfigError(f"{self.where} cannot be written to; choose another folder")
        with held(self.folder, self.where, inside=True):
            self.check(resume)  # another process may have begun and ended here
            yield

    def bad_rows(self) -> Path | None:
        """Returns the file that lists the bad rows, if there are any."""
        path = self.folder / BAD_ROWS
        return path if path.exists() else None

    def finish(self, parts: Sequence[str], columns: Sequence[str]) -> tuple[Path, ...]:
        """Returns the files that hold the predictions, all parts being done.

        Args:
            parts: the names of the parts' files.
            columns: their columns.
        """
        return tuple(self.folder / name for name in parts)


class OneFile(PartsFolder):
    """One file. Until it is whole its parts lie beside it, in `NAME.parts`, to be gone on with.

    Args:
        path: the file.
        form: its format.
    """

    def __init__(self, path: Path, form: str) -> None:
        super().__init__(path, form)
        self.folder = path.with_name(path.name + PARTS)
        self.part_form = form.removesuffix(".gz")

    def _holds(self, path: Path) -> bool:
        mine = (self.path.resolve(), self._bad_rows.resolve())
        return path in mine or super()._holds(path)

    def check(self, resume: bool) -> None:
        check_writable(self.path)
        if not _lists_bad_rows(self._bad_rows):
            raise ConfigError(
                f"{self.where}: its bad rows would be listed in {str(self._bad_rows)!r}, which is "
                "there and is no such list; move it away, or choose another file"
            )
        is_there = self.folder.is_symlink() or self.folder.exists()
        if is_there and not self._is_ours():
            raise ConfigError(
                f"{self.where} is written by way of {str(self.folder)!r}, which is there and was "
                "not made for that; move it away, or choose another file"
            )
        begun = [name for name in self._names() if name.startswith("part-")]
        if begun and not resume:
            raise ConfigError(
                f"{self.where} was begun and not finished: {str(self.folder)!r} holds "
                "what is done; continue with --resume, or remove it"
            )
        if resume:
            super().check(resume)

    @contextmanager
    def held(self, resume: bool) -> Iterator[None]:
        with held(self.folder, self.where):  # beside the folder, which is removed in the end
            self.check(resume)
            if not resume:  # nothing that was done is in it
                shutil.rmtree(self.folder, ignore_errors=True)
            try:
                self.folder.mkdir(exist_ok=True)
            except OSError as error:
                raise ConfigError(f"{self.where} cannot be made: {error.strerror}") from None
            try:
                yield
            finally:
                if not any(name.startswith("part-") for name in self._names()):
                    shutil.rmtree(self.folder, ignore_errors=True)

    def _is_ours(self) -> bool:
        """Whether the folder, which is removed in the end, holds nothing but a prediction."""
        if self.folder.is_symlink() or not self.folder.is_dir():
            return False
        known = (LOCK, MANIFEST, MANIFEST + PART, BAD_ROWS)
        return all(
            name in known or PART_NAME.fullmatch(name) or is_unfinished(name)
            for name in self._names()
        )

    @property
    def _bad_rows(self) -> Path:
        stem = self.path.name.removesuffix(f".{self.form}")
        return self.path.with_name(stem + BAD_ROWS.replace("_", ".", 1))

    def bad_rows(self) -> Path | None:
        return self._bad_rows if self._bad_rows.exists() else None

    def finish(self, parts: Sequence[str], columns: Sequence[str]) -> tuple[Path, ...]:
        """Joins the parts, lists the bad rows beside the file, and removes the parts."""
        if (self.folder / BAD_ROWS).exists():
            with written_whole(self._bad_rows) as file, (self.folder / BAD_ROWS).open("rb") as rows:
                shutil.copyfileobj(rows, file)
        else:  # of an older file of that name
            self._bad_rows.unlink(missing_ok=True)
        with written_whole(self.path) as file:
            join_parts([self.folder / name for name in parts], file, self.form, columns)
        shutil.rmtree(self.folder)
        return (self.path,)


def _lists_bad_rows(path: Path) -> bool:
    """Whether a file may be replaced by a list of bad rows: it is one, is empty or is not there."""
    if path.is_symlink() or not path.is_file():
        return not (path.is_symlink() or path.exists())
    with path.open("rb") as file:
        line = file.readline(MOST_LINE)
    try:
        found = parse_json(line) if line else {"file": "", "reason": ""}
    except ValueError:
        return False
    return isinstance(found, dict) and {"file", "reason"} <= found.keys()


def open_output(out: str | Path, form: str | None) -> PartsFolder:
    """Returns where predictions go: a file if the name is one, else a folder.

    Raises:
        ConfigError: if the name is that of a file that cannot be written, or of another format.
    """
    path = Path(out)
    if os.path.isdir(path):
        return PartsFolder(path, form or FORMATS[0])
    found = file_format(path)
    if found is None:
        return PartsFolder(path, form or FORMATS[0])
    if form not in (None, found):
        raise ConfigError(f"--out {str(out)!r} is {found}, and --format {form}: leave out one")
    return OneFile(path, found)


def file_format(path: Path) -> str | None:
    """Returns the format that a file's name says, `None` for the name of a folder.

    Raises:
        ConfigError: if it is the name of a file that cannot be written.
    """
    name = path.name.lower()
    for form in FORMATS:
        if name.endswith(f".{form}") and len(name) > len(form) + 1:
            return form
    if path.suffix.lower() in READ_ONLY:
        raise ConfigError(f"--out {str(path)!r}: a file's name ends in {listed_formats()}")
    return None


def listed_formats() -> str:
    """Returns the ends of files' names, for messages."""
    return ", ".join(f".{form}" for form in FORMATS[:-1]) + f" or .{FORMATS[-1]}"
