"""How a task of any number of classes per row reads its label cells."""

from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from mtc_keras.errors import listed, plural
from mtc_keras.files import json_line
from mtc_keras.tasks.classification import ClassificationTask
from mtc_keras.tasks.columns import Cell, Cells
from mtc_keras.tasks.flags import BITS, FlagColumn, is_blank
from mtc_keras.tasks.remedies import are_shares, list_line
from mtc_keras.tasks.separators import (
    AUTO,
    BRACKETS,
    CANDIDATES,
    DEFAULT,
    find_separator,
    lists,
    split_names,
    texts_of,
)
from mtc_keras.tasks.share_labels import SHARES
from mtc_keras.tasks.spelling import Reading, class_key, is_whole
from mtc_keras.tasks.written import is_written, without_choices, written_value


class SetLabels(ClassificationTask):
    """Any number of classes per row: targets are float32 of shape `(N, C)`, NaN where missing."""

    takes_several: ClassVar[bool] = True

    separator: str = Field(
        default=DEFAULT,
        min_length=1,
        description="Separator of the class names in a text cell; '><' reads `<a><b>`. auto: what "
        "splits the training rows' cells into names that are seen elsewhere, too.",
    )
    empty_cell: Literal["missing", "none"] = Field(
        default="missing",
        description="What an empty text cell means: no label is known, or none of the classes. In "
        "a 0/1 column none is 0.",
    )
    marked_classes: list[str] | None = Field(
        default=None,
        description="Classes whose 0/1 column holds a mark such as x, or nothing, which is 0; "
        "default: those in whose column the training rows show no other 0.",
    )

    annotators: int | None = Field(
        default=None,
        ge=1,
        description='With labels = "votes": how many annotators every row has, where cells say '
        "only how often each class was chosen.",
    )

    def model_post_init(self, context: Any) -> None:
        """Checks what involves several fields."""
        super().model_post_init(context)
        if self.annotators is not None and self.labels != "votes":
            raise ValueError('annotators belongs to labels = "votes"; remove one of the two')

    @property
    def answer_separator(self) -> str:
        return self.separator

    def voters(self, cell: Cell, answers: int) -> int:
        is_row = self.path.is_several and isinstance(cell, list)
        if not (self._columns_count if is_row else self._votes.is_flat(cell)):
            return answers
        if self.annotators is None and answers:
            raise ValueError(
                f"{cell!r} says how often each class was chosen, but not by how many annotators: "
                'say annotators = 3, or write a list per annotator, as [["joy"], ["joy", "fear"]]'
            )
        return self.annotators or 0

    @property
    def missing_target(self) -> np.ndarray:
        return np.full(len(self._index), np.nan, "float32")

    def is_missing(self, cell: Cell) -> bool:
        if self.empty_cell == "none":
            if isinstance(cell, str) and not cell.strip():
                return False
            if self.labels == "names" and self.path.is_several and isinstance(cell, list):
                return not all(map(is_blank, cell)) and super().is_missing(cell)
        if self._zero_if_blank and isinstance(cell, list):
            cell = self._blanks_as_zero(cell)
        return super().is_missing(cell)

    @property
    def can_encode(self) -> bool:
        if self.holds_flags:
            return super().can_encode and not self._may_be_marked
        return super().can_encode and self.separator != AUTO

    @property
    def _may_be_marked(self) -> bool:
        """Whether the training rows must show if a blank cell of 0/1 columns is 0."""
        is_measured = self.marked_classes is not None or self.class_counts is not None
        return self.path.is_several and self.empty_cell == "missing" and not is_measured

    @cached_property
    def _zero_if_blank(self) -> frozenset[int]:
        """The positions of 0/1 columns in which a blank cell is 0."""
        if not self.holds_flags or not self.path.is_several:
            return frozenset()
        if self.empty_cell == "none":
            return frozenset(range(len(self._index)))
        return frozenset(self._index[name] for name in self.marked_classes or ())

    def _blanks_as_zero(self, cell: list[Cell]) -> list[Cell]:
        zero = self._zero_if_blank
        return [0 if at in zero and is_blank(value) else value for at, value in enumerate(cell)]

    def learn(self, cells: Cells) -> Self:
        if not self._is_undecided and self.holds_flags and self._may_be_marked:
            marked = self._marked(self._flag_columns(cells))
            values = {**self.model_dump(), "marked_classes": marked}
            return type(self).model_validate(values).learn(cells)
        if self.separator != AUTO or self._is_undecided:
            return super().learn(cells)
        found = None if self.holds_flags else find_separator(self._texts(cells), self._is_class)
        return self.model_copy(update={"separator": found or DEFAULT}).learn(cells)

    @property
    def _is_class(self) -> Callable[[str], bool] | None:
        """Whether a name is one of the classes; `None` where they are to be learned."""
        if self._given_classes() is None:
            return None
        return lambda name: self._index.find(name) is not None

    def _flag_columns(self, cells: Cells) -> dict[str, FlagColumn]:
        """Returns what stands in the column of each class."""
        rows = [cell for cell in cells if isinstance(cell, list) and len(cell) == len(self._index)]
        return {name: FlagColumn(row[at] for row in rows) for name, at in self._index.items()}

    def _marked(self, columns: dict[str, FlagColumn]) -> list[str]:
        """Returns the classes of marked columns; a class that no row has is marked nowhere."""
        marked = [name for name, column in columns.items() if column.is_marked]
        blank = [name for name, column in columns.items() if column.is_blank]
        return [name for name in self._index if name in marked + blank] if marked else []

    @property
    def reads_lists(self) -> bool:
        return True

    def _texts(self, cells: Cells) -> list[str]:
        known = (cell for cell in cells if not self.is_missing(cell))
        return texts_of(name for cell in known for name in self.names_of_columns(cell))

    def remarks(self, asked: Self, cells: Cells) -> list[str]:
        remarks = super().remarks(asked, cells)
        if self.holds_flags:
            is_said = asked.marked_classes is not None or self.empty_cell == "none"
            return remarks if is_said else [*remarks, *self._remarks_on_flags(cells)]
        texts = self._texts(cells)
        several = [text for text in texts if len(split_names(text, self.separator)) > 1]
        if asked.separator == AUTO:
            such = f" such as {several[0]!r}" if several else ""
            remarks.append(
                f'separator = "auto" is {json_line(self.separator)}: it splits {len(several):,} of '
                f"{len(texts):,} different cells{such}"
            )
        elif not several and (better := find_separator(texts)) not in (None, self.separator):
            held = [text for text in texts if len(split_names(text, better)) > 1]
            remarks.append(
                f"{len(held):,} of {plural(len(self._index), 'class')} such as {held[0]!r} read as "
                f'lists with separator = {json_line(better)}; set it, or separator = "auto"'
            )
        return remarks

    def _remarks_on_flags(self, cells: Cells) -> list[str]:
        """Returns a line on 0/1 columns of which none holds a 0: a blank cell may be it."""
        held = [column for column in self._flag_columns(cells).values() if not column.is_blank]
        if self.marked_classes or not held or not all(column.lacks_zero for column in held):
            return []
        return [
            f"columns {listed(self.path.names, 3)} hold 1 and empty cells, which are read as "
            'missing; empty_cell = "none" reads them as 0'
        ]

    def _flag_readings(self, cell: Cell) -> list[Reading]:
        found = super()._flag_readings(cell)
        if self.marked_classes and isinstance(cell, list):
            blank = sum(
                is_blank(value) for at, value in enumerate(cell) if at in self._zero_if_blank
            )
            found += [Reading("blank", "", "0")] * blank
        return found

    def readings(self, cell: Cell) -> list[Reading]:
        if isinstance(cell, str) and not is_written(cell):
            names = () if self.holds_flags else split_names(cell, self.separator)
            if all(name in self._index for name in names):
                return []  # nearly always; cells may all differ
        found = [*self._bits_as_names(cell), *self._null_readings(cell), *super().readings(cell)]
        return found if self.holds_flags else [*found, *self._table_readings(cell)]

    def _table_readings(self, cell: Cell) -> list[Reading]:
        """Returns the words of a table of classes that are read as 0 or 1."""
        with suppress(ValueError):
            table = without_choices(written_value(cell) if isinstance(cell, str) else cell)
            return self._flag_readings(table) if isinstance(table, dict) else []
        return []

    def _bits_as_names(self, cell: Cell) -> list[Reading]:
        """Returns the reading of a list of 0 and 1 that repeats them, as no list of names does."""
        is_list = isinstance(cell, list) or (isinstance(cell, str) and cell.lstrip()[:1] == "[")
        if self.holds_flags or self.path.is_vector or self.labels in SHARES or not is_list:
            return []
        try:
            values = self.listed_in(cell)
            bits = [class_key(value) for value in values]
        except ValueError:
            return []
        repeats = len(set(bits)) < len(bits) and set(bits) <= BITS.keys()
        return [Reading("vector", str(values))] if repeats else []

    def _null_readings(self, cell: Cell) -> list[Reading]:
        """Returns the reading of a list that holds null beside names."""
        if self.holds_flags or self.path.is_several or self.labels in SHARES:
            return []
        with suppress(ValueError):
            values = written_value(cell) if isinstance(cell, str) else cell
            if isinstance(values, list) and None in values and not _is_null(values):
                self.encode_cell(cell)  # as a mistake is told by itself
                return [Reading("null", json_line(values))]
        return []

    def remedy(self, name: str) -> str:
        for separator in (*CANDIDATES, BRACKETS):
            if separator != self.separator and lists([name], separator, self._is_class):
                return f"If it is a list, set separator = {json_line(separator)}"
        return super().remedy(name)

    def listed_in(self, cell: Cell) -> list[object]:
        """Returns the class names of a cell; those of a table have a 0 or 1 each."""
        if self.path.is_several and isinstance(cell, list):
            return [
                name
                for value in self.names_of_columns(cell)
                for name in (self.listed_in(value) if isinstance(value, str) else [value])
            ]
        cell = without_choices(written_value(cell) if isinstance(cell, str) else cell)
        if isinstance(cell, dict):
            return list(cell)
        if isinstance(cell, str):
            if self.separator == AUTO:
                raise ValueError('separator = "auto" is found by `learn`: call it first')
            return list(split_names(cell, self.separator))
        if isinstance(cell, list):
            if line := list_line(str(self.path), cell, several=True):
                what = "objects" if any(isinstance(item, dict) for item in cell) else "lists"
                raise ValueError(f"expected a list of class names, received one of {what}; {line}")
            return [value for value in cell if value is not None]
        if is_whole(cell):
            return [cell]
        kind = "multiclass" if isinstance(cell, bool) else "regression"
        raise ValueError(
            f"expected a list of class names, text separated by {self.separator!r}, or a table "
            f'such as {{"joy": 1, "fear": 0}}, received {cell!r}; kind = "{kind}" reads such'
        )

    def encode_cell(self, cell: Cell) -> np.ndarray:
        if self.labels in SHARES:
            return self.shares_in(cell)
        table = without_choices(written_value(cell) if isinstance(cell, str) else cell)
        if isinstance(table, dict):
            return self._partly_known(table)
        if self.holds_flags:
            return self.vector(self._blanks_as_zero(table) if isinstance(table, list) else table)
        if _is_null(table):
            return self.missing_target
        indices = self._indices(self.listed_in(table))
        known = [index for index in indices if index is not None]
        if indices and not known:  # only classes to be ignored
            return self.missing_target
        target = np.zeros(len(self._index), "float32")
        target[known] = 1
        return target

    def _indices(self, values: list[object]) -> list[int | None]:
        """Returns the index of each class that is named, `None` for those to be ignored."""
        try:
            return [self.index_of(value) for value in values]
        except ValueError:
            if not are_shares(values):
                raise
        raise ValueError(
            f"expected names of classes, received {values!r}; "
            'labels = "probabilities" reads a share of each class'
        )

    def _partly_known(self, cell: dict[Any, Any]) -> np.ndarray:
        """Returns the target of a cell that states some classes as 0 or 1."""
        target = self.missing_target
        values = self.bits(list(cell.values()), cell)
        for name, value in zip(cell, values, strict=True):
            index = self.index_of(name)
            if index is None:
                continue
            if target[index] == 1 - value:
                raise ValueError(f"class {name!r} is both 0 and 1 in {cell!r}")
            target[index] = value
        return target


def _is_null(cell: Cell) -> bool:
    """Whether a cell is a list of nothing but null, which is not the empty list."""
    return isinstance(cell, list) and bool(cell) and all(value is None for value in cell)
