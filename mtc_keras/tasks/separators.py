"""What separates the names of classes in one text cell, and how it is found out."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from mtc_keras.tasks.columns import Cell
from mtc_keras.tasks.spelling import class_key
from mtc_keras.tasks.written import is_written

AUTO, DEFAULT = "auto", "|"
BRACKETS = "><"  # of `<python><pandas>`, as Stack Overflow writes it
# Where two fit equally, the first.
CANDIDATES = ("|", ";", ",", "\t", "\n", "、", "/", " & ", " + ", "&", "+", " and ", "#", " ")
IN_LISTS = ("|", ";", ",", "\t")  # hardly ever in a name of every other row
_BRACKETED = re.compile(r"(?:<[^<>]+>)+")


def split_names(text: str, separator: str) -> list[str]:
    """Returns the names in a text cell, stripped; empty ones are left out."""
    text = text.strip()
    if separator == BRACKETS and _BRACKETED.fullmatch(text):
        text = text[1:-1]
    parts = (part.strip() for part in text.split(separator))
    return [part for part in parts if part]


def joined_names(names: Sequence[str], separator: str) -> str:
    """Returns names as the text cell from which `split_names` reads them."""
    return (
        f"<{separator.join(names)}>" if separator == BRACKETS and names else separator.join(names)
    )


def texts_of(cells: Iterable[Cell]) -> list[str]:
    """Returns the different cells that are texts, but for lists and tables."""
    texts = (cell.strip() for cell in cells if isinstance(cell, str))
    return list(dict.fromkeys(text for text in texts if text and not is_written(text)))


def find_separator(
    texts: Sequence[str], is_class: Callable[[str], bool] | None = None
) -> str | None:
    """Returns what separates names in some text cells.

    It is what splits most cells into names that are all seen elsewhere, alone or among others;
    where none does so, one that stands in half of the cells, as no name would hold it so often.

    Args:
        texts: different cells.
        is_class: optional. Whether a name is one of the classes, where they are known: then it
            need not be seen elsewhere.

    Returns:
        A separator, `None` if nothing separates names.
    """
    if texts and all(_BRACKETED.fullmatch(text) for text in texts):
        return BRACKETS
    if all(text.startswith("#") for text in texts) and any(text.count("#") > 1 for text in texts):
        return "#"  # hashtags, of which each may stand in one kind of cell alone
    fits = {separator: lists(texts, separator, is_class) for separator in CANDIDATES}
    best = max(CANDIDATES[:-1], key=lambda separator: len(fits[separator]))
    if fits[best]:
        return best
    if fits[" "]:
        return " "
    held = {s: sum(len(split_names(text, s)) > 1 for text in texts) for s in IN_LISTS}
    most = max(IN_LISTS, key=lambda separator: held[separator])
    return most if is_class is None and held[most] and 2 * held[most] >= len(texts) else None


def lists(
    texts: Sequence[str], separator: str, is_class: Callable[[str], bool] | None = None
) -> list[str]:
    """Returns the cells that a separator splits into several names, each seen elsewhere, too."""
    names = {text: split_names(text, separator) for text in texts}
    if is_class is None:
        cells = Counter(key for parts in names.values() for key in set(map(class_key, parts)))

        def is_class(name: str) -> bool:
            return cells[class_key(name)] > 1

    return [text for text, parts in names.items() if len(parts) > 1 and all(map(is_class, parts))]
