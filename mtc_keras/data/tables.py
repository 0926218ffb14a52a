"""Tables of rows from csv, tsv, jsonl, json and parquet files, or from a user's own source.

Every table is a DataFrame of object columns that hold plain Python values, `None` where
nothing is known; its index says where each row stands ("train.jsonl:17"), and
`attrs["columns"]` which columns each file has.
"""

import csv
import glob
import gzip
import hashlib
import io
import json
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pandas

from mtc_keras.errors import DataError, did_you_mean, listed, plural

MOST_LINES = 5  # broken lines shown of one file
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
Record = tuple[str, dict[str, Any]]  # where a row stands ("17" or "row 17"), and the row


def read_table(files: str | list[str]) -> pandas.DataFrame:
    """Reads files into one table, one after the other.

    Args:
        files: a path, a glob, or a list of them: csv, tsv, jsonl, ndjson, json (an array
            of objects), each also with .gz, or parquet. Cells of csv and tsv stay the
            text that is written there.

    Returns:
        The rows of all files; a column that a file lacks is `None` in its rows.

    Raises:
        DataError: with all files that are missing, empty, broken or of unknown format.
    """
    records: list[dict[str, Any]] = []
    where: list[str] = []
    columns: dict[str, list[str]] = {}
    problems: list[str] = []
    for path in expand(files):
        try:
            found = list(_read(path))
        except DataError as error:
            problems += error.problems or [error.headline]
            continue
        except OSError as error:
            problems.append(f"{path}: cannot be read: {error.strerror or error}")
            continue
        if not found:
            problems.append(f"{path}: holds no rows")
        records += [record for _, record in found]
        where += [f"{path}:{place}" for place, _ in found]
        columns[path] = list(dict.fromkeys(name for _, record in found for name in record))
    if problems:
        raise _error(problems)
    return _table(records, where, columns)


def from_frame(source: pandas.DataFrame | Iterable[dict[str, Any]], name: str) -> pandas.DataFrame:
    """Returns the same kind of table from a user's own source.

    Args:
        source: a DataFrame, or an iterable of dicts from column to value.
        name: what messages call it; rows are "name row LABEL" by the DataFrame's index.

    Raises:
        DataError: if it is neither, holds no rows, or has two columns of one name.
    """
    labels: Iterable[Any]
    if isinstance(source, pandas.DataFrame):
        columns = [str(column) for column in source.columns]
        if len(set(columns)) < len(columns):
            twice = sorted({column for column in columns if columns.count(column) > 1})
            raise DataError(f"{name}: several columns are called {listed(twice)}")
        labels = source.index
        cells = [source.iloc[:, position].tolist() for position in range(len(columns))]
        records = [dict(zip(columns, row, strict=True)) for row in zip(*cells, strict=True)]
    else:
        if not isinstance(source, Iterable) or isinstance(source, (str, bytes, dict)):
            kind = type(source).__name__
            raise DataError(
                f"{name}: expected a DataFrame or an iterator of dicts, received {kind}"
            )
        records = []
        for row in source:
            if not isinstance(row, dict):
                raise DataError(f"{name} row {len(records)}: must be a dict, received {row!r:.80}")
            records.append({str(key): value for key, value in row.items()})
        labels = range(len(records))
        columns = list(dict.fromkeys(key for record in records for key in record))
    if not records:
        raise DataError(f"{name}: holds no rows")
    return _table(records, [f"{name} row {label}" for label in labels], {name: columns})


