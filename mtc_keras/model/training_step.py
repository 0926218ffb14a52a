"""A step of training on JAX: the gradients of a batch, then the update of the weights.

On one CPU these are two programs: the first is compiled for each padded length, the second,
which knows of no length, once. Anywhere else both are one program.

Shapes: B rows, T tasks.
"""

from collections import deque
from functools import partial
from typing import Any, TypeAlias

import keras
from keras import KerasTensor, ops

from mtc_keras.devices import hardware
from mtc_keras.devices.executables import Executable
from mtc_keras.devices.gradients import computed, summed_over_parts, with_gradients
from mtc_keras.devices.rematerialisation import rematerialised, scan_parts
from mtc_keras.model.balancing import Balancing
from mtc_keras.model.compiled_training import CompiledTraining
from mtc_keras.model.datasets import batch_targets
from mtc_keras.model.kept_weights import Variables
from mtc_keras.model.task_losses import (
    SampleWeight,
    TaskMeans,
    losses_and_counts,
    sums_and_counts,
)
from mtc_keras.tasks import Task
from mtc_keras.tasks.losses import MaskedLoss

# Values of the trainable, the other, the optimizer's and the metrics' variables.
State: TypeAlias = tuple[Variables, Variables, Variables, Variables]
# `x`, `y` and `sample_weight`.
Batch: TypeAlias = tuple[Any, Any, Any]


class TwoPrograms:
    """A step of training as two compiled programs.

    The gradients leave the memory of what they are handed as it is, and only the update takes
    over that of weights and moments: a batch that fails costs no weights.

    Args:
        model: the model, compiled.
    """

    def __init__(self, model: "TrainingStep") -> None:
        # Only a `scale_loss` of its own reads the optimizer's variables, and to hand over the
        # moments takes milliseconds.
        scale_loss = getattr(model.optimizer.scale_loss, "__func__", None)
        self.scales_loss = scale_loss is not keras.optimizers.Optimizer.scale_loss
        self.gradients = Executable(model.gradients_step, "gradients")
        self.update = Executable(model.update_step, "update", donate=(0, 1, 3))

    def append_to(self, steps_done: deque[Any], state: State, data: Any) -> None:
        """Takes a step and appends what it returns, without a chance of losing it in between."""
        gradients, others = self.gradients(self._read_by_gradients(state), data)
        # Waits: the update would take the weights with it if the gradients failed.
        computed(gradients)
        others = _with_unchanged(others, state)
        self.update.append_to(steps_done, state[0], state[2], gradients, others)

    def prepare(self, state: State, data: Any) -> None:
        """Compiles what depends on a batch's shape in the background.

        Args:
            state: as for a step: arrays, or `jax.ShapeDtypeStruct` in their place.
            data: as `state`.
        """
        self.gradients.prepare(self._read_by_gradients(state), data)

    def _read_by_gradients(self, state: State) -> State:
        trainable, non_trainable, optimizer, metrics = state
        return trainable, non_trainable, optimizer if self.scales_loss else [], metrics

    def cancel(self) -> None:
        """Leaves out what is to be prepared and has not begun."""
        self.gradients.cancel()


