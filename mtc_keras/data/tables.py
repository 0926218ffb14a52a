"""Tables of rows from csv, tsv, jsonl, json and parquet files, or from a user's own source.

Rows are read and handed on some thousands at a time, so that a file may be larger than memory.
Every table is a DataFrame of object columns that hold plain Python values, `None` where
nothing is known. Its `attrs["where"]` says where each row stands ("train.jsonl:17"), and
`attrs["columns"]` which columns of each file its rows have.
"""

import csv
import gc
import glob
import gzip
import io
import itertools
import json
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas

from mtc_keras.data.packed import pack
from mtc_keras.disk import sha256
from mtc_keras.errors import DataError, did_you_mean, listed, plural
from mtc_keras.tasks.columns import Cell

MOST_LINES = 5  # broken lines shown of one file
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
ROWS_AT_ONCE = 20_000


@dataclass
class Block:
    """Some rows that stand together in one source.

    Args:
        source: the file's path, or the split's name for a user's own source.
        where: where each row stands.
        columns: cells by column, those alone that the rows have.
    """

    source: str
    where: list[str]
    columns: dict[str, list[Cell]]

    def __len__(self) -> int:
        return len(self.where)


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
        raise _error(problems)


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
        columns = {column: plain_cells(cells) for column, cells in _columns(records).items()}
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


def _columns(records: Sequence[dict[str, Any]]) -> dict[str, list[Cell]]:
    """Returns the cells of rows by column."""
    layouts = dict.fromkeys(map(tuple, records))  # few: most rows have the same keys
    names = dict.fromkeys(itertools.chain.from_iterable(layouts))
    return {name: [record.get(name) for record in records] for name in names}


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
        raise _error(problems)
    found: dict[str, str] = {}
    for path in paths:
        found.setdefault(os.path.abspath(path), path)
    return list(found.values())


def hash_files(files: str | list[str]) -> dict[str, str]:
    """Returns the SHA-256 of each file by its path."""
    return {path: sha256(Path(path)) for path in expand(files)}


def _error(problems: list[str]) -> DataError:
    return DataError(f"data files: {plural(len(problems), 'problem')}", problems)


def _missing(path: str) -> str:
    folder, name = os.path.split(path)
    if os.path.isdir(path):
        return f"{path}: is a directory; name its files, or a glob such as {path}/*.jsonl"
    if not os.path.isdir(folder or "."):
        return f"{path}: does not exist, nor does the directory {folder!r}"
    return f"{path}: file does not exist.{did_you_mean(name, os.listdir(folder or '.'))}"


def plain_cells(cells: list[Any]) -> list[Cell]:
    """Returns cells as plain Python, as `plain` does."""
    if set(map(type, cells)) <= {str, int, bool, type(None)}:
        return cells
    return [cell if type(cell) is str else plain(cell) for cell in cells]


def plain(value: Any) -> Any:
    """Returns a cell as plain Python: `None` for NaN and NA, lists for arrays and tuples.

    What stands in lists and tables is made plain, too.
    """
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, (set, frozenset)):
        value = sorted(value, key=str)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if value is pandas.NA or value is pandas.NaT or (isinstance(value, float) and value != value):
        return None
    return value


# === Formats ===


def read_blocks(path: str, rows: int, faults: "Faults") -> Iterator[Block]:
    """Reads one file, each block being what is whole of its next rows.

    Args:
        path: the file.
        rows: int. Rows of a block, broken ones counted; the last one may have fewer.
        faults: takes the broken lines.

    Raises:
        DataError: if the file cannot be read as what its name says; after its last row, if
            lines are broken and `faults` does not pass them over.
    """
    name = path.lower().removesuffix(".gz")
    extension = os.path.splitext(name)[1]
    if extension == ".parquet" and not path.lower().endswith(".gz"):
        return _read_parquet(path, rows)
    if extension not in READERS:
        known = [*READERS, ".parquet"]
        raise DataError(
            f"{path}: unknown extension {extension!r}.{did_you_mean(extension, known)} "
            f"Known: {listed(known)}; all but .parquet also with .gz"
        )
    reader, newline = READERS[extension]
    return _read_text(path, reader, newline, faults, rows)


def _read_text(
    path: str, reader: "Reader", newline: str, faults: "Faults", rows: int
) -> Iterator[Block]:
    """Reads a file of text; bytes that cannot be read are told in place of broken lines."""
    # The lines of one array cannot be told apart.
    errors = "strict" if reader is _read_json else faults.undecodable
    try:
        try:
            with io.TextIOWrapper(_open(path), "utf-8", errors, newline) as text:
                yield from reader(path, text, faults, rows)
                while text.read(io.DEFAULT_BUFFER_SIZE):  # a reader may stop at a broken line
                    continue
        except UnicodeDecodeError:
            raise DataError(_undecodable(path)) from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: is no whole gzip file: {error}") from None
    faults.check()


