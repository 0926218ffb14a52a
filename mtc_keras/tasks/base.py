"""The contract of a task: all that differs between kinds stands in one class per kind."""

from abc import abstractmethod
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from mtc_keras.tasks.decision import Decision
from mtc_keras.tasks.label_reader import LabelReader

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

MOST_WIDTH = 65_536  # of any layer
MOST_HIDDEN = 100  # layers of a head
Pooling = Literal["mean", "cls", "max", "pooled"]
WindowPoolingRule = Literal["max", "mean", "attention"]


class Task(LabelReader):
    """One thing to predict: one column of labels, one head, one loss.

    A task is a value: a `[tasks.NAME]` table of the config, checked, and after
    `learn` also what the training rows taught (its classes). Its `kind` decides
    how cells are read, the head, the loss, the metrics and how a prediction is
    shown; code elsewhere loops over tasks and never asks for the kind.

    Arrays: `targets` hold the encoded labels of N rows in the dtype and shape of
    the kind; `-1` (integer targets) or NaN (float targets) marks *missing*, a
    label that is not known. Targets that give the share of each class are float32 of
    shape `(N, C)`; what is predicted is compared with their most frequent classes, which
    `hard` returns. `logits` are a head's raw float32 outputs.
    `probabilities` are what people see: `activate(logits)`.
    """

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
    window_pooling: WindowPoolingRule | None = Field(
        default=None,
        description="How the logits of a long text's windows become the text's: their maximum (it "
        "is enough that one window shows a class), their mean (the tone of the whole), or a mean "
        'whose weights are learned (attention); default: mean. Needs long_texts = "windows".',
    )
    hidden: list[Annotated[int, Field(ge=1, le=MOST_WIDTH)]] = Field(
        default_factory=list,
        max_length=MOST_HIDDEN,
        description="Widths of the hidden layers between pooling and head.",
    )

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # A kind that activates otherwise than the one it derives from does so outside a graph, too.
        if "activate" in vars(cls) and "activate_array" not in vars(cls):
            setattr(cls, "activate_array", Task.activate_array)  # noqa: B010 - mypy refuses methods

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

    @property
    def has_shares(self) -> bool:
        """Whether targets give the share of each class: votes, or probabilities."""
        return False

    @property
    def prediction_dtype(self) -> str:
        """Dtype of predictions, which are no shares."""
        return self.target_dtype

    def hard(self, targets: np.ndarray) -> np.ndarray:
        """Returns targets in the form of predictions: of shares the classes of the greatest."""
        return targets

    def tied(self, targets: np.ndarray) -> np.ndarray:
        """Returns bool of shape `(N,)`: rows of which `hard` takes one of several equal shares."""
        return np.zeros(len(targets), bool)

    @property
    def how_tied(self) -> str:
        """What such a row has, and what metrics make of it, for people."""
        return ""

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
    def is_exclusive(self) -> bool:
        """Whether a row has exactly one of the classes."""
        return False

    @property
    def has_order(self) -> bool:
        """Whether the classes are steps of one scale, from lowest to highest."""
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
    def training_counts(self) -> Sequence[int | float] | None:
        """Training labels of each class, or the sum of their shares.

        `None` without classes, and before `measure`.
        """
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

    @property
    def logit_unit(self) -> float:
        """Spread of the logits, in whose unit a learned pooling of windows weighs them."""
        return 1.0

    @property
    def weighs_windows_whole(self) -> bool:
        """Whether a learned pooling of windows has one weight per window, not one per logit."""
        return False

    def evidence(
        self, logits: np.ndarray, probabilities: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns how much the windows of texts speak for what is predicted of their text.

        Args:
            logits: float32 of shape `(W, C)` or `(W,)`, those of W windows.
            probabilities: of shape `(W, …)`, for each window those of its text.

        Returns:
            float of shape `(W,)`, comparable among the windows of a text: by default the logit of
            the text's most probable class, or the mean where logits are not those of classes; and
            int of shape `(W,)`, which logit it is of.
        """
        if logits.ndim == 1 or logits.shape != probabilities.shape:
            return logits.reshape(len(logits), -1).mean(axis=1), np.zeros(len(logits), int)
        best = probabilities.argmax(axis=-1)
        return np.take_along_axis(logits, best[:, None], axis=1)[:, 0], best

    @property
    def explains_classes(self) -> bool:
        """Whether an explanation is of a class's logit, and not of a number."""
        return self.has_classes

    def explained(self, logits: "keras.KerasTensor", index: "keras.KerasTensor") -> Any:
        """Returns what an explanation divides among the words of a text.

        Args:
            logits: float32 of shape `(B, C)` or `(B,)`.
            index: int32 of shape `(B,)`, the class of each row; not used if there is none.

        Returns:
            float32 of shape `(B,)`: by default the class's logit, or the mean where logits are not
            those of classes. It is computed in `keras.ops`, as its gradient is asked for.
        """
        from keras import ops

        if len(logits.shape) == 1:
            return logits
        if self.explains_classes:
            chosen = ops.one_hot(index, logits.shape[-1], dtype=logits.dtype)
            return ops.sum(ops.where(chosen > 0, logits, 0.0), axis=-1)
        return ops.mean(logits, axis=-1)

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

    def activate_array(self, logits: np.ndarray) -> np.ndarray:
        """Returns what `activate` does, outside a graph.

        By default `activate` computes it, for which Keras compiles each of its operations anew for
        each number of rows. A kind that computes it in NumPy saves that.

        Args:
            logits: float32 of shape `(N, C)` or `(N,)`, where `C` is the number of logits per row.
        """
        from keras import ops

        return ops.convert_to_numpy(self.activate(ops.convert_to_tensor(logits)))

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

    def expected_metrics(self, targets: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
        """Returns metrics of probabilities against the shares of classes; none without shares.

        Args:
            targets: encoded labels of N rows, at least one of them labelled.
            probabilities: what `activate` returned for the same rows.
        """
        return {}

    def decision(self, **values: Any) -> Decision:
        """Returns a `Decision` of this task; by default temperature 1, thresholds 0.5."""
        return Decision(**values)

    def decide(self, probabilities: np.ndarray, decision: Decision | None = None) -> np.ndarray:
        """Returns the predictions, in the form of targets, for probabilities of N rows.

        Args:
            probabilities: what `activate` returned.
            decision: the thresholds; default: 0.5.
        """
        return np.asarray(self.choose(probabilities, decision, np), self.prediction_dtype)

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
