"""The first reading of the input: what is wrong with it, its parts, the types of its columns."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow  # type: ignore[import-untyped]

from mtc_keras.config import DataConfig
from mtc_keras.data.formats.columnar import parquet_file
from mtc_keras.data.formats.containers import located
from mtc_keras.data.inputs import BadRow, lacking_texts, read_inputs
from mtc_keras.data.sources import expand
from mtc_keras.errors import DataError, plural
from mtc_keras.files import json_line, sha256, written_whole
from mtc_keras.predict.bulk.columns import prediction_types
from mtc_keras.predict.bulk.formats import TEXT, cell_type, common_type
from mtc_keras.predict.bulk.job import BulkOptions, Part
from mtc_keras.predict.predictor import Predictor
from mtc_keras.tasks import Task

MOST_SHOWN = 5  # bad rows in an error


class BadRows:
    """The rows that are left out, kept on disk, as there may be millions."""

    def __init__(self) -> None:
        self.count = 0
        self.shown: list[str] = []
        self._file = tempfile.TemporaryFile("w+b")  # noqa: SIM115

    def add(self, path: str, bad: Sequence[BadRow]) -> None:
        """Notes the bad rows of a file."""
        self.count += len(bad)
        for place, reason in bad:
            if len(self.shown) < MOST_SHOWN:
                self.shown.append(f"{path}:{place}: {reason}")
            line = {"line": place} if isinstance(place, int) else {"row": int(place.split()[1])}
            self._file.write(f"{json_line({'file': path, **line, 'reason': reason})}\n".encode())

    def save(self, path: Path) -> None:
        """Writes file, line (or row, from 0) and reason of each; nothing if there are none."""
        if self.count:
            self._file.seek(0)
            with written_whole(path) as file:
                shutil.copyfileobj(self._file, file)

    def close(self) -> None:
        """Removes what is kept."""
        self._file.close()


class Survey:
    """What a first reading of the input finds; its rows are not kept.

    Args:
        files: paths and globs.
        predictor: names text columns and tasks.
        options: the `BulkOptions`.
        bad_rows: takes the bad rows.

    Attributes:
        inputs: for each file its path, bytes, SHA-256 and rows that can be predicted.
        parts: the `Part`s.
        types: as for `Job`.
        notes: lines for people on what can be read in two ways.

    Raises:
        DataError: with every file that cannot be read or has no text column.
    """

    def __init__(
        self, files: list[str], predictor: Predictor, options: BulkOptions, bad_rows: BadRows
    ) -> None:
        self.options = options
        self.inputs: list[dict[str, Any]] = []
        self.parts: list[Part] = []
        self.types: dict[str, Any] = {}
        self.notes: list[str] = []
        self.bad_rows = bad_rows
        self._stamps: dict[str, tuple[int, ...]] = {}
        self._hashes: dict[str, str] = {}  # an archive may hold many of the files
        problems: list[str] = []
        for path in expand(files):
            try:
                problems += self._add(path, predictor.data)
            except DataError as error:
                problems += error.problems or [error.headline]
            except OSError as error:
                problems.append(f"{path}: cannot be read: {error.strerror or error}")
        if not problems:
            self.types = {
                name: TEXT if t == pyarrow.null() else t for name, t in self.types.items()
            }
            problems += [*self._clashes(predictor.tasks), *self._unwritable()]
        if problems:
            raise DataError(f"data files: {plural(len(problems), 'problem')}", problems)

    @property
    def rows(self) -> int:
        """Rows that can be predicted."""
        return sum(part.rows for part in self.parts)

    @property
    def summary(self) -> str:
        """What was found, in a line."""
        bad = f", {plural(self.bad_rows.count, 'bad row')} left out" if self.bad_rows.count else ""
        files, parts = plural(len(self.inputs), "file"), plural(len(self.parts), "part")
        return f"{plural(self.rows, 'row')} of {files} in {parts}{bad}"

    def check(self, strict: bool) -> None:
        """Checks that there is something to predict, and with `strict` nothing else.

        Raises:
            DataError: if not.
        """
        bad, shown = self.bad_rows.count, self.bad_rows.shown
        if strict and bad:
            more = [f"… and {bad - len(shown):,} more"] if bad > len(shown) else []
            raise DataError(f"data files: {plural(bad, 'bad row')} (--strict)", [*shown, *more])
        if not self.rows:
            raise DataError("data files: hold no row that can be predicted", shown)

    def check_unchanged(self, path: str) -> None:
        """Checks that a file is still the one that was surveyed.

        Raises:
            DataError: if not.
        """
        try:
            if _stamp(path) == self._stamps[path]:
                return
        except OSError:  # it is gone
            pass
        raise DataError(f"{path}: has changed while it was read; predict it into another folder")

    def _add(self, path: str, data: DataConfig) -> list[str]:
        """Reads a file; returns what is wrong with it as a whole."""
        columns: dict[str, Any] = {}
        called: dict[str, None] = {}
        usable = 0
        self._stamps[path] = _stamp(path)
        read = read_inputs(path, data, self.options.rows_per_part, notes=self.notes)
        for number, (rows, bad) in enumerate(read):
            self.bad_rows.add(path, bad)
            called |= dict.fromkeys(rows.names)
            for name, cells in rows.columns.items():
                found = self._type(path, cells)
                columns[name] = common_type(columns[name], found) if name in columns else found
            if len(rows):
                self.parts.append(Part(len(self.parts), path, number, len(rows)))
                usable += len(rows)
        if path.lower().endswith(".parquet") and self.options.format == "parquet":
            with parquet_file(path) as file:
                names = file.schema_arrow.names  # those without a name may be several
                columns = {
                    field.name: _stored(field.type)
                    for field in file.schema_arrow
                    if names.count(field.name) == 1
                }
        for name, found in columns.items():
            self.types[name] = common_type(self.types[name], found) if name in self.types else found
        place = located(path)[0]
        if place not in self._hashes:
            self._hashes[place] = sha256(Path(place))
        self.inputs.append(
            {
                "file": path,
                "bytes": os.path.getsize(place),
                "sha256": self._hashes[place],
                "rows": usable,
            }
        )
        return lacking_texts(path, list(called), data)

    def _type(self, path: str, cells: Sequence[Any]) -> Any:
        if self.options.format != "parquet" or path.lower().endswith(".parquet"):
            return None  # not needed, or known from the file
        return cell_type(cells)

    def _unwritable(self) -> list[str]:
        """Returns a problem for each name that JSON can hold and Parquet cannot."""
        return [
            f"a column of the input is called {name!r}, which is not Unicode; --format jsonl can"
            for name in self.types
            if self.options.format == "parquet"
            and name.encode("utf-8", "replace") != name.encode("utf-8", "surrogatepass")
        ]

    def _clashes(self, tasks: Sequence[Task]) -> list[str]:
        added = prediction_types(tasks, self.options.shown)
        return [
            f"column {name!r} of the input has the name of a column of predictions; rename it"
            for name in added
            if name in self.types
        ]


def _stamp(path: str) -> tuple[int, ...]:
    """Returns what changes with a file, without reading it."""
    found = os.stat(located(path)[0])
    return found.st_ino, found.st_size, found.st_mtime_ns


def _stored(type_: Any) -> Any:
    """Returns the type under a user's own one."""
    return type_.storage_type if isinstance(type_, pyarrow.BaseExtensionType) else type_