def _open(path: str) -> IO[bytes]:
    file = gzip.open(path) if path.lower().endswith(".gz") else open(path, "rb")  # noqa: SIM115
    try:
        if file.read(len(BYTE_ORDER_MARK)) != BYTE_ORDER_MARK:
            file.seek(0)
    except BaseException:
        file.close()
        raise
    return file  # type: ignore[return-value]


def _undecodable(path: str) -> str:
    """Returns the message that names the first byte that is not UTF-8."""
    message = ""
    with closing(_open(path)) as file:
        for line, content in enumerate(file, 1):  # to the end, as a gzip file may be cut there
            try:
                content.decode("utf-8")
            except UnicodeDecodeError as error:
                message = message or (
                    f"{path}:{line}: byte 0x{content[error.start]:02x} is not UTF-8; "
                    "save the file with this encoding"
                )
    return message


@dataclass
class Faults:
    """The broken lines of a file: the first ones in full, the others as a number.

    Args:
        path: the file.
    """

    path: str
    shown: list[str] = field(default_factory=list)
    more: int = 0

    passes_over = False
    """Whether what comes after a broken line is read."""
    undecodable = "strict"
    """What the decoder does with bytes that are not UTF-8."""

    def add(self, line: int | str, message: str, received: str = "", first: bool = False) -> None:
        """Notes a broken line.

        Args:
            line: its number, or what it is called, such as `row 3`.
            message: what is wrong; it quotes nothing of the line.
            received: the beginning of the line, if that helps.
            first: bool. Whether it is shown before all others.
        """
        message = f"{self.path}:{line}: {message}" + (f", received {received}" if received else "")
        self.shown.insert(0 if first else len(self.shown), message)
        if len(self.shown) > MOST_LINES:
            self.shown.pop()
            self.more += 1

    def check(self) -> None:
        """Raises one error for all broken lines."""
        if self.more:
            self.shown.append(f"{self.path}: … and {self.more:,} more broken lines")
        if self.shown:
            raise _error(self.shown)

    def check_header(self) -> None:
        """Raises an error if rows are passed over and the header would have been one of them."""

    def decoded(self, numbered: Iterable[tuple[int, Any]]) -> Iterable[tuple[int, Any]]:
        """Returns those of numbered lines, or rows of cells, that are text."""
        return numbered


