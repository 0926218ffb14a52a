"""Where rows come from: files, globs, or a user's own DataFrame or iterator of dicts.

All of them give blocks of some thousands of rows, one after the other, so that a file may be
larger than memory.
"""

import glob
import itertools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard, Union

from mtc_keras.data.blocks import (
    Block,
    cells_by_column,
    imported_pandas,
    named_columns,
    plain,
    plain_cells,
)
from mtc_keras.data.formats.containers import located, matching
from mtc_keras.data.formats.faults import Faults, files_error
from mtc_keras.data.formats.files import read_blocks
from mtc_keras.data.formats.layout import ANY, Layout
from mtc_keras.data.parallel_files import parallel_blocks
from mtc_keras.errors import DataError, did_you_mean
from mtc_keras.files import sha256

if TYPE_CHECKING:
    import pandas

ROWS_AT_ONCE = 20_000

OwnRows = Union["pandas.DataFrame", Iterable[dict[str, Any]]]
Files = str | list[str] | dict[str, str]


def file_blocks(
    files: Files,
    rows: int = ROWS_AT_ONCE,
    *,
    layout: Layout = ANY,
    notes: list[str] | None = None,
) -> Iterator[Block]:
    """Reads files block by block.

    Args:
        files: a path, a glob, or a list of them: csv, tsv, txt, jsonl, ndjson, json (read
            whole), parquet or xlsx, each also compressed or in a zip archive. Cells of csv and
            tsv stay the text that is written there. Or by column, the path of a file of lines.
        rows: int. Most rows per block.
        layout: how they are read.
        notes: takes lines for people on what can be read in two ways.

    Yields:
        The blocks of all files, in order.

    Raises:
        DataError: after the last file, with all files that are missing, empty, broken or of
            unknown format.
    """
    problems: list[str] = []
    paths = expand(files)
    if isinstance(files, dict):
        yield from parallel_blocks(files, rows, layout=layout, notes=notes)
        return
    for path in paths:
        is_empty = True
        faults = Faults(path)
        try:
            for block in read_blocks(path, rows, faults, layout):
                is_empty = False
                yield block
        except DataError as error:
            problems += error.problems or [error.headline]
        except OSError as error:
            problems.append(f"{path}: cannot be read: {error.strerror or error}")
        else:
            if is_empty:
                problems.append(f"{path}: holds no rows")
            elif notes is not None:
                notes += faults.notes
    if problems:
        raise files_error(problems)


def own_blocks(
    source: OwnRows, name: str, rows: int = ROWS_AT_ONCE, *, notes: list[str] | None = None
) -> Iterator[Block]:
    """Reads a user's own source as the same kind of blocks.

    Args:
        source: a DataFrame, or an iterable of dicts from column to value, which is iterated
            over once.
        name: what messages call it; rows are "name row LABEL" by the DataFrame's index.
        rows: int. Most rows per block.
        notes: takes a line on columns that are not read.

    Raises:
        DataError: if it is neither, holds no rows, or has two columns of one name.
    """
    pandas = imported_pandas()
    if pandas is not None and isinstance(source, pandas.DataFrame):
        blocks = _frame_blocks(source, name, rows, notes)
    else:
        blocks = _dict_blocks(source, name, rows)
    first = next(blocks, None)
    if first is None:
        raise DataError(f"{name}: holds no rows")
    yield first
    yield from blocks


def _frame_blocks(
    source: "pandas.DataFrame", name: str, rows: int, notes: list[str] | None
) -> Iterator[Block]:
    columns = list(map(_column_name, source.columns))
    kept = named_columns(name, columns, notes)
    for start in range(0, len(source), rows):
        part = source.iloc[start : start + rows]
        cells = {columns[at]: plain_cells(part.iloc[:, at].tolist()) for at in kept}
        yield Block(name, [f"{name} row {label}" for label in part.index], cells)


def _column_name(column: Any) -> str:
    """Returns what a column is called; one of several levels by those that say something."""
    if isinstance(column, tuple):
        return ".".join(filter(None, map(_column_name, column)))
    return "" if plain(column) is None else str(column)


def _dict_blocks(source: Any, name: str, rows: int) -> Iterator[Block]:
    if not isinstance(source, Iterable) or isinstance(source, (str, bytes, dict)):
        kind = type(source).__name__
        raise DataError(f"{name}: expected a DataFrame or an iterator of dicts, received {kind}")
    numbered = enumerate(source)
    while part := list(itertools.islice(numbered, rows)):
        records = []
        for number, row in part:
            if not isinstance(row, dict):
                kind = type(row).__name__
                raise DataError(f"{name} row {number}: must be a dict, received {kind}")
            records.append({str(key): value for key, value in row.items()})
        where = [f"{name} row {number}" for number, _ in part]
        columns = {column: plain_cells(cells) for column, cells in cells_by_column(records).items()}
        yield Block(name, where, columns)


def are_files(source: object) -> TypeGuard[Files]:
    """Whether rows are given as files, and not in memory."""
    paths = list(source.values()) if isinstance(source, dict) else source
    return isinstance(paths, str) or (
        isinstance(paths, list) and all(isinstance(path, str) for path in paths)
    )


def named(files: Files) -> list[str]:
    """Returns the paths and globs as they are written."""
    if isinstance(files, str):
        return [files]
    return list(files.values() if isinstance(files, dict) else files)


def expand(files: Files) -> list[str]:
    """Returns the paths that files and globs name, each once, a glob's matches sorted.

    A path that is named in two ways, such as `a.csv` and `./a.csv`, is returned as it came first.

    Raises:
        DataError: with all paths that do not exist and globs without a match.
    """
    paths: list[str] = []
    problems = []
    for name in named(files):
        if os.path.isfile(located(name)[0]):
            found = matching(name)
            paths += found
            if not found:
                problems.append(f"{name}: no file of the archive matches this glob")
        elif glob.has_magic(name):
            matches = [path for path in glob.glob(name, recursive=True) if os.path.isfile(path)]
            paths += sorted(matches)
            if not matches:
                problems.append(f"{name}: no file matches this glob")
        else:
            problems.append(_missing(name))
    if not paths and not problems:
        problems.append("the list of files is empty")
    if problems:
        raise files_error(problems)
    by_place: dict[str, str] = {}
    for path in paths:
        by_place.setdefault(os.path.abspath(path), path)
    return list(by_place.values())


def hash_files(files: Files) -> dict[str, str]:
    """Returns the SHA-256 of each file by its path: that of the archive, if it stands in one."""
    places = {path: located(path)[0] for path in expand(files)}
    hashes = {place: sha256(Path(place)) for place in set(places.values())}
    return {path: hashes[place] for path, place in places.items()}


def _missing(path: str) -> str:
    folder, name = os.path.split(path)
    if os.path.isdir(path):
        return f"{path}: is a directory; name its files, or a glob such as {path}/*.jsonl"
    if not os.path.isdir(folder or "."):
        return f"{path}: does not exist, nor does the directory {folder!r}"
    return f"{path}: file does not exist.{did_you_mean(name, os.listdir(folder or '.'))}"
