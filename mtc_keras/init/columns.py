"""What stands in a column of a table: its different cells, how often each, what they look like."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import islice

from mtc_keras.init.cells import NOTHING, is_nothing, parsed
from mtc_keras.tasks.columns import Cell
from mtc_keras.tasks.markers import MARKERS
from mtc_keras.tasks.spelling import number_of

MOST_DISTINCT = 20_000  # different cells of a column that are counted
MOST_LOOKED_AT = 5_000  # of which so many are looked at


class Column:
    """A column of a table, gathered block by block; then it stays as it is.

    Args:
        name: as a config would name it, which may be a path into nested values.
        has_null: bool. Whether the format can say that a cell holds nothing.

    Attributes:
        is_whole: bool. Whether all rows are counted: where too many differ, the counting ends.
    """

    def __init__(self, name: str, has_null: bool = True) -> None:
        self.name, self.has_null, self.is_whole = name, has_null, True
        self._counts: Counter[object] = Counter()
        self._cells: dict[object, Cell] = {}

    def add(self, cells: Sequence[Cell]) -> None:
        """Takes the cells of the next rows."""
        if not self.is_whole:
            return
        if set(map(type, cells)) <= {str, type(None)}:
            found: Mapping[object, int] = Counter(cells)
            self._cells |= {key: key for key in found if key not in self._cells}
        else:  # a list cannot be a key, and 1 and True would be one key
            keys = [cell if type(cell) is str else (repr(cell),) for cell in cells]
            found = Counter(keys)
            for key, cell in zip(keys, cells, strict=True):
                self._cells.setdefault(key, cell)
        self._counts.update(found)
        self.is_whole = len(self._counts) <= MOST_DISTINCT

    @cached_property
    def known(self) -> list[tuple[Cell, int]]:
        """The different cells that say something, and how many rows have each."""
        pairs = ((self._cells[key], count) for key, count in self._counts.items())
        return [(cell, count) for cell, count in pairs if not self._is_missing(cell)]

    def _is_missing(self, cell: Cell) -> bool:
        return is_nothing(cell) or (isinstance(cell, str) and cell.strip() in self._gaps)

    @property
    def _gaps(self) -> frozenset[str]:
        """Texts that fill gaps; `None` in quotes may be a class where there is a null."""
        return NOTHING | (MARKERS - {"None"} if self.has_null else MARKERS)

    @cached_property
    def looked_at(self) -> list[tuple[Cell, int]]:
        """Some of the `known` cells, lists and tables parsed."""
        return [(parsed(cell), count) for cell, count in islice(self.known, MOST_LOOKED_AT)]

    @property
    def labelled(self) -> int:
        """Rows whose cell says something."""
        return sum(count for _, count in self.known)

    @property
    def blank(self) -> int:
        """Rows whose text cell is blank."""
        return sum(n for key, n in self._counts.items() if isinstance(key, str) and not key.strip())

    @property
    def distinct(self) -> int:
        """Different cells that say something."""
        return len(self.known)

    @property
    def uniqueness(self) -> float:
        """Different cells per row that says something: 1 where no two are equal."""
        return self.distinct / max(self.labelled, 1)

    def mean(self, measure: Callable[[Cell], float]) -> float:
        """Returns the mean over rows of a number per cell; of a test, the share that passes it."""
        total = sum(count for _, count in self.looked_at)
        return sum(count * measure(cell) for cell, count in self.looked_at) / max(total, 1)

    def all(self, looks: Callable[[Cell], bool]) -> bool:
        """Whether there are cells, and all of them pass a test."""
        return bool(self.known) and all(looks(cell) for cell, _ in self.looked_at)

    @cached_property
    def numbers(self) -> list[float]:
        """The different numbers that cells hold or write, ascending."""
        found = {number_of(cell) for cell, _ in self.known}
        return sorted(number for number in found if math.isfinite(number))

    @cached_property
    def names(self) -> list[str]:
        """The different texts among the cells, without blanks around them, as they come."""
        texts = (cell.strip() for cell, _ in self.known if isinstance(cell, str))
        return list(dict.fromkeys(texts))

    @cached_property
    def gaps(self) -> dict[str, int]:
        """Texts that fill gaps, and how many rows have each."""
        found: Counter[str] = Counter()
        for key, count in self._counts.items():
            if isinstance(key, str) and key.strip() in self._gaps:
                found[key.strip()] += count
        return dict(found)
