"""From parts to one file, which never lies in memory."""

import io
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from pyarrow import parquet  # type: ignore[import-untyped]

from mtc_keras.data.formats.columnar import parquet_file
from mtc_keras.predict.bulk.formats import compressed, write_rows

COPIED_AT_ONCE = 1 << 20  # bytes


def join_parts(parts: Sequence[Path], file: IO[bytes], form: str, columns: Sequence[str]) -> None:
    """Writes the rows of all parts to one binary file; the same parts give the same bytes.

    Args:
        parts: the files of the parts, at least one; not compressed.
        file: the file.
        form: its format; `.gz` compresses it.
        columns: the columns of the parts, in their order.
    """
    if form == "parquet":
        with parquet_file(parts[0]) as first:
            schema = first.schema_arrow
        with parquet.ParquetWriter(file, schema) as writer:
            for path in parts:
                with parquet_file(path) as part:
                    writer.write_table(part.read())
        return
    header = len(_csv_header(columns)) if form.startswith("csv") else 0
    with compressed(file, form.endswith(".gz")) as stream:
        for number, part in enumerate(parts):
            with part.open("rb") as rows:
                rows.seek(header if number else 0)  # every part of csv has the header, the file one
                shutil.copyfileobj(rows, stream, COPIED_AT_ONCE)


def _csv_header(columns: Sequence[str]) -> bytes:
    file = io.BytesIO()
    write_rows(file, "csv", {name: [] for name in columns}, {})
    return file.getvalue()
