"""What several annotators answered, as it stands in one cell.

A cell holds a list of names, a list of objects with a label, a table of annotators or of counts, or
the cells of several columns, one per annotator. An annotator who said nothing has abstained.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mtc_keras.errors import listed
from mtc_keras.files import json_line
from mtc_keras.tasks.columns import Cell
from mtc_keras.tasks.separators import split_names
from mtc_keras.tasks.spelling import number_of
from mtc_keras.tasks.written import written_value

LABEL_KEYS = ("label", "labels", "value", "answer", "class", "category", "choice")
MOST_LINES = 3  # of config, in a message


@dataclass(frozen=True)
class Answer:
    """What one or several annotators answered.

    Args:
        names: the classes chosen, as they are written.
        count: int. How many annotators.
    """

    names: Sequence[object]
    count: int = 1


@dataclass(frozen=True)
class Votes:
    """How the votes of one column are read.

    Args:
        column: the column, for messages.
        several: bool. Whether an annotator may choose several classes, or none.
        separator: what separates names in a text.
        says_nothing: whether a value says that nothing is known.
        blank_is_none: bool. Whether an annotator whose cell is blank chose none of the classes.
    """

    column: str
    several: bool
    separator: str
    says_nothing: Callable[[object], bool]
    blank_is_none: bool = False

    def of_columns(self, cells: Sequence[Cell]) -> list[Answer]:
        """Returns the answers of annotators who have a column each."""
        return self._answers([self._set(cell) if self.several else cell for cell in cells])

    def of_cell(self, cell: Cell) -> list[Answer]:
        """Returns the answers in one cell.

        Raises:
            ValueError: if it holds something else than votes.
        """
        if isinstance(cell, str):
            cell = written_value(cell)
        if isinstance(cell, str):
            cell = list(self.split(cell))
        if isinstance(cell, dict):
            return self._of_table(cell)
        if not isinstance(cell, list):
            cell = [cell]
        if self.several and any(isinstance(x, str) and len(self.split(x)) > 1 for x in cell):
            cell = [self._set(value) for value in cell]
        return self._answers(cell)

    def is_flat(self, cell: Cell) -> bool:
        """Whether a cell says how often classes were chosen, but not by how many annotators."""
        if isinstance(cell, str):
            cell = written_value(cell)
        if isinstance(cell, dict):
            return _holds_counts(cell)
        if not isinstance(cell, list):
            return True
        values = [value for value in cell if not self.says_nothing(value)]
        return not any(
            isinstance(x, (list, dict)) or (isinstance(x, str) and len(self.split(x)) > 1)
            for x in values
        )

    def of_counts(self, table: Mapping[Any, object]) -> list[Answer]:
        """Returns the answers of a table of how many annotators chose each class."""
        return [Answer([name], _count(number, table)) for name, number in table.items()]

    def split(self, text: str) -> list[str]:
        """Returns the names in a text."""
        return split_names(text, self.separator)

    def _of_table(self, table: dict[Any, Any]) -> list[Answer]:
        if _holds_counts(table):
            return self.of_counts(table)
        if key := _first(LABEL_KEYS, table):  # one annotator, or a list per field
            values = table[key]
            return self._answers(values if isinstance(values, list) else [values])
        return self._answers(list(table.values()))

    def _answers(self, values: Sequence[object]) -> list[Answer]:
        return [Answer(names) for value in values if (names := self._chosen(value)) is not None]

    def _chosen(self, value: object) -> list[object] | None:
        """Returns the classes that one annotator chose, `None` if nothing is known."""
        if isinstance(value, dict):
            value = value[self._field(value)]
        if isinstance(value, str) and self.several:
            value = self._set(value)
        if isinstance(value, list):
            if self.several or len(value) == 1:
                return value
            if not value:
                return None
            raise ValueError(
                f"expected one class per annotator, received {value!r}; "
                'kind = "multilabel" takes several'
            )
        if self.blank_is_none and is_blank_text(value):
            return []
        if self.says_nothing(value):
            return None
        return [value]

    def _field(self, value: dict[str, object]) -> str:
        """Returns the field of an annotator's object that holds the label."""
        if key := _first(LABEL_KEYS, value):
            return key
        texts = [key for key, field in value.items() if isinstance(field, str)]
        if len(texts) == 1:
            return texts[0]
        raise ValueError(
            f"an annotator's object has the fields {listed(list(map(str, value)))}; which of them "
            f"is the label? Say {self._lines(value)}"
        )

    def _lines(self, value: dict[str, object]) -> str:
        """Returns the lines that read one field each of annotators' objects."""
        paths = [json_line(f"{self.column}[].{field}") for field in [*value][:MOST_LINES]]
        return " or ".join(f"column = {path}" for path in paths)

    def _set(self, value: object) -> object:
        """Returns the list of names that a text of one annotator separates."""
        if not isinstance(value, str) or self.says_nothing(value):
            return value
        found = written_value(value)
        return self.split(found) if isinstance(found, str) else found


def is_blank_text(value: object) -> bool:
    """Whether somebody wrote nothing where a text stands; null is no text."""
    return isinstance(value, str) and not value.strip()


def _first(keys: Sequence[str], table: Mapping[Any, object]) -> str | None:
    return next((key for key in keys if key in table), None)


def _holds_counts(table: Mapping[Any, object]) -> bool:
    values = [value for value in table.values() if value is not None]
    return not any(isinstance(value, (str, list, dict, bool)) for value in values)


def _count(value: object, table: Mapping[Any, object]) -> int:
    number = 0.0 if value is None else number_of(value)
    if number < 0 or number % 1:
        shares = '; shares are read with labels = "probabilities"' if number > 0 else ""
        raise ValueError(
            f"counts of votes must be whole numbers, 0 or more, received {table!r}{shares}"
        )
    if number != number:
        raise ValueError(f"expected counts of votes, received {table!r}")
    return int(number)
