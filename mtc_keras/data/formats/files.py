"""The formats of files: csv, tsv, jsonl, json, parquet, read block by block."""

import io
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import IO

from mtc_keras.data.blocks import Block
from mtc_keras.data.formats.containers import OLD_WORKBOOKS, OPENERS, WORKBOOKS, opened
from mtc_keras.data.formats.encodings import UTF_8
from mtc_keras.data.formats.faults import Faults
from mtc_keras.data.formats.json_rows import read_json, read_jsonl, read_lines
from mtc_keras.data.formats.layout import ANY, Layout
from mtc_keras.data.formats.lines import PREFIX, read_text_lines, read_txt
from mtc_keras.data.formats.separated import read_csv, read_tsv
from mtc_keras.data.formats.signatures import check_signature
from mtc_keras.data.formats.utf8 import CHUNK, Utf8Stream, undecodable
from mtc_keras.data.formats.workbooks import read_workbook
from mtc_keras.errors import DataError, did_you_mean, listed

# Takes a path for messages, the open file, what takes its broken lines, the rows per block, and
# the layout.
Reader = Callable[..., Iterator[Block]]

# Csv ends its rows at any line break outside of quotes, JSON holds all but one in its texts.
READERS: dict[str, tuple[Reader, str]] = {
    ".csv": (read_csv, ""),
    ".tsv": (read_tsv, ""),
    ".tab": (read_tsv, ""),
    ".txt": (read_txt, ""),
    ".jsonl": (read_jsonl, "\n"),
    ".ndjson": (read_jsonl, "\n"),
    ".json": (read_json, "\n"),
}

# Keys of `[data]` that say nothing of a format.
_OF_TABLES = ("quoting", "delimiter")
_UNUSED = {
    **dict.fromkeys((".csv", ".tsv", ".tab", ".txt"), ("records",)),
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), _OF_TABLES),
    **dict.fromkeys(WORKBOOKS, (*_OF_TABLES, "encoding", "records")),
    ".parquet": (*_OF_TABLES, "encoding", "header", "records"),
}


def read_blocks(path: str, rows: int, faults: Faults, layout: Layout = ANY) -> Iterator[Block]:
    """Reads one file, each block being what is whole of its next rows.

    Args:
        path: the file.
        rows: int. Rows per block, broken ones counted; the last block may have fewer.
        faults: takes the broken lines, and what is told of the others.
        layout: how it is read.

    Raises:
        DataError: if the file cannot be read as what its name says; after its last row, if
            lines are broken and `faults` does not pass them over.
    """
    with opened(path) as found:
        faults.notes += [f"{path}: {note}" for note in found.notes]
        extension = os.path.splitext(found.name)[1].lower()
        if unused := [key for key in layout.keys if key in _UNUSED.get(extension, ())]:
            keys = " and ".join(f"data.{key}" for key in unused)
            faults.notes.append(f"{path}: {keys}: nothing of it is read from a {extension} file")
        if extension == ".parquet":
            # Here, as importing Arrow takes time that a text on the command line need not wait.
            from mtc_keras.data.formats.columnar import read_parquet

            yield from read_parquet(path, rows, faults.notes)
            return
        if extension in WORKBOOKS:
            check_signature(found.file, path, is_text=False)
            yield from read_workbook(path, found.in_memory(), found.part, faults, rows, layout)
            return
        if extension not in READERS and _is_lines(found.file, layout):
            extension = ".txt"
        if extension not in READERS:
            raise DataError(_unknown(path, extension))
        reader, newline = READERS[extension]
        if extension != ".txt":
            check_signature(found.file, path)
        read = partial(reader, layout=layout)
        yield from _read_text(found.file, read, newline, faults, rows, layout)


def _unknown(path: str, extension: str) -> str:
    known = [*READERS, ".parquet", *WORKBOOKS]
    help_ = "; save it as .xlsx or .csv" if extension in OLD_WORKBOOKS else ""
    return (
        f"{path}: unknown extension {extension!r}{help_}.{did_you_mean(extension, known)} "
        f"Known: {listed(known)}; those of text also with {listed([*OPENERS])} or in a .zip; a "
        "table of text of any name is read with data.delimiter or data.header"
    )


def read_column(
    path: str, rows: int, faults: Faults, column: str, layout: Layout = ANY
) -> Iterator[Block]:
    """Reads each line of a file, whatever its name is, as a row of one column.

    Args:
        path: the file.
        rows: int. Rows per block.
        faults: takes what is told of the lines.
        column: the name of the column.
        layout: names the encoding, if it is not to be found.
    """

    def reader(path: str, text: IO[str], faults: Faults, rows: int) -> Iterator[Block]:
        return read_text_lines(text, faults, rows, column)

    with opened(path) as found:
        # A text may hold any other line break.
        yield from _read_text(found.file, reader, "\n", faults, rows, layout)


def read_stream(
    file: IO[bytes], name: str, rows: int, faults: Faults, layout: Layout = ANY
) -> Iterator[Block]:
    """Reads lines of JSON as they come, such as those of standard input.

    Args:
        file: the stream; it stays open.
        name: what messages call it.
        rows: int. Rows per block, broken ones counted; the last one may have fewer.
        faults: takes the broken lines.
        layout: names the encoding, if it is not UTF-8.
    """
    encodings = layout.encodings or (UTF_8,)
    text = _text(file, faults, encodings, "\n", is_live=True)
    yield from read_lines(name, text, faults, rows, layout)


def _read_text(
    file: IO[bytes],
    reader: Reader,
    newline: str,
    faults: Faults,
    rows: int,
    layout: Layout,
) -> Iterator[Block]:
    """Reads a file of text; bytes that cannot be read are reported instead of broken lines."""
    text = _text(file, faults, layout.encodings, newline)
    try:
        yield from reader(faults.path, text, faults, rows)
        while text.read(io.DEFAULT_BUFFER_SIZE):  # a reader may stop at a broken line
            continue
    except UnicodeDecodeError:
        file.seek(0)
        raise DataError(undecodable(file, faults.path)) from None
    faults.check()


def _text(
    file: IO[bytes],
    faults: Faults,
    encodings: Sequence[str],
    newline: str,
    *,
    is_live: bool = False,
) -> IO[str]:
    errors = faults.undecodable
    utf8 = Utf8Stream(file, faults, encodings, errors=errors, is_live=is_live)
    return io.TextIOWrapper(io.BufferedReader(utf8, CHUNK), UTF_8, errors, newline)


def _is_lines(file: IO[bytes], layout: Layout) -> bool:
    """Whether a file whose name says nothing is one of lines: fastText's, or by the config."""
    start = file.read(len(PREFIX))
    file.seek(0)
    return bool(layout.delimiter or layout.header) or start == PREFIX.encode()
