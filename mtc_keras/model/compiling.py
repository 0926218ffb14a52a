"""How a `MultiTaskClassifier` is compiled, and what a saved one says of it."""

import math
from typing import Any

import keras
from keras import KerasTensor

from mtc_keras.model.balancing import Balancing, make_balancing
from mtc_keras.model.by_task import loss_weights_by_task, losses_by_task, metrics_by_task
from mtc_keras.model.compiled_metrics import CompiledMetrics
from mtc_keras.model.datasets import batch_targets
from mtc_keras.model.keras_losses import loss_of
from mtc_keras.model.on_batch import StepsOnBatch
from mtc_keras.model.task_losses import SampleWeight


class CompiledSteps(StepsOnBatch):
    """The steps of a `MultiTaskClassifier` with the losses and metrics of `compile`."""

    def compile(
        self,
        optimizer: str | keras.optimizers.Optimizer = "auto",
        loss: Any = "auto",
        loss_weights: Any = "auto",
        metrics: Any = None,
        weighted_metrics: Any = None,
        *,
        balancing: str | Balancing | None = None,
        gradient_accumulation: int = 1,
        rematerialisation: bool = False,
        **kwargs: Any,
    ) -> None:
        """Compiles as Keras does, with each task's own loss and weight as defaults.

        Missing labels count in no loss and in no metric. What is given of Keras takes what
        `predict` returns, or logits where it says `from_logits`; your own functions take logits
        (docs/keras.md).

        Args:
            optimizer: `"auto"`, or as in Keras; `"auto"` is AdamW at 5e-5.
            loss: `"auto"`; a dict from task to loss, where tasks it leaves out keep their own
                and `None` is not trained; a list in the tasks' order; or one loss for all.
            loss_weights: `"auto"`, a dict from task to factor, or a list in the tasks' order.
            metrics: a dict from task to a metric or a list of metrics, a list in the tasks'
                order, or one metric for all tasks. They count rows alike.
            weighted_metrics: as `metrics`; they count rows by `sample_weight`.
            balancing: as for the constructor; `None` keeps the method that the model has.
            gradient_accumulation: int. Parts of a batch whose activations are in memory one
                after the other. Losses are those of the whole batch, so that the gradient is
                the same, missing labels or not; where the weights between tasks depend on
                the losses of the same batch (`log`, `famo`, a balancing of your own), or layers
                have losses, it costs a forward pass more (Gao et al. 2021, arXiv 2101.06983,
                section 3.2). Only on JAX.
            rematerialisation: bool. Whether only the dense layers' outputs are kept for the
                backward pass. Only on JAX.
            **kwargs: as for `keras.Model.compile`.

        Raises:
            ValueError: for a task that the model does not have, a loss or metric that does not
                fit its task, or what the backend lacks.
        """
        if isinstance(optimizer, str) and optimizer == "auto":
            optimizer = keras.optimizers.AdamW(5e-5)
        _check_accumulation(optimizer, gradient_accumulation, rematerialisation)
        shapes = {name: tuple(output.shape[1:]) for name, output in self.output.items()}
        given = losses_by_task(loss, self.tasks)
        # A task's own is asked for only where none is given, as it may be a rule that only a
        # training of a config resolves.
        chosen = {t.name: given[t.name] if t.name in given else t.make_loss() for t in self.tasks}
        losses = {
            task.name: None
            if chosen[task.name] is None
            else loss_of(task, chosen[task.name], shapes[task.name])
            for task in self.tasks
        }
        if not any(losses.values()):
            raise ValueError("compile must be given a loss for one task or more: all are None")
        weights = self._chosen_weights(loss_weights)
        plain = metrics_by_task("metrics", metrics, self.tasks)
        weighted = metrics_by_task("weighted_metrics", weighted_metrics, self.tasks)
        compiled = (
            CompiledMetrics(self.tasks, shapes, plain, weighted) if plain or weighted else None
        )
        if balancing is not None:
            layer = make_balancing(balancing, [task.loss_factor for task in self.tasks])
            self._tracker.untrack(self.balancing)
            self.balancing = layer
        super().compile(
            optimizer=optimizer,
            loss=chosen,
            loss_weights=weights,
            metrics=plain or None,
            weighted_metrics=weighted or None,
            **kwargs,
        )
        # Keras' own containers would need labels in every row, and average by batches.
        self._compile_loss = self._compile_metrics = None
        if self.compiled_metrics is not None:
            self._tracker.untrack(self.compiled_metrics)
        self.compiled_metrics = compiled
        self.task_losses = losses
        self.task_loss_weights = {
            name: 0.0 if losses[name] is None else weight for name, weight in weights.items()
        }
        self.gradient_accumulation = gradient_accumulation
        self.rematerialisation = rematerialisation

    def _chosen_weights(self, given: Any) -> dict[str, float]:
        """Returns the weight of each task's loss; a task's own where none is given."""
        found = loss_weights_by_task(given, self.tasks)
        # A rule as a task's own weight is refused by `Task.weight`, unless another is given.
        weights = found | {t.name: t.weight for t in self.tasks if t.name not in found}
        for name, weight in weights.items():
            if not isinstance(weight, (int, float)) or not 0 <= weight < math.inf:
                raise ValueError(
                    f"loss_weights must be numbers of 0 or more. Received: {weight!r} for task "
                    f"{name!r}"
                )
        return weights

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: SampleWeight = None
    ) -> dict[str, KerasTensor]:
        if self.compiled_metrics is not None:
            y = batch_targets(self.tasks, self.task_losses, y)
            self.compiled_metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    # === Saving ===

    def get_compile_config(self) -> dict[str, Any]:
        config = super().get_compile_config()
        if not config:
            return {}
        return {
            **config,
            "gradient_accumulation": self.gradient_accumulation,
            "rematerialisation": self.rematerialisation,
            "optimizer_is_built": self.optimizer.built,
        }

    def compile_from_config(self, config: dict[str, Any]) -> None:
        values = keras.saving.deserialize_keras_object(config)
        is_built = values.pop("optimizer_is_built")
        self.compile(**values)
        if is_built:  # else a model that never trained would miss the optimizer's state
            self.optimizer.build(self.trainable_variables)


def _check_accumulation(
    optimizer: Any, gradient_accumulation: int, rematerialisation: bool
) -> None:
    if steps := getattr(optimizer, "gradient_accumulation_steps", None):
        raise ValueError(
            "gradient_accumulation_steps would average the means of small batches, which is "
            "another gradient where labels are missing; compile takes gradient_accumulation. "
            f"Received: {steps}"
        )
    if (gradient_accumulation > 1 or rematerialisation) and keras.backend.backend() != "jax":
        raise ValueError(
            "gradient_accumulation and rematerialisation need the JAX backend. "
            f"Received: {keras.backend.backend()}"
        )
