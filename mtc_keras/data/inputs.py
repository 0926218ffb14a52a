"""Rows to predict: those of a file that have texts, and what is wrong with the others."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mtc_keras.config import DataConfig
from mtc_keras.data.blocks import Block
from mtc_keras.data.formats.faults import PassedOver
from mtc_keras.data.formats.files import read_blocks
from mtc_keras.data.formats.layout import Layout
from mtc_keras.data.nearest import nearest
from mtc_keras.data.texts import read_texts, text_faults
from mtc_keras.errors import DataError, listed
from mtc_keras.tasks.columns import Cell
from mtc_keras.tasks.paths import names_in

Place = int | str  # a line, or "row 3" in a file without lines
BadRow = tuple[Place, str]


@dataclass(frozen=True)
class Inputs:
    """N rows of one file that stand near each other.

    Args:
        texts: N strings for each text column.
        columns: N cells for each column of the file, text columns included, under their names
            in the file.
        names: what the columns, and the values inside of them, are called after renaming.
    """

    texts: tuple[list[str], ...]
    columns: Mapping[str, list[Cell]]
    names: Sequence[str] = ()

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
        renamed = block.renamed(data.rename)
        faults = text_faults(renamed, data.text_columns).all
        names = _names(renamed, data.text_columns)
        bad = [(_place(block, row), why) for row, why in faults.items()]
        if broken.found:
            bad = sorted([*broken.found, *bad], key=_in_order)
            broken.found = []
        if faults:
            kept = [row for row in range(len(block)) if row not in faults]
            block = block.select(kept)
        texts = read_texts(block.renamed(data.rename), data.text_columns)
        yield Inputs(texts, block.columns, names), bad
    if broken.found:
        yield Inputs(tuple([] for _ in data.text_columns), {}), broken.found


def lacking_texts(source: str, names: Sequence[str], data: DataConfig) -> list[str]:
    """Returns a message for each text column that a source lacks.

    Args:
        source: what messages call it.
        names: the `Inputs.names` of its rows; nothing is lacking where there are none.
        data: names the text columns.
    """
    return [
        f"{source}: no text column {text!r}.{nearest(text, names, 'text')}"
        for text in data.text_columns
        if names and text not in names
    ]


def _names(block: Block, texts: Sequence[str]) -> list[str]:
    known = dict.fromkeys([*block.columns, *block.nested_names()])
    return [*known, *(text for text in texts if text not in known and block.has(text))]


def _check_names(block: Block, data: DataConfig) -> None:
    """Refuses two columns that are read as one text column; others are not renamed at all."""
    for text in data.text_columns:
        for name in names_in(text):
            names = [column for column in block.columns if data.rename.get(column, column) == name]
            if len(names) > 1:
                raise DataError(
                    f"{block.source}: data.rename makes {listed(names)} one column, {name!r}"
                )


def _place(block: Block, row: int) -> Place:
    place = block.where[row][len(block.source) + 1 :]
    return int(place) if place.isdecimal() else place


def _in_order(bad: BadRow) -> int:
    return int(str(bad[0]).removeprefix("row "))
