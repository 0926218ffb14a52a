"""Losses of Keras, or a user's own, that leave out missing labels as a task's own loss does."""

from typing import Any

import keras
import numpy as np
from keras import KerasTensor, ops

from mtc_keras.model.keras_view import KerasView
from mtc_keras.tasks import Task
from mtc_keras.tasks.losses import MaskedLoss, known_labels

MEANS = ("sum_over_batch_size", "mean", "mean_with_sample_weight")
CROSSENTROPIES = ("crossentropy", "ce")


class OtherLoss(MaskedLoss):
    """The mean over labelled rows of a loss that knows of no missing labels.

    It is handed harmless targets in place of missing ones, and what it returns for them has no
    weight: neither in the mean nor in a gradient.

    Args:
        task: the task.
        loss: a `keras.losses.Loss`, or a function of `(y_true, y_pred)` that returns one number
            per row, or per cell of a row; the mean of such numbers does, too.
        logits_shape: the shape of one row of the task's logits.

    Raises:
        ValueError: if it cannot be computed from what the task predicts, if it compares rows
            with each other, or if it is no mean.
    """

    def __init__(self, task: Task, loss: Any, logits_shape: tuple[int, ...]) -> None:
        super().__init__(name=getattr(loss, "name", None) or getattr(loss, "__name__", "loss"))
        reduction = getattr(loss, "reduction", MEANS[0])
        if isinstance(loss, keras.losses.Loss) and reduction not in MEANS:
            raise ValueError(
                f"the loss of task {task.name!r} must be a mean, as it counts labelled rows only. "
                f"Received: reduction={reduction!r}"
            )
        self.task = task
        self.given = loss
        self.view = KerasView.of(task, loss, logits_shape)
        self.one_by_one = False
        self._try_out(logits_shape)

    def _try_out(self, logits_shape: tuple[int, ...]) -> None:
        """Computes some rows together and each by itself: a loss that cannot be used is refused."""
        size = int(np.prod(logits_shape))
        rows = size + 2  # another number than that of classes, with which it could be confused
        zero = np.zeros_like(np.asarray(self.task.missing_target, self.task.target_dtype))
        targets = np.stack([zero + row % 2 for row in range(rows)])
        logits = np.linspace(-0.5, 0.7, rows * size, dtype="float32").reshape(rows, *logits_shape)
        what = f"loss {self.name!r} of task {self.task.name!r}"
        truth, predicted, weights = self.view(targets, logits)
        try:
            values = self._values(truth, predicted)
            shape = tuple(values.shape)
            if shape == ():
                alone = [self._values(truth[r : r + 1], predicted[r : r + 1]) for r in range(rows)]
        except Exception as error:
            # Whatever a user's function raises; it stays attached.
            raise ValueError(
                f"{what} cannot be computed from y_true of shape {tuple(truth.shape)} and "
                f"y_pred of shape {tuple(predicted.shape)}: {error}"
            ) from error
        if shape == ():
            if not np.allclose(float(values), np.mean([float(v) for v in alone]), atol=1e-5):
                raise ValueError(
                    f"{what} returns one number for a batch that is not the mean over its rows; "
                    "rows without a label cannot be left out of it. It must return a number per "
                    "row"
                )
            self.one_by_one = True
        elif shape[0] != weights.shape[0]:
            raise ValueError(
                f"{what} must return a number per row. Received: shape {shape} for "
                f"{weights.shape[0]} rows"
            )

    @property
    def takes_soft_targets(self) -> bool:
        """Whether targets of shape `(B, C)`, the share of each class, fit in place of indices."""
        return self.view.one_hot and "int" in self.task.target_dtype

    def _values(self, truth: KerasTensor, predicted: KerasTensor) -> KerasTensor:
        call = self.given.call if isinstance(self.given, keras.losses.Loss) else self.given
        return ops.cast(call(truth, predicted), "float32")

    def sums(
        self,
        targets: KerasTensor,
        logits: KerasTensor,
        sample_weight: KerasTensor | None = None,
    ) -> tuple[KerasTensor, KerasTensor]:
        truth, predicted, weights = self.view(targets, logits, sample_weight)
        if self.one_by_one:
            values = ops.vectorized_map(
                lambda row: self._values(row[0][None], row[1][None]), (truth, predicted)
            )
        else:
            values = self._values(truth, predicted)
        if values.ndim > 1 and values.shape == truth.shape and truth.shape[-1] > 1:
            known = ops.cast(known_labels(ops.convert_to_tensor(targets)), "float32")
            if known.shape == values.shape:  # a number for each cell: each is left out by itself
                rows = 1.0 if sample_weight is None else ops.reshape(sample_weight, (-1, 1))
                weights = known * ops.cast(rows, "float32")
        elif values.ndim > 1:
            values = ops.mean(values, axis=tuple(range(1, values.ndim)))
        values = ops.where(weights > 0, values, 0.0)  # NaN · 0 is NaN
        return ops.sum(weights * values), ops.sum(weights)


def loss_of(task: Task, given: Any, logits_shape: tuple[int, ...]) -> MaskedLoss:
    """Returns a loss that leaves out missing labels.

    Args:
        task: the task.
        given: what `keras.losses.get` takes, `"crossentropy"`, or a function.
        logits_shape: the shape of one row of the task's logits.

    Raises:
        ValueError: if there is no such loss, or it does not fit the task.
    """
    if isinstance(given, str) and given.lower() in CROSSENTROPIES:
        if not task.has_classes:
            raise ValueError(
                f"loss of task {task.name!r}: a number has no cross-entropy. Received: {given!r}"
            )
        given = "binary_crossentropy"
        if "int" in task.prediction_dtype:
            given = "categorical_crossentropy"
            given = given if task.has_shares else f"sparse_{given}"
    try:
        loss = keras.losses.get(given)
    except ValueError as error:
        raise ValueError(f"loss of task {task.name!r}: {error}") from None
    return loss if isinstance(loss, MaskedLoss) else OtherLoss(task, loss, logits_shape)
