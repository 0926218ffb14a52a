"""How 0 and 1 are written in label cells, and whether several columns hold them or names."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal

from mtc_keras.errors import listed
from mtc_keras.tasks.columns import Cell
from mtc_keras.tasks.spelling import class_key, likeness, number_of

BITS = {"0": 0.0, "1": 1.0, "false": 0.0, "true": 1.0}
# What stands in a table for a class that a row has; nothing stands there for one that it lacks.
MARKS = frozenset(["x", "✓", "✔", "☑", "✅"])
_ONES = {
    *MARKS,
    *("true", "yes", "y", "t", "on", "1,0"),
    *("ja", "j", "wahr"),  # German, and others
    *("oui", "o", "vrai", "v", "sí", "si", "s", "sim", "verdadero", "verdadeiro", "vero"),
    *("tak", "ano", "да", "истина", "evet", "是", "はい", "예"),
}
_ZEROS = {
    *("false", "no", "n", "f", "off", "0,0", "☐", "✗", "✘", "❌"),
    *("nein", "nee", "nej", "nei", "falsch"),
    *("non", "faux", "falso", "não", "nao"),
    *("nie", "ne", "нет", "ложь", "hayır", "否", "いいえ", "아니요"),
}
WORDS = dict.fromkeys(map(likeness, _ONES), 1.0) | dict.fromkeys(map(likeness, _ZEROS), 0.0)
MOST_SHOWN = 3  # columns, or values, in a message


def bit(value: object) -> float | None:
    """Returns the 0 or 1 that a cell's value says, `None` if it says neither."""
    if isinstance(value, str):
        return _bit_of_text(value)
    number = float(value) if isinstance(value, bool) else number_of(value)
    return number if number in (0, 1) else None


@lru_cache(2**14)  # a table of flags has few different texts in very many cells
def _bit_of_text(text: str) -> float | None:
    if not text.strip():
        return None
    plain = BITS.get(class_key(text))
    return _word(text) if plain is None else plain


@lru_cache(2**14)
def _word(text: str) -> float | None:
    return WORDS.get(likeness(text.replace("\ufe0f", "")))  # which asks for a coloured picture


def word(value: object) -> str:
    """Returns the 0 or 1 that a word or sign such as `yes` says, `""` for any other value.

    0, 1, true and false are none: nobody could mean another thing by them.
    """
    found = None if not isinstance(value, str) or value.strip() in BITS else _bit_of_text(value)
    return "" if found is None or class_key(value) in BITS else str(int(found))


def is_mark(value: object) -> bool:
    """Whether a cell's value is a sign for a class that a row has, such as `x`."""
    return isinstance(value, str) and likeness(value.replace("\ufe0f", "")) in MARKS


def is_blank(value: object) -> bool:
    """Whether a cell is empty: null, or text of blanks."""
    return value is None or (isinstance(value, str) and not value.strip())


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
    for row in rows:
        for column, value in zip(columns, row, strict=True):
            if value is None:
                continue
            if bit(value) is not None:
                flags.setdefault(column, value)
            elif not abs(number_of(value)) <= 1:
                names.setdefault(column, value)
    if not names:
        return "flags"
    if not flags:
        return "names"
    raise ValueError(
        f"column {_shown(flags)} and column {_shown(names)}: of columns that are read as one label "
        'all hold a 0 or 1 for the class of their name, or all hold names; labels = "names" '
        'reads every cell as a name, and labels = "flags" tells the rows that are no 0 or 1'
    )


class FlagColumn:
    """What stands in one column of 0 and 1.

    Args:
        cells: its different cells.
    """

    def __init__(self, cells: Iterable[Cell]) -> None:
        cells = list(cells)
        self.has_blank = any(map(is_blank, cells))
        self.flags = [cell for cell in cells if bit(cell) is not None]

    @property
    def is_marked(self) -> bool:
        """Whether it holds marks, blank cells and nothing else that says 0 or 1."""
        return self.has_blank and bool(self.flags) and all(map(is_mark, self.flags))

    @property
    def is_blank(self) -> bool:
        """Whether nothing in it says 0 or 1."""
        return not self.flags

    @property
    def lacks_zero(self) -> bool:
        """Whether it holds 1 and blank cells, and no 0."""
        return self.has_blank and {bit(flag) for flag in self.flags} == {1}


def _shown(found: dict[str, Cell]) -> str:
    column, value = next(iter(found.items()))
    more = f" (as {listed(list(found)[1:], MOST_SHOWN)})" if len(found) > 1 else ""
    return f"{column!r} holds {value!r}{more}"
