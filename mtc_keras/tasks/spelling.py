"""How classes are spelled: what is one label though it is written in several ways.

A column of whole numbers in which one cell is blank is written by pandas as `1.0`, and an accented
letter is one character on one system and two on another. Who counts labels sees no difference,
so these are one class: its *name* is stripped, in Unicode's composed form, and a whole number
is its digits. `01`, `1e3` and `1.5` are names as they stand.
"""

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

# A minus at most, unlike "--5"; few digits, as Python refuses to read thousands of them.
INTEGER = re.compile(r"-?\d{1,18}")
_WHOLE = re.compile(r"(-?(?:0|[1-9][0-9]{0,17}))\.0+")
_BOOLEANS = {"True": "true", "TRUE": "true", "False": "false", "FALSE": "false"}


@dataclass(frozen=True)
class Reading:
    """A cell, or a name in it, that is read as something else than what stands there.

    Args:
        kind: `"missing"` (no label is known), `"name"` (another spelling of the class) or
            `"position"` (the class at that place of those that the config lists).
        written: what stands in the cell.
        read_as: the class's name; empty for a missing label.
    """

    kind: Literal["missing", "name", "position"]
    written: str
    read_as: str = ""


def class_name(value: object) -> str:
    """Returns the class name that a cell's value stands for: `2`, `2.0` and `"2.0"` are `"2"`.

    Raises:
        ValueError: if the value cannot name a class (a list, a fraction, nothing).
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (float, Decimal)) and value == value and value % 1 == 0:
        value = int(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str) and (name := value.strip()):
        if whole := _WHOLE.fullmatch(name):
            return str(int(whole[1]))  # "-0.0" is 0, too
        return name if name.isascii() else unicodedata.normalize("NFC", name)
    raise ValueError(f"expected one class name, received {value!r}")


def class_key(value: object) -> str:
    """Returns what all spellings of one class have in common: of a name, and of true and false.

    pandas writes `True` where a table holds what JSON calls `true`. A class keeps the spelling
    that its rows have; it is found by both.

    Raises:
        ValueError: as `class_name` does.
    """
    name = class_name(value)
    return _BOOLEANS.get(name, name)


def likeness(name: str) -> str:
    """Returns what spellings share that somebody may have mixed up: but for case and blanks."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def natural(name: str) -> tuple[bool, float, str]:
    """Sorts integers by value and before other names."""
    is_number = INTEGER.fullmatch(name) is not None
    return (not is_number, float(name) if is_number else 0.0, name)
