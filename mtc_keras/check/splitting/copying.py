"""The rows of a file shared out among new files of its format, each row as it is written."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mtc_keras.check.splitting.documents import copy_array, copy_parquet, copy_workbook
from mtc_keras.check.splitting.lines import copy_lines
from mtc_keras.check.splitting.outputs import Outputs
from mtc_keras.check.splitting.rows_of_files import RowsOfFile
from mtc_keras.data.formats.containers import OPENERS, WORKBOOKS, located, opened
from mtc_keras.data.formats.files import READERS
from mtc_keras.data.formats.layout import Layout

PARQUET = ".parquet"


def written_name(path: str) -> str:
    """Returns the name that files have which hold a share of a file's rows.

    It ends as that of the file, so that it is read alike; out of an archive it has the name in it.
    A workbook has no macros then.
    """
    disk, part = located(path)
    with opened(path) as found:
        name = os.path.basename(found.name)
    ending = os.path.splitext(part or disk)[1]
    if ending.lower() in OPENERS and not name.endswith(ending):
        name += ending
    stem, extension = os.path.splitext(name)
    return stem + WORKBOOKS[0] if extension.lower() in WORKBOOKS else name


def copy_rows(
    source: RowsOfFile, part: np.ndarray, paths: Sequence[Path], layout: Layout
) -> list[bool]:
    """Writes the rows of a file into new files.

    Args:
        source: the file.
        part: int of shape `(N,)`: the new file that takes each row; none takes one below 0.
        paths: the new files. One that would have no rows is not written.
        layout: how the file is read.

    Returns:
        For each new file whether it was written.

    Raises:
        DataError: if rows of such a file cannot be written one by one.
    """
    with opened(source.path) as found, Outputs(paths) as outputs:
        extension = os.path.splitext(found.name)[1].lower()
        if extension == PARQUET:
            copy_parquet(source.path, part, outputs)
        elif extension in WORKBOOKS:
            copy_workbook(source, found, part, outputs)
        elif source.is_by_line:
            newline = READERS.get(extension, READERS[".txt"])[1]
            # A parallel file is one of lines whatever its name is.
            copy_lines(
                found.file, source.numbers, part, outputs, layout,
                newline="\n" if source.column else newline,
            )  # fmt: skip
        else:
            copy_array(source, found.file, part, outputs, layout)
        return outputs.are_written
