"""Rows to be scored: those of a file that hold texts, and what is wrong with the others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mtc_keras.config import DataConfig
from mtc_keras.data.blocks import Block
from mtc_keras.data.faults import PassedOver
from mtc_keras.data.formats import read_blocks
from mtc_keras.errors import DataError, listed

Place = int | str  # a line, or "row 3" in a file without lines
BadRow = tuple[Place, str]


@dataclass(frozen=True)
class ScorableRows:
    """N rows of one file that stand near each other.

    Args:
        texts: N strings for each text column.
        columns: N cells for each column of the file, text columns included.
    """

    texts: tuple[list[str], ...]
    columns: dict[str, list[Any]]

    def __len__(self) -> int:
        return len(self.texts[0])


def read_scorable(
    path: str, data: DataConfig, rows: int
) -> Iterator[tuple[ScorableRows, list[BadRow]]]:
    """Reads a file block by block; the same arguments give the same blocks.

    Args:
        path: the file.
        data: names the text columns.
        rows: int. Rows of a block, bad ones counted.

    Yields:
        The rows of a block that can be scored, N ≥ 0, and place and fault of those that cannot:
        broken ones, and those whose text is missing or no text. A fault quotes no cell.

    Raises:
        DataError: if the file itself cannot be read.
    """
    broken = PassedOver(path)
    for block in read_blocks(path, rows, broken):
        texts = [_texts(block, column, data) for column in data.text_columns]
        bad = dict(_faulty(texts, data.text_columns))
        places = [_place(where, path) for where in block.where]
        found = [*broken.found, *((places[row], fault) for row, fault in bad.items())]
        broken.found = []
        if bad:
            good = [row for row in range(len(block)) if row not in bad]
            texts = [[column[row] for row in good] for column in texts]
            columns = {n: [cells[row] for row in good] for n, cells in block.columns.items()}
        else:
            columns = block.columns
        yield ScorableRows(tuple(texts), columns), sorted(found, key=_in_order)
    if broken.found:
        yield ScorableRows(tuple([] for _ in data.text_columns), {}), broken.found


def text_names(columns: Sequence[str], text: str, data: DataConfig) -> list[str]:
    """Returns the columns of a file that are read as one text column, after renaming."""
    return [column for column in columns if data.rename.get(column, column) == text]


def _texts(block: Block, text: str, data: DataConfig) -> list[Any]:
    names = text_names(list(block.columns), text, data)
    if len(names) > 1:
        raise DataError(f"{block.source}: data.rename makes {listed(names)} one column, {text!r}")
    return block.columns[names[0]] if names else [None] * len(block)


def _faulty(texts: Sequence[Sequence[Any]], names: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yields the rows whose texts cannot be scored, and why."""
    for name, column in zip(names, texts, strict=True):
        if set(map(type, column)) == {str}:
            continue
        for row, cell in enumerate(column):
            if cell is None:
                yield row, f"text column {name!r} is missing or null"
            elif not isinstance(cell, str):
                yield row, f"text column {name!r} holds no text but {type(cell).__name__}"


def _place(where: str, path: str) -> Place:
    place = where[len(path) + 1 :]
    return int(place) if place.isdecimal() else place


def _in_order(bad: BadRow) -> int:
    return int(str(bad[0]).removeprefix("row "))
