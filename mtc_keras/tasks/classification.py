"""What the kinds with classes share."""

import math
import re
from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field

from mtc_keras.tasks.base import Task
from mtc_keras.tasks.columns import Cell, Cells
from mtc_keras.tasks.decision import Decision

MOST_CLASS_WEIGHT = 10.0
BETA = 0.999
# A minus at most, unlike "--5"; few digits, as Python refuses to read thousands of them.
_INTEGER = re.compile(r"-?\d{1,18}")
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class ClassificationTask(Task):
    """What the kinds with classes share: class names, counts and metrics."""

    classes: list[str] | None = Field(
        default=None,
        min_length=2,
        description="Class names in order; read from the training rows if absent.",
    )
    num_classes: int | None = Field(
        default=None, ge=2, description="Number of classes when labels are indices 0 … n-1."
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
        known = self._given_classes()
        if self.max_class_weight is not None and not isinstance(self.class_weights, str):
            raise ValueError(
                "max_class_weight caps class_weights of a rule; give a rule or leave it"
            )
        if self.class_weight_beta is not None and self.class_weights != "effective":
            raise ValueError('class_weight_beta belongs to class_weights = "effective"')
        weights = self.class_weights if isinstance(self.class_weights, dict) else {}
        for key, table in (("class_names", self.class_names), ("class_weights", weights)):
            strangers = [name for name in table if known and name not in known]
            if strangers:
                from mtc_keras.errors import did_you_mean

                raise ValueError(
                    f"{key} gives {strangers[0]!r}, which is none of the classes."
                    f"{did_you_mean(strangers[0], known or [])}"
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
    def _index(self) -> dict[str, int]:
        classes = self._given_classes()
        if classes is None:
            raise ValueError(f"task {self.name!r} has no classes yet: call `learn` first")
        return {name: index for index, name in enumerate(classes)}

    @cached_property
    def _numbers_are_names(self) -> bool:
        """An integer cell is an index, unless the classes themselves read as integers."""
        return any(_INTEGER.fullmatch(name) for name in self._index)

    @property
    def summary(self) -> str:
        """Kind and number of classes."""
        return f"{self.kind}, {len(self._index)} classes"

    @abstractmethod
    def names_in(self, cell: Cell) -> list[str]:
        """Returns the class names that one cell holds, before classes are known."""

    def learn(self, cells: Cells) -> Self:
        classes, unreadable = self._given_classes(), ""
        if classes is None:
            names: set[str] = set()
            for cell in cells:
                if not self.is_missing(cell):
                    try:
                        names.update(self.names_in(cell))
                    except ValueError as error:  # `encode` reports it, with its row
                        unreadable = unreadable or f" (and a cell cannot be read: {error})"
            classes = sorted(names, key=_natural)
        if len(classes) < 2:
            raise ValueError(
                f"found {len(classes)} class{'' if len(classes) == 1 else 'es'} "
                f"in column {str(self.path)!r}; a task needs two or more{unreadable}"
            )
        # Rebuilt rather than copied, so that the checks see the classes too.
        values = self.model_dump(exclude={"num_classes"})
        return type(self).model_validate({**values, "classes": classes})

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
            return [float(self.class_weights.get(name, 1.0)) for name in self._index]
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
        name = class_name(value)
        if name in self._index:
            return self._index[name]
        problem = f"class {name!r} is unknown"
        if not self._numbers_are_names and _INTEGER.fullmatch(name):
            if 0 <= int(name) < len(self._index):
                return int(name)
            problem = f"index {name} is outside 0 … {len(self._index) - 1}"
        if self.unknown_classes == "ignore":
            return None
        from mtc_keras.errors import did_you_mean, listed

        raise ValueError(
            f"{problem}; training knows {listed(list(self._index))}."
            f"{did_you_mean(str(value), self._index)} "
            f'(Add it to `classes`, or treat it as missing: unknown_classes = "ignore")'
        )

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
            values: 0, 1, false, true, null, or text of such.
            cell: what they stand in, for the message.

        Raises:
            ValueError: if one is something else.
        """
        known = {None: math.nan, "": math.nan, "0": 0.0, "1": 1.0}
        try:
            return np.array(
                [known[v.strip() if isinstance(v, str) else _bit(v)] for v in values], "float32"
            )
        except (KeyError, TypeError, ValueError):  # no text, no number, no 0 or 1
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
        return [self.class_names.get(name, name) for name in self._index]

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


def class_name(value: object) -> str:
    """Returns the class name that a cell's value stands for: `2` and `2.0` are `"2"`.

    Raises:
        ValueError: if the value cannot name a class (a list, a fraction, nothing).
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise ValueError(f"expected one class name, received {value!r}")


def _bit(value: object) -> str | None:
    return None if value is None else class_name(int(value) if isinstance(value, bool) else value)


def _natural(name: str) -> tuple[bool, float, str]:
    """Sorts integers by value and before other names."""
    is_number = _INTEGER.fullmatch(name) is not None
    return (not is_number, float(name) if is_number else 0.0, name)
