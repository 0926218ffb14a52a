"""The formats of files: csv, tsv, jsonl, json, parquet, read block by block."""

import gzip
import io
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import IO

from mtc_keras.data.blocks import Block
from mtc_keras.data.formats.columnar import read_parquet
from mtc_keras.data.formats.faults import Faults
from mtc_keras.data.formats.json_rows import read_json, read_jsonl
from mtc_keras.data.formats.layout import Layout
from mtc_keras.data.formats.separated import ANY, read_csv, read_tsv
from mtc_keras.errors import DataError, did_you_mean, listed

# Takes a path for messages, the open file, what takes its broken lines, and the rows per block.
Reader = Callable[[str, IO[str], Faults, int], Iterator[Block]]

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# Csv ends its rows at any line break outside of quotes, JSON holds all but one in its texts.
READERS: dict[str, tuple[Reader, str]] = {
    ".csv": (read_csv, ""),
    ".tsv": (read_tsv, ""),
    ".jsonl": (read_jsonl, "\n"),
    ".ndjson": (read_jsonl, "\n"),
    ".json": (read_json, "\n"),
}


def read_blocks(path: str, rows: int, faults: Faults, layout: Layout = ANY) -> Iterator[Block]:
    """Reads one file, each block being what is whole of its next rows.

    Args:
        path: the file.
        rows: int. Rows per block, broken ones counted; the last block may have fewer.
        faults: takes the broken lines, and what is told of the others.
        layout: how csv and tsv are read.

    Raises:
        DataError: if the file cannot be read as what its name says; after its last row, if
            lines are broken and `faults` does not pass them over.
    """
    name = path.lower().removesuffix(".gz")
    extension = os.path.splitext(name)[1]
    if extension == ".parquet" and not path.lower().endswith(".gz"):
        return read_parquet(path, rows)
    if extension not in READERS:
        known = [*READERS, ".parquet"]
        raise DataError(
            f"{path}: unknown extension {extension!r}.{did_you_mean(extension, known)} "
            f"Known: {listed(known)}; all but .parquet also with .gz"
        )
    reader, newline = READERS[extension]
    if reader in (read_csv, read_tsv):
        reader = partial(reader, layout=layout)
    return _read_text(path, reader, newline, faults, rows)


def read_stream(file: IO[bytes], name: str, rows: int, faults: Faults) -> Iterator[Block]:
    """Reads lines of JSON as they come, such as those of standard input.

    Args:
        file: the stream; it stays open.
        name: what messages call it.
        rows: int. Rows per block, broken ones counted; the last one may have fewer.
        faults: takes the broken lines.
    """
    text = io.TextIOWrapper(file, "utf-8-sig", faults.undecodable, "\n")
    try:
        yield from read_jsonl(name, text, faults, rows)
    finally:
        text.detach()


def _read_text(
    path: str, reader: Reader, newline: str, faults: Faults, rows: int
) -> Iterator[Block]:
    """Reads a file of text; bytes that cannot be read are reported instead of broken lines."""
    # The lines of one array cannot be distinguished.
    errors = "strict" if reader is read_json else faults.undecodable
    try:
        try:
            with io.TextIOWrapper(_open(path), "utf-8", errors, newline) as text:
                yield from reader(path, text, faults, rows)
                while text.read(io.DEFAULT_BUFFER_SIZE):  # a reader may stop at a broken line
                    continue
        except UnicodeDecodeError:
            raise DataError(_undecodable(path)) from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: is not a complete gzip file: {error}") from None
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
