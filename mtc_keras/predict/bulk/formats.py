"""Rows as bytes: jsonl, csv and parquet files with the same columns and the same cells."""

import csv
import gzip
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any

import pyarrow  # type: ignore[import-untyped]
from pyarrow import parquet

from mtc_keras.errors import DataError
from mtc_keras.files import json_line, plain_text

Cells = Mapping[str, Sequence[Any]]  # by column
TEXT = pyarrow.string()


def write_rows(file: IO[bytes], form: str, columns: Cells, types: Mapping[str, Any]) -> None:
    """Writes rows to a binary file; the same rows give the same bytes.

    Args:
        file: the file.
        form: `"jsonl"`, `"csv"`, either with `.gz`, or `"parquet"`.
        columns: cells by column, in order: plain values, `None` where nothing is known.
        types: the pyarrow type of each column; only parquet asks for it.

    Raises:
        DataError: if a cell does not fit its column's type.
    """
    if form == "parquet":
        arrays = [_array(name, cells, types[name]) for name, cells in columns.items()]
        schema = pyarrow.schema([(_encodable(name), types[name]) for name in columns])
        parquet.write_table(pyarrow.Table.from_arrays(arrays, schema=schema), file)
        return
    write = _write_json_lines if form.startswith("jsonl") else _write_csv
    with _text(file, form.endswith(".gz")) as text:
        write(text, columns)


@contextmanager
def compressed(file: IO[bytes], is_gzip: bool) -> Iterator[IO[bytes]]:
    """Gives a file itself, or one that writes gzip into it; the same bytes give the same bytes."""
    if not is_gzip:
        yield file
        return
    # Neither name nor time in the header.
    with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as stream:
        yield stream  # type: ignore[misc]


@contextmanager
def _text(file: IO[bytes], is_gzip: bool) -> Iterator[IO[str]]:
    with compressed(file, is_gzip) as stream:
        # What UTF-8 cannot hold, lone surrogates, JSON escapes in the same way.
        text = io.TextIOWrapper(stream, "utf-8", "backslashreplace", newline="")
        yield text
        text.flush()
        text.detach()


def _write_json_lines(text: IO[str], columns: Cells) -> None:
    names = list(columns)
    for row in zip(*columns.values(), strict=True):
        text.write(json_line(dict(zip(names, row, strict=True))) + "\n")


def _write_csv(text: IO[str], columns: Cells) -> None:
    # Until Python 3.13 a lone "\r" gets quotes only where lines end in one.
    writer = csv.writer(_LineFeeds(text), lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows(zip(*map(_csv_cells, columns.values()), strict=True))


class _LineFeeds:
    """Takes rows that end in "\\r\\n", one a call, and ends them in "\\n"."""

    def __init__(self, text: IO[str]) -> None:
        self._text = text

    def write(self, row: str) -> None:
        self._text.write(row.removesuffix("\r\n") + "\n")


def _csv_cells(cells: Sequence[Any]) -> Sequence[Any]:
    if set(map(type, cells)) <= {str, int, float, type(None)}:
        return cells  # `None` becomes an empty cell
    return [cell if cell is None else _as_text(cell) for cell in cells]


def _as_text(cell: Any) -> str:
    """Returns a text as it is, a list or table as JSON, a date as ISO 8601, and so on."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, (bool, int, float, list, dict)):
        return json_line(cell)
    return plain_text(cell)


# === Types of parquet ===


def cell_type(cells: Sequence[Any]) -> Any:
    """Returns the pyarrow type that holds plain cells; `TEXT` where they have none in common."""
    try:
        found = pyarrow.array(cells).type  # `infer_type` says int64 of [1, "a"]
    except (pyarrow.ArrowException, OverflowError, UnicodeEncodeError):
        return TEXT
    return TEXT if "struct<>" in str(found) else found  # parquet has no empty tables


def common_type(one: Any, other: Any) -> Any:
    """Returns the pyarrow type that holds cells of both; `TEXT` if there is none."""
    if one == other:
        return one
    schemas = [pyarrow.schema([("cell", found)]) for found in (one, other)]
    try:
        return pyarrow.unify_schemas(schemas, promote_options="permissive").field("cell").type
    except pyarrow.ArrowException:
        return TEXT


def _array(name: str, cells: Sequence[Any], type_: Any) -> Any:
    try:
        if type_ == TEXT:
            texts = [cell if cell is None else _as_text(cell) for cell in cells]
            return pyarrow.array(map(_encodable, texts), TEXT)
        if "map<" in str(type_):
            cells = [_with_pairs(cell, type_) for cell in cells]
        return pyarrow.array(cells, type_)
    except (pyarrow.ArrowException, OverflowError, UnicodeEncodeError):  # would quote the cell
        raise DataError(
            f"column {name!r} has a cell that {type_} cannot hold; --format jsonl can"
        ) from None


def _with_pairs(cell: Any, type_: Any) -> Any:
    """Returns a cell whose maps are lists of tuples, as pyarrow wants them."""
    if cell is None:
        return None
    if pyarrow.types.is_map(type_):
        return [(key, _with_pairs(value, type_.item_type)) for key, value in cell]
    if pyarrow.types.is_struct(type_):
        return {field.name: _with_pairs(cell[field.name], field.type) for field in type_}
    if isinstance(cell, list):
        return [_with_pairs(item, type_.value_type) for item in cell]
    return cell


def _encodable(text: str | None) -> str | None:
    return text and text.encode("utf-8", "backslashreplace").decode("utf-8")
