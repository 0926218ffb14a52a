"""The formats of files: csv, tsv, jsonl, json, parquet, read block by block."""

import csv
import gc
import gzip
import io
import itertools
import json
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import IO, Any

from mtc_keras.data.blocks import Block, cells_by_column, plain_cells
from mtc_keras.data.faults import Faults
from mtc_keras.errors import DataError, did_you_mean, listed, plural

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_blocks(path: str, rows: int, faults: "Faults") -> Iterator[Block]:
    """Reads one file, each block being what is whole of its next rows.

    Args:
        path: the file.
        rows: int. Rows per block, broken ones counted; the last block may have fewer.
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


def read_stream(file: IO[bytes], name: str, rows: int, faults: "Faults") -> Iterator[Block]:
    """Reads lines of JSON as they come, such as those of standard input.

    Args:
        file: the stream; it stays open.
        name: what messages call it.
        rows: int. Rows per block, broken ones counted; the last one may have fewer.
        faults: takes the broken lines.
    """
    text = io.TextIOWrapper(file, "utf-8-sig", faults.undecodable, "\n")
    try:
        yield from _read_jsonl(name, text, faults, rows)
    finally:
        text.detach()


def _read_text(
    path: str, reader: "Reader", newline: str, faults: "Faults", rows: int
) -> Iterator[Block]:
    """Reads a file of text; bytes that cannot be read are reported instead of broken lines."""
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
            by_name = dict(zip(header, columns, strict=True))
            yield Block(path, where, by_name, has_null=False)


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
            columns = cells_by_column(records)
            del records
        if where:
            yield Block(path, where, columns)


def _constant(name: str) -> float | None:
    """Returns what JSON's `NaN`, `Infinity` and `-Infinity` mean in a cell."""
    return None if name == "NaN" else float(name)


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


def _read_json(path: str, text: IO[str], faults: Faults, rows: int) -> Iterator[Block]:
    try:
        records = json.loads(text.read() or "[]", parse_constant=_constant)
    except UnicodeDecodeError:
        raise
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        hint = "; one object per line is .jsonl" if "Extra data" in str(error) else ""
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
            yield Block(path, where, cells_by_column(part))


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
