"""What is a text: one rule for training, judging and predicting.

A string is a text, an empty one, too, and a number is read as its digits. Null, NaN, an absent
key or column and, in csv, an empty cell are a *missing* text. Everything else (booleans, lists,
tables, dates) is not a text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from mtc_keras.data.blocks import Block
from mtc_keras.tasks.columns import Cell


@dataclass(frozen=True)
class TextFaults:
    """The rows of a block that lack one of their texts.

    Args:
        missing: why, by the position of each row that has a missing text, in order.
        wrong: why, by the position of each other row that has something else than a text.
    """

    missing: Mapping[int, str]
    wrong: Mapping[int, str]

    def __bool__(self) -> bool:
        return bool(self.missing or self.wrong)

    @property
    def all(self) -> dict[int, str]:
        """Both, in the order of the rows."""
        return _in_order({**self.missing, **self.wrong})


def text_faults(block: Block, columns: Sequence[str]) -> TextFaults:
    """Finds the rows of a block that lack a text in one of some columns.

    Args:
        block: the rows, their columns renamed.
        columns: the text columns.
    """
    missing: dict[int, str] = {}
    wrong: dict[int, str] = {}
    for column in columns:
        picked = block.pick(column)
        cells, unread = picked.cells, dict(picked.mistakes)
        if set(map(type, cells)) == {str} and (block.has_null or all(cells)):
            continue  # nearly always: not a loop of Python over the cells
        for row, cell in enumerate(cells):
            if row in unread:
                wrong.setdefault(row, f"text {unread[row]}")
            elif cell is None:
                missing.setdefault(row, f"text column {column!r} is missing or null")
            elif cell == "" and not block.has_null:
                missing.setdefault(row, f"text column {column!r} is empty")
            elif not _is_text(cell):
                kind = type(cell).__name__
                wrong.setdefault(row, f"text column {column!r} holds no text but {kind}")
    wrong = {row: why for row, why in wrong.items() if row not in missing}
    return TextFaults(_in_order(missing), _in_order(wrong))


def read_texts(block: Block, columns: Sequence[str]) -> tuple[list[str], ...]:
    """Returns the texts of each text column, `""` where there is none.

    Args:
        block: N rows, their columns renamed.
        columns: the text columns.

    Returns:
        N strings for each column.
    """
    return tuple(_strings(block.pick(column).cells) for column in columns)


def _in_order(reasons: Mapping[int, str]) -> dict[int, str]:
    return dict(sorted(reasons.items()))


def _is_text(cell: Cell) -> bool:
    return isinstance(cell, (str, int, float, Decimal)) and not isinstance(cell, bool)


def _strings(cells: list[Cell]) -> list[str]:
    if set(map(type, cells)) == {str}:
        return cells  # type: ignore[return-value]
    return [str(cell) if _is_text(cell) else "" for cell in cells]
