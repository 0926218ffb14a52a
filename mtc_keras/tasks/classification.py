"""What the kinds with classes share."""

import math
from abc import abstractmethod
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field

from mtc_keras.errors import is_utf8, listed, plural
from mtc_keras.files import json_line
from mtc_keras.tasks.base import Task
from mtc_keras.tasks.class_index import ClassIndex, same_class
from mtc_keras.tasks.columns import MOST_CLASSES, Cell, Cells
from mtc_keras.tasks.decision import Decision
from mtc_keras.tasks.markers import MARKERS
from mtc_keras.tasks.spelling import (
    INTEGER,
    Reading,
    class_key,
    class_name,
    is_decimal,
    likeness,
    natural,
)

MOST_CLASS_WEIGHT = 10.0
BETA = 0.999
BITS = {"0": 0.0, "1": 1.0, "false": 0.0, "true": 1.0}
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class ClassificationTask(Task):
    """What the kinds with classes share: class names, counts and metrics."""

    classes: list[str] | None = Field(
        default=None,
        min_length=2,
        description="Class names in order; read from the training rows if absent.",
    )
    num_classes: int | None = Field(
        default=None,
        ge=2,
        le=MOST_CLASSES,
        description="Number of classes when labels are indices 0 … n-1.",
    )
    class_names: dict[str, str] = Field(
        default_factory=dict, description="Display names of the classes: class = 'name'."
    )
    unknown_classes: Literal["error", "ignore"] = Field(
        default="error", description="What to do with a class that the training rows lack."
    )

    class_weights: Literal["balanced", "effective"] | dict[str, Weight] | None = Field(
        default=None,
        description="Weight of each class in the loss: a table by class, or a rule based on the "
        "counts of the training labels (effective: Cui et al. 2019). In a multilabel task it "
        "applies to the positives of the class.",
    )
    max_class_weight: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Upper limit of class weights set by a rule; default: 10.",
    )
    class_weight_beta: float | None = Field(
        default=None, gt=0, lt=1, description="β of effective class weights; default: 0.999."
    )
    class_counts: list[int] | None = Field(
        default=None, description="Number of training labels per class; measured."
    )
    learned: bool | None = Field(
        default=None,
        description="Whether `classes` were read from the training rows rather than listed, so "
        "that an integer is never their position; measured.",
    )

    def model_post_init(self, context: Any) -> None:
        """Checks what involves several fields."""
        if self.classes is not None and len(set(self.classes)) < len(self.classes):
            raise ValueError("classes must differ from each other")
        if self.classes is not None and self.num_classes not in (None, len(self.classes)):
            raise ValueError(
                f"num_classes is {self.num_classes}, but classes lists {len(self.classes)}; "
                "give one of the two"
            )
        width = len(self.path.vector_classes) if self.path.is_vector else None
        given = self.num_classes or (len(self.classes) if self.classes else None)
        if width and given and width != given:
            raise ValueError(f"column {str(self.path)!r} has {width} positions for {given} classes")
        names = list(self.class_names.values())
        if len(set(names)) < len(names):
            raise ValueError("class_names must differ from each other")
        self._check_spellings("classes", self.classes or [])
        known = self._given_classes()
        if self.max_class_weight is not None and not isinstance(self.class_weights, str):
            raise ValueError(
                "max_class_weight caps class_weights of a rule; give a rule or leave it"
            )
        if self.class_weight_beta is not None and self.class_weights != "effective":
            raise ValueError('class_weight_beta belongs to class_weights = "effective"')
        weights = self.class_weights if isinstance(self.class_weights, dict) else {}
        for key, table in (("class_names", self.class_names), ("class_weights", weights)):
            self._check_spellings(key, table)
            for name in table if known else ():
                if self._index.find(name) is None:
                    raise ValueError(
                        f"{key} gives {name!r}, which is none of the classes."
                        f"{self._index.nearest(name)}"
                    )

    def _check_spellings(self, key: str, names: Iterable[str]) -> None:
        """Refuses two names of one class, but not those that an older version has trained."""
        both = same_class(names) if self.class_counts is None else None
        if both:
            raise ValueError(
                f"{key} names {both[0]!r} and {both[1]!r}, which are one class; leave out one"
            )

    def _given_classes(self) -> list[str] | None:
        """Classes that need no training rows: listed, counted, or those of a vector column."""
        if self.classes is not None:
            return self.classes
        if self.path.is_vector:
            return self.path.vector_classes
        if self.num_classes is not None:
            return [str(index) for index in range(self.num_classes)]
        return None

    @property
    def can_encode(self) -> bool:
        return self._given_classes() is not None

    @cached_property
    def _index(self) -> ClassIndex:
        classes = self._given_classes()
        if classes is None:
            raise ValueError(f"task {self.name!r} has no classes yet: call `learn` first")
        return ClassIndex(classes)

    @cached_property
    def _has_positions(self) -> bool:
        """Whether an integer cell is the position of a class that the config lists."""
        return not self.learned and not self._index.are_integers

    @property
    def summary(self) -> str:
        """Kind and number of classes."""
        return f"{self.kind}, {len(self._index)} classes"

    @abstractmethod
    def names_in(self, cell: Cell) -> list[str]:
        """Returns the class names that one cell holds, before classes are known."""

    def learn(self, cells: Cells) -> Self:
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

    def measure(self, targets: np.ndarray) -> Self:
        counts = self.class_indicator(targets).sum(axis=0)
        return self.model_copy(update={"class_counts": counts.tolist()})

    @property
    def counts(self) -> np.ndarray:
        """Training labels of each class, float64 of shape `(C,)`.

        Raises:
            ValueError: if `measure` has not taken them.
        """
        if self.class_counts is None:
            raise ValueError(
                f"task {self.name!r} needs the counts of its training labels: call `measure`"
            )
        return np.array(self.class_counts, "float64")

    @property
    def class_weight_list(self) -> list[float] | None:
        """The weight of each class in the loss; `None` where all are 1.

        Raises:
            ValueError: if a rule needs counts that `measure` has not taken.
        """
        if self.class_weights is None:
            return None
        if isinstance(self.class_weights, dict):
            given = self._index.in_own_spelling(self.class_weights)
            return [float(given.get(name, 1.0)) for name in self._index]
        weights = self.ruled_weights(self.class_weights, self.counts)
        cap = MOST_CLASS_WEIGHT if self.max_class_weight is None else self.max_class_weight
        return [float(weight) for weight in np.minimum(weights, cap)]

    @abstractmethod
    def ruled_weights(self, rule: str, counts: np.ndarray) -> np.ndarray:
        """Returns float64 of shape `(C,)`: the weights of a rule, infinite for a count of 0."""

    def effective_numbers(self, counts: np.ndarray) -> np.ndarray:
        """Returns the effective numbers of labels, `(1 - β^n) / (1 - β)`.

        Cui et al. 2019 (arXiv 1901.05555), equation 2.
        """
        beta = BETA if self.class_weight_beta is None else self.class_weight_beta
        return (1 - beta**counts) / (1 - beta)

    def index_of(self, value: object) -> int | None:
        """Returns the index of the class a cell's value names; `None` for an ignored one.

        Raises:
            ValueError: for an unknown class, or an index outside the classes.
        """
        index = self._index.find(value)
        if index is not None:
            return index
        name = class_name(value)
        problem = f"class {name!r} is unknown"
        if self._has_positions and INTEGER.fullmatch(name):
            if 0 <= int(name) < len(self._index):
                return int(name)
            problem = f"index {name} is outside 0 … {len(self._index) - 1}"
        if self.unknown_classes == "ignore":
            return None
        raise ValueError(
            f"{problem}; training knows {listed(list(self._index))}.{self._index.nearest(name)} "
            f'({self.remedy(name)}, or treat it as missing: unknown_classes = "ignore")'
        )

    def remedy(self, name: str) -> str:
        """Returns what would make an unknown class right."""
        if name in MARKERS:
            return f"If it means that no label is known, set missing = [{json_line(name)}]"
        if self.learned and INTEGER.fullmatch(name):
            return "If it is a position, list `classes` in their order"
        return "Add it to `classes`"

    def markers(self, default: Collection[str] = ()) -> frozenset[str]:
        texts = super().markers(default)
        if self.path.is_vector:
            return texts
        if self._given_classes() is not None:
            return frozenset(text for text in texts if not text or self._index.find(text) is None)
        weights = self.class_weights if isinstance(self.class_weights, dict) else {}
        return texts - {*self.class_names, *weights}

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
        return not self.path.is_vector

    def readings(self, cell: Cell) -> list[Reading]:
        if self.path.is_vector or self.is_missing(cell):
            return []
        try:
            self.encode_cell(cell)  # as a mistake is told by itself
            found = [(text.strip(), self.index_of(text)) for text in self.texts_in(cell)]
            unknown = [name for name in self.names_in(cell) if self.index_of(name) is None]
        except ValueError:
            return []
        classes = list(self._index)
        return [Reading("unknown", name) for name in unknown] + [
            Reading("position" if self._index.find(name) is None else "name", name, classes[index])
            for name, index in found
            if index is not None and name != classes[index]
        ]

    def texts_in(self, cell: Cell) -> list[str]:
        """Returns the names that a cell holds as text, as they are written.

        Raises:
            ValueError: if it cannot be read.
        """
        return [cell] if isinstance(cell, str) else []

    def vector(self, cell: Cell) -> np.ndarray:
        """Returns float32 of shape `(C,)` with 0, 1 and NaN for a 0/1 vector cell.

        Raises:
            ValueError: if it is not such a vector or has another length.
        """
        width = len(self._index)
        if not isinstance(cell, list) or len(cell) != width:
            raise ValueError(f"expected a list of {width} values 0 or 1, received {cell!r}")
        return self.bits(cell, cell)

    def bits(self, values: Sequence[object], cell: Cell) -> np.ndarray:
        """Returns float32 0, 1 and NaN for values that say so.

        Args:
            values: 0, 1, false, true, null, or text of such; `0.0` and `False` are such, too.
            cell: what they stand in, for the message.

        Raises:
            ValueError: if one is something else.
        """
        try:
            bits = [math.nan if self.says_nothing(v) else BITS[class_key(v)] for v in values]
            return np.array(bits, "float32")
        except (KeyError, ValueError):  # no text, no number, no 0 or 1
            raise ValueError(f"expected only 0, 1 or null, received {cell!r}") from None

    @property
    def has_classes(self) -> bool:
        return True

    @property
    def known_classes(self) -> list[str]:
        return list(self._index)

    @property
    def training_counts(self) -> list[int] | None:
        return self.class_counts

    def exported(self) -> dict[str, Any]:
        names = dict(zip(self.known_classes, self.shown_classes, strict=True))
        return {**super().exported(), "classes": self.known_classes, "class_names": names}

    @cached_property
    def shown_classes(self) -> list[str]:
        names = self._index.in_own_spelling(self.class_names)
        return [names.get(name, name) for name in self._index]

    def shown(self, index: int) -> str:
        """Returns what people see for the class at an index."""
        return self.shown_classes[index]

    # === Judgement ===

    @property
    def has_probabilities(self) -> bool:
        return True

    def score(self, targets: np.ndarray, predictions: np.ndarray) -> dict[str, Any]:
        from mtc_keras.tasks.metrics import classification_metrics

        rows = self.labelled(targets)
        return classification_metrics(
            self.class_indicator(targets[rows]),
            self.predicted_indicator(targets[rows], predictions[rows]),
            list(self._index),
        )

    def right(self, targets: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        truth = self.class_indicator(targets)
        return (truth == self.predicted_indicator(targets, predictions)).all(axis=1)

    @abstractmethod
    def confidence(
        self, probabilities: np.ndarray, decision: Decision | None = None
    ) -> np.ndarray: ...

    @abstractmethod
    def log_loss(self, targets: np.ndarray, probabilities: np.ndarray) -> float: ...

    @abstractmethod
    def brier_score(self, targets: np.ndarray, probabilities: np.ndarray) -> float: ...

    @abstractmethod
    def reliability(
        self, targets: np.ndarray, probabilities: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]: ...

    @property
    def metric_names(self) -> tuple[str, ...]:
        averages = [f"{m}_{a}" for m in ("precision", "recall", "f1") for a in ("micro", "macro")]
        return ("accuracy", *averages)

    @property
    def shown_metrics(self) -> tuple[str, ...]:
        return ("accuracy", "f1_micro", "f1_macro")
