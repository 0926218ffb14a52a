"""Any number of classes per row, or none: one sigmoid per class."""

from collections.abc import Callable
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import Field

from mtc_keras.errors import plural
from mtc_keras.files import json_line
from mtc_keras.tasks.classification import ClassificationTask
from mtc_keras.tasks.columns import Cell, Cells, parsed_json
from mtc_keras.tasks.decision import DEFAULT_THRESHOLD, Decision
from mtc_keras.tasks.flags import BITS
from mtc_keras.tasks.ordinal import binary_entropy
from mtc_keras.tasks.separators import (
    AUTO,
    BRACKETS,
    CANDIDATES,
    DEFAULT,
    find_separator,
    joined_names,
    lists,
    split_names,
    texts_of,
)
from mtc_keras.tasks.single_label import SMALLEST
from mtc_keras.tasks.spelling import Reading, class_key, class_name, is_whole

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from mtc_keras.tasks.losses import MaskedLoss


class Multilabel(ClassificationTask):
    """A task whose rows carry any subset of C classes.

    Targets are float32 of shape `(N, C)` with 0 and 1, and NaN where a row's or a
    single class' label is missing; logits and probabilities are float32 of shape
    `(N, C)`, probabilities being their sigmoid. A class is predicted at a
    probability of its threshold or more.

    Example:

    ```python
    task = Multilabel(name="emotions", classes=["fear", "joy"])
    task.encode([["joy"], []])[0]  # array([[0., 1.], [0., 0.]], dtype=float32)
    task.encode([{"fear": 1}])[0]  # array([[ 1., nan]], dtype=float32)
    ```
    """

    kind: Literal["multilabel"] = Field(
        default="multilabel", description="Any number of classes per row (sigmoids)."
    )
    separator: str = Field(
        default=DEFAULT,
        min_length=1,
        description="Separator of the class names in a text cell; '><' reads `<a><b>`. auto: what "
        "splits the training rows' cells into names that are seen elsewhere, too.",
    )
    empty_cell: Literal["missing", "none"] = Field(
        default="missing",
        description="What an empty text cell means: no label is known, or none of the classes.",
    )

    loss: Literal["crossentropy", "focal", "asymmetric"] = Field(
        default="crossentropy",
        description="The loss: plain, focal (Lin et al. 2017) or asymmetric (Ridnik et al. 2021).",
    )
    gamma: float | None = Field(
        default=None, ge=0, allow_inf_nan=False, description="γ of the focal loss; default: 2."
    )
    gamma_positive: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="γ₊ of the asymmetric loss; default: 0.",
    )
    gamma_negative: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="γ₋ of the asymmetric loss; default: 4.",
    )
    margin: float | None = Field(
        default=None, ge=0, lt=1, description="Margin of the asymmetric loss; default: 0.05."
    )
    label_smoothing: float = Field(
        default=0.0, ge=0, lt=1, description="Share of each target moved towards ½."
    )
    label_counts: list[int] | None = Field(
        default=None, description="Number of known training labels per class, 0 or 1; measured."
    )

    def model_post_init(self, context: Any) -> None:
        """Checks what involves several fields."""
        super().model_post_init(context)
        self._only_with_loss("focal", ["gamma"])
        self._only_with_loss("asymmetric", ["gamma_positive", "gamma_negative", "margin"])

    @property
    def missing_target(self) -> np.ndarray:
        return np.full(len(self._index), np.nan, "float32")

    def is_missing(self, cell: Cell) -> bool:
        if self.empty_cell == "none":
            is_row = self.path.is_several and not (self.holds_flags and self.labels)
            if is_row and isinstance(cell, list):  # of columns of names, or what may be such
                return False
            if isinstance(cell, str) and not cell.strip():
                return False
        return super().is_missing(cell)

    @property
    def can_encode(self) -> bool:
        return super().can_encode and (self.separator != AUTO or self.holds_flags)

    def learn(self, cells: Cells) -> Self:
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

    def _texts(self, cells: Cells) -> list[str]:
        known = (cell for cell in cells if not self.is_missing(cell))
        return texts_of(name for cell in known for name in self.names_of_columns(cell))

    def remarks(self, asked: Self, cells: Cells) -> list[str]:
        remarks, texts = super().remarks(asked, cells), self._texts(cells)
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

    def readings(self, cell: Cell) -> list[Reading]:
        if isinstance(cell, str) and cell.lstrip()[:1] not in ("[", "{"):
            names = () if self.holds_flags else split_names(cell, self.separator)
            if all(name in self._index for name in names):
                return []  # nearly always; cells may all differ
        return [*self._bits_as_names(cell), *super().readings(cell)]

    def _bits_as_names(self, cell: Cell) -> list[Reading]:
        """Returns the reading of a list of 0 and 1 that repeats them, as no list of names does."""
        is_list = isinstance(cell, list) or (isinstance(cell, str) and cell.lstrip()[:1] == "[")
        if self.holds_flags or self.path.is_vector or not is_list:
            return []
        try:
            values = self._values(cell)
            bits = [class_key(value) for value in values]
        except ValueError:
            return []
        repeats = len(set(bits)) < len(bits) and set(bits) <= BITS.keys()
        return [Reading("vector", str(values))] if repeats else []

    def remedy(self, name: str) -> str:
        for separator in (*CANDIDATES, BRACKETS):
            if separator != self.separator and lists([name], separator, self._is_class):
                return f"If it is a list, set separator = {json_line(separator)}"
        return super().remedy(name)

    def names_in(self, cell: Cell) -> list[str]:
        return [class_name(value) for value in self._values(cell)]

    def texts_in(self, cell: Cell) -> list[str]:
        return [value for value in self._values(cell) if isinstance(value, str)]

    def _values(self, cell: Cell) -> list[object]:
        """Returns the class names of a cell; those of a table have a 0 or 1 each."""
        if self.path.is_several and isinstance(cell, list):
            return [
                name
                for value in self.names_of_columns(cell)
                for name in (self._values(value) if isinstance(value, str) else [value])
            ]
        if isinstance(cell, str):
            cell = parsed_json(cell)
        if isinstance(cell, dict):
            return list(cell)
        if isinstance(cell, str):
            if self.separator == AUTO:
                raise ValueError('separator = "auto" is found by `learn`: call it first')
            return list(split_names(cell, self.separator))
        if isinstance(cell, list):
            return cell
        if is_whole(cell):
            return [cell]
        raise ValueError(
            f"expected a list of class names, text separated by {self.separator!r}, or a table "
            f'such as {{"joy": 1, "fear": 0}}, received {cell!r}'
        )

    def encode_cell(self, cell: Cell) -> np.ndarray:
        table = parsed_json(cell) if isinstance(cell, str) else cell
        if isinstance(table, dict):
            return self._partly_known(table)
        if self.holds_flags:
            return self.vector(table)
        indices = [self.index_of(value) for value in self._values(cell)]
        known = [index for index in indices if index is not None]
        if indices and not known:  # only classes to be ignored
            return self.missing_target
        target = np.zeros(len(self._index), "float32")
        target[known] = 1
        return target

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

    def read_targets(self, values: np.ndarray) -> np.ndarray:
        targets = super().read_targets(values)
        wrong = ~(np.isin(targets, (0, 1)) | np.isnan(targets))
        self.refuse_targets(targets, wrong, "0 or 1, or NaN where missing")
        return targets

    def measure(self, targets: np.ndarray) -> Self:
        known = self.known_cells(targets).sum(axis=0).tolist()
        return super().measure(targets).model_copy(update={"label_counts": known})

    @property
    def known_counts(self) -> np.ndarray:
        """Known training labels of each class, float64 of shape `(C,)`."""
        if self.label_counts is None:
            raise ValueError(
                f"task {self.name!r} needs the counts of its training labels: call `measure`"
            )
        return np.array(self.label_counts, "float64")

    def ruled_weights(self, rule: str, counts: np.ndarray) -> np.ndarray:
        """Returns negatives over positives (balanced), or over their effective numbers.

        A class known only where it is positive has nothing to be weighed against and gets 1.
        """
        negatives, positives = self.known_counts - counts, counts
        if rule == "effective":
            negatives, positives = map(self.effective_numbers, (negatives, positives))
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(positives > 0, negatives / positives, np.inf)  # (C,)
        return np.where((negatives == 0) & (positives > 0), 1.0, ratio)

    def class_indicator(self, targets: np.ndarray) -> np.ndarray:
        return targets == 1

    def known_cells(self, targets: np.ndarray) -> np.ndarray:
        return ~np.isnan(targets)

    def head(self, features: "keras.KerasTensor", name: str) -> "keras.KerasTensor":
        return self.dense(features, len(self._index), name)

    @property
    def base_logits(self) -> np.ndarray | None:
        if self.class_counts is None or self.label_counts is None or self.loss != "crossentropy":
            return None
        # The logit of each class' frequency, with one label more of either sort: never infinite.
        return np.log(self.counts + 1) - np.log(self.known_counts - self.counts + 1)  # (C,)

    def make_loss(self) -> "MaskedLoss":
        from mtc_keras.tasks import losses

        shared: dict[str, Any] = {
            "class_weights": self.class_weight_list,
            "label_smoothing": self.label_smoothing,
        }
        if self.loss == "focal":
            gamma = 2.0 if self.gamma is None else self.gamma
            return losses.MaskedBinaryFocal(gamma, **shared)
        if self.loss == "asymmetric":
            given = {
                "gamma_positive": self.gamma_positive,
                "gamma_negative": self.gamma_negative,
                "margin": self.margin,
            }
            own = {name: value for name, value in given.items() if value is not None}
            return losses.MaskedAsymmetric(**own, **shared)
        return losses.MaskedBinaryCrossentropy(**shared)

    def constant_loss(self) -> float:
        """Returns the mean over known cells of the binary entropy of their class."""
        total = self.known_counts
        return float((total * binary_entropy(self.counts, total)).sum() / total.sum())

    def activate(self, logits: "keras.KerasTensor") -> "keras.KerasTensor":
        from keras import ops

        return ops.sigmoid(logits)

    @property
    def main_metric(self) -> str:
        return "f1_micro"

    def decision(self, **values: Any) -> Decision:
        return Decision(list(self._index), **values)

    def choose(self, probabilities: Any, decision: Decision | None, ops: ModuleType) -> Any:
        return probabilities >= (
            DEFAULT_THRESHOLD if decision is None else decision.threshold_array
        )

    def serve(
        self, probabilities: "tf.Tensor", decision: Decision | None = None
    ) -> dict[str, "tf.Tensor"]:
        """Returns `labels`, the class names of each row, `selected`, 0 or 1, and `probability`."""
        import tensorflow as tf
        from keras import ops

        selected = tf.cast(self.choose(probabilities, decision, ops), "int32")
        names = tf.broadcast_to(tf.constant(self.shown_classes), tf.shape(selected))
        return {"labels": names, "selected": selected, "probability": probabilities}

    def predicted_indicator(self, targets: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        return self.class_indicator(predictions) & ~np.isnan(targets)

    def constant_prediction(self, training_targets: np.ndarray) -> np.ndarray:
        prediction = np.zeros(len(self._index), self.target_dtype)
        # The most frequent class: to predict none would have an F1 of 0.
        prediction[self.class_indicator(training_targets).sum(axis=0).argmax()] = 1
        return prediction

    # === Judgement ===

    def confidence(self, probabilities: np.ndarray, decision: Decision | None = None) -> np.ndarray:
        """Returns the product over classes of the decision's probability, as if independent."""
        chosen = self.decide(probabilities, decision) == 1
        return np.where(chosen, probabilities, 1 - probabilities).prod(axis=-1)  # (N, C) -> (N,)

    def log_loss(self, targets: np.ndarray, probabilities: np.ndarray) -> float:
        known = self.known_cells(targets)
        p = np.clip(probabilities[known].astype("float64"), SMALLEST, 1 - SMALLEST)
        return float(-np.log(np.where(targets[known] == 1, p, 1 - p)).mean())

    def brier_score(self, targets: np.ndarray, probabilities: np.ndarray) -> float:
        """Returns the mean over known cells of `(p - y)²` (Brier 1950)."""
        known = self.known_cells(targets)
        return float(np.square(probabilities[known] - targets[known], dtype="float64").mean())

    def reliability(
        self, targets: np.ndarray, probabilities: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns the probability of each known cell, and whether its label is 1."""
        known = self.known_cells(targets)
        return probabilities[known], targets[known] == 1

    # === For people ===

    def exported(self) -> dict[str, Any]:
        return {**super().exported(), "separator": self.separator}

    def describe(
        self,
        probabilities: np.ndarray,
        decision: Decision | None = None,
        abstain_below: float | None = None,
    ) -> dict[str, Any]:
        chosen = np.flatnonzero(self.decide(probabilities, decision))
        found: dict[str, Any] = {
            "labels": [self.shown(int(index)) for index in chosen],
            "probabilities": {
                self.shown(index): float(value) for index, value in enumerate(probabilities)
            },
        }
        if abstain_below is None:
            return found
        confidence = float(self.confidence(probabilities[None], decision)[0])
        abstained = confidence < abstain_below
        found |= {"confidence": confidence, "abstained": abstained}
        return {**found, "labels": None} if abstained else found

    @property
    def label_type(self) -> Any:
        return list[str]

    def label_cell(self, label: list[str] | None) -> str | None:
        """Returns the labels with the separator between them, or as JSON if a class holds it."""
        if label is None:
            return None
        if self._separates:
            return joined_names(label, self.separator)
        return json_line(label)

    @cached_property
    def _separates(self) -> bool:
        """Whether no class holds the separator."""
        return not any(self.separator in name for name in self.shown_classes)

    def label(self, target: np.ndarray) -> list[str] | None:
        if np.isnan(target).all():
            return None
        return [self.shown(int(index)) for index in np.flatnonzero(target == 1)]
