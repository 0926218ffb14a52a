"""A piece of a task's section: what is seen at once, what is folded, and the numbers of both."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from mtc_keras.pages import Block

Rows = Sequence[Mapping[str, Any]]


class Piece(NamedTuple):
    """What one analysis adds to the section of a task.

    Args:
        blocks: what is shown.
        values: its numbers, for the JSON file.
        tables: rows by the end of the name of their CSV file.
    """

    blocks: Sequence[Block] = ()
    values: Mapping[str, Any] = {}
    tables: Mapping[str, Rows] = {}


def together(pieces: Iterable[Piece]) -> Piece:
    """Returns pieces as one."""
    blocks: list[Block] = []
    values: dict[str, Any] = {}
    tables: dict[str, Rows] = {}
    for piece in pieces:
        blocks += piece.blocks
        values |= piece.values
        tables |= piece.tables
    return Piece(blocks, values, tables)
