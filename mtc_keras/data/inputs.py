"""Rows to predict: those of a file that have texts, and what is wrong with the others."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mtc_keras.config import DataConfig
from mtc_keras.data.blocks import Block
from mtc_keras.data.formats.faults import PassedOver
from mtc_keras.data.formats.files import read_blocks
from mtc_keras.data.formats.layout import Layout
from mtc_keras.data.texts import read_texts, text_faults
from mtc_keras.errors import DataError, did_you_mean, listed
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


def read_inputs(
    path: str, data: DataConfig, rows: int, *, notes: list[str] | None = None
) -> Iterator[tuple[Inputs, list[BadRow]]]:
    """Reads a file block by block; the same arguments give the same blocks.

    Args:
        path: the file.
        data: names the text columns.
        rows: int. Rows per block, bad ones counted.
        notes: takes lines for people on what can be read in two ways.

    Yields:
        The rows of a block that can be predicted, N ≥ 0, and place and fault of those that
        cannot: broken lines, and rows whose text is missing or no text. A fault quotes no cell.

    Raises:
        DataError: if the file itself cannot be read.
    """
    broken = PassedOver(path)
    yield from inputs_of(read_blocks(path, rows, broken, Layout.of(data)), data, broken)
    if notes is not None:
        notes += broken.notes


def inputs_of(
    blocks: Iterable[Block], data: DataConfig, broken: PassedOver
) -> Iterator[tuple[Inputs, list[BadRow]]]:
    """Yields as `read_inputs` does the rows of blocks, and those that stand in none of them.

    Args:
        blocks: the blocks of one source.
        data: names the text columns.
        broken: has taken the broken lines when a block comes.
    """
    for block in blocks:
        _check_names(block, data)
        faults = text_faults(block.renamed(data.rename), data.text_columns).all
        bad = [(_place(block, row), why) for row, why in faults.items()]
        if broken.found:
            bad = sorted([*broken.found, *bad], key=_in_order)
            broken.found = []
        if faults:
            kept = [row for row in range(len(block)) if row not in faults]
            block = block.select(kept)
        texts = read_texts(block.renamed(data.rename), data.text_columns)
        yield Inputs(texts, block.columns), bad
    if broken.found:
        yield Inputs(tuple([] for _ in data.text_columns), {}), broken.found


def lacking_texts(source: str, columns: Sequence[str], data: DataConfig) -> list[str]:
    """Returns a message for each text column that a source with some columns lacks."""
    return [
        f"{source}: no text column {text!r}.{did_you_mean(text, columns)} "
        f"Columns: {listed(columns)}"
        for text in data.text_columns
        if columns and not text_names(columns, text, data)
    ]


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
