"""Which values stand inside of cells, for messages that name the columns of a file."""

from collections.abc import Iterable, Sequence

from mtc_keras.tasks.columns import Cell
from mtc_keras.tasks.paths import EACH
from mtc_keras.tasks.written import written_value

MOST_DEPTH = 8
MOST_KEYS = 30  # of one object: where there are more, they are no names of columns


def nested_paths(cells: Iterable[Cell]) -> list[str]:
    """Returns the ways to the values inside of some cells, such as `.sentiment` or `[].name`.

    Args:
        cells: the cells of one column; text is read as the JSON that it writes.
    """
    found: dict[str, None] = {}
    _add(list(cells), "", 0, found)
    found.pop("", None)
    return list(found)


def candidates(name: str, columns: Sequence[str]) -> list[str]:
    """Returns the paths among some columns that lead to a value of a name."""
    asked = name.strip().casefold()

    def last(column: str) -> str:
        return column.removesuffix(EACH).rpartition(".")[2].strip().casefold()

    return [column for column in columns if "." in column and last(column) == asked]


def _add(cells: list[Cell], way: str, depth: int, found: dict[str, None]) -> None:
    cells = [_parsed(cell) if isinstance(cell, str) else cell for cell in cells]
    objects = [cell for cell in cells if isinstance(cell, dict)]
    items = [item for cell in cells if isinstance(cell, list) for item in cell]
    keys = dict.fromkeys(key for cell in objects for key in cell if isinstance(key, str))
    if depth < MOST_DEPTH and 0 < len(keys) <= MOST_KEYS:
        for key in keys:
            if "[" not in key and "]" not in key and key:
                _add([cell.get(key) for cell in objects], f"{way}.{key}", depth + 1, found)
    elif depth < MOST_DEPTH and any(isinstance(item, (dict, list)) for item in items):
        _add(items, way + EACH, depth + 1, found)
    else:
        found[way + EACH if items and EACH in way else way] = None


def _parsed(text: str) -> Cell:
    if text.lstrip()[:1] not in ("[", "{"):
        return text
    try:
        return written_value(text.strip())
    except ValueError:  # a text that begins with a bracket
        return text
