"""Tables of rows from csv, tsv, jsonl, json and parquet files, or from a user's own source.

Rows are read and handed on some thousands at a time, so that a file may be larger than memory.
Every table is a DataFrame of object columns that hold plain Python values, `None` where
nothing is known. Its `attrs["where"]` says where each row stands ("train.jsonl:17"), and
`attrs["columns"]` which columns of each file its rows have.
"""

import glob
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas

from mtc_keras.data.blocks import Block, cells_by_column, plain_cells
from mtc_keras.data.faults import Faults, files_error
from mtc_keras.data.formats import read_blocks
from mtc_keras.data.packed import pack
from mtc_keras.errors import DataError, did_you_mean, listed
from mtc_keras.files import sha256
from mtc_keras.tasks.columns import Cell

ROWS_AT_ONCE = 20_000


def read_tables(files: str | list[str], rows: int = ROWS_AT_ONCE) -> Iterator[pandas.DataFrame]:
    """Reads files as tables of some rows, one after the other.

    Args:
        files: a path, a glob, or a list of them: csv, tsv, jsonl, ndjson, json (an array
            of objects, read whole), each also with .gz, or parquet. Cells of csv and tsv
            stay the text that is written there.
        rows: int. A table has fewer than twice as many; only the last one may have fewer.

    Yields:
        Tables that together hold the rows of all files; a column that a file lacks is
        `None` in its rows.

    Raises:
        DataError: after the last file, with all files that are missing, empty, broken or of
            unknown format.
    """
    problems: list[str] = []

    def blocks() -> Iterator[Block]:
        for path in expand(files):
            is_empty = True
            try:
                for block in read_blocks(path, rows, Faults(path)):
                    is_empty = False
                    yield block
            except DataError as error:
                problems.extend(error.problems or [error.headline])
            except OSError as error:
                problems.append(f"{path}: cannot be read: {error.strerror or error}")
            else:
                if is_empty:
                    problems.append(f"{path}: holds no rows")

    yield from _tables(blocks(), rows)
    if problems:
        raise files_error(problems)


def frame_tables(
    source: pandas.DataFrame | Iterable[dict[str, Any]], name: str, rows: int = ROWS_AT_ONCE
) -> Iterator[pandas.DataFrame]:
    """Reads a user's own source as the same kind of tables.

    Args:
        source: a DataFrame, or an iterable of dicts from column to value, which is gone
            through once.
        name: what messages call it; rows are "name row LABEL" by the DataFrame's index.
        rows: int. Rows of a table.

    Raises:
        DataError: if it is neither, holds no rows, or has two columns of one name.
    """
    if isinstance(source, pandas.DataFrame):
        blocks = _frame_blocks(source, name, rows)
    else:
        blocks = _dict_blocks(source, name, rows)
    tables = _tables(blocks, rows)
    first = next(tables, None)
    if first is None:
        raise DataError(f"{name}: holds no rows")
    yield first
    yield from tables


def _frame_blocks(source: pandas.DataFrame, name: str, rows: int) -> Iterator[Block]:
    columns = [str(column) for column in source.columns]
    if len(set(columns)) < len(columns):
        twice = sorted({column for column in columns if columns.count(column) > 1})
        raise DataError(f"{name}: several columns are called {listed(twice)}")
    for start in range(0, len(source), rows):
        part = source.iloc[start : start + rows]
        cells = [plain_cells(part.iloc[:, at].tolist()) for at in range(len(columns))]
        where = [f"{name} row {label}" for label in part.index]
        yield Block(name, where, dict(zip(columns, cells, strict=True)))


def _dict_blocks(source: Iterable[dict[str, Any]], name: str, rows: int) -> Iterator[Block]:
    if not isinstance(source, Iterable) or isinstance(source, (str, bytes, dict)):
        kind = type(source).__name__
        raise DataError(f"{name}: expected a DataFrame or an iterator of dicts, received {kind}")
    numbered = enumerate(source)
    while part := list(itertools.islice(numbered, rows)):
        records = []
        for number, row in part:
            if not isinstance(row, dict):
                raise DataError(f"{name} row {number}: must be a dict, received {row!r:.80}")
            records.append({str(key): value for key, value in row.items()})
        where = [f"{name} row {number}" for number, _ in part]
        columns = {column: plain_cells(cells) for column, cells in cells_by_column(records).items()}
        yield Block(name, where, columns)


def _tables(blocks: Iterable[Block], rows: int) -> Iterator[pandas.DataFrame]:
    """Joins blocks, of which a source's last one may be short, to tables."""
    gathered: list[Block] = []
    for block in blocks:
        gathered.append(block)
        if sum(map(len, gathered)) >= rows:
            yield _table(gathered)
            gathered = []
    if gathered:
        yield _table(gathered)


def _table(blocks: Sequence[Block]) -> pandas.DataFrame:
    columns: dict[str, dict[str, None]] = {}
    for block in blocks:
        columns.setdefault(block.source, {}).update(dict.fromkeys(block.columns))
    where = list(itertools.chain.from_iterable(block.where for block in blocks))
    index = pandas.RangeIndex(len(where))
    cells: dict[str, pandas.Series] = {}
    for name in dict.fromkeys(itertools.chain.from_iterable(columns.values())):
        column: list[Cell] = []
        for block in blocks:
            column += block.columns.get(name) or [None] * len(block)
        # Object columns: pandas would turn integers beside gaps into floats.
        cells[name] = pandas.Series(column, index, dtype=object)
    table = pandas.DataFrame(cells, index)
    table.attrs["columns"] = {source: list(names) for source, names in columns.items()}
    table.attrs["where"] = pack(where)
    return table


def expand(files: str | list[str]) -> list[str]:
    """Returns the paths that files and globs name, each once, a glob's matches sorted.

    A path that is named in two ways, such as `a.csv` and `./a.csv`, is returned as it came first.

    Raises:
        DataError: with all paths that do not exist and globs without a match.
    """
    paths: list[str] = []
    problems = []
    for name in [files] if isinstance(files, str) else files:
        if os.path.isfile(name):
            paths.append(name)
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
    found: dict[str, str] = {}
    for path in paths:
        found.setdefault(os.path.abspath(path), path)
    return list(found.values())


def hash_files(files: str | list[str]) -> dict[str, str]:
    """Returns the SHA-256 of each file by its path."""
    return {path: sha256(Path(path)) for path in expand(files)}


def _missing(path: str) -> str:
    folder, name = os.path.split(path)
    if os.path.isdir(path):
        return f"{path}: is a directory; name its files, or a glob such as {path}/*.jsonl"
    if not os.path.isdir(folder or "."):
        return f"{path}: does not exist, nor does the directory {folder!r}"
    return f"{path}: file does not exist.{did_you_mean(name, os.listdir(folder or '.'))}"
