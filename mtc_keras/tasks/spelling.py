"""How classes are spelled: what is one label though it is written in several ways.

A column of whole numbers in which one cell is blank is written by pandas as `1.0`, and an accented
letter is one character on one system and two on another. Who counts labels sees no difference,
so these are one class: its *name* is stripped, in Unicode's composed form, and a whole number
is its digits. `01`, `1e3` and `1.5` are names as they stand.
"""

import datetime
import math
import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeGuard

# A minus at most, unlike "--5"; few digits, as Python refuses to read thousands of them.
INTEGER = re.compile(r"-?\d{1,18}")
_WHOLE = re.compile(r"(-?(?:0|[1-9][0-9]{0,17}))\.0+")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,18}")
_BOOLEANS = {"True": "true", "TRUE": "true", "False": "false", "FALSE": "false"}

Kind = Literal[
    "missing",
    "name",
    "position",
    "vector",
    "list",
    "null",
    "flag",
    "blank",
    "normalised",
    "unknown",
]


@dataclass(frozen=True)
class Reading:
    """A cell, or a name in it, that is read as something else than what stands there.

    Args:
        kind: `"missing"` (no label is known), `"name"` (another spelling of the class),
            `"position"` (the class at that place of those that the config lists), `"vector"` (a
            list of 0 and 1 that is read as one of names), `"list"` (text that writes a list, but
            not as JSON does), `"null"` (a list with null beside names), `"flag"` (a word for 0
            or 1), `"blank"` (an empty cell that is read as 0), `"normalised"` (probabilities that
            are divided by their sum, which is what is written) or `"unknown"` (no class, and left
            out because the config says so).
        written: what stands in the cell.
        read_as: the class's name, the 0 or 1, or the list as JSON, if it is one.
    """

    kind: Kind
    written: str
    read_as: str = ""


def class_name(value: object) -> str:
    """Returns the class name that a cell's value stands for: `2`, `2.0` and `"2.0"` are `"2"`.

    Raises:
        ValueError: if the value cannot name a class (a list, a fraction, nothing).
    """
    if isinstance(value, bool):
        return str(value).lower()
    if is_whole(value):
        return str(int(value))
    if isinstance(value, str) and (name := value.strip()):
        if whole := _WHOLE.fullmatch(name):
            return str(int(whole[1]))  # "-0.0" is 0, too
        return name if name.isascii() else unicodedata.normalize("NFC", name)
    if isinstance(value, datetime.date):
        raise ValueError(
            f"expected one class name, received the date {value.isoformat()}; write it as text"
        )
    hint = '; list it in `classes` if it is one, or set kind = "regression"' * bool(fraction(value))
    raise ValueError(f"expected one class name, received {value!r}{hint}")


def fraction(value: object) -> str:
    """Returns the text that a number that is not whole is written as, `""` for anything else."""
    if isinstance(value, Decimal) and value.is_finite() and value % 1:
        return f"{value.normalize():f}"
    return repr(value) if isinstance(value, float) and math.isfinite(value) and value % 1 else ""


def is_whole(value: object) -> TypeGuard[int | float | Decimal]:
    """Whether a cell's value is a whole number, of whatever type, and no boolean."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return False
    if isinstance(value, Decimal):  # of which `math.isfinite` refuses a signalling NaN
        return value.is_finite() and value % 1 == 0
    return isinstance(value, int) or (math.isfinite(value) and value % 1 == 0)


def number_of(value: object) -> float:
    """Returns the number that a cell's value is or writes, NaN if there is none.

    Of texts it takes what `float` takes, but for Python's own `1_000`.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, str)):
        return math.nan
    if isinstance(value, str) and "_" in value:
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan


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


def is_decimal(name: str) -> bool:
    """Whether a name is a number with a point, such as `1.5` or `2.0`."""
    return _DECIMAL.fullmatch(name) is not None


def natural(name: str) -> tuple[bool, float, str]:
    """Sorts numbers by value and before other names."""
    is_number = INTEGER.fullmatch(name) is not None or is_decimal(name)
    return (not is_number, float(name) if is_number else 0.0, name)
