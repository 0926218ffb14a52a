"""Rows of JSON: an object per line, or one array of objects."""

import gc
import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

from mtc_keras.data.blocks import Block, cells_by_column
from mtc_keras.data.formats.faults import Faults
from mtc_keras.errors import DataError


def read_jsonl(path: str, text: IO[str], faults: Faults, rows: int) -> Iterator[Block]:
    """Reads the objects of lines as blocks of so many lines, blank and broken ones counted."""
    numbered = iter(faults.decoded(enumerate(text, 1)))
    while lines := list(itertools.islice(numbered, rows)):
        with _without_collection():
            records, where = _parsed_lines(path, lines, faults)
            columns = cells_by_column(records)
            del records
        if where:
            yield Block(path, where, columns)


def read_json(path: str, text: IO[str], faults: Faults, rows: int) -> Iterator[Block]:
    """Reads the objects of one array, which is read whole, as blocks of so many items."""
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
                faults.add(f"row {number}", "must be an object", type(row).__name__)
        if where:
            yield Block(path, where, cells_by_column(part))


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
            faults.add(number, "must be an object such as {…}", type(record).__name__)
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
