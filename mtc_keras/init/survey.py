"""Files read once: their columns, nested ones by their paths, and the first rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mtc_keras.data.blocks import Block
from mtc_keras.data.formats.layout import Layout
from mtc_keras.data.sources import Files, file_blocks, named
from mtc_keras.init.cells import is_number
from mtc_keras.init.columns import Column
from mtc_keras.tasks.columns import Cell
from mtc_keras.tasks.nesting import nested_paths
from mtc_keras.tasks.paths import found_path, pick_all

OF_BLOCK = 1_000  # rows of each 20,000 whose columns are compared with each other
MOST_COMPARED = 10_000
MOST_KEYS = 50  # of a nested table; one with more has a key per class
DEPTH = 3


@dataclass
class Survey:
    """What files hold.

    Args:
        files: their paths.

    Attributes:
        rows: int. All rows.
        columns: by name.
        compared: cells of some rows, by column, `None` where a row lacks one.
        notes: what is told of how the files are read.
    """

    files: Sequence[str]
    rows: int = 0
    columns: dict[str, Column] = field(default_factory=dict)
    compared: dict[str, list[Cell]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _compared: int = 0

    def add(self, block: Block) -> None:
        """Takes the next rows."""
        left = min(OF_BLOCK, MOST_COMPARED - self._compared)
        taken = range(0, len(block), -(-len(block) // left)) if left else range(0)
        before, self._compared = self._compared, self._compared + len(taken)
        for name, cells in flattened(block.columns):
            if name not in self.columns:
                self.columns[name] = Column(name, block.has_null)
                self.compared[name] = [None] * before
            self.columns[name].add(cells)
            self.compared[name] += [cells[row] for row in taken]
        self.rows += len(block)
        for cells in self.compared.values():  # of columns that these rows lack
            cells += [None] * (self._compared - len(cells))

    def rows_of(self, names: Sequence[str]) -> list[list[Cell]]:
        """Returns the compared rows' cells of some columns."""
        return [list(row) for row in zip(*(self.compared[name] for name in names), strict=True)]


def survey_files(files: Files, layout: Layout) -> Survey:
    """Reads files, in memory that does not grow with their rows.

    Args:
        files: their paths, or those of parallel files by column.
        layout: how they are read.

    Raises:
        DataError: if they cannot be read.
    """
    survey = Survey(named(files))
    for block in file_blocks(files, layout=layout, notes=survey.notes):
        survey.add(block)
    return survey


def flattened(
    columns: Mapping[str, list[Cell]], depth: int = DEPTH
) -> Iterator[tuple[str, list[Cell]]]:
    """Yields the cells of columns; those of nested tables and lists of tables by their paths."""
    for name, cells in columns.items():
        keys = nested_keys(cells) if depth else []
        if not keys:
            yield name, cells
            for way in _ways_into_items(cells):
                path = found_path(f"{name}{way}", [name])
                if path is not None:
                    yield str(path), pick_all(cells, path).cells
            continue
        inner = {
            f"{name}.{key}": [cell.get(key) if isinstance(cell, dict) else None for cell in cells]
            for key in keys
        }
        yield from flattened(inner, depth - 1)


def nested_keys(cells: Sequence[Cell]) -> list[str]:
    """Returns the keys of tables that are rows in a row, and no numbers of classes."""
    tables = [cell for cell in cells if isinstance(cell, dict)]
    if not tables or any(not isinstance(cell, dict) and cell is not None for cell in cells):
        return []
    keys = dict.fromkeys(key for table in tables for key in table)
    if len(keys) > MOST_KEYS or all(_counts_classes(table) for table in tables):
        return []
    return list(keys)


def _counts_classes(table: dict[str, Cell]) -> bool:
    return all(
        value is None or isinstance(value, bool) or is_number(value) for value in table.values()
    )


def _ways_into_items(cells: Sequence[Cell]) -> list[str]:
    """Returns the ways to the values in cells that are lists of tables."""
    items = [item for cell in cells if isinstance(cell, list) for item in cell]
    if not items or not all(isinstance(item, dict) for item in items):
        return []
    return nested_paths(cells)
