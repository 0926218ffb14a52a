"""Where each row that is split stands in its file."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mtc_keras.config import Config
from mtc_keras.data.blocks import Block
from mtc_keras.data.formats.faults import Faults
from mtc_keras.data.formats.files import read_column
from mtc_keras.data.formats.layout import Layout
from mtc_keras.data.groups import Raters
from mtc_keras.data.sources import ROWS_AT_ONCE, expand, file_blocks
from mtc_keras.data.split_column import SplitColumn
from mtc_keras.errors import DataError

NO_TEXT = -1
IGNORED = -2
_ROW = "row "  # before the number of a row that has no line of its own


@dataclass(frozen=True, eq=False)
class RowsOfFile:
    """The rows of one file in their order.

    Args:
        path: the file.
        numbers: int64 of shape `(N,)`: the line at which each row begins, or the row's number.
        rows: int64 of shape `(N,)`: its position among the rows that are read of all files;
            `NO_TEXT` if it has no text, `IGNORED` if the column of splits leaves it out.
        is_by_line: bool. Whether numbers are lines.
        column: the column that a parallel file holds.
    """

    path: str
    numbers: np.ndarray
    rows: np.ndarray
    is_by_line: bool
    column: str | None = None


@dataclass(frozen=True, eq=False)
class Places:
    """Where all rows stand.

    Args:
        files: each file's rows.
        raters: uint64 of shape `(N,)`: the key of the rows that `data.votes_by` makes one of;
            `None` without it.
    """

    files: list[RowsOfFile]
    raters: np.ndarray | None

    def count(self, kind: int) -> int:
        """Returns how many rows are `NO_TEXT` or `IGNORED`; parallel files share their rows."""
        files = self.files if self.files[0].column is None else self.files[:1]
        return sum(int((file.rows == kind).sum()) for file in files)


def places_of(config: Config, where: Sequence[str], votes_by: str | None) -> Places:
    """Returns where rows stand that have been read.

    Args:
        config: what they were read by; its training files are those of all rows.
        where: the places of the N rows as they were read, which are those that have a text.
        votes_by: the column of what raters have in common.

    Raises:
        DataError: if a cell of that column is no name.
    """
    data, files = config.data, config.data.train
    layout = Layout.of(data, config.task_list)
    raters = Raters(votes_by) if votes_by else None
    column = SplitColumn(data) if data.split else None
    reading = _Walk(where)
    found: list[RowsOfFile] = []
    sources = [files] if isinstance(files, dict) else expand(files)  # type: ignore[arg-type]
    for source in sources:
        numbers: list[str] = []
        rows: list[np.ndarray] = []
        for block in file_blocks(source, layout=layout):
            chosen = _chosen(block, column)
            at = reading.rows(block, chosen)
            numbers += [place[len(block.source) + 1 :] for place in block.where]
            rows.append(at)
            if raters:
                with_text = np.flatnonzero(at >= 0)
                first = int(at[with_text[0]]) if len(with_text) else 0
                raters.add(block.select(with_text.tolist()).renamed(data.rename), first)
        joined = np.concatenate(rows)
        if isinstance(source, dict):
            found += _parallel(source, joined, layout)
        else:
            found.append(_rows_of(source, numbers, joined))
    if raters and (problems := raters.mistakes.report(where)):
        raise DataError("data.votes_by cannot be read", problems)
    return Places(found, raters.keys() if raters else None)


class _Walk:
    """Goes along the rows that were read while all rows of the files come by."""

    def __init__(self, where: Sequence[str]) -> None:
        self._left = iter(where)
        self._next = next(self._left, None)
        self._count = 0

    def rows(self, block: Block, chosen: set[str] | None) -> np.ndarray:
        """Returns int64 of shape `(N,)`: each row's position, or why it has none."""
        found = []
        for place in block.where:
            if place == self._next:
                found.append(self._count)
                self._count += 1
                self._next = next(self._left, None)
            else:
                found.append(NO_TEXT if chosen is None or place in chosen else IGNORED)
        return np.array(found, "int64")


def _chosen(block: Block, column: SplitColumn | None) -> set[str] | None:
    """Returns where the rows stand that belong to any split; `None` without a column of them."""
    if column is None:
        return None
    parts = (part.where for _, part in column.parts(block))
    return set(itertools.chain.from_iterable(parts))


def _rows_of(
    path: str, numbers: Sequence[str], rows: np.ndarray, column: str | None = None
) -> RowsOfFile:
    is_by_line = not numbers[0].startswith(_ROW)
    return RowsOfFile(
        path,
        np.array([int(number.removeprefix(_ROW)) for number in numbers], "int64"),
        rows,
        is_by_line,
        column,
    )


def _parallel(files: dict[str, str], rows: np.ndarray, layout: Layout) -> Iterator[RowsOfFile]:
    """Yields the rows of parallel files, whose lines need not have the same numbers."""
    for column, path in files.items():
        blocks = read_column(path, ROWS_AT_ONCE, Faults(path), column, layout)
        numbers = [place[len(path) + 1 :] for block in blocks for place in block.where]
        yield _rows_of(path, numbers[: len(rows)], rows, column)
