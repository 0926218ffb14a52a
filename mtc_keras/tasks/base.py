"""The contract of a task: all that differs between kinds stands in one class per kind."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from mtc_keras.errors import plural
from mtc_keras.tasks.columns import Cell, Cells, ColumnPath, Mistake, parse_column
from mtc_keras.tasks.decision import Decision
from mtc_keras.tasks.distinct import DistinctCells
from mtc_keras.tasks.spelling import Reading

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

TASK_NAME = r"^[a-z][a-z0-9_]*$"
Pooling = Literal["mean", "cls", "max", "pooled"]


class Task(BaseModel, ABC):
    """One thing to predict: one column of labels, one head, one loss.

    A task is a value: a `[tasks.NAME]` table of the config, checked, and after
    `learn` also what the training rows taught (its classes). Its `kind` decides
    how cells are read, the head, the loss, the metrics and how a prediction is
    shown; code elsewhere loops over tasks and never asks for the kind.

    Arrays: `targets` hold the encoded labels of N rows in the dtype and shape of
    the kind; `-1` (integer targets) or NaN (float targets) marks *missing*, a
    label that is not known. `logits` are a head's raw float32 outputs.
    `probabilities` are what people see: `activate(logits)`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str = Field(
        pattern=TASK_NAME,
        description="Name of the output, in logs, and of the default column: [a-z][a-z0-9_]*.",
    )
    kind: str
    column: str | list[str] | None = Field(
        default=None,
        description="Column that holds the label: 'name' (default: the task's name), 'name[2]', "
        "'name[0:5]', or a list of 0/1 columns.",
    )
    missing: list[str] | None = Field(
        default=None,
        description="Texts that mean that no label is known; default: in csv and tsv, which have "
        "no null, those of pandas (NaN, N/A, null, None, …), elsewhere none. What is listed as a "
        "class stays one.",
    )
    loss_weight: Annotated[float, Field(ge=0, allow_inf_nan=False)] | Literal["prior", "probe"] = (
        Field(
            default=1.0,
            description="Factor of this task's loss in the sum, or a rule: prior is 1 / the plain "
            "loss of the best constant prediction, probe is 1 / the lowest validation loss when "
            "this task is trained alone for a few steps.",
        )
    )
    pooling: Pooling | None = Field(
        default=None, description="Pooling of this task's head; default: the model's."
    )
    hidden: list[Annotated[int, Field(ge=1)]] = Field(
        default_factory=list, description="Widths of the hidden layers between pooling and head."
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

    @property
    def weight(self) -> float:
        """The loss weight as a number.

        Raises:
            ValueError: if it is still a rule, which training resolves.
        """
        if isinstance(self.loss_weight, str):
            raise ValueError(
                f"loss_weight of task {self.name!r} is the rule {self.loss_weight!r}, which only "
                "`fit` of a config resolves; give a number"
            )
        return self.loss_weight

    def _only_with_loss(self, loss: str, names: Sequence[str]) -> None:
        """Refuses settings of a loss that the task does not have."""
        for name in names:
            if getattr(self, "loss", None) != loss and getattr(self, name) is not None:
                raise ValueError(f'{name} belongs to loss = "{loss}"; remove one of the two')

    # === Labels ===

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
        return frozenset(text.strip() for text in given)

    @cached_property
    def _own_markers(self) -> frozenset[str]:
        return self.markers()

    def says_nothing(self, value: object) -> bool:
        """Whether a value says that nothing is known: null, blank text or a marker."""
        if isinstance(value, str):
            return not value.strip() or value.strip() in self._own_markers
        return value is None

    def is_missing(self, cell: Cell) -> bool:
        """Whether a cell holds no label: null, a blank cell, a marker, or a vector of such."""
        if isinstance(cell, list) and cell and self.path.is_vector:
            return all(map(self.says_nothing, cell))
        return self.says_nothing(cell)

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
                    wrong[number] = str(error)
            targets.append(target)
        shape = (len(targets), *np.shape(self.missing_target))
        encoded = np.asarray(targets, self.target_dtype).reshape(shape)[numbers]
        if not wrong:
            return encoded, []
        rows = np.flatnonzero(np.isin(numbers, list(wrong))).tolist()
        return encoded, [(row, wrong[numbers[row]]) for row in rows]

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
        if self.target_dtype.startswith("int") and values.dtype.kind == "f":
            missing = np.isnan(values)
            whole = np.isfinite(values) & (values == np.trunc(values))
            self.refuse_targets(values, ~(whole | missing), "whole numbers, or NaN where missing")
            values = np.where(missing, self.missing_target, values)
        limit = float(np.finfo("float32").max)
        if values.dtype.kind == "f":
            self.refuse_targets(values, np.abs(values) > limit, "finite, or NaN where missing")
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

    @abstractmethod
    def class_indicator(self, targets: np.ndarray) -> np.ndarray:
        """Returns bool of shape `(N, C)`: which classes a row carries, for splits and counts.

        A task without classes returns some grouping of its rows that a split should keep.
        """

    def predicted_indicator(self, targets: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        """Returns bool of shape `(N, C)`: classes predicted, where the label is known."""
        return self.class_indicator(predictions)

    # === Classes, of kinds that have them ===

    @property
    def has_classes(self) -> bool:
        """Whether a label is one or more of some classes."""
        return False

    @property
    def known_classes(self) -> list[str]:
        """The class names in order: listed, counted or learned; none for a kind without."""
        return []

    @property
    def shown_classes(self) -> list[str]:
        """What people see for each class."""
        return self.known_classes

    @property
    def training_counts(self) -> list[int] | None:
        """Training labels of each class; `None` without classes, and before `measure`."""
        return None

    @property
    def class_weight_list(self) -> list[float] | None:
        """The weight of each class in the loss; `None` where all are 1, and without classes."""
        return None

    def known_cells(self, targets: np.ndarray) -> np.ndarray:
        """Returns bool of shape `(N, C)`: of which classes a row is known to have or lack them."""
        cells = self.class_indicator(targets)  # (N, C)
        return np.broadcast_to(self.labelled(targets)[:, None], cells.shape)

    # === Model ===

    def output(self, features: "keras.KerasTensor", name: str) -> "keras.KerasTensor":
        """Adds this task's hidden layers and head to pooled features; returns logits."""
        from keras import layers

        for number, units in enumerate(self.hidden):
            features = layers.Dense(
                units, activation="gelu", dtype="float32", name=f"{name}_hidden_{number}"
            )(features)
        return self.head(features, name)

    @abstractmethod
    def head(self, features: "keras.KerasTensor", name: str) -> "keras.KerasTensor":
        """Adds this task's float32 head to features of shape `(B, D)`; returns logits."""

    @property
    def base_logits(self) -> np.ndarray | None:
        """Logits at which a head starts, of its biases' shape; `None` for 0.

        A many-label head that starts at its labels' frequencies, as Lin et al. 2017 (arXiv
        1708.02002, section 3.3) do, spends no steps on learning that most labels are rare.
        """
        return None

    def dense(self, features: "keras.KerasTensor", units: int, name: str) -> "keras.KerasTensor":
        """Adds a linear float32 layer that starts at `base_logits`."""
        from keras import initializers, layers

        start = self.base_logits
        bias = initializers.Zeros() if start is None else initializers.Constant(start.tolist())
        return layers.Dense(units, bias_initializer=bias, dtype="float32", name=name)(features)

    @abstractmethod
    def make_loss(self) -> "keras.losses.Loss":
        """Returns the `keras.losses.Loss` of this task, which leaves out missing labels.

        Raises:
            ValueError: if a rule needs counts that `measure` has not taken.
        """

    def constant_loss(self) -> float:
        """Returns the plain loss of the best constant prediction on the training labels.

        Raises:
            ValueError: if `measure` has not taken the counts it needs, or the kind knows none.
        """
        raise ValueError(f'a task of kind {self.kind!r} has no rule loss_weight = "prior"')

    @property
    def loss_factor(self) -> float:
        """Factor of the loss in a Gaussian likelihood: ½ for squared errors, 1 for others."""
        return 1.0

    @abstractmethod
    def activate(self, logits: "keras.KerasTensor") -> "keras.KerasTensor":
        """Returns probabilities (or the predicted value), float32 of the logits' shape."""

    # === Judgement ===

    @property
    @abstractmethod
    def main_metric(self) -> str:
        """Name of the metric that enters the run's score."""

    @property
    @abstractmethod
    def metric_names(self) -> tuple[str, ...]:
        """Names of the scalar metrics, in the order in which they are shown."""

    @property
    @abstractmethod
    def shown_metrics(self) -> tuple[str, ...]:
        """Names of the few metrics that tables show."""

    @property
    def has_probabilities(self) -> bool:
        """Whether predictions are probabilities, which have a temperature."""
        return False

    def confidence(self, probabilities: np.ndarray, decision: Decision | None = None) -> np.ndarray:
        """Returns float of shape `(N,)`: the probability that a row's decision is wholly right.

        This and the four below are asked of kinds that `has_probabilities`.
        """
        raise NotImplementedError(f"a task of kind {self.kind!r} states no probabilities")

    def right(self, targets: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        """Returns bool of shape `(N,)`: rows whose known labels are all predicted right."""
        raise NotImplementedError(f"a task of kind {self.kind!r} states no probabilities")

    def log_loss(self, targets: np.ndarray, probabilities: np.ndarray) -> float:
        """Returns the mean negative log-likelihood of the known labels."""
        raise NotImplementedError(f"a task of kind {self.kind!r} states no probabilities")

    def brier_score(self, targets: np.ndarray, probabilities: np.ndarray) -> float:
        """Returns the mean squared error of the probabilities of the known labels."""
        raise NotImplementedError(f"a task of kind {self.kind!r} states no probabilities")

    def reliability(
        self, targets: np.ndarray, probabilities: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns stated probabilities and whether it came so, for the calibration error."""
        raise NotImplementedError(f"a task of kind {self.kind!r} states no probabilities")

    def decision(self, **values: Any) -> Decision:
        """Returns a `Decision` of this task; by default temperature 1, thresholds 0.5."""
        return Decision(**values)

    def decide(self, probabilities: np.ndarray, decision: Decision | None = None) -> np.ndarray:
        """Returns the predictions, in the form of targets, for probabilities of N rows.

        Args:
            probabilities: what `activate` returned.
            decision: the thresholds; default: 0.5.
        """
        return np.asarray(self.choose(probabilities, decision, np), self.target_dtype)

    @abstractmethod
    def choose(self, probabilities: Any, decision: Decision | None, ops: ModuleType) -> Any:
        """Returns the predictions of `decide` in a number type of its own.

        Args:
            probabilities: what `activate` returned.
            decision: the thresholds; default: 0.5.
            ops: `numpy` or `keras.ops`, whose functions are called, so that one rule decides
                here and in an export.
        """

    @abstractmethod
    def serve(
        self, probabilities: "tf.Tensor", decision: Decision | None = None
    ) -> dict[str, "tf.Tensor"]:
        """Returns what an export's `classify` answers for a batch, as TensorFlow's tensors.

        Args:
            probabilities: what `activate` returned on the TensorFlow backend.
            decision: the thresholds; default: 0.5.
        """

    @abstractmethod
    def score(self, targets: np.ndarray, predictions: np.ndarray) -> dict[str, Any]:
        """Returns the metrics of predictions over the labelled rows.

        Args:
            targets: encoded labels of N rows, at least one of them labelled.
            predictions: what `decide` returned for the same rows.

        Returns:
            `metric_names` as floats; kinds with classes add `classes`: for each class
            its precision, recall, f1 and support.
        """

    @abstractmethod
    def constant_prediction(self, training_targets: np.ndarray) -> np.ndarray:
        """Returns the baseline: one row's prediction, the most frequent class or the mean."""

    # === For people ===

    @abstractmethod
    def describe(
        self,
        probabilities: np.ndarray,
        decision: Decision | None = None,
        abstain_below: float | None = None,
    ) -> dict[str, Any]:
        """Returns one row's prediction as plain values, ready for JSON.

        Args:
            probabilities: those of one row.
            decision: the thresholds; default: 0.5.
            abstain_below: with a number, predictions less sure than it have no label, and
                `confidence` and `abstained` say so.
        """

    @abstractmethod
    def label(self, target: np.ndarray) -> Any:
        """Returns one row's target or prediction as a plain value, `None` where missing."""

    @property
    @abstractmethod
    def label_type(self) -> Any:
        """Type of what `label` returns: `str`, `list[str]` or `float`."""

    def label_cell(self, label: Any) -> Any:
        """Returns what `label` returned as a cell of csv, which has no lists."""
        return label

    def exported(self) -> dict[str, Any]:
        """Returns the fields with which an export's task reads and shows predictions as this one.

        They are plain values; `task_from_config` makes a task of them and the name.
        """
        return {"kind": self.kind}

    @property
    def summary(self) -> str:
        """A few words on the task for tables and logs."""
        return self.kind
