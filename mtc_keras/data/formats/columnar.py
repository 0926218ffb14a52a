"""Rows of Parquet files, whose columns become Python only where they are read."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow  # type: ignore[import-untyped]
from pyarrow import parquet

from mtc_keras.data.blocks import Block, LazyColumns, named_columns, plain_cells
from mtc_keras.data.formats.containers import opened
from mtc_keras.errors import DataError, is_utf8
from mtc_keras.tasks.columns import Cell
from mtc_keras.tasks.paths import EACH

# What Python cannot hold: years beyond 9999, bytes that are no text, time zones that nobody knows.
UNREADABLE = (pyarrow.ArrowException, ValueError, OverflowError, LookupError)


@contextmanager
def parquet_file(path: str | Path) -> Iterator[Any]:
    """Opens a Parquet file, whatever its name: Arrow itself opens names in UTF-8 alone.

    One that is compressed or stands in an archive is read whole, as it is read from its end.
    """
    if is_utf8(str(path)) and os.path.isfile(path) and str(path).lower().endswith(".parquet"):
        with parquet.ParquetFile(path) as found:
            yield found
        return
    with opened(str(path)) as data, parquet.ParquetFile(data.in_memory()) as found:
        yield found


def read_parquet(path: str, rows: int, notes: list[str] | None = None) -> Iterator[Block]:
    """Reads the rows of a Parquet file as blocks of so many rows.

    Args:
        path: the file.
        rows: int. Most rows per block.
        notes: takes a line on columns that are not read.

    Raises:
        DataError: if it is no such file; when a column is read that Python cannot hold, naming
            the first such row.
    """
    start = 0
    try:  # not through pandas, which turns integers beside gaps into floats
        with parquet_file(path) as file:
            names = file.schema_arrow.names
            kept = named_columns(path, names, notes)
            nested = {names[at]: _nested(file.schema_arrow.field(at).type) for at in kept}
            for batch in file.iter_batches(rows):
                where = [f"{path}:row {number}" for number in range(start, start + len(batch))]
                makers = {
                    names[at]: partial(_cells, batch.columns[at], names[at], where) for at in kept
                }
                start += len(batch)
                yield Block(path, where, LazyColumns(makers), nested=nested)
    except DataError:
        raise
    except (OSError, *UNREADABLE) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path}: is not a Parquet file: {reason}") from None


def _nested(type_: Any, is_item: bool = False) -> list[str]:
    """Returns the ways to the values inside of a column's cells, such as `.sentiment`.

    Args:
        type_: the pyarrow type of the cells.
        is_item: bool. Whether they are items of a list, so that lists in them are joined.
    """
    if pyarrow.types.is_struct(type_):
        fields = [type_.field(at) for at in range(type_.num_fields)]
        inner = ((field.name, _nested(field.type, is_item)) for field in fields)
        return [f".{name}{way}" for name, ways in inner for way in ways or [""]]
    if pyarrow.types.is_list(type_) or pyarrow.types.is_large_list(type_):
        ways = _nested(type_.value_type, True)
        return [EACH + way for way in ways] or [EACH] * is_item
    return []


def _cells(column: Any, name: str, where: list[str]) -> list[Cell]:
    """Returns the cells of a column as plain Python."""
    try:
        return plain_cells(column.to_pylist())
    except UNREADABLE:
        for value, place in zip(column, where, strict=True):
            try:
                value.as_py()
            except UNREADABLE as error:
                reason = error.args[-1] if error.args else type(error).__name__
                raise DataError(
                    f"{place}: column {name!r} ({column.type!s:.60}) cannot be read: {reason}"
                ) from None
        raise
