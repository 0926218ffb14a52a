"""Where a value stands inside of a column: `labels.sentiment`, `genres[].name`, `labels[0:5]`."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from mtc_keras.tasks.columns import Cell, Mistake
from mtc_keras.tasks.written import written_value

EACH = "[]"  # every item of a list; no key is called so, as keys hold no brackets
Step = str | int | range  # a key or EACH, a position, several positions

_LAST_STEP = re.compile(
    r"(?P<rest>.+)(?:\.(?P<key>[^.\[\]]+)|(?P<each>\[\])|\[(?P<start>\d+)(?::(?P<stop>\d+))?\])",
    re.DOTALL,
)
_KINDS = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    dict: "an object",
}


@dataclass(frozen=True)
class NestedPath:
    """A column, and the way from its cells to the values in them.

    Args:
        name: the column.
        steps: keys of objects, positions of lists, and `EACH`; none for the whole cell.
    """

    name: str
    steps: tuple[Step, ...] = ()

    def __str__(self) -> str:
        return self.name + "".join(map(_written, self.steps))


class Absent:
    """In place of a value whose key its object does not have."""


ABSENT = Absent()


@dataclass(frozen=True)
class Picked:
    """The values of N rows at one path.

    Args:
        cells: N values, `None` where there is none.
        mistakes: position and message of each row whose cell is something else than what the
            path leads through; the message quotes nothing of it.
    """

    cells: list[Cell]
    mistakes: list[Mistake]


@lru_cache(maxsize=1024)
def readings(text: str) -> tuple[NestedPath, ...]:
    """Returns what a column as the config names it may mean, the longest column's name first.

    Any name may stand in a file, one with dots, too: `a.b` is the column `a.b`, or the key `b` of
    the column `a`.
    """
    found, steps = [NestedPath(text)], tuple[Step, ...]()
    while match := _LAST_STEP.fullmatch(text):
        text, step = match["rest"], match["key"] or match["each"]
        if match["start"] is not None:
            start, stop = int(match["start"]), match["stop"]
            step = start if stop is None else range(start, int(stop))
        steps = (step, *steps)
        found.append(NestedPath(text, steps))
    return tuple(found)


def found_path(text: str, columns: Iterable[str]) -> NestedPath | None:
    """Returns what a column of the config means in a file with some columns, if they have it."""
    return next((path for path in readings(text) if path.name in columns), None)


def overlap(column: str, label: str) -> bool:
    """Whether a column is the one of a label, or the list that a label is taken from."""
    return any(
        path.name == column and all(isinstance(step, (int, range)) for step in path.steps)
        for path in readings(label)
    )


def names_in(text: str) -> list[str]:
    """Returns the names of the columns that a column of the config may mean."""
    return [path.name for path in readings(text)]


def pick_all(cells: Sequence[Cell], path: NestedPath) -> Picked:
    """Takes the values at a path out of the cells of its column.

    Args:
        cells: N cells; text is read as the JSON that it writes.
        path: the path.
    """
    picked: list[Cell] = []
    mistakes = []
    for row, cell in enumerate(cells):
        value = None
        try:
            value = pick(cell, path)
        except ValueError as error:
            mistakes.append((row, str(error)))
        picked.append(None if value is ABSENT else value)
    return Picked(picked, mistakes)


def pick(cell: Cell, path: NestedPath) -> Cell:
    """Takes the value at a path out of a cell of its column.

    Args:
        cell: the cell; text is read as the JSON that it writes, and blank text is nothing.
        path: the path.

    Returns:
        The value; `None` if the cell, or a list of which a position is asked, holds nothing;
        `ABSENT` if an object lacks the key, or all objects of a list do.

    Raises:
        ValueError: if something else stands there than what the path leads through.
    """
    return _pick(cell, path, 0)


def _pick(cell: Cell, path: NestedPath, at: int) -> Cell:
    if at == len(path.steps):
        return cell
    if isinstance(cell, str):
        cell = _parsed(cell, path, at)
    if cell is None:
        return None
    step = path.steps[at]
    if step == EACH or isinstance(step, range):
        return _pick_items(_list(cell, path, at), path, at)
    if isinstance(step, int):
        items = _list(cell, path, at)
        return _pick(items[step], path, at + 1) if items else None
    if not isinstance(cell, dict):
        raise ValueError(_no_object(cell, path, at))
    for stop in range(len(path.steps), at, -1):  # a key may hold dots, as columns may
        part = path.steps[at:stop]
        key = ".".join(map(str, part))
        if key in cell and all(isinstance(p, str) and p != EACH for p in part):
            return _pick(cell[key], path, stop)
    return ABSENT


def _pick_items(items: list[Cell], path: NestedPath, at: int) -> Cell:
    """Returns a list of what the rest of the path finds in each item of a list."""
    is_list = any(step == EACH or isinstance(step, range) for step in path.steps[at + 1 :])
    values: list[Cell] = []
    absent = 0
    for item in items:
        value = _pick(item, path, at + 1)
        absent += value is ABSENT
        if value is ABSENT or (value is None and at + 1 < len(path.steps)):
            continue
        values += value if is_list and isinstance(value, list) else [value]
    return ABSENT if items and absent == len(items) else values


def _list(cell: Cell, path: NestedPath, at: int) -> list[Cell]:
    """Returns the items of a list that has those that are asked, or nothing at all."""
    step, here = path.steps[at], NestedPath(path.name, path.steps[:at])
    if not isinstance(cell, list):
        is_last = step == EACH and at + 1 == len(path.steps)
        help = "; without [] it is read as it stands" if is_last else ""
        raise ValueError(f"{_column(here)} must hold a list, received {_kind(cell)}{help}")
    if step == EACH or (isinstance(step, int) and not cell):
        return cell
    needed = step.stop if isinstance(step, range) else int(step) + 1
    if len(cell) < needed:
        raise ValueError(
            f"{_column(here)} holds a list of {len(cell)}, "
            f"but {str(path)!r} needs at least {needed}"
        )
    return cell[step.start : step.stop] if isinstance(step, range) else cell


def _no_object(cell: Cell, path: NestedPath, at: int) -> str:
    here = NestedPath(path.name, path.steps[:at])
    message = f"{_column(here)} must hold an object, received {_kind(cell)}"
    if isinstance(cell, list):
        rest = NestedPath("", path.steps[at:])
        message += f"; {here}[]{rest} reads all of its items, {here}[0]{rest} the first"
    return message


def _parsed(text: str, path: NestedPath, at: int) -> Cell:
    """Returns what a text writes as JSON, or the text itself; blank text is nothing."""
    try:
        return written_value(text.strip()) if text.strip() else None
    except ValueError:
        here = NestedPath(path.name, path.steps[:at])
        raise ValueError(f"{_column(here)} holds text that is no list or object") from None


def _column(path: NestedPath) -> str:
    return f"column {str(path)!r}"


def _kind(cell: Cell) -> str:
    if isinstance(cell, list):
        return f"a list of {len(cell)}"
    return _KINDS.get(type(cell), type(cell).__name__)


def _written(step: Step) -> str:
    if step == EACH:
        return EACH
    if isinstance(step, range):
        return f"[{step.start}:{step.stop}]"
    return f"[{step}]" if isinstance(step, int) else f".{step}"