@dataclass
class PassedOver(Faults):
    """The broken lines of a file that are left out, those after them being read.

    Attributes:
        found: number and message of each line; the message quotes nothing of it.
    """

    found: list[tuple[int | str, str]] = field(default_factory=list)

    passes_over = True
    undecodable = "surrogateescape"

    def add(self, line: int | str, message: str, received: str = "", first: bool = False) -> None:
        """Notes a broken line."""
        self.found.append((line, message))

    def check(self) -> None:
        """Lets all lines pass."""

    def check_header(self) -> None:
        """Raises an error if the header is broken: the row after it would be taken for it."""
        for line, message in self.found:
            raise DataError(f"{self.path}:{line}: the header cannot be read: {message}")

    def decoded(self, numbered: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
        """Yields the lines whose bytes are UTF-8."""
        for line, content in numbered:
            try:
                (content if isinstance(content, str) else "".join(content)).encode("utf-8")
            except UnicodeEncodeError as error:  # bytes stand as lone surrogates
                byte = ord(error.object[error.start]) - 0xDC00
                self.add(line, f"byte 0x{byte:02x} is not UTF-8")
            else:
                yield line, content


Reader = Callable[[str, IO[str], Faults, int], Iterator[Block]]


def _read_separated(
    path: str, text: IO[str], faults: Faults, rows: int, delimiter: str
) -> Iterator[Block]:
    csv.field_size_limit(2**31 - 1)  # the default of 131,072 characters is a short book
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    numbered = iter(faults.decoded(_numbered_rows(reader, faults)))
    first, header = next(numbered, (1, []))
    faults.check_header()
    for name in dict.fromkeys(name for name in header if header.count(name) > 1):
        message = f"two columns are called {name!r}"
        if faults.passes_over:  # it is no row that could be left out
            raise DataError(f"{path}:{first}: {message}")
        faults.add(first, message)
    while part := list(itertools.islice(numbered, rows)):
        whole = [(line, row) for line, row in part if len(row) == len(header)]
        if len(whole) < len(part):
            for line, row in part:
                if len(row) != len(header):
                    cells = plural(len(row), "cell")
                    faults.add(line, f"{cells}, but the header has {len(header)}")
        if whole:
            columns = map(list, zip(*(row for _, row in whole), strict=True))
            where = [f"{path}:{line}" for line, _ in whole]
            yield Block(path, where, dict(zip(header, columns, strict=True)))


def _numbered_rows(reader: Any, faults: Faults) -> Iterator[tuple[int, list[str]]]:
    """Yields the rows of a csv file that are not blank, with their lines."""
    line, may_go_on = 1, True
    while may_go_on:
        try:
            for row in reader:
                if row:  # a blank line has no cells
                    yield line, row
                line = reader.line_num + 1  # a quoted cell may hold line breaks
            may_go_on = False
        except csv.Error as error:
            message = f"{error}; a cell with quotes needs quotes around it, inner ones doubled"
            if reader.line_num > line:  # a quote that is not closed takes rows with it
                message += f"; lines {line} to {reader.line_num} were read as one row"
            faults.add(line, message, first=True)
            line, may_go_on = reader.line_num + 1, faults.passes_over


def _read_csv(path: str, text: IO[str], faults: Faults, rows: int) -> Iterator[Block]:
    return _read_separated(path, text, faults, rows, ",")


def _read_tsv(path: str, text: IO[str], faults: Faults, rows: int) -> Iterator[Block]:
    return _read_separated(path, text, faults, rows, "\t")


def _read_jsonl(path: str, text: IO[str], faults: Faults, rows: int) -> Iterator[Block]:
    numbered = iter(faults.decoded(enumerate(text, 1)))
    while lines := list(itertools.islice(numbered, rows)):
        with _without_collection():
            records, where = _parsed_lines(path, lines, faults)
            columns = _columns(records)
            del records
        if where:
            yield Block(path, where, columns)


def _parsed_lines(
    path: str, lines: Sequence[tuple[int, str]], faults: Faults
) -> tuple[list[dict[str, Any]], list[str]]:
    """Returns the objects of numbered lines, and where they stand."""
    decoder = json.JSONDecoder(parse_constant=_constant)
    scan = decoder.scan_once  # type: ignore[attr-defined]  # without the checks of `decode`
    records, where = [], []
    for number, line in lines:
        content = line.rstrip("\r\n")
        try:
            record, end = scan(content, 0)
        except (StopIteration, ValueError, RecursionError):
            end = -1
        if end != len(content):  # blank, broken, or with blanks around it
            content = line.removesuffix("\n")
            if not content.strip():
                continue
            try:
                record = json.loads(content, parse_constant=_constant)
            except (ValueError, RecursionError) as error:
                faults.add(number, f"is not JSON: {error}")
                continue
        if isinstance(record, dict):
            records.append(record)
            where.append(f"{path}:{number}")
        else:
            faults.add(number, "must be an object such as {…}", f"{content:.60}")
    return records, where


@contextmanager
def _without_collection() -> Iterator[None]:
    """Keeps the garbage collector from searching new cells for cycles: half the time of JSON."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _constant(name: str) -> float | None:
    """Returns what JSON's `NaN`, `Infinity` and `-Infinity` mean in a cell."""
    return None if name == "NaN" else float(name)


def _read_json(path: str, text: IO[str], faults: Faults, rows: int) -> Iterator[Block]:
    try:
        records = json.loads(text.read() or "[]", parse_constant=_constant)
    except UnicodeDecodeError:
        raise
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        hint = "; one object a line is .jsonl" if "Extra data" in str(error) else ""
        raise DataError(f"{path}:{line}: is not JSON: {error}{hint}") from None
    if not isinstance(records, list):
        raise DataError(f"{path}: must be an array of objects, received {type(records).__name__}")
    for start in range(0, len(records), rows):
        part, where = [], []
        for number, row in enumerate(records[start : start + rows], start):
            if isinstance(row, dict):
                part.append(row)
                where.append(f"{path}:row {number}")
            else:
                faults.add(f"row {number}", "must be an object", f"{row!r:.60}")
        if where:
            yield Block(path, where, _columns(part))


def _read_parquet(path: str, rows: int) -> Iterator[Block]:
    import pyarrow  # type: ignore[import-untyped]
    from pyarrow import parquet

    start = 0
    try:  # not through pandas, which turns integers beside gaps into floats
        file = parquet.ParquetFile(path)
        names = file.schema_arrow.names
        for name in dict.fromkeys(name for name in names if names.count(name) > 1):
            raise DataError(f"{path}: two columns are called {name!r}")
        for batch in file.iter_batches(rows):
            cells = [plain_cells(column.to_pylist()) for column in batch.columns]
            where = [f"{path}:row {number}" for number in range(start, start + len(batch))]
            start += len(batch)
            yield Block(path, where, dict(zip(names, cells, strict=True)))
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path}: is no Parquet file: {str(error).splitlines()[0]}") from None


# Csv ends its rows at any line break outside of quotes, JSON holds all but one in its texts.
READERS: dict[str, tuple[Reader, str]] = {
    ".csv": (_read_csv, ""),
    ".tsv": (_read_tsv, ""),
    ".jsonl": (_read_jsonl, "\n"),
    ".ndjson": (_read_jsonl, "\n"),
    ".json": (_read_json, "\n"),
}
