"""Rows to predict: those of a file that have texts, and what is wrong with the others."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mtc_keras.config import DataConfig
from mtc_keras.data.blocks import Block
from mtc_keras.data.faults import PassedOver
from mtc_keras.data.formats import read_blocks
from mtc_keras.data.texts import read_texts, text_faults
from mtc_keras.errors import DataError, listed
from mtc_keras.tasks.columns import Cell

Place = int | str  # a line, or "row 3" in a file without lines
BadRow = tuple[Place, str]


@dataclass(frozen=True)
class Inputs:
    """N rows of one file that stand near each other.

    Args:
        texts: N strings for each text column.
        columns: N cells for each column of the file, text columns included, under their names
            in the file.
    """

    texts: tuple[list[str], ...]
    columns: Mapping[str, list[Cell]]

    def __len__(self) -> int:
        return len(self.texts[0])


def read_inputs(path: str, data: DataConfig, rows: int) -> Iterator[tuple[Inputs, list[BadRow]]]:
    """Reads a file block by block; the same arguments give the same blocks.

    Args:
        path: the file.
        data: names the text columns.
        rows: int. Rows per block, bad ones counted.

    Yields:
        The rows of a block that can be predicted, N ≥ 0, and place and fault of those that
        cannot: broken lines, and rows whose text is missing or no text. A fault quotes no cell.

    Raises:
        DataError: if the file itself cannot be read.
    """
    broken = PassedOver(path)
    for block in read_blocks(path, rows, broken):
        _check_names(block, data)
        faults = text_faults(block.renamed(data.rename), data.text_columns).all
        bad = [*broken.found, *((_place(block, row), why) for row, why in faults.items())]
        broken.found = []
        if faults:
            kept = [row for row in range(len(block)) if row not in faults]
            block = block.select(kept)
        texts = read_texts(block.renamed(data.rename), data.text_columns)
        yield Inputs(texts, block.columns), sorted(bad, key=_in_order)
    if broken.found:
        yield Inputs(tuple([] for _ in data.text_columns), {}), broken.found


def text_names(columns: Iterable[str], text: str, data: DataConfig) -> list[str]:
    """Returns the columns of a file that are read as one text column, after renaming."""
    return [column for column in columns if data.rename.get(column, column) == text]


def _check_names(block: Block, data: DataConfig) -> None:
    """Refuses two columns that are read as one text column; others are not renamed at all."""
    for text in data.text_columns:
        names = text_names(block.columns, text, data)
        if len(names) > 1:
            raise DataError(
                f"{block.source}: data.rename makes {listed(names)} one column, {text!r}"
            )


def _place(block: Block, row: int) -> Place:
    place = block.where[row][len(block.source) + 1 :]
    return int(place) if place.isdecimal() else place


def _in_order(bad: BadRow) -> int:
    return int(str(bad[0]).removeprefix("row "))
