"""Rows of JSON: an object per line, or one document that holds them."""

import gc
import io
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

from mtc_keras.data.blocks import Block, cells_by_column
from mtc_keras.data.formats.faults import Faults
from mtc_keras.data.formats.json_document import document_rows, named_row
from mtc_keras.data.formats.json_values import DECODER, problem
from mtc_keras.data.formats.layout import ANY, Layout
from mtc_keras.errors import DataError

_VALUE = re.compile(r"\S")


def read_jsonl(
    path: str, text: IO[str], faults: Faults, rows: int, layout: Layout = ANY
) -> Iterator[Block]:
    """Reads the objects of lines, or of the one array that a file is in truth."""
    lines = iter(text)
    start = _start(lines)
    if not _opens_document("".join(start)):
        yield from read_lines(path, itertools.chain(start, lines), faults, rows, layout)
        return
    content = "".join([*start, *lines])
    try:
        document = _parsed(content)
    except (ValueError, RecursionError):  # lines of which the first is broken
        yield from read_lines(path, io.StringIO(content, "\n"), faults, rows, layout)
        return
    faults.notes.append(f"{path}: is one JSON document, not an object per line, and is read so")
    yield from _document_blocks(path, document, faults, rows, layout)


def read_json(
    path: str, text: IO[str], faults: Faults, rows: int, layout: Layout = ANY
) -> Iterator[Block]:
    """Reads the rows of one document, which is read whole, or of the lines a file is in truth."""
    lines = iter(text)
    start = _start(lines)
    more = _start(lines)
    if "".join(more).strip() and _is_object("".join(start)):  # else it is parsed once
        faults.notes.append(f"{path}: holds an object per line, and is read so")
        yield from read_lines(path, itertools.chain(start, more, lines), faults, rows, layout)
        return
    content = "".join([*start, *more, *lines])
    content.encode("utf-8", "surrogateescape").decode("utf-8")  # no row of it could be passed over
    try:
        document = _parsed(content)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise DataError(f"{path}:{line}: {problem(error)}") from None
    yield from _document_blocks(path, document, faults, rows, layout)


def read_lines(
    path: str, lines: Iterable[str], faults: Faults, rows: int, layout: Layout = ANY
) -> Iterator[Block]:
    """Reads the objects of lines as blocks of so many lines, blank and broken ones counted."""
    if layout.records is not None:
        faults.notes.append(f"{path}: holds a row per line; data.records is for one document")
    numbered = iter(faults.decoded(enumerate(lines, 1)))
    while part := list(itertools.islice(numbered, rows)):
        with _without_collection():
            records, where = _parsed_lines(path, part, faults, layout)
            columns = cells_by_column(records)
            del records
        _tell_header(path, columns, faults, layout)
        if where:
            yield Block(path, where, columns)


def _document_blocks(
    path: str, document: Any, faults: Faults, rows: int, layout: Layout
) -> Iterator[Block]:
    """Reads the rows of a document as blocks of so many items."""
    records = document_rows(path, document, layout, faults.notes)
    for start in range(0, len(records), rows):
        part, where = [], []
        for number, row in enumerate(records[start : start + rows], start):
            if isinstance(row, dict):
                part.append(row)
                where.append(f"{path}:row {number}")
            else:
                faults.add(f"row {number}", "must be an object", type(row).__name__)
        columns = cells_by_column(part)
        _tell_header(path, columns, faults, layout)
        if where:
            yield Block(path, where, columns)


def _tell_header(path: str, columns: Iterable[str], faults: Faults, layout: Layout) -> None:
    """Tells once that rows which are objects take no names from the config."""
    if columns and layout.header and set(layout.header).isdisjoint(columns):
        note = f"{path}: its rows are objects with names of their own, not those of data.header"
        if note not in faults.notes:
            faults.notes.append(note)


def _start(lines: Iterator[str]) -> list[str]:
    """Returns the next lines up to the first one that is not blank."""
    found = []
    for line in lines:
        found.append(line)
        if line.strip():
            break
    return found


def _parsed(content: str) -> Any:
    """Returns the value of a text, or the list of several objects that stand one after another."""
    if not content.strip():
        return []
    try:
        return DECODER.decode(content)
    except json.JSONDecodeError as error:
        if "Extra data" not in error.msg:
            raise
        values, at = [], 0
        while match := _VALUE.search(content, at):
            value, at = DECODER.raw_decode(content, match.start())
            if not isinstance(value, dict):
                raise error from None
            values.append(value)
        return values


def _is_object(line: str) -> bool:
    """Whether a line is one whole object."""
    try:
        return isinstance(DECODER.decode(line), dict)
    except (ValueError, RecursionError):
        return False


def _opens_document(line: str) -> bool:
    """Whether the first line of a file begins what goes on in others, or an array of objects."""
    if line.strip() == "{":
        return True
    if not line.lstrip().startswith("["):
        return False
    try:
        found = DECODER.decode(line)
    except (ValueError, RecursionError):
        return True
    return not found or isinstance(found[0], dict)


def _parsed_lines(
    path: str, lines: Sequence[tuple[int, str]], faults: Faults, layout: Layout
) -> tuple[list[dict[str, Any]], list[str]]:
    """Returns the objects of numbered lines, and where they stand."""
    scan = DECODER.scan_once  # type: ignore[attr-defined]  # without the checks of `decode`
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
                record = DECODER.decode(content)
            except (ValueError, RecursionError) as error:
                faults.add(number, problem(error))
                continue
        if layout.header:
            record = named_row(record, layout)
        if isinstance(record, dict):
            records.append(record)
            where.append(f"{path}:{number}")
        else:
            is_list = isinstance(record, list)
            help = ", or a list with the cells of data.header" if is_list else ""
            faults.add(number, f"must be an object such as {{…}}{help}", type(record).__name__)
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
