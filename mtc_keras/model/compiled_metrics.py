"""The metrics that `compile` is given, over the labels that are known."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, ops

from mtc_keras.model.keras_view import KerasView, hard, shown_name
from mtc_keras.model.task_losses import SampleWeight, Targets, weight_of
from mtc_keras.tasks import Task
from mtc_keras.tasks.losses import known_labels


class CompiledMetrics(keras.metrics.Metric):
    """The metrics of all tasks, as one that returns a dict.

    A missing label does not count; nor does a task that a batch has no targets of. Names are
    Keras': `<task>_<metric>`, and the metric's own in a model of one task.

    Args:
        tasks: the tasks.
        logits_shapes: dict from task to the shape of one row of its logits.
        metrics: dict from task to its metrics, which row weights do not touch.
        weighted_metrics: dict from task to metrics that count rows by their weights.

    Raises:
        ValueError: for a metric that is unknown or does not fit its task.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        logits_shapes: Mapping[str, tuple[int, ...]],
        metrics: Mapping[str, Sequence[Any]],
        weighted_metrics: Mapping[str, Sequence[Any]],
    ) -> None:
        super().__init__(name="compiled_metrics")
        self.names: list[str] = []
        self.parts: list[Part] = []
        for given, weighted in ((metrics, False), (weighted_metrics, True)):
            for task in tasks:
                for value in given.get(task.name, ()):
                    part = _part(task, value, logits_shapes[task.name], weighted)
                    prefix = f"{task.name}_" if len(tasks) > 1 else ""
                    self.names.append(_unique(prefix + part.metric.name, self.names))
                    self.parts.append(part)
        self.metrics = [part.metric for part in self.parts]  # tracked with their variables

    def update_state(
        self, y_true: Targets, y_pred: Targets, sample_weight: SampleWeight = None
    ) -> None:
        """Adds a batch: targets, logits and row weights by task; targets may be left out."""
        for part in self.parts:
            if part.task in y_true:
                rows = weight_of(sample_weight, part.task) if part.weighted else None
                part.metric.update_state(*part.view(y_true[part.task], y_pred[part.task], rows))

    def reset_state(self) -> None:
        for part in self.parts:
            part.metric.reset_state()

    def result(self) -> dict[str, KerasTensor]:
        results = (part.metric.result() for part in self.parts)
        return dict(zip(self.names, results, strict=True))


@dataclass(frozen=True)
class Part:
    """A metric of one task, and what makes its `update_state`'s arguments of a batch."""

    task: str
    metric: keras.metrics.Metric
    view: Callable[[KerasTensor, KerasTensor, KerasTensor | None], tuple[KerasTensor, ...]]
    weighted: bool


def _part(task: Task, given: Any, logits_shape: tuple[int, ...], weighted: bool) -> Part:
    """Returns a metric of a task that has been tried out, so that all of its variables are there.

    Raises:
        ValueError: if it is unknown or does not fit.
    """
    if isinstance(given, str) and given.lower() in ("accuracy", "acc"):
        if not task.has_classes:
            raise ValueError(
                f"metric of task {task.name!r}: a number is never quite right; 'mae' and 'mse' "
                f"say by how much it is wrong. Received: {given!r}"
            )
        metric = keras.metrics.Mean(name=given)
        return Part(task.name, metric, partial(_right, task), weighted)
    try:
        found = keras.metrics.get(given)
    except ValueError as error:
        raise ValueError(f"metric of task {task.name!r}: {error}") from None
    metric = found
    if not isinstance(found, keras.metrics.Metric):
        metric = keras.metrics.MeanMetricWrapper(found, name=shown_name(found))
    if isinstance(given, str):
        metric.name = given  # as Keras does
    view = KerasView.of(task, found, logits_shape)
    missing = np.zeros_like(np.asarray(task.missing_target, task.target_dtype))
    handed = view(np.stack([missing, missing]), np.zeros((2, *logits_shape), "float32"))
    try:
        metric.update_state(*handed)
    except Exception as error:
        # Whatever a user's function raises; it stays attached.
        raise ValueError(
            f"metric {metric.name!r} of task {task.name!r} cannot be computed from y_true of "
            f"shape {tuple(handed[0].shape)} and y_pred of shape {tuple(handed[1].shape)}: {error}"
        ) from error
    metric.reset_state()
    return Part(task.name, metric, view, weighted)


def _right(
    task: Task, targets: KerasTensor, logits: KerasTensor, sample_weight: KerasTensor | None
) -> tuple[KerasTensor, KerasTensor]:
    """Returns of each row whether all of its known labels are predicted right, and its weight."""
    targets = hard(task, ops.convert_to_tensor(targets))
    known = known_labels(targets)
    probabilities = task.activate(ops.cast(logits, "float32"))
    predicted = ops.cast(task.choose(probabilities, None, ops), targets.dtype)
    right = ops.logical_or(ops.equal(predicted, targets), ops.logical_not(known))
    cells = tuple(range(1, known.ndim))
    weights = ops.cast(ops.any(known, axis=cells), "float32")
    if sample_weight is not None:
        weights = weights * ops.cast(sample_weight, "float32")
    return ops.cast(ops.all(right, axis=cells), "float32"), weights


def _unique(name: str, taken: Sequence[str]) -> str:
    """Returns a name, with a number where it is taken, as Keras does."""
    numbered = (name if number == 0 else f"{name}_{number}" for number in count())
    return next(other for other in numbered if other not in taken)
