"""How the kinds with classes read votes and probabilities: as the share of each class."""

from abc import abstractmethod
from contextlib import suppress
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from mtc_keras.errors import listed
from mtc_keras.files import json_line
from mtc_keras.tasks.class_labels import ClassLabels
from mtc_keras.tasks.columns import Cell, Cells
from mtc_keras.tasks.probabilities import normalised, single, stated
from mtc_keras.tasks.spelling import INTEGER, Reading, number_of
from mtc_keras.tasks.votes import Answer, Votes, is_blank_text
from mtc_keras.tasks.written import written_value

SHARES = ("votes", "probabilities")  # values of `labels`
ROUNDING = 1e-6  # of a sum of probabilities that is 1


class ShareLabels(ClassLabels):
    """Targets that give the share of each class: float32 `(N, C)` in [0, 1], NaN where missing."""

    takes_several: ClassVar[bool] = False  # classes per annotator

    normalise: bool | None = Field(
        default=None,
        description='With labels = "probabilities" of one class per row: divide them by their sum '
        "whatever it is, as an LLM's most likely classes or percentages need; default: false.",
    )
    votes_by: str | None = Field(
        default=None, description="What `[data] votes_by` says; it is set there."
    )

    def model_post_init(self, context: Any) -> None:
        """Checks what involves several fields."""
        super().model_post_init(context)
        if self.normalise and (self.labels != "probabilities" or self.takes_several):
            raise ValueError(
                'normalise belongs to labels = "probabilities" of one class per row; remove it'
            )

    @property
    def has_shares(self) -> bool:
        return self.labels in SHARES or self.votes_by is not None

    @property
    def reads_lists(self) -> bool:
        return self.labels in SHARES or super().reads_lists

    def _given_classes(self) -> list[str] | None:
        if self.classes is None and self.labels == "probabilities" and self.path.is_vector:
            return self.path.vector_classes
        return super()._given_classes()

    def _check_width(self) -> None:
        super()._check_width()
        given, width = self._given_classes(), len(self.path.vector_classes)
        is_vector = self.labels == "probabilities" and self.path.is_vector
        if is_vector and given is not None and width != len(given):
            raise ValueError(
                f"column {str(self.path)!r} has {width} probabilities for {len(given)} classes"
            )

    def is_missing(self, cell: Cell) -> bool:
        if isinstance(cell, list) and self.labels in SHARES:  # nobody answered
            answers = self._votes.blank_is_none and self.path.is_several
            if answers and any(map(is_blank_text, cell)):  # that of none of the classes
                return False
            return all(map(self.says_nothing, cell))
        return super().is_missing(cell)

    # === What cells hold ===

    @property
    def answer_separator(self) -> str:
        """What separates the names in a text cell."""
        raise NotImplementedError

    @cached_property
    def _votes(self) -> Votes:
        return Votes(
            str(self.path),
            several=self.takes_several,
            separator=self.answer_separator,
            says_nothing=self.says_nothing,
            blank_is_none=getattr(self, "empty_cell", "missing") == "none",
        )

    @cached_property
    def _columns_count(self) -> bool:
        """Whether columns are called as the classes that the config lists, and count its votes."""
        if not self.path.is_several or self.learned or self._given_classes() is None:
            return False
        found = [self._index.find(name) for name in self.path.names]
        return None not in found and len(set(found)) == len(self._index)

    def answers(self, cell: Cell) -> list[Answer]:
        """Returns what annotators answered, of a cell of votes."""
        if not (self.path.is_several and isinstance(cell, list)):
            return self._votes.of_cell(cell)
        if not self._columns_count:
            return self._votes.of_columns(cell)
        counts = [0 if self.says_nothing(value) else number_of(value) for value in cell]
        return self._votes.of_counts(dict(zip(self.path.names, counts, strict=True)))

    def probabilities(self, cell: Cell) -> dict[object, float]:
        """Returns the probabilities by class that a cell states; NaN where it says null."""
        try:
            return stated(cell, self._given_classes())
        except ValueError as error:
            raise ValueError(f"{error}{self._deeper(cell)}") from None

    def _deeper(self, cell: Cell) -> str:
        """Returns the line that reads the only list or table in a table, if there is one."""
        with suppress(ValueError):
            table = written_value(cell) if isinstance(cell, str) else cell
            if isinstance(table, dict):
                inner = [key for key, value in table.items() if isinstance(value, (list, dict))]
                if len(inner) == 1:
                    way = f"{self.path}.{inner[0]}"
                    return f"; column = {json_line(way)} reads what stands there"
        return ""

    def named_in(self, cell: Cell) -> list[object]:
        if self.labels == "votes":
            return [name for answer in self.answers(cell) for name in answer.names]
        return list(self.probabilities(cell)) if self.labels in SHARES else self.listed_in(cell)

    @abstractmethod
    def listed_in(self, cell: Cell) -> list[object]:
        """Returns the names in a cell that is no share of classes.

        Raises:
            ValueError: if it cannot be read.
        """

    # === Shares ===

    def shares_in(self, cell: Cell) -> np.ndarray:
        """Returns float32 of shape `(C,)`, the share of each class in a cell; NaN where missing.

        Raises:
            ValueError: with what is wrong and what would be right.
        """
        return self._voted(cell) if self.labels == "votes" else self._stated(cell)

    def raters(self, cells: Cells) -> np.ndarray | None:
        if self.labels != "votes":
            return None
        return np.array([self._raters_of(cell) for cell in cells], "int32")

    def _raters_of(self, cell: Cell) -> int:
        if self.is_missing(cell):
            return 0
        try:
            return self._counted(cell)[1]
        except ValueError:  # told as a mistake
            return 0

    def _voted(self, cell: Cell) -> np.ndarray:
        counts, total = self._counted(cell)
        return (counts / total).astype("float32") if total else self.nothing_known

    def _counted(self, cell: Cell) -> tuple[np.ndarray, int]:
        """Returns how many annotators chose each class, and how many there are."""
        counts, total = np.zeros(len(self._index)), 0
        for answer in self.answers(cell):
            indices = map(self.index_of, answer.names)
            found = {index for index in indices if index is not None}
            if answer.names and not found:  # only classes to be ignored
                continue
            counts[list(found)] += answer.count
            total += answer.count
        total = self.voters(cell, total)
        if total and (counts > total).any():
            raise ValueError(
                f"a class has {counts.max():.0f} votes of {total} annotators: {cell!r}"
            )
        return counts, total

    def voters(self, cell: Cell, answers: int) -> int:
        """Returns the number of annotators behind a cell with so many answers."""
        return answers

    def _stated(self, cell: Cell) -> np.ndarray:
        found = self.probabilities(cell)
        values = list(found.values())
        if np.isnan(values).all():
            return self.nothing_known
        if self.takes_several:
            numbers = [single(value, cell) for value in values]
        else:
            numbers = normalised(values, cell, divide=bool(self.normalise))
        shares = np.full(len(self._index), np.nan)
        for name, number in zip(found, numbers, strict=True):
            index = self.index_of(name)
            if index is None:
                continue
            if not np.isnan(shares[index]):
                raise ValueError(f"class {name!r} has two probabilities in {cell!r}")
            shares[index] = number
        if self.takes_several:  # of classes that are not there nothing is known
            return shares.astype("float32")
        kept = np.nan_to_num(shares)
        known = sum(numbers) - kept.sum() <= ROUNDING
        if not known:  # of classes to be ignored
            kept = kept / kept.sum() if kept.any() else shares
        return kept.astype("float32")

    @property
    def nothing_known(self) -> np.ndarray:
        """The shares of a row without a label: NaN."""
        return np.full(len(self._index), np.nan, "float32")

    # === What is told ===

    def readings(self, cell: Cell) -> list[Reading]:
        found = super().readings(cell)
        if self.labels != "probabilities" or self.takes_several or self.is_missing(cell):
            return found
        try:
            self._stated(cell)
        except ValueError:  # told as a mistake
            return found
        total = sum(self.probabilities(cell).values())
        if abs(total - 1) > ROUNDING:  # False of NaN, where nothing is known
            found.append(Reading("normalised", f"sum of {total:.4g}"))
        return found

    def remarks(self, asked: Any, cells: Cells) -> list[str]:
        remarks = super().remarks(asked, cells)
        is_guess = self.labels == "votes" and self.path.is_several and asked.classes is None
        if is_guess and all(INTEGER.fullmatch(name) for name in self._index):
            names = self.path.names
            remarks.append(
                f"columns {listed(names, 3)} are read as annotators whose answers are the "
                f"classes {listed(list(self._index), 5)}; if they count votes per class, list "
                f"classes = [{', '.join(map(json_line, names))}]"
            )
        return remarks
