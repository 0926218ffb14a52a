"""How the kinds with classes read their label cells: as names of classes, or a 0 or 1 per class."""

import math
from abc import abstractmethod
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field

from mtc_keras.errors import is_utf8, listed, plural
from mtc_keras.files import json_line
from mtc_keras.tasks.class_names import ClassNames
from mtc_keras.tasks.columns import Cell, Cells
from mtc_keras.tasks.flags import bit, found_labels, word
from mtc_keras.tasks.markers import MARKERS
from mtc_keras.tasks.remedies import table_line
from mtc_keras.tasks.spelling import (
    Reading,
    class_key,
    class_name,
    is_decimal,
    likeness,
    natural,
    number_of,
)
from mtc_keras.tasks.written import is_json, is_written, written_value


class ClassLabels(ClassNames):
    """How a label cell names some of a task's classes."""

    labels: Literal["names", "flags", "votes", "probabilities"] | None = Field(
        default=None,
        description="What label cells hold: names of classes, a 0 or 1 per class, the votes of "
        "several annotators, or a probability per class. Default: "
        "names, but for a slice such as 'name[0:5]', which holds 0 and 1, and for a list of "
        "columns, which hold what the training rows show.",
    )

    def model_post_init(self, context: Any) -> None:
        """Checks what involves several fields."""
        self._check_width()
        super().model_post_init(context)

    def _check_width(self) -> None:
        """Refuses classes that are more or fewer than the values of a cell."""
        given = self.num_classes or len(self.classes or ())
        if self.labels == "flags" and not given and not self.path.is_vector:
            raise ValueError(
                'labels = "flags" in one column is a 0 or 1 for each of the classes in their '
                'order: list them, classes = ["…", "…"]'
            )
        width = len(self.path.vector_classes) if self.path.is_vector else given
        if self.holds_flags and not self._is_undecided and given not in (0, width):
            raise ValueError(f"column {str(self.path)!r} has {width} positions for {given} classes")

    def _given_classes(self) -> list[str] | None:
        if self.classes is None and self.holds_flags and self.path.is_vector:
            return self.path.vector_classes
        return super()._given_classes()

    def _checked_classes(self) -> list[str] | None:
        return None if self._is_undecided else super()._checked_classes()

    @property
    def holds_flags(self) -> bool:
        """Whether a cell is a vector of 0 and 1, one value per class."""
        return self.path.is_vector if self.labels is None else self.labels == "flags"

    @property
    def _is_undecided(self) -> bool:
        """Whether the training rows must show if columns hold flags or names.

        Those of version 0.1, which a count of its labels gives away, hold flags.
        """
        return self.labels is None and self.path.is_several and self.class_counts is None

    @property
    def can_encode(self) -> bool:
        return not self._is_undecided and self._given_classes() is not None

    @abstractmethod
    def named_in(self, cell: Cell) -> list[object]:
        """Returns the names of classes that a cell holds, as they are written.

        Raises:
            ValueError: if it cannot be read.
        """

    def names_in(self, cell: Cell) -> list[str]:
        """Returns the class names that one cell holds, before classes are known."""
        return [class_name(name) for name in self.named_in(cell)]

    def texts_in(self, cell: Cell) -> list[str]:
        """Returns the names that a cell holds as text, as they are written."""
        return [name for name in self.named_in(cell) if isinstance(name, str)]

    def learn(self, cells: Cells) -> Self:
        if self._is_undecided:
            return self._decided(cells).learn(cells)
        classes, unreadable = self._given_classes(), ""
        values = self.model_dump(exclude={"num_classes"})
        if classes is None:
            names: dict[str, set[str]] = {}
            for cell in cells:
                if not self.is_missing(cell):
                    try:
                        for name in self.names_in(cell):
                            names.setdefault(class_key(name), set()).add(name)
                    except ValueError as error:  # `encode` reports it, with its row
                        unreadable = unreadable or f" (and a cell cannot be read: {error})"
            spelled = (next(iter(s)) if len(s) == 1 else key for key, s in names.items())
            classes = sorted(self._among_decimals(list(spelled), cells), key=natural)
            for name in classes:
                if not is_utf8(name):
                    raise ValueError(
                        f"class {name!r} in column {str(self.path)!r} holds half a character (a "
                        "lone surrogate), which no file can; correct it in the data"
                    )
            values["learned"] = True
        if len(classes) < 2:
            raise ValueError(
                f"found {plural(len(classes), 'class')} "
                f"in column {str(self.path)!r}; a task needs two or more{unreadable}"
            )
        # Rebuilt rather than copied, so that the checks see the classes too.
        return type(self).model_validate({**values, "classes": classes})

    def _decided(self, cells: Cells) -> Self:
        """Returns this task with what its columns are found to hold."""
        columns = self.path.names
        rows = (
            [None if self.says_nothing(value) else value for value in cell]
            for cell in cells
            if isinstance(cell, list) and len(cell) == len(columns)
        )
        listed = self.classes or self._counted_classes()
        is_other = listed is not None and len(listed) != len(columns)
        found = "names" if is_other else found_labels(columns, rows)
        return type(self).model_validate({**self.model_dump(), "labels": found})

    def is_missing(self, cell: Cell) -> bool:
        if isinstance(cell, list) and cell and self.holds_flags:
            return all(map(self.says_nothing, cell))
        return super().is_missing(cell)

    def is_unreadable(self, cell: Cell) -> bool:
        if self._is_undecided or self.is_missing(cell):
            return False
        try:
            self.names_in(cell)
        except ValueError:
            return True
        return False

    def names_of_columns(self, cell: Cell) -> list[Cell]:
        """Returns the cells of several columns of names that say something, or the only cell."""
        if not (self.path.is_several and isinstance(cell, list)):
            return [cell]
        return [value for value in cell if not self.says_nothing(value)]

    def _among_decimals(self, names: list[str], cells: Cells) -> list[str]:
        """Returns names of classes; `1.0` keeps its spelling beside `1.5`, as in versions or stars.

        There it is no whole number that a gap in its column made a float.
        """
        if not any(map(is_decimal, names)):
            return names
        written: dict[str, set[str]] = {}
        for cell in cells:
            if self.is_missing(cell):
                continue
            if not isinstance(cell, str):  # a number, or a list that may hold some
                return names
            with suppress(ValueError):
                for text in self.texts_in(cell):
                    written.setdefault(class_key(text), set()).add(text.strip())
        only = {key: next(iter(texts)) for key, texts in written.items() if len(texts) == 1}
        return [only[name] if is_decimal(only.get(name, "")) else name for name in names]

    def markers(self, default: Collection[str] = ()) -> frozenset[str]:
        texts = super().markers(default)
        if self.holds_flags:
            return texts
        if self._given_classes() is not None:
            return frozenset(text for text in texts if not text or self._index.find(text) is None)
        return texts.difference(*self._by_class().values())

    def found(self, asked: Self) -> str:
        if asked.labels == self.labels or self.labels != "names":
            return ""
        return (
            f"columns {listed(self.path.names, 3)} hold names of classes, {len(self._index):,} "
            'different ones; labels = "names" says so'
        )

    def remarks(self, asked: Self, cells: Cells) -> list[str]:
        remarks, alike = [], dict[str, list[str]]()
        for name in self._index:
            alike.setdefault(likeness(name), []).append(name)
        for names in alike.values():
            if len(names) > 1:
                remarks.append(f"classes {listed(names)} differ only in case or blanks")
        alone = {cell.strip() for cell in cells if isinstance(cell, str)}  # a marker fills its cell
        marked = [name for name in self._index if name in MARKERS & alone and asked.missing is None]
        if marked:
            remarks.append(
                f"{'class' if len(marked) == 1 else 'classes'} {listed(marked)} may mean that no "
                f"label is known; missing = [{', '.join(map(json_line, marked))}] reads it so"
            )
        quoted = [name for name in self._index if '"' in (name[0], name[-1])]
        if quoted:
            remarks.append(
                f"{len(quoted):,} of {plural(len(self._index), 'class')} such as {quoted[0]!r} "
                "open or end with a quote, which is read as part of the name"
            )
        return remarks

    @property
    def names_classes(self) -> bool:
        return not self.holds_flags

    def readings(self, cell: Cell) -> list[Reading]:
        if self.is_missing(cell):
            return []
        if self.holds_flags:
            return [*self._flag_readings(cell), *self._written_readings(cell)]
        try:
            self.encode_cell(cell)  # as a mistake is told by itself
            found = [(text.strip(), self.index_of(text)) for text in self.texts_in(cell)]
            unknown = [name for name in self.names_in(cell) if self.index_of(name) is None]
        except ValueError:
            return []
        classes = list(self._index)
        told = self._written_readings(cell) + [Reading("unknown", name) for name in unknown]
        return told + [
            Reading("position" if self._index.find(name) is None else "name", name, classes[index])
            for name, index in found
            if index is not None and name != classes[index]
        ]

    @property
    def reads_lists(self) -> bool:
        """Whether text that writes a list or table is read as what it writes."""
        return self.holds_flags

    def _written_readings(self, cell: Cell) -> list[Reading]:
        """Returns the reading of text that writes a list, but not as JSON does."""
        if not (self.reads_lists and isinstance(cell, str) and is_written(cell)) or is_json(cell):
            return []
        try:
            self.encode_cell(cell)
        except ValueError:
            return []
        return [Reading("list", cell.strip(), json_line(written_value(cell)))]

    def _flag_readings(self, cell: Cell) -> list[Reading]:
        """Returns the words of a row that are read as 0 or 1."""
        with suppress(ValueError):
            table = written_value(cell) if isinstance(cell, str) else cell
            values = table.values() if isinstance(table, dict) else table
            words = (
                [value for value in values if word(value)] if isinstance(values, Iterable) else []
            )
            if words:
                self.encode_cell(cell)  # as a mistake is told by itself
            return [Reading("flag", value.strip(), word(value)) for value in words]
        return []

    def vector(self, cell: Cell) -> np.ndarray:
        """Returns float32 of shape `(C,)` with 0, 1 and NaN for a 0/1 vector cell.

        Raises:
            ValueError: if it is not such a vector or has another length.
        """
        if isinstance(cell, str):
            cell = written_value(cell)
        width = len(self._index)
        if not isinstance(cell, list) or len(cell) != width:
            help = self._no_vector(cell)
            raise ValueError(f"expected a list of {width} values 0 or 1, received {cell!r}{help}")
        return self.bits(cell)

    def _no_vector(self, cell: Cell) -> str:
        """Returns what would make a cell right that is no list of so many values."""
        if isinstance(cell, list) and not self.path.is_vector:
            count = len(cell)
            return f"; if it has a value for each of {count} classes, set num_classes = {count}"
        return '; if it holds names, set labels = "names"' if isinstance(cell, str) else ""

    def bits(
        self, values: Sequence[object], table: dict[object, object] | None = None
    ) -> np.ndarray:
        """Returns float32 0, 1 and NaN for values that say so.

        Args:
            values: 0, 1, false, true, null, or text or words of such, as `0.0`, `False`, `yes`.
            table: the table in which they stand, if they do.

        Raises:
            ValueError: if one is something else.
        """
        bits = [math.nan if self.says_nothing(value) else bit(value) for value in values]
        if None not in bits:
            return np.array(bits, "float32")
        value = values[bits.index(None)]
        help = self._no_bit(value)
        if table is not None and not self._is_marker_in(value, bits):
            help = f"; {table_line(str(self.path), table)} reads such tables"
        raise ValueError(f"expected only 0, 1 or null, received {value!r}{help}")

    def _is_marker_in(self, value: object, bits: Sequence[float | None]) -> bool:
        """Whether a value beside some of 0 and 1 rather means that nothing is known."""
        number = number_of(value)
        return number == -1 or (math.isnan(number) and any(found is not None for found in bits))

    def _no_bit(self, value: object) -> str:
        """Returns what would make a value right that stands where a 0 or 1 should."""
        number = number_of(value)
        if 0 < number < 1:
            return '; if it is a share or a probability, set labels = "probabilities"'
        with suppress(ValueError):
            as_missing = f"; if it means that no label is known, set {self.missing_line(value)}"
            as_name = '; if it is a name, set labels = "names"' * (
                self.path.is_several and number != -1
            )
            return as_missing + as_name
        return ""
