"""What Keras calls in a step, for a model of several tasks.

Shapes: B rows, T tasks.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import keras_hub
import numpy as np
from keras import KerasTensor, ops

from mtc_keras.devices.distribution import on_every_process, share
from mtc_keras.devices.rematerialisation import rematerialised, scan_parts
from mtc_keras.devices.shares import fill_up
from mtc_keras.model.arguments import checked
from mtc_keras.model.balancing import Balancing
from mtc_keras.model.compiled_metrics import CompiledMetrics
from mtc_keras.model.datasets import batch_targets
from mtc_keras.model.task_losses import SampleWeight, Targets, TaskMeans, losses_and_counts
from mtc_keras.tasks import Task
from mtc_keras.tasks.losses import MaskedLoss

Variables = Sequence[KerasTensor]
# What Keras' steps hand in and out, in its order.
STATE = (
    "trainable_variables",
    "non_trainable_variables",
    "optimizer_variables",
    "metrics_variables",
)
LOST = (
    "A step that failed half-way has taken the model's weights with it, which it had been given "
    "to save memory. Load or build the model again; a saved model, run or checkpoint is untouched."
)


class MultiTaskSteps(keras_hub.models.Task):
    """The steps of a `MultiTaskClassifier`, whose constructor and `compile` set its attributes."""

    backbone: keras_hub.models.Backbone
    preprocessor: keras_hub.models.TextClassifierPreprocessor  # or None: it takes tokens only
    tasks: tuple[Task, ...]
    balancing: Balancing
    mean_losses: TaskMeans
    mean_weights: TaskMeans
    task_losses: dict[str, MaskedLoss | None]  # `None`: a task that is not trained
    compiled_metrics: CompiledMetrics | None = None
    task_loss_weights: dict[str, float]
    gradient_accumulation: int
    rematerialisation: bool
    _jax_state: dict[str, Variables] | None

    # === Weights survive an error ===

    def fit(self, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        with self._weights_put_back():
            return super().fit(*args, **kwargs)

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        sample_weight: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Evaluates as `keras_hub.models.Task.evaluate` does; `x` and `y` are as for `fit`."""
        if not kwargs.get("_use_cached_eval_dataset"):  # `fit` has checked its validation data
            x, y, sample_weight = checked(self, x, y, sample_weight)
        with self._weights_put_back():
            return super().evaluate(x, y, batch_size, sample_weight, **kwargs)

    def predict_as_keras(self, x: Any, **kwargs: Any) -> dict[str, np.ndarray]:
        """Returns the heads' raw outputs, as `keras.Model.predict` computes them."""
        with self._weights_put_back():
            return super().predict(x, **kwargs)

    @contextlib.contextmanager
    def _weights_put_back(self) -> Iterator[None]:
        """Puts the weights back into the model if anything fails while steps run.

        On JAX, Keras takes the weights out of the variables while steps run and puts them back
        only at the end. After an error, such as a batch too large for the memory, the model
        would have none.

        Raises:
            RuntimeError: if the model has lost its weights before.
        """
        is_jax = keras.backend.backend() == "jax"
        if is_jax:
            self.jax_state_sync()  # a callback of `fit` may ask: the values are with its step then
            self._jax_state = None  # of a step that is over: weights may be set before the next
        self.check_weights()
        try:
            yield
        except BaseException as error:
            if is_jax and self._is_whole(self._jax_state):
                self.jax_state_sync()
            if not self._has_weights():
                self._jax_state = None
                error.add_note(LOST)
            raise

    @staticmethod
    def _is_whole(state: dict[str, Variables] | None) -> bool:
        """Whether there is a state, and no step that failed half-way has used it up."""
        return state is not None and not any(
            value.is_deleted() for values in state.values() for value in values or ()
        )

    def _has_weights(self) -> bool:
        """Whether every variable has a value: a step takes over the buffers of all of them."""
        values = [variable._value for variable in self.variables]
        return not any(
            value is None or (hasattr(value, "is_deleted") and value.is_deleted())
            for value in values
        )

    def check_weights(self) -> None:
        """Raises an error that says what to do if a step that failed half-way took the weights."""
        if not self._has_weights():
            raise RuntimeError(LOST)

    def _get_jax_state(self, purge_model_variables: bool = False, **groups: bool) -> Any:
        state = super()._get_jax_state(purge_model_variables=purge_model_variables, **groups)
        if purge_model_variables:
            # What is taken out of the variables is put back by a sync, if no step has ended yet.
            names = [name for name in STATE if groups.get(name)]
            self._jax_state = dict(zip(names, state, strict=True))
        return state

    # === What Keras calls ===

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
        constants = ops.convert_to_tensor(
            [self.task_loss_weights[task.name] for task in self.tasks], "float32"
        )
        total, weights = self.balancing.combine(losses, present, constants, training)
        self.mean_losses.update_state(losses, sample_weight=counts)
        self.mean_weights.update_state(weights, sample_weight=present)
        for extra in self.losses:  # of layers, such as a regulariser
            total = total + ops.sum(ops.cast(extra, "float32"))
        return total

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

    def train_step(self, *args: Any) -> Any:
        found = super().train_step(*args)
        if not self.balancing.needs_losses_after_update:
            return found
        # Only on JAX, which `make_balancing` checks: state is handed in and out.
        logs, (trainable, non_trainable, optimizer, metrics) = found
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(args[1])
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
        return logs, (trainable, non_trainable, optimizer, metrics)

    def predict_step(self, *args: Any) -> Any:
        found = super().predict_step(*args)
        if share().processes == 1:
            return found
        outputs, state = found  # on JAX, the only backend of several processes
        return on_every_process(outputs), state

    def get_metrics_result(self) -> dict[str, Any]:
        """Returns the metrics; `loss` is the sum of the tasks' mean losses by their mean weights.

        Keras would average the batches' totals by rows, which is another number where
        labels are missing.
        """
        results = super().get_metrics_result()
        weights = results.pop(self.mean_weights.name)
        losses = results.pop(self.mean_losses.name)
        results["loss"] = ops.sum(weights * losses)
        return results | {
            f"{task.name}_loss": losses[index]
            for index, task in enumerate(self.tasks)
            if self.task_losses[task.name] is not None
        }

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` returns as a list, in its order."""
        if not self.compiled:
            return []
        trained = [name for name, loss in self.task_losses.items() if loss is not None]
        metrics = self.compiled_metrics.names if self.compiled_metrics is not None else []
        own = [self.mean_losses, self.mean_weights, self.compiled_metrics]
        others = [metric.name for metric in self.metrics[1:] if metric not in own]
        return ["loss", *[f"{name}_loss" for name in trained], *metrics, *others]

    def _flatten_metrics_in_order(self, logs: dict[str, Any]) -> list[Any]:
        first = [name for name in self.metrics_names if name in logs]
        return [logs[name] for name in dict.fromkeys([*first, *logs])]

    def preprocess_samples(
        self, x: Any, y: Targets | None = None, sample_weight: SampleWeight = None
    ) -> Any:
        if y is not None:
            y = batch_targets(self.tasks, self.task_losses, y)
        if isinstance(x, dict):  # tokens already
            batch = keras.utils.pack_x_y_sample_weight(x, y, sample_weight)
        else:
            batch = super().preprocess_samples(x, y, sample_weight)
        return batch if y is None else self._fill_up(batch)

    def _fill_up(self, batch: Any) -> Any:
        """Adds rows without labels, which change no loss, until the devices divide the batch."""
        devices = share().divisor
        if devices == 1:
            return batch
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
        missing = {task.name: task.missing_target for task in self.tasks}
        y = {name: fill_up(values, devices, missing[name]) for name, values in y.items()}
        x, sample_weight = keras.tree.map_structure(
            lambda values: None if values is None else fill_up(values, devices),
            (x, sample_weight),
            none_is_leaf=True,
        )
        return keras.utils.pack_x_y_sample_weight(x, y, sample_weight)