def expand(files: str | list[str]) -> list[str]:
    """Returns the paths that files and globs name, each once, a glob's matches sorted.

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
    return list(dict.fromkeys(paths))


def hash_files(files: str | list[str]) -> dict[str, str]:
    """Returns the SHA-256 of each file by its path."""
    hashes = {}
    for path in expand(files):
        with open(path, "rb") as file:
            hashes[path] = hashlib.file_digest(file, "sha256").hexdigest()
    return hashes


def _error(problems: list[str]) -> DataError:
    return DataError(f"data files: {plural(len(problems), 'problem')}", problems)


def _missing(path: str) -> str:
    folder, name = os.path.split(path)
    if os.path.isdir(path):
        return f"{path}: is a directory; name its files, or a glob such as {path}/*.jsonl"
    if not os.path.isdir(folder or "."):
        return f"{path}: does not exist, nor does the directory {folder!r}"
    return f"{path}: file does not exist.{did_you_mean(name, os.listdir(folder or '.'))}"


def _table(
    records: list[dict[str, Any]], where: list[str], columns: dict[str, list[str]]
) -> pandas.DataFrame:
    index = pandas.Index(where, dtype=object)
    names = dict.fromkeys(name for names in columns.values() for name in names)
    # Object columns: pandas would turn integers beside gaps into floats.
    cells = {
        name: pandas.Series([plain(row.get(name)) for row in records], index, dtype=object)
        for name in names
    }
    table = pandas.DataFrame(cells, index)
    table.attrs["columns"] = columns
    return table


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


def _read(path: str) -> Iterable[Record]:
    name = path.lower().removesuffix(".gz")
    extension = os.path.splitext(name)[1]
    if extension == ".parquet" and not path.lower().endswith(".gz"):
        return _read_parquet(path)
    if extension not in READERS:
        known = [*READERS, ".parquet"]
        raise DataError(
            f"{path}: unknown extension {extension!r}.{did_you_mean(extension, known)} "
            f"Known: {listed(known)}; all but .parquet also with .gz"
        )
    return READERS[extension](path, _read_text(path))


def _read_text(path: str) -> str:
    with open(path, "rb") as file:
        content = file.read()
    if path.lower().endswith(".gz"):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{path}: is no whole gzip file: {error}") from None
    content = content.removeprefix(BYTE_ORDER_MARK)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}:{line}: byte 0x{content[error.start]:02x} is not UTF-8; "
            "save the file with this encoding"
        ) from None


def _check_lines(path: str, faults: list[tuple[int, str]]) -> None:
    """Raises one error for all broken lines of a file, the first ones in full."""
    if faults:
        shown = [f"{path}:{line}: {message}" for line, message in faults[:MOST_LINES]]
        more = len(faults) - len(shown)
        raise _error([*shown, f"{path}: … and {more:,} more broken lines"] if more else shown)


def _read_separated(path: str, text: str, delimiter: str) -> Iterator[Record]:
    csv.field_size_limit(2**31 - 1)  # the default of 131,072 characters is a short book
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    faults: list[tuple[int, str]] = []
    rows: list[tuple[int, list[str]]] = []
    line = 1
    try:
        for row in reader:
            if row:  # a blank line has no cells
                rows.append((line, row))
            line = reader.line_num + 1  # a quoted cell may hold line breaks
    except csv.Error as error:
        faults.append(
            (line, f"{error}; a cell with quotes needs quotes around it, inner ones doubled")
        )
    header = rows[0][1] if rows else []
    for name in dict.fromkeys(name for name in header if header.count(name) > 1):
        faults.append((rows[0][0], f"two columns are called {name!r}"))
    for line, row in rows[1:]:
        if len(row) != len(header):
            faults.append((line, f"{plural(len(row), 'cell')}, but the header has {len(header)}"))
    _check_lines(path, faults)
    return ((str(line), dict(zip(header, row, strict=True))) for line, row in rows[1:])


def _read_csv(path: str, text: str) -> Iterator[Record]:
    return _read_separated(path, text, ",")


def _read_tsv(path: str, text: str) -> Iterator[Record]:
    return _read_separated(path, text, "\t")


def _read_jsonl(path: str, text: str) -> list[Record]:
    records, faults = [], []
    for line, content in enumerate(text.split("\n"), 1):  # JSON may hold other line breaks
        if not content.strip():
            continue
        try:
            record = json.loads(content)
        except (ValueError, RecursionError) as error:
            faults.append((line, f"is not JSON: {error}"))
            continue
        if isinstance(record, dict):
            records.append((str(line), record))
        else:
            faults.append((line, f"must be an object such as {{…}}, received {content:.60}"))
    _check_lines(path, faults)
    return records


def _read_json(path: str, text: str) -> list[Record]:
    try:
        rows = json.loads(text or "[]")
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        hint = "; one object a line is .jsonl" if "Extra data" in str(error) else ""
        raise DataError(f"{path}:{line}: is not JSON: {error}{hint}") from None
    if not isinstance(rows, list):
        raise DataError(f"{path}: must be an array of objects, received {type(rows).__name__}")
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            raise DataError(f"{path}:row {number}: must be an object, received {row!r:.60}")
    return [(f"row {number}", row) for number, row in enumerate(rows)]


def _read_parquet(path: str) -> list[Record]:
    import pyarrow  # type: ignore[import-untyped]
    from pyarrow import parquet

    try:  # not through pandas, which turns integers beside gaps into floats
        rows = parquet.ParquetFile(path).read().to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path}: is no Parquet file: {str(error).splitlines()[0]}") from None
    return [(f"row {number}", row) for number, row in enumerate(rows)]


READERS: dict[str, Callable[[str, str], Iterable[Record]]] = {
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".json": _read_json,
}
