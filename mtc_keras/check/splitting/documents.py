"""Rows of JSON arrays, Parquet files and Excel sheets, written by their own writers."""

import itertools
import re
from collections.abc import Sequence
from typing import IO, Any

import numpy as np

from mtc_keras.check.splitting.lines import codec_of
from mtc_keras.check.splitting.outputs import Outputs
from mtc_keras.check.splitting.rows_of_files import RowsOfFile
from mtc_keras.data.formats.containers import DataFile
from mtc_keras.data.formats.faults import Faults
from mtc_keras.data.formats.json_values import DECODER
from mtc_keras.data.formats.layout import Layout
from mtc_keras.data.sources import ROWS_AT_ONCE
from mtc_keras.errors import DataError

_BETWEEN = re.compile(r"[\s,]*")


def copy_array(
    source: RowsOfFile, file: IO[bytes], part: np.ndarray, outputs: Outputs, layout: Layout
) -> None:
    """Copies the items of a JSON array, each as it is written.

    Raises:
        DataError: if the rows stand elsewhere in a document.
    """
    _, codec = codec_of(file, layout.encodings)
    items = _items(file.read().decode(codec))
    if items is None or source.numbers[-1] >= len(items):
        raise DataError(
            f"{source.path}: its rows stand inside a JSON document, which is not split row by row; "
            "save them as one array or as JSON lines, such as by jq -c '.data[]' x.json > x.jsonl"
        )
    for number, owner in zip(source.numbers, part, strict=True):
        if owner >= 0:
            before = ",\n" if outputs.is_open(owner) else "[\n"
            outputs.file(owner).write((before + items[number]).encode(codec))
    for owner in range(len(outputs)):
        if outputs.is_open(owner):
            outputs.file(owner).write("\n]\n".encode(codec))


def _items(text: str) -> list[str] | None:
    """Returns the items of an array as they are written; `None` if a text is no array."""
    if not text.lstrip().startswith("["):
        return None
    items: list[str] = []
    at = text.index("[") + 1
    while True:
        match = _BETWEEN.match(text, at)
        at = match.end() if match else at
        if text.startswith("]", at):
            return items
        try:
            _, end = DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):  # in an encoding whose letters hold ASCII's bytes
            return None
        items.append(text[at:end])
        at = end


def copy_parquet(path: str, part: np.ndarray, outputs: Outputs) -> None:
    """Copies the rows of a Parquet file with its schema and its compression."""
    import pyarrow  # type: ignore[import-untyped]
    from pyarrow import parquet

    from mtc_keras.data.formats.columnar import parquet_file

    writers: dict[int, Any] = {}
    start = 0
    with parquet_file(path) as file:
        schema = file.schema_arrow
        used = file.metadata.row_group(0).column(0).compression.lower()
        compression = "none" if used == "uncompressed" else used
        for batch in file.iter_batches(ROWS_AT_ONCE):
            owners = part[start : start + len(batch)]
            start += len(batch)
            for owner in np.unique(owners[owners >= 0]).tolist():
                if owner not in writers:
                    writers[owner] = parquet.ParquetWriter(
                        outputs.file(owner), schema, compression=compression
                    )
                writers[owner].write_batch(batch.filter(pyarrow.array(owners == owner)))
        for writer in writers.values():
            writer.close()


def copy_workbook(source: RowsOfFile, found: DataFile, part: np.ndarray, outputs: Outputs) -> None:
    """Copies the values of the rows of a sheet; formulas, colours and other sheets are left out."""
    from openpyxl import Workbook

    from mtc_keras.data.formats.workbooks import opened_sheet

    sheet = opened_sheet(source.path, found.in_memory(), found.part, Faults(source.path))
    sheet.reset_dimensions()
    by_number = dict(zip(source.numbers.tolist(), part.tolist(), strict=True))
    first = int(source.numbers[0])
    books: dict[int, Any] = {}
    rows = sheet.iter_rows(values_only=True)
    above = list(itertools.islice(rows, first - 1))
    for number, row in enumerate(rows, first):
        owner = by_number.get(number, -1)
        if owner < 0:
            continue
        if owner not in books:
            books[owner] = Workbook(write_only=True)
            books[owner].create_sheet(sheet.title)
            for cells in above:
                books[owner].worksheets[0].append(_cells(books[owner], cells))
        books[owner].worksheets[0].append(_cells(books[owner], row))
    for owner, book in books.items():
        book.save(outputs.file(owner))


def _cells(book: Any, values: Sequence[Any]) -> list[Any]:
    """Returns cells in which a text that begins with `=` stays a text."""
    from openpyxl.cell import WriteOnlyCell

    cells = [WriteOnlyCell(book.worksheets[0], value) for value in values]
    for cell, value in zip(cells, values, strict=True):
        if isinstance(value, str):
            cell.data_type = "s"
    return cells