class TrainingStep(CompiledTraining):
    """A model that takes its steps of training in this way."""

    tasks: tuple[Task, ...]
    task_losses: dict[str, MaskedLoss | None]  # `None`: a task that is not trained
    task_loss_weights: dict[str, float]
    balancing: Balancing
    mean_losses: TaskMeans
    mean_weights: TaskMeans
    gradient_accumulation: int
    rematerialisation: bool

    def compiled_step(self) -> Any:
        return TwoPrograms(self) if self._takes_two_programs() else super().compiled_step()

    def _takes_two_programs(self) -> bool:
        return (
            bool(hardware.cores())
            and self.jit_compile
            and not self.run_eagerly
            and type(self).train_step is TrainingStep.train_step  # a subclass may have its own
            and not self.balancing.needs_losses_after_update
        )

    def train_step(self, *args: Any) -> Any:
        if keras.backend.backend() != "jax":
            return super().train_step(*args)
        state, data = args
        gradients, others = self.gradients_step(state, data)
        others = _with_unchanged(others, state)
        logs, state = self.update_step(state[0], state[2], gradients, others)
        if self.balancing.needs_losses_after_update:
            state = self._balanced_after_update(state, data)
        return logs, state

    # === Loss ===

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: SampleWeight = None,
        training: bool = True,
    ) -> KerasTensor:
        """Returns the tasks' losses, each over its labelled rows, combined by `balancing`.

        Args:
            x: the inputs; not used.
            y: dict from task to targets; tasks may be left out.
            y_pred: dict from task to logits.
            sample_weight: `None`, float32 of shape `(B,)`, or a dict of such by task.
            training: bool. Whether the state of `balancing` may change.

        Returns:
            float32 scalar, by default `Σ_t loss_weight_t · loss_t`.
        """
        y = batch_targets(self.tasks, self.task_losses, y)
        losses, counts = losses_and_counts(self.task_losses, y, y_pred, sample_weight)  # (T,) each
        present = ops.cast(counts > 0, "float32")
        constants = self._constants()
        total, weights = self.balancing.combine(losses, present, constants, training)
        self.mean_losses.update_state(losses, sample_weight=counts)
        self.mean_weights.update_state(weights, sample_weight=present)
        for extra in self.losses:  # of layers, such as a regulariser
            total = total + ops.sum(ops.cast(extra, "float32"))
        return total

    def _constants(self) -> KerasTensor:
        """Returns the tasks' given loss weights, float32 of shape `(T,)`."""
        weights = [self.task_loss_weights[task.name] for task in self.tasks]
        return ops.convert_to_tensor(weights, "float32")

    def _factors_of_totals(self, non_trainable: Variables, batch: Batch) -> KerasTensor:
        """Returns the factor `w_t / count_t` of each task's sum of losses, of shape `(T,)`.

        Both are known before any loss is, as `balancing.needs_losses` says: the weights from
        the state of `balancing`, the counts from targets and row weights.
        """
        x, y, sample_weight = batch
        y = batch_targets(self.tasks, self.task_losses, y)
        rows = keras.tree.flatten(x)[0].shape[0]
        shapes = {name: (rows, *output.shape[1:]) for name, output in self.output.items()}
        logits = {name: ops.zeros(shape) for name, shape in shapes.items()}
        _, counts = sums_and_counts(self.task_losses, y, logits, sample_weight)
        mapping = list(zip(self.non_trainable_variables, non_trainable, strict=True))
        with keras.StatelessScope(state_mapping=mapping):  # the state stays as it is
            present = ops.cast(counts > 0, "float32")
            constants = self._constants()
            _, weights = self.balancing.combine(ops.zeros_like(counts), present, constants, True)
        return ops.divide_no_nan(weights, counts)

    # === Gradients ===

    def gradients_step(self, state: State, data: Any) -> tuple[Variables, Any]:
        """Returns the gradients of a batch; and logs, other variables and metrics after it.

        Variables that stay as they are, such as frozen weights, are `None`, or a program would
        copy them. The optimizer's are read only if it has a `scale_loss` of its own, and may be
        missing otherwise.
        """
        trainable, non_trainable, optimizer, metrics = state
        x, y, sample_weight = batch = keras.utils.unpack_x_y_sample_weight(data)
        if self._sums_gradients():
            gradients, non_trainable, outputs = self._summed_gradients(state, batch)
            loss, (_, non_trainable, metrics) = self.stateless_compute_loss(
                trainable,
                non_trainable,
                metrics,
                x=x,
                y=y,
                y_pred=outputs,
                sample_weight=sample_weight,
                training=True,
            )
        else:
            (_, others), gradients = with_gradients(self.compute_loss_and_updates)(
                trainable,
                non_trainable,
                metrics,
                x,
                y,
                sample_weight,
                training=True,
                optimizer_variables=optimizer,
            )
            loss, outputs, non_trainable, metrics = others
        logs, metrics = self._update_metrics_variables(metrics, loss, x, y, outputs, sample_weight)
        changed = [
            None if new is old else new for new, old in zip(non_trainable, state[1], strict=True)
        ]
        return gradients, (logs, changed, metrics)

    def _sums_gradients(self) -> bool:
        """Whether a part's gradients can be computed before all losses of the batch are known."""
        return (
            self.gradient_accumulation > 1
            and not self.balancing.needs_losses
            and type(self).compute_loss is TrainingStep.compute_loss
            and not self.losses  # of layers
        )

    def _summed_gradients(self, state: State, batch: Batch) -> tuple[Variables, Variables, Any]:
        """Returns gradients summed over parts of a batch, other variables and outputs."""
        trainable, non_trainable, optimizer, _ = state
        factors = self._factors_of_totals(non_trainable, batch)

        def objective(trainable: Variables, non_trainable: Variables, part: Batch) -> Any:
            x, y, sample_weight = part
            outputs, non_trainable, _ = self._forward(trainable, non_trainable, x)
            y = batch_targets(self.tasks, self.task_losses, y)
            totals, _ = sums_and_counts(self.task_losses, y, outputs, sample_weight)
            mapping = list(zip(self.optimizer.variables, optimizer, strict=bool(optimizer)))
            with keras.StatelessScope(state_mapping=mapping):
                loss = self.optimizer.scale_loss(ops.sum(factors * totals))
            return loss, (non_trainable, outputs)

        parts = self.gradient_accumulation
        return summed_over_parts(objective, trainable, non_trainable, batch, parts)

    def _forward(self, trainable: Variables, non_trainable: Variables, x: Any) -> tuple[Any, ...]:
        """Returns outputs, other variables and losses of layers, as Keras computes them."""
        call = super().stateless_call
        if self.rematerialisation:
            call = rematerialised(partial(call, training=True, return_losses=True))
            return call(trainable, non_trainable, x)
        return call(trainable, non_trainable, x, training=True, return_losses=True)

    def stateless_call(
        self,
        trainable_variables: Variables,
        non_trainable_variables: Variables,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Calls the model as `keras.Model` does; in training with less memory if asked."""
        plain = super().stateless_call
        accumulates = self.compiled and self.gradient_accumulation > 1
        saves_memory = accumulates or (self.compiled and self.rematerialisation)
        if not (saves_memory and kwargs.get("training") and len(args) == 1):
            return plain(trainable_variables, non_trainable_variables, *args, **kwargs)

        # The state comes first in what is returned, as in a scan.
        def forward(trainable: Variables, non_trainable: Variables, x: Any) -> tuple[Any, Any]:
            outputs, non_trainable, losses = plain(
                trainable, non_trainable, x, training=True, return_losses=True
            )
            return non_trainable, (outputs, losses)

        if accumulates:
            # Nothing of a part is kept for the backward pass, or all parts would be in memory.
            part = rematerialised(forward, keep_dense=False)
            non_trainable, (outputs, losses) = scan_parts(
                lambda state, x: part(trainable_variables, state, x),
                non_trainable_variables,
                args[0],
                self.gradient_accumulation,
            )
        else:
            forward = rematerialised(forward)
            non_trainable, (outputs, losses) = forward(
                trainable_variables, non_trainable_variables, args[0]
            )
        if kwargs.get("return_losses"):
            return outputs, non_trainable, losses
        return outputs, non_trainable

    # === Update ===

    def update_step(
        self, trainable: Variables, optimizer: Variables, gradients: Variables, others: Any
    ) -> tuple[Any, State]:
        """Returns logs and state after the optimizer's step."""
        logs, non_trainable, metrics = others
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trainable)
        return logs, (trainable, non_trainable, optimizer, metrics)

    def _balanced_after_update(self, state: State, data: Any) -> State:
        """Returns the state once `balancing` has seen the losses of the same batch again.

        It takes a second forward pass, which the method cannot do without: it looks at how far
        this update has brought each task, on the batch that made it.
        """
        trainable, non_trainable, optimizer, metrics = state
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        y = batch_targets(self.tasks, self.task_losses, y)
        outputs, non_trainable = self.stateless_call(trainable, non_trainable, x, training=True)
        variables = self.non_trainable_variables
        mapping = list(zip(variables, non_trainable, strict=True))
        with keras.StatelessScope(state_mapping=mapping) as scope:
            losses, counts = losses_and_counts(self.task_losses, y, outputs, sample_weight)
            self.balancing.after_update(losses, ops.cast(counts > 0, "float32"))
        non_trainable = [
            value if (new := scope.get_current_value(variable)) is None else new
            for variable, value in mapping
        ]
        return trainable, non_trainable, optimizer, metrics


def _with_unchanged(others: Any, state: State) -> Any:
    """Returns what `gradients_step` does, with the variables that stay as they are."""
    logs, changed, metrics = others
    pairs = zip(changed, state[1], strict=True)
    return logs, [old if new is None else new for new, old in pairs], metrics
