"""The callback that saves the state of a training, and puts it back."""

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from mtc_keras.config import TrainingConfig
from mtc_keras.data.batches import TrainingBatches
from mtc_keras.errors import ConfigError
from mtc_keras.programs.signals import Interruption
from mtc_keras.run.checkpoints import Checkpoint, Start, keyed, write_checkpoint
from mtc_keras.train.finite import FiniteLosses

MODEL_GROUPS = ("trainable", "non_trainable", "optimizer")
METRICS = "metrics"


class Checkpointing(keras.callbacks.Callback):
    """Saves everything from which a training resumes, and restores what was saved.

    It stands last, so that the other callbacks have had their turn. Those that hold state have
    two methods: `get_state`, which returns a dict of JSON values and a list of arrays, and
    `set_state`, which takes both.

    Variables are taken raw from the model and its optimizer, in the order that Keras keeps
    them: with their moving averages swapped in or not, just as they are.

    Args:
        directory: where the checkpoints go.
        training: the `[training]` section.
        batches: the `TrainingBatches` that `fit` reads.
        callbacks: the other callbacks.
        start: where the training starts.
        losses: who checks that what is saved is finite.
        interruption: who notes the signals.
        writes: bool. Whether this process writes; of several, one does.
    """

    def __init__(
        self,
        directory: Path,
        training: TrainingConfig,
        batches: TrainingBatches,
        callbacks: Sequence[keras.callbacks.Callback],
        start: Start,
        *,
        losses: FiniteLosses,
        interruption: Interruption,
        writes: bool = True,
    ) -> None:
        super().__init__()
        self.directory = directory
        self.training = training
        self.batches = batches
        self.stateful = {type(c).__name__: c for c in callbacks if hasattr(c, "get_state")}
        self.start = start
        self.losses = losses
        self.interruption = interruption
        self.writes = writes and training.keep_checkpoints > 0

    @property
    def initial_epoch(self) -> int:
        """The epoch that `fit` begins with; the number of all of them if none is left."""
        return self.start.checkpoint.epoch if self.start.checkpoint else 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.saved = time.monotonic()
        checkpoint = self.start.checkpoint
        if checkpoint is None:
            return
        for group in MODEL_GROUPS:
            restore(checkpoint, group, _variables(self.model, group))
        for name, callback in self.stateful.items():
            arrays = [array for _, array in checkpoint.arrays(f"callbacks/{name}")]
            callback.set_state(checkpoint.state["callbacks"][name], arrays)
        self.batches.first_batch = checkpoint.step

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epoch = epoch
        if self.batches.first_batch and self.start.checkpoint:  # Keras has just reset them
            restore(self.start.checkpoint, METRICS, _variables(self.model, METRICS))

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        # Not at a step's end, where Keras would wait for its losses before the next one starts.
        step = self.batches.first_batch + batch
        if batch == 0:  # no step has been done since the epoch's start
            return
        asked = self.interruption.received is not None
        if asked or time.monotonic() - self.saved >= 60 * self.training.checkpoint_minutes:
            self._save(self.epoch, step)
        where = f"in epoch {self.epoch + 1} after step {step} of {len(self.batches)}"
        self.stop_if_asked(where)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        # What is saved when training is over starts with no epoch.
        self._save(self.training.epochs if self.model.stop_training else epoch + 1, 0)
        self.stop_if_asked(f"after epoch {epoch + 1}")

    def stop_if_asked(self, where: str) -> None:
        """Stops the training if a signal has been received; raises `Stopped`."""
        kept = "its state is saved" if self.writes else "no state is saved"
        self.interruption.stop_if_asked(f"stopped {where}; {kept}")

    def _save(self, epoch: int, step: int) -> None:
        if self.writes:
            model = self.model  # reading it makes Keras fetch the state of the step
            arrays: dict[str, np.ndarray] = {}
            for group in (*MODEL_GROUPS, METRICS):
                named = [(v.path, ops.convert_to_numpy(v)) for v in _variables(model, group)]
                self.losses.check(named, f"after step {step}" if step else "at its end")
                arrays |= keyed(group, named)
            states = {}
            for name, callback in self.stateful.items():
                states[name], kept = callback.get_state()
                arrays |= keyed(f"callbacks/{name}", [("", array) for array in kept])
            state = {
                "epoch": epoch,
                "step": step,
                "seconds": time.perf_counter() - self.start.clock,
                "batch_plan": self.batches.batch_plan.to_dict(),
                "callbacks": states,
                "identity": self.start.identity,
            }
            write_checkpoint(self.directory, state, arrays, self.training.keep_checkpoints)
        self.saved = time.monotonic()


def _variables(model: Any, group: str) -> list[Any]:
    match group:
        case "trainable":
            return model.trainable_variables
        case "non_trainable":  # states of random generators and of balancing among them
            return model.non_trainable_variables
        case "optimizer":
            return model.optimizer.variables
        case _:
            return model.metrics_variables


def restore(checkpoint: Checkpoint, group: str, variables: Sequence[Any]) -> None:
    """Puts a group of variables back.

    Raises:
        ConfigError: if they are not those that were saved.
    """
    arrays = checkpoint.arrays(group)
    then = [_described(path, array) for path, array in arrays]
    now = [_described(variable.path, variable) for variable in variables]
    if then != now:
        problems = [f"it lacks {one}" for one in dict.fromkeys(now) if one not in then]
        problems += [f"it has {one}" for one in dict.fromkeys(then) if one not in now]
        raise ConfigError(
            f"checkpoint {str(checkpoint.path)!r} is of another model ({len(then)} variables of "
            f"group {group!r}, {len(now)} now); --overwrite starts again",
            problems,
        )
    for variable, (_, array) in zip(variables, arrays, strict=True):
        variable.assign(array)


def _described(path: str, array: Any) -> str:
    # Keras counts names up in a process: of two models, the second has other numbers.
    path = re.sub(r"_\d+(?=/|$)", "", path)
    return f"{path}: {array.dtype} of shape {tuple(array.shape)}"
