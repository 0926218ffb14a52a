"""The rows of all splits, one after the other, and what is told of some of them.

Shapes: N rows in all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from mtc_keras.check.checked import Checked
from mtc_keras.errors import plural
from mtc_keras.pages.blocks import Severity
from mtc_keras.tasks import Task

MOST_PLACES = 3  # shown; the table has all


@dataclass(frozen=True)
class Finding:
    """Something that is odd about the data.

    Args:
        name: str. That of its kind and of its table.
        severity: `"error"`: training would be misled; `"warning"`: look at it; `"note"`: good to
            know.
        title: str. What is odd, of how many.
        count: int. How often.
        remedy: str. The line, the command or the look that would help.
        about: str. The task or the split that it is about.
        places: where, the first ones.
        table: all places, a dict of cells each.
    """

    name: str
    severity: Severity
    title: str
    count: int
    remedy: str
    about: str = ""
    places: tuple[str, ...] = ()
    table: Sequence[Mapping[str, Any]] = field(default=(), repr=False)


class Pooled:
    """The rows of all splits.

    Args:
        checked: the `Checked`.
    """

    def __init__(self, checked: Checked) -> None:
        self.checked = checked
        self.splits = list(checked.splits.values())
        self.names = list(checked.splits)
        self._starts = np.cumsum([0, *map(len, self.splits)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def tasks(self) -> list[Task]:
        """The tasks in the config's order."""
        return self.checked.tasks

    @cached_property
    def split(self) -> np.ndarray:
        """int64 of shape `(N,)`: the position of each row's split, 0 being training's."""
        return np.repeat(np.arange(len(self.splits)), [len(rows) for rows in self.splits])

    @cached_property
    def keys(self) -> np.ndarray:
        """uint64 of shape `(N,)`: equal for texts that differ in case and blanks alone."""
        return np.concatenate([rows.text_keys for rows in self.splits])

    @cached_property
    def texts(self) -> list[str]:
        """N texts; those of a pair on two lines."""
        return ["\n".join(texts) for rows in self.splits for texts in zip(*rows.texts, strict=True)]

    @cached_property
    def targets(self) -> dict[str, np.ndarray]:
        """The targets of all N rows, by task."""
        return {
            task.name: np.concatenate([rows.targets[task.name] for rows in self.splits])
            for task in self.tasks
        }

    @cached_property
    def training(self) -> np.ndarray:
        """bool of shape `(N,)`: the rows that are trained."""
        return self.split == 0

    def labelled(self, task: Task) -> np.ndarray:
        """Returns bool of shape `(N,)`: rows with a label of a task."""
        return np.asarray(task.labelled(self.targets[task.name]), bool)

    def labels(self, task: Task, rows: Iterable[int]) -> list[str]:
        """Returns what some rows are labelled with, for people; `""` where missing.

        Of shares it is what most say, as nearly all else counts them.
        """
        targets = task.hard(self.targets[task.name][np.fromiter(rows, "int64")])
        cells = (task.label_cell(task.label(target)) for target in targets)
        return ["" if cell is None else str(cell) for cell in cells]

    def where(self, row: int) -> str:
        """Returns where a row stands."""
        split = int(self.split[row])
        return str(self.splits[split].where[row - int(self._starts[split])])

    def places(self, rows: Iterable[int]) -> tuple[str, ...]:
        """Returns where the first few of some rows stand."""
        return tuple(self.where(row) for row, _ in zip(rows, range(MOST_PLACES), strict=False))

    def table(
        self, rows: Sequence[int] | np.ndarray, **cells: Sequence[Any]
    ) -> list[dict[str, Any]]:
        """Returns a dict per row: split, place, more cells, and the text if it may be shown.

        Args:
            rows: the rows.
            **cells: for each column of the table a cell per row.
        """
        table = self.table_of_places(rows, **cells)
        if self.checked.texts:
            for line, row in zip(table, rows, strict=True):
                line["text"] = self.texts[row]
        return table

    def table_of_places(
        self, rows: Sequence[int] | np.ndarray, **cells: Sequence[Any]
    ) -> list[dict[str, Any]]:
        """Returns what `table` does, but never texts."""
        return [
            {"split": self.names[self.split[row]], "place": self.where(row)}
            | {name: values[at] for name, values in cells.items()}
            for at, row in enumerate(rows)
        ]

    def counted(self, rows: np.ndarray | Sequence[int], noun: str, of: int | None = None) -> str:
        """Returns how many there are, of how many, and where: `2 texts of 90 (train 1, test 1)`."""
        total = "" if of is None else f" of {of:,}"
        where = f" ({self.shares(rows)})" if len(self.names) > 1 and len(rows) else ""
        return f"{plural(len(rows), noun)}{total}{where}"

    def shares(self, rows: np.ndarray | Sequence[int]) -> str:
        """Returns how many of some rows each split has, such as `train 12, test 3`."""
        counts = np.bincount(self.split[np.asarray(rows, int)], minlength=len(self.names))
        return ", ".join(
            f"{name} {count:,}" for name, count in zip(self.names, counts, strict=True) if count
        )
