"""Keras callbacks: metrics of every task, the best epoch, the order of an epoch and history."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from mtc_keras.config import lower_is_better
from mtc_keras.data.batches import TrainingBatches
from mtc_keras.files import json_line, write_whole
from mtc_keras.scoring.judging import flat_logs, judge_logits
from mtc_keras.tasks import Task

State = tuple[dict[str, Any], list[np.ndarray]]  # of a callback, as checkpoints hold it


class TaskMetrics(keras.callbacks.Callback):
    """Judges every task on the whole validation set after each epoch.

    The numbers land in `logs` as `val_<task>_<metric>`, `val_score` and `val_loss`, where
    `EarlyStopping`, `ModelCheckpoint` and `TensorBoard` find them: put this callback
    before those. Works in any `fit` of a model with a dict of logits as outputs.

    Args:
        x: validation texts or tokens, as the model's `predict` takes them, or a
            `tf.data.Dataset` of batches.
        targets: dict from task to encoded labels, as `Task.encode` returns; tasks may be left
            out. `None` for a dataset of `(x, y)`, which is kept in memory, in one order.
        tasks: the tasks; default: `model.tasks`.
        batch_size: int. Rows per prediction batch.

    Attributes:
        evaluations: list with the metrics of each epoch so far.
    """

    def __init__(
        self,
        x: Any,
        targets: Mapping[str, np.ndarray] | None = None,
        tasks: Sequence[Task] | None = None,
        batch_size: int = 32,
    ) -> None:
        super().__init__()
        self.x, self.targets = (x, targets) if targets is not None else _split_dataset(x)
        self.tasks = tasks
        self.batch_size = batch_size
        self.evaluations: list[dict[str, Any]] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        tasks = [t for t in self.tasks or self.model.tasks if t.name in self.targets]
        # Any Keras model will do; this package's own predicts probabilities.
        predict = getattr(self.model, "predict_logits", self.model.predict)
        batched = hasattr(self.x, "element_spec") or isinstance(self.x, keras.utils.PyDataset)
        rows = {} if batched else {"batch_size": self.batch_size}
        logits = predict(self.x, verbose=0, **rows)
        evaluation = judge_logits(tasks, self.targets, logits, model=self.model)
        self.evaluations.append(evaluation)
        if logs is not None:
            logs.update(flat_logs(evaluation, "val_"))

    def get_state(self) -> State:
        return {"evaluations": self.evaluations}, []

    def set_state(self, values: dict[str, Any], arrays: list[np.ndarray]) -> None:
        self.evaluations = values["evaluations"]


def _split_dataset(dataset: Any) -> tuple[Any, dict[str, np.ndarray]]:
    """Returns a dataset of `(x, y)` whose order stays the same, and its targets by task.

    Raises:
        ValueError: if it is no `tf.data.Dataset`, or has no dict of targets.
    """
    spec = getattr(dataset, "element_spec", None)
    if not isinstance(spec, tuple) or len(spec) < 2 or not isinstance(spec[1], dict):
        raise ValueError(
            "TaskMetrics takes x and a dict of targets by task, or a tf.data.Dataset of (x, y) "
            f"with such a dict as y. Received: {type(dataset).__name__} without targets"
        )
    kept = dataset.cache()  # one that shuffles would give its rows in another order to `predict`
    parts = [batch[1] for batch in kept.as_numpy_iterator()]
    return kept, {name: np.concatenate([part[name] for part in parts]) for name in spec[1]}


class MovingAverage(keras.callbacks.SwapEMAWeights):
    """Judges and keeps the moving average of the weights, which the optimizer holds."""

    def __init__(self) -> None:
        super().__init__(swap_on_epoch=True)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        super().on_epoch_end(epoch, logs)
        if epoch == self.params["epochs"] - 1:
            # Keras leaves the averages in the weights' buffers, which a prediction gives away.
            for variable in self.model.optimizer.variables:
                variable.assign(keras.ops.copy(variable))

    def get_state(self) -> State:
        return {"is_in_model": self._ema_weights_in_model}, []

    def set_state(self, values: dict[str, Any], arrays: list[np.ndarray]) -> None:
        self._ema_weights_in_model = values["is_in_model"]


class BestEpoch(keras.callbacks.EarlyStopping):
    """Keras' `EarlyStopping` on metrics' names without `val_`; restores the best weights.

    Args:
        monitor: `"score"`, `"loss"` or `"<task>_<metric>"`, or a dict from such names to weights
            above 0, whose weighted mean, `val_mix`, is maximised; losses and errors count as
            negative, and metrics that are undefined do not count.
        floor: optional dict from a metric's name to its least value (greatest, of a loss or
            error): an epoch that misses one is not the best while another misses none.
        patience: int. Epochs without improvement before training stops.
        min_delta: float. Smallest improvement that makes an epoch better.

    Attributes:
        floor_reached: bool. Whether any epoch has met every floor.
        is_found: bool. Whether the metric was defined after any epoch; else none is the best, and
            the last one is kept.
    """

    def __init__(
        self,
        monitor: str | Mapping[str, float],
        floor: Mapping[str, float] | None = None,
        patience: int = 1,
        min_delta: float = 0.0,
    ) -> None:
        self.mix = None if isinstance(monitor, str) else dict(monitor)
        self.title = monitor if isinstance(monitor, str) else "mix of " + ", ".join(monitor)
        smaller = isinstance(monitor, str) and lower_is_better(monitor)
        super().__init__(
            monitor=f"val_{monitor}" if isinstance(monitor, str) else "val_mix",
            mode="min" if smaller else "max",
            patience=patience,
            min_delta=min_delta,
            restore_best_weights=True,
        )
        self.floor = dict(floor or {})
        self.floor_reached = not self.floor

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        super().on_train_begin(logs)
        self.floor_reached = not self.floor

    @property
    def is_found(self) -> bool:
        return self.best is not None and bool(np.isfinite(self.best))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.mix is not None and logs is not None:
            logs["val_mix"] = _mixed(logs, self.mix)
        super().on_epoch_end(epoch, logs)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self.is_found:
            super().on_train_end(logs)

    def get_monitor_value(self, logs: dict[str, Any]) -> float:
        worst = np.inf if self.mode == "min" else -np.inf
        meets_floor = all(_reaches(logs, name, bound) for name, bound in self.floor.items())
        if meets_floor and not self.floor_reached:
            self.floor_reached = True
            self.best = None  # of epochs that missed it
        elif not meets_floor and self.floor_reached:
            return worst
        value = super().get_monitor_value(logs)
        # Keras would keep a NaN of the first epoch, as nothing is better than NaN.
        return value if value is not None and np.isfinite(value) else worst

    def get_state(self) -> State:
        names = ("best", "best_epoch", "wait", "stopped_epoch", "floor_reached")
        return {name: getattr(self, name) for name in names}, list(self.best_weights or [])

    def set_state(self, values: dict[str, Any], arrays: list[np.ndarray]) -> None:
        for name, value in values.items():
            setattr(self, name, value)
        self.best_weights = arrays or None


def _mixed(logs: Mapping[str, Any], weights: Mapping[str, float]) -> float:
    """Returns the weighted mean of the metrics that are defined, NaN if none is."""
    values = {name: logs.get(f"val_{name}", np.nan) for name in weights}
    defined = [name for name, value in values.items() if np.isfinite(value)]
    signs = {name: -1 if lower_is_better(name) else 1 for name in defined}
    total = sum(weights[name] for name in defined)
    return sum(weights[n] * signs[n] * values[n] for n in defined) / total if total else np.nan


def _reaches(logs: Mapping[str, Any], name: str, bound: float) -> bool:
    value = logs.get(f"val_{name}", np.nan)
    return bool(value <= bound if lower_is_better(name) else value >= bound)


class Prepared(keras.callbacks.Callback):
    """Has the training step compiled in the background while the first batches train.

    The batches and their order stay the same; one whose shape is not ready waits for it.

    Args:
        batches: the `TrainingBatches` that `fit` reads, of whose shapes those that come first
            are compiled first.
    """

    def __init__(self, batches: TrainingBatches) -> None:
        super().__init__()
        self.batches = batches

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.model.prepare_training(self.batches.one_of_each_shape())


class EpochOrder(keras.callbacks.Callback):
    """Sets the epoch whose order the training batches read.

    An epoch that is read from its middle on, by `batches.first_batch`, ends with its last batch,
    and the next one is read whole.

    Args:
        batches: the `TrainingBatches` that `fit` reads.
    """

    def __init__(self, batches: TrainingBatches) -> None:
        super().__init__()
        self.batches = batches

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.batches.epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        first = self.batches.first_batch
        if first and first + batch + 1 == len(self.batches):
            self.model.stop_training = True  # this epoch alone, after this step

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.batches.first_batch:
            self.batches.first_batch = 0
            self.model.stop_training = False


class History(keras.callbacks.Callback):
    """Writes one line of JSON per epoch: number, seconds, and every number in `logs`.

    Args:
        path: the file, `history.jsonl`.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.lines: list[str] = []
        self.started: float | None = None
        self.seconds_before = 0.0  # of the epoch, before it was resumed

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.started = time.perf_counter() - self.seconds_before
        self.seconds_before = 0.0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        line = {"epoch": epoch + 1, "seconds": round(self._seconds(), 2), **(logs or {})}
        self.started = None
        self.lines.append(json_line(line) + "\n")
        with self.path.open("a", encoding="utf-8") as file:
            file.write(self.lines[-1])

    def _seconds(self) -> float:
        return 0.0 if self.started is None else time.perf_counter() - self.started

    def get_state(self) -> State:
        return {"lines": self.lines, "seconds": self._seconds()}, []

    def set_state(self, values: dict[str, Any], arrays: list[np.ndarray]) -> None:
        self.lines, self.seconds_before = values["lines"], values["seconds"]
        write_whole(self.path, "".join(self.lines))  # an epoch is not there twice
