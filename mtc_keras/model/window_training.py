"""`fit` and `evaluate` on texts in windows, in the order in which they are given.

Shapes: N texts, B rows per batch, K windows per row, T tokens.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from mtc_keras.data.windows import Windows
from mtc_keras.model.arguments import MOST_ROWS
from mtc_keras.model.py_datasets import tf_dataset_of

if TYPE_CHECKING:
    from mtc_keras.model.steps import MultiTaskSteps

Targets = Mapping[str, np.ndarray]
SampleWeight = np.ndarray | Mapping[str, np.ndarray] | None


def in_windows(
    model: "MultiTaskSteps",
    data: tuple[Any, Any, Any],
    batch_size: int | None,
    kwargs: dict[str, Any],
) -> tuple[Any, list[keras.callbacks.Callback]]:
    """Returns what Keras' `fit` takes for `Windows`, and the callbacks that it needs beside it.

    Args:
        model: the model.
        data: `x`, `y` and `sample_weight`, checked; whatever is no `Windows` is returned as it is.
        batch_size: int. Rows per batch; 32 by default.
        kwargs: the other arguments of `fit`, of which those on a validation in windows are taken.
    """
    callbacks: list[keras.callbacks.Callback] = []
    share = kwargs.pop("validation_split", None) if isinstance(data[0], Windows) else None
    if share and kwargs.get("validation_data") is None:
        data, kwargs["validation_data"] = split_off(data, share)
    validation = kwargs.get("validation_data")
    if isinstance(validation, tuple) and isinstance(validation[0], Windows):
        size = kwargs.pop("validation_batch_size", None) or batch_size
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(validation)
        validation = first_rows((x, y, sample_weight), kwargs.pop("validation_steps", None), size)
        callbacks = [WindowValidation(validation, kwargs.pop("validation_freq", 1), size)]
        kwargs["validation_data"] = None
    if isinstance(data[0], Windows):
        batches = WindowBatches(model, data, batch_size or MOST_ROWS)
        data = (tf_dataset_of(batches, lambda *batch: batch), None, None)
    return data, callbacks


class WindowBatches(keras.utils.PyDataset):
    """Batches whose windows are drawn anew in each pass over them.

    Args:
        model: the model; says how many windows are drawn of a text.
        data: `Windows`, targets and weights of N rows.
        batch_size: int. Rows per batch.
    """

    def __init__(
        self, model: "MultiTaskSteps", data: tuple[Any, Any, Any], batch_size: int
    ) -> None:
        super().__init__()
        self.model, self.data, self.batch_size = model, data, batch_size
        self.seed, self.passes = new_seed(), 0

    def __len__(self) -> int:
        return math.ceil(len(self.data[0]) / self.batch_size)

    def __getitem__(self, number: int) -> tuple[Any, Any, Any]:
        windows, y, sample_weight = self.data
        start = number * self.batch_size
        rows = np.arange(start, min(start + self.batch_size, len(windows)))
        x = drawn(self.model, windows, rows, (self.seed, self.passes))
        return (x, *_rows(y, sample_weight, rows))

    def on_epoch_end(self) -> None:
        self.passes += 1


def drawn(
    model: "MultiTaskSteps", windows: Windows, rows: np.ndarray, seed: tuple[int, ...]
) -> dict[str, np.ndarray]:
    """Returns the inputs of a training step, of shape `(B, K, T)`: some windows of each text.

    Args:
        model: the model; says how many windows are drawn of a text.
        windows: the `Windows` of N texts.
        rows: int of shape `(B,)`.
        seed: as for `Windows.draw`.
    """
    most = min(int(windows.counts[rows].max(initial=1)), model.training_windows)
    return windows.take(windows.draw(rows, most, seed), windows.max_length)


def new_seed() -> int:
    """Returns a seed for draws, which follows from `keras.utils.set_random_seed`."""
    return int(np.random.randint(2**31))


def evaluate_windows(
    model: "MultiTaskSteps",
    windows: Windows,
    y: Targets,
    sample_weight: SampleWeight,
    batch_size: int | None = None,
    verbose: int | str = 0,
) -> dict[str, float]:
    """Returns the metrics of texts, of which all windows are read.

    The logits are predicted first, in batches of windows, so that a long text needs no more
    memory than a short one.

    Args:
        model: the model.
        windows: the `Windows` of N texts.
        y: dict from task to targets of N rows.
        sample_weight: `None`, float32 of shape `(N,)`, or a dict of such by task.
        batch_size: int. Most windows per batch; 32 by default.
        verbose: as for `keras.Model.evaluate`.
    """
    logits = model.predict_logits(windows, batch_size=batch_size, verbose=verbose)
    model.reset_metrics()
    size = batch_size or MOST_ROWS
    for start in range(0, len(windows), size):
        rows = np.arange(start, min(start + size, len(windows)))
        targets, weights = _rows(y, sample_weight, rows)
        found = {name: ops.convert_to_tensor(values[rows]) for name, values in logits.items()}
        model.compute_loss(None, targets, found, weights, training=False)
        model.compute_metrics(None, targets, found, weights)
    return {name: float(value) for name, value in model.get_metrics_result().items()}


class WindowValidation(keras.callbacks.Callback):
    """Evaluates after an epoch as Keras does, `val_` before the names of the metrics.

    Args:
        data: `Windows`, targets and optional weights of the validation rows.
        every: int or list of int. Epochs between two evaluations, or those that have one.
        batch_size: int. Most windows per batch; 32 by default.
    """

    def __init__(self, data: tuple[Any, ...], every: Any = 1, batch_size: int | None = None):
        super().__init__()
        self.x, self.y, self.sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        self.every, self.batch_size = every, batch_size

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        number = epoch + 1
        due = number % self.every == 0 if isinstance(self.every, int) else number in self.every
        if due and logs is not None:
            found = evaluate_windows(
                self.model, self.x, self.y, self.sample_weight, self.batch_size
            )
            logs.update({f"val_{name}": value for name, value in found.items()})


def first_rows(
    data: tuple[Any, Any, Any], steps: int | None, batch_size: int | None
) -> tuple[Any, Any, Any]:
    """Returns the rows of the first batches, as many as `steps` says; all without it.

    Args:
        data: `Windows`, targets and weights of N rows.
        steps: optional int. Batches.
        batch_size: int. Rows per batch; 32 by default.
    """
    if steps is None:
        return data
    return _selected(data, np.arange(min(steps * (batch_size or MOST_ROWS), len(data[0]))))


def split_off(data: tuple[Any, Any, Any], share: float) -> tuple[Any, Any]:
    """Returns all but the last share of the rows, and this share, as `validation_split` does.

    Args:
        data: `Windows`, targets and weights of N rows.
        share: float between 0 and 1.
    """
    count = len(data[0])
    at = math.floor(count * (1 - share))
    if not 0 < at < count:
        raise ValueError(
            f"validation_split of {count} rows must leave rows on both sides. "
            f"Received: validation_split={share}"
        )
    return _selected(data, np.arange(at)), _selected(data, np.arange(at, count))


def _selected(data: tuple[Any, Any, Any], rows: np.ndarray) -> tuple[Any, Any, Any]:
    """Returns `Windows`, targets and weights of some rows."""
    windows, y, sample_weight = data
    return (windows.select(rows), *_rows(y, sample_weight, rows))


def _rows(y: Targets, sample_weight: SampleWeight, rows: np.ndarray) -> tuple[Any, Any]:
    """Returns targets and weights of some rows."""
    targets = {name: values[rows] for name, values in y.items()}
    if isinstance(sample_weight, Mapping):
        return targets, {name: values[rows] for name, values in sample_weight.items()}
    return targets, None if sample_weight is None else sample_weight[rows]
