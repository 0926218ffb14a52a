"""What a cell looks like: a text, a number, a date, a list of names, a table of numbers."""

import ast
import math
import re
from datetime import date, time

from mtc_keras.tasks.columns import Cell
from mtc_keras.tasks.spelling import number_of
from mtc_keras.tasks.written import without_choices, written_value

# Texts that hardly name a class, beside those of `tasks.markers`: they fill a gap.
NOTHING = frozenset(["?", "-", "--", "n.a.", "n/d", "nd", "N.A.", "TBD", "tbd", "unlabeled"])
FLAGS = {  # spellings of no and yes, of which a column has one pair
    **dict.fromkeys(("0", "1", "0.0", "1.0"), "0/1"),
    **dict.fromkeys(("true", "false"), "true/false"),
    **dict.fromkeys(("yes", "no"), "yes/no"),
    **dict.fromkeys(("oui", "non"), "oui/non"),
    **dict.fromkeys(("ja", "nein"), "ja/nein"),
    **dict.fromkeys(("x",), "x"),
}
_TIME = re.compile(
    r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})([T ].*)?"
    r"|\d{1,2}:\d{2}(:\d{2})?"
    r"|[A-Z][a-z]{2} [A-Z][a-z]{2} \d{1,2} .*\d{4}.*"  # of Twitter
)
_SIGN = r"(?:[$€£¥%]|EUR|USD|GBP|CHF)"
_AMOUNT = re.compile(rf"[-+]?{_SIGN}\s?-?\d[\d.,]*|[-+]?\d[\d.,]*\s?{_SIGN}")
_ADDRESS = re.compile(r"(https?://|www\.)\S+|\S+@\S+\.\w+")
_CODE = re.compile(r"(?=\S*\d)[\w:/.+=-]{6,}")


def parsed(cell: Cell) -> Cell:
    """Returns the list or table that a text cell writes as JSON or Python, or the cell itself."""
    if not isinstance(cell, str) or cell.lstrip()[:1] not in ("[", "{", "("):
        return cell
    try:
        return without_choices(written_value(cell.strip()))
    except ValueError:
        pass
    try:
        found = ast.literal_eval(cell.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return cell
    if isinstance(found, (set, frozenset)):
        return sorted(found, key=str)
    return list(found) if isinstance(found, tuple) else found


def is_nothing(cell: Cell) -> bool:
    """Whether a cell is null or blank; a list without items says that there is none."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def is_number(cell: Cell) -> bool:
    """Whether a cell is a number, or writes one."""
    return math.isfinite(number_of(cell))


def is_integer(cell: Cell) -> bool:
    """Whether a cell is a whole number, or writes one, with zeros after its point or without."""
    number = number_of(cell)
    return math.isfinite(number) and number % 1 == 0


def is_share(cell: Cell) -> bool:
    """Whether a cell is a number from 0 to 1."""
    return 0 <= number_of(cell) <= 1


def flag_spelling(cell: Cell) -> str:
    """Returns how a cell spells yes or no, `""` if it does neither."""
    return FLAGS.get(str(cell).strip().lower(), "")


def is_flag(cell: Cell) -> bool:
    """Whether a cell says yes or no."""
    return bool(flag_spelling(cell))


def is_time(cell: Cell) -> bool:
    """Whether a cell is a date or a time, or writes one."""
    if isinstance(cell, (date, time)):
        return True
    return isinstance(cell, str) and _TIME.fullmatch(cell.strip()) is not None


def is_amount(cell: Cell) -> bool:
    """Whether a cell is a number with the sign of a currency or a per cent sign."""
    return isinstance(cell, str) and _AMOUNT.fullmatch(cell.strip()) is not None


def is_address(cell: Cell) -> bool:
    """Whether a cell is the address of a page or of a person."""
    return isinstance(cell, str) and _ADDRESS.fullmatch(cell.strip()) is not None


def is_code(cell: Cell) -> bool:
    """Whether a cell is one word with digits, as ids and hashes are."""
    return isinstance(cell, str) and _CODE.fullmatch(cell.strip()) is not None


def is_words(cell: Cell) -> bool:
    """Whether a cell is a text with letters in it."""
    return isinstance(cell, str) and any(map(str.isalpha, cell))


def is_list(cell: Cell) -> bool:
    """Whether a cell is a list."""
    return isinstance(cell, list)


def is_table(cell: Cell) -> bool:
    """Whether a cell is a table from names to values."""
    return isinstance(cell, dict)


def length(cell: Cell) -> int:
    """Returns the number of characters of a text, 0 for anything else."""
    return len(cell) if isinstance(cell, str) else 0


def word_count(cell: Cell) -> int:
    """Returns the number of words of a text, 0 for anything else."""
    return len(cell.split()) if isinstance(cell, str) else 0
