"""Any number of classes per row, or none: one sigmoid per class."""

from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import Field

from mtc_keras.files import json_line
from mtc_keras.tasks import arrays
from mtc_keras.tasks.decision import DEFAULT_THRESHOLD, Decision
from mtc_keras.tasks.ordinal import binary_entropy
from mtc_keras.tasks.separators import joined_names
from mtc_keras.tasks.set_labels import SetLabels
from mtc_keras.tasks.single_label import SMALLEST

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from mtc_keras.tasks.losses import MaskedLoss


class Multilabel(SetLabels):
    """A task whose rows carry any subset of C classes.

    Targets are float32 of shape `(N, C)` with 0 and 1 (of votes and probabilities: the
    share of each class), and NaN where a row's or a single class' label is missing;
    logits and probabilities are float32 of shape `(N, C)`, probabilities being their
    sigmoid. A class is predicted at a probability of its threshold or more.

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

    def hard(self, targets: np.ndarray) -> np.ndarray:
        """Returns 0 and 1, and NaN where missing: of shares, 1 for those above a half."""
        known = np.where(targets > 0.5, 1, 0)
        return np.where(np.isnan(targets), np.nan, known).astype("float32")

    def tied(self, targets: np.ndarray) -> np.ndarray:
        return (targets == 0.5).any(axis=1)

    @property
    def how_tied(self) -> str:
        return "a class with a share of one half, which metrics read as not there"

    def read_targets(self, values: np.ndarray) -> np.ndarray:
        targets = super().read_targets(values)
        known = (targets >= 0) & (targets <= 1) if self.has_shares else np.isin(targets, (0, 1))
        expected = "0 … 1" if self.has_shares else "0 or 1"
        wrong = ~(known | np.isnan(targets))
        self.refuse_targets(targets, wrong, f"{expected}, or NaN where missing")
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
        return targets > 0.5  # 1, or the share of most

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

    def activate_array(self, logits: np.ndarray) -> np.ndarray:
        return arrays.sigmoid(logits)

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
        q = targets[known]
        if self.has_shares:
            return float(-(q * np.log(p) + (1 - q) * np.log1p(-p)).mean())
        return float(-np.log(np.where(q == 1, p, 1 - p)).mean())

    def label_entropy(self, targets: np.ndarray) -> float:
        """Returns the mean over known cells of the binary entropy of their share."""
        known = targets[self.known_cells(targets)].astype("float64")
        return float(binary_entropy(known, np.ones(len(known))).mean())

    def brier_score(self, targets: np.ndarray, probabilities: np.ndarray) -> float:
        """Returns the mean over known cells of `(p - y)²` (Brier 1950)."""
        known = self.known_cells(targets)
        return float(np.square(probabilities[known] - targets[known], dtype="float64").mean())

    def reliability(
        self, targets: np.ndarray, probabilities: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns the probability of each known cell, and its label, 0 or 1, or share."""
        known = self.known_cells(targets)
        return probabilities[known], targets[known]

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
