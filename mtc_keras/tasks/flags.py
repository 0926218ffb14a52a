"""What 0 and 1 are called in label cells, and whether several columns hold them or names."""

from collections.abc import Iterable, Sequence
from typing import Literal

from mtc_keras.errors import listed
from mtc_keras.tasks.columns import Cell
from mtc_keras.tasks.spelling import class_key, number_of

BITS = {"0": 0.0, "1": 1.0, "false": 0.0, "true": 1.0}
MOST_SHOWN = 3  # columns, or values, in a message


def bit(value: object) -> float | None:
    """Returns the 0 or 1 that a cell's value says, `None` if it says neither."""
    try:
        return BITS.get(class_key(value))
    except ValueError:
        return None


def found_labels(
    columns: Sequence[str], rows: Iterable[Sequence[Cell | None]]
) -> Literal["names", "flags"]:
    """Returns what several columns hold that are read as one label.

    They hold names if no cell is a 0 or 1, and flags if each is one, or is a number from -1 to 1,
    which is told as a mistake of its row: it is a marker or a probability.

    Args:
        columns: the C columns.
        rows: C cells each, `None` where nothing is known.

    Raises:
        ValueError: if some cells are flags and others are names.
    """
    flags: dict[str, Cell] = {}  # by column, the first of either
    names: dict[str, Cell] = {}
    numbers: dict[str, Cell] = {}
    for row in rows:
        for column, value in zip(columns, row, strict=True):
            if value is not None:
                is_number = abs(number_of(value)) <= 1
                kind = flags if bit(value) is not None else numbers if is_number else names
                kind.setdefault(column, value)
    if not names:
        return "flags"
    if not flags:
        return "names"
    raise ValueError(
        f"column {_shown(flags)} and column {_shown(names)}: of columns that are read as one label "
        'all hold a 0 or 1 for the class of their name, or all hold names; labels = "names" '
        'reads every cell as a name, and labels = "flags" tells the rows that are no 0 or 1'
    )


def _shown(found: dict[str, Cell]) -> str:
    column, value = next(iter(found.items()))
    more = f" (as {listed(list(found)[1:], MOST_SHOWN)})" if len(found) > 1 else ""
    return f"{column!r} holds {value!r}{more}"
