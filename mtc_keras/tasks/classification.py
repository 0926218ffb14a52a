"""What the kinds with classes share."""

from abc import abstractmethod
from collections.abc import Collection
from functools import cached_property
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field

from mtc_keras.tasks.decision import Decision
from mtc_keras.tasks.share_labels import ShareLabels

MOST_CLASS_WEIGHT = 10.0
BETA = 0.999
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class ClassificationTask(ShareLabels):
    """What the kinds with classes share: weights of classes, counts and metrics."""

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

    def model_post_init(self, context: Any) -> None:
        """Checks what involves several fields."""
        super().model_post_init(context)
        if self.max_class_weight is not None and not isinstance(self.class_weights, str):
            raise ValueError(
                "max_class_weight caps class_weights of a rule; give a rule or leave it"
            )
        if self.class_weight_beta is not None and self.class_weights != "effective":
            raise ValueError('class_weight_beta belongs to class_weights = "effective"')

    def _by_class(self) -> dict[str, Collection[str]]:
        weights = self.class_weights if isinstance(self.class_weights, dict) else {}
        return {**super()._by_class(), "class_weights": weights}

    @property
    def summary(self) -> str:
        """Kind and number of classes."""
        shares = ", shares" if self.has_shares else ""
        return f"{self.kind}, {len(self._index)} classes{shares}"

    def measure(self, targets: np.ndarray) -> Self:
        if self.has_shares:
            counts = np.nansum(targets, axis=0, dtype="float64")
        else:
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

    @property
    def training_counts(self) -> list[int | float] | None:
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
        return ("accuracy", *averages, *(["expected_log_loss"] if self.has_shares else []))

    @property
    def shown_metrics(self) -> tuple[str, ...]:
        return ("accuracy", "f1_micro", "f1_macro", *self.shown_of_shares)

    @property
    def shown_of_shares(self) -> tuple[str, ...]:
        """Names of the metrics against shares: a log loss, and the least that it can be."""
        return ("expected_log_loss", "label_entropy") if self.has_shares else ()

    def expected_metrics(self, targets: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
        """Returns the log loss expected of labels drawn from the shares, and their entropy.

        The entropy is the log loss of a model that states the shares themselves; what is above it
        is the Kullback–Leibler divergence.
        """
        if not self.has_shares:
            return {}
        return {
            "expected_log_loss": self.log_loss(targets, probabilities),
            "label_entropy": self.label_entropy(targets),
        }

    @abstractmethod
    def label_entropy(self, targets: np.ndarray) -> float:
        """Returns the mean entropy of the known shares, in nats."""
