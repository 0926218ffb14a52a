"""How a task's labels are read: which column holds them, and what their cells mean."""

from abc import ABC, abstractmethod
from collections.abc import Collection
from functools import cached_property
from typing import Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from mtc_keras.errors import plural
from mtc_keras.files import json_line
from mtc_keras.tasks.columns import UNKNOWN, Cell, Cells, ColumnPath, Mistake, parse_column
from mtc_keras.tasks.distinct import DistinctCells, mistakes_of
from mtc_keras.tasks.markers import marker_key
from mtc_keras.tasks.spelling import Reading, class_name

MOST_MARKER = 40  # characters of a text that may mean that no label is known
TASK_NAME = r"^[a-z][a-z0-9_]*$"


class LabelReader(BaseModel, ABC):
    """The part of a `Task` that makes targets of cells."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str = Field(
        pattern=TASK_NAME,
        description="Name of the output, in logs, and of the default column: [a-z][a-z0-9_]*.",
    )
    kind: str
    column: str | list[str] | None = Field(
        default=None,
        description="Column that holds the label: 'name' (default: the task's name), a path into "
        "its values ('name.key', 'name[].key', 'name[2]', 'name[0:5]'), or a list of columns: a "
        "0/1 column per class, or columns of names.",
    )
    missing: list[str] | None = Field(
        default=None,
        description="Texts that mean that no label is known; default: in csv and tsv, which have "
        "no null, those of pandas (NaN, N/A, null, None, …), elsewhere none. What is listed as a "
        "class stays one.",
    )

    @field_validator("column")
    @classmethod
    def _column_parses(cls, column: str | list[str] | None) -> str | list[str] | None:
        if column is not None:
            parse_column(column)
        return column

    @cached_property
    def path(self) -> ColumnPath:
        """Where this task's label stands in a row."""
        return parse_column(self.column or self.name)

    @abstractmethod
    def learn(self, cells: Cells) -> Self:
        """Returns this task with what only the training rows can tell, such as its classes.

        How often a cell occurs matters only to a kind that `can_encode` before it learns; it
        may be given its targets in place of the cells. Any other may be given the different
        cells alone, in the order in which they first occur.

        Args:
            cells: the label cells of all training rows.

        Raises:
            ValueError: if the rows cannot make a task (a single class, no label at all).
        """

    @property
    def can_encode(self) -> bool:
        """Whether cells can be encoded before `learn` has seen those of all training rows."""
        return True

    def measure(self, targets: np.ndarray) -> Self:
        """Returns this task with the counts of the training labels that rules need.

        Args:
            targets: the encoded labels of the rows that are trained.
        """
        return self

    @abstractmethod
    def encode_cell(self, cell: Cell) -> Any:
        """Returns the target of one cell that is not missing.

        Raises:
            ValueError: with what is wrong and what would be right.
        """

    @property
    @abstractmethod
    def missing_target(self) -> Any:
        """The target of a row without a label."""

    @property
    def target_dtype(self) -> str:
        """Dtype of targets."""
        return "float32"

    def markers(self, default: Collection[str] = ()) -> frozenset[str]:
        """Returns the texts that mean that no label is known: those of `missing`, or others.

        Args:
            default: what they are where `missing` is not set.
        """
        given = default if self.missing is None else self.missing
        return frozenset(marker_key(text) or "" for text in given)

    def missing_line(self, value: object) -> str:
        """Returns the line of config that reads a value, too, as missing.

        Raises:
            ValueError: if it is no text or whole number, which alone can be a marker.
        """
        return f"missing = {json_line([*(self.missing or []), class_name(value)])}"

    def _with_line(self, message: str, cell: Cell) -> str:
        """Returns a message on a cell with a line of config that would help, if it has none yet."""
        if " = " in message or not isinstance(cell, str) or len(cell) > MOST_MARKER:
            return message
        return f"{message}; if it means that no label is known, set {self.missing_line(cell)}"

    @cached_property
    def _own_markers(self) -> frozenset[str]:
        return self.markers()

    def says_nothing(self, value: object) -> bool:
        """Whether a value says that nothing is known: null, blank text or a marker."""
        if value is None or value is UNKNOWN:
            return True
        key = marker_key(value)
        return key == "" or key in self._own_markers

    def is_missing(self, cell: Cell) -> bool:
        """Whether a cell holds no label: null, a blank cell, a marker, or a vector of such."""
        if isinstance(cell, list) and cell and self.path.is_vector:
            return all(map(self.says_nothing, cell))
        return self.says_nothing(cell)

    def is_unreadable(self, cell: Cell) -> bool:
        """Whether no names of classes can be read of a cell, where cells teach them."""
        return False

    def encode(self, cells: Cells) -> tuple[np.ndarray, list[Mistake]]:
        """Encodes label cells.

        Args:
            cells: N label cells; `None` and blank cells are missing.

        Returns:
            The targets of N rows (a wrong cell counts as missing), and the mistakes
            as pairs of row position and message.
        """
        distinct = DistinctCells()  # of many rows few differ
        numbers = distinct.numbers(cells)
        targets, wrong = [], {}
        for number, cell in enumerate(distinct.cells):
            target = self.missing_target
            if not self.is_missing(cell):
                try:
                    target = self.encode_cell(cell)
                except ValueError as error:
                    wrong[number] = self._with_line(str(error), cell)
            targets.append(target)
        shape = (len(targets), *np.shape(self.missing_target))
        encoded = np.asarray(targets, self.target_dtype).reshape(shape)[numbers]
        return encoded, mistakes_of(numbers, wrong)

    def raters(self, cells: Cells) -> np.ndarray | None:
        """Returns int32 of shape `(N,)`: how many annotators answered in each of N cells.

        `None` where cells do not hold the answers of annotators.
        """
        return None

    @property
    def names_classes(self) -> bool:
        """Whether cells hold names of classes, of which there are few."""
        return False

    def readings(self, cell: Cell) -> list[Reading]:
        """Returns the names in a cell that are read as something else than what stands there.

        What is read so is told, once for all rows: a user may have meant another thing.

        Args:
            cell: a cell that `encode` takes; one that is wrong has no readings.
        """
        return []

    def found(self, asked: Self) -> str:
        """Returns what the rows showed of how labels stand in them, for people; `""` if nothing.

        Args:
            asked: the task before it learned from the rows.
        """
        return ""

    def remarks(self, asked: Self, cells: Cells) -> list[str]:
        """Returns what the cells suggest that somebody may have meant, in lines for people.

        Args:
            asked: the task before it learned from the cells.
            cells: the different cells of all training rows.
        """
        return []

    def read_targets(self, values: np.ndarray) -> np.ndarray:
        """Returns targets that a user hands to Keras as numbers, in this kind's dtype and shape.

        Args:
            values: numbers or bools of N rows, shaped as targets, NaN where missing; a column of
                shape `(N, 1)` is read as `(N,)`.

        Raises:
            ValueError: if they have another shape, or hold what is no target of this kind.
        """
        shape = np.shape(self.missing_target)
        if not shape and values.ndim == 2 and values.shape[1] == 1:
            values = values[:, 0]
        if values.shape[1:] != shape:
            expected = ", ".join(map(str, ("N", *shape))) + ("" if shape else ",")
            raise ValueError(
                f"targets of a {self.kind} task have the shape ({expected}). "
                f"Received: {values.dtype} of shape {values.shape}"
            )
        is_integer = np.dtype(self.target_dtype).kind in "iu"
        if is_integer and values.dtype.kind == "f":
            missing = np.isnan(values)
            whole = np.isfinite(values) & (values == np.trunc(values))
            self.refuse_targets(values, ~(whole | missing), "whole numbers, or NaN where missing")
            values = np.where(missing, self.missing_target, values)
        limit = (np.iinfo if is_integer else np.finfo)(self.target_dtype).max
        # In float64, as a small type cannot hold the limit.
        large = np.abs(values.astype("float64")) > float(limit)
        expected = f"of type {self.target_dtype}" if is_integer else "finite, or NaN where missing"
        self.refuse_targets(values, large, expected)
        return values.astype(self.target_dtype)

    def refuse_targets(self, values: np.ndarray, wrong: np.ndarray, expected: str) -> None:
        """Raises an error if some targets are wrong.

        Args:
            values: targets of N rows.
            wrong: bool of the same shape.
            expected: what they must be.

        Raises:
            ValueError: that names the first one that is wrong, and their number.
        """
        if not wrong.any():
            return
        places = np.argwhere(wrong)
        raise ValueError(
            f"targets must be {expected}. Received: {values[tuple(places[0])].item()!r} in row "
            f"{places[0][0]}; {plural(len(places), 'such value')} in all"
        )

    def labelled(self, targets: np.ndarray) -> np.ndarray:
        """Returns bool of shape `(N,)`: which rows carry a label for this task."""
        known = targets >= 0 if targets.dtype.kind == "i" else ~np.isnan(targets)
        return np.asarray(known if known.ndim == 1 else known.any(axis=-1))
