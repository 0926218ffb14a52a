"""A training whose numbers are no longer finite ends, and the message says what to try."""

import math
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from mtc_keras.config import Config
from mtc_keras.data.batches import TrainingBatches
from mtc_keras.devices import process
from mtc_keras.errors import TrainingError
from mtc_keras.run.checkpoints import saved_checkpoints
from mtc_keras.tasks import Task


class FiniteLosses(keras.callbacks.Callback):
    """Ends a training at the first loss that is not a finite number.

    Keras' `TerminateOnNaN` makes every step wait for its loss, and ends as if all were well. Here
    a thread of Keras' own looks at the losses, so that the training ends a few steps later, but
    before a checkpoint, an epoch's validation or anything else is made of such numbers.

    It stands after `TaskMetrics`, whose validation losses it checks, too, and before `BestEpoch`.

    Args:
        config: the `Config`.
        batches: the `TrainingBatches` that `fit` reads.
        checkpoints: optional path of the directory of checkpoints, which the message names.
    """

    async_safe = True

    def __init__(
        self, config: Config, batches: TrainingBatches, checkpoints: Path | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.batches = batches
        self.checkpoints = checkpoints
        self.epoch = 0
        self.tasks: Sequence[Task] = ()
        self._lock = threading.Lock()
        self._first: tuple[int, dict[str, float]] | None = None  # step, losses by name

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        # Not when a step ends: asking for `model` makes Keras fetch the state of the step.
        self.tasks = self.model.tasks

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        wrong = self._not_finite(logs or {}, "")
        if not wrong:
            return
        step = self.batches.first_batch + batch + 1
        with self._lock:  # threads may come out of order
            if self._first is None or step < self._first[0]:
                self._first = step, wrong

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._raise_if_seen()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._raise_if_seen()
        weights = [(v.path, ops.convert_to_numpy(v)) for v in self.model.trainable_variables]
        self.check(weights, "at its end")
        if wrong := self._not_finite(logs or {}, "val_"):
            self._raise("the validation loss", "at its end", wrong)

    def check(self, arrays: Iterable[tuple[str, np.ndarray]], when: str) -> None:
        """Checks what is about to be saved or judged, which is newer than the losses.

        Args:
            arrays: names and arrays.
            when: str. The place in the epoch, for the message.

        Raises:
            TrainingError: if a number is not finite.
        """
        self._raise_if_seen()
        for name, array in arrays:
            if not np.isfinite(array).all():
                self._raise(f"the weight {name}", when, {})

    def _not_finite(self, logs: dict[str, Any], prefix: str) -> dict[str, float]:
        """Returns the losses that are not finite, by task's name; the total's is empty."""
        names = {"": f"{prefix}loss"} | {
            task.name: f"{prefix}{task.name}_loss" for task in self.tasks
        }
        found = {task: float(logs[name]) for task, name in names.items() if name in logs}
        return {task: loss for task, loss in found.items() if not math.isfinite(loss)}

    def _raise_if_seen(self) -> None:
        if self._first is not None:
            step, wrong = self._first
            self._raise("the loss", f"in step {step}", wrong)

    def _raise(self, what: str, when: str, wrong: dict[str, float]) -> None:
        shown = [f"{name} ({loss})" for name, loss in wrong.items() if name]
        of = f" of {', '.join(shown)}" if shown else ""
        tasks = [task for task in self.tasks if task.name in wrong or not shown]
        raise TrainingError(
            f"the training has been stopped: {what}{of} is no finite number in epoch "
            f"{self.epoch + 1} {when}",
            [*advice(self.config, tasks), *self._kept()],
        )

    def _kept(self) -> list[str]:
        if self.checkpoints is None:
            return []
        saved = saved_checkpoints(self.checkpoints)
        if not saved:
            return ["no checkpoint was saved before it; nothing is kept"]
        return [
            f"the checkpoints from before it are whole ({saved[-1].name} is the newest), but "
            "--resume takes the same steps again: change the config and add --overwrite"
        ]


def advice(config: Config, tasks: Sequence[Task]) -> list[str]:
    """Returns what to try, the likeliest first, where the losses of some tasks are not finite."""
    training = config.training
    tried = [f"training.learning_rate is {training.learning_rate:g}: a tenth of it, or less"]
    if training.head_learning_rate is not None:
        tried.append(f"training.head_learning_rate is {training.head_learning_rate:g}: less")
    if not training.clip_norm:
        tried.append("training.clip_norm is 0, no limit: 1.0 limits the norm of the gradient")
    if not training.warmup:
        tried.append("training.warmup is 0: 0.1 raises the rate slowly at the beginning")
    if process.dtype_policy(training.precision) != "float32":
        tried.append('training.precision: "float32" instead of bfloat16')
    if config.balancing.method != "static":
        tried.append(f'balancing.method is {config.balancing.method!r}: try "static"')
    tried += [
        f"tasks.{task.name}: look for outliers among its numbers (column {str(task.path)!r})"
        for task in tasks
        if not task.has_classes
    ]
    return tried
