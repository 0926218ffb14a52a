"""What Keras calls in a step, for a model of several tasks.

Shapes: B rows, T tasks.
"""

from functools import partial
from typing import Any

import keras
import keras_hub
import numpy as np
from keras import ops

from mtc_keras.config.model import LongTexts
from mtc_keras.data.windows import Windows
from mtc_keras.devices.distribution import on_every_process, share
from mtc_keras.devices.shares import fill_up
from mtc_keras.model.arguments import checked
from mtc_keras.model.balancing import Balancing
from mtc_keras.model.compiled_metrics import CompiledMetrics
from mtc_keras.model.datasets import batch_targets
from mtc_keras.model.feed import Feed
from mtc_keras.model.task_losses import SampleWeight, Targets, TaskMeans
from mtc_keras.model.training_step import TrainingStep
from mtc_keras.model.window_pooling import WindowPooling
from mtc_keras.model.window_training import evaluate_windows, first_rows
from mtc_keras.tasks import Task
from mtc_keras.tasks.losses import MaskedLoss
from mtc_keras.tokenization.prefix import with_prefix


class MultiTaskSteps(TrainingStep):
    """The steps of a `MultiTaskClassifier`, whose constructor and `compile` set its attributes."""

    backbone: keras_hub.models.Backbone
    preprocessor: keras_hub.models.TextClassifierPreprocessor  # or None: it takes tokens only
    tasks: tuple[Task, ...]
    long_texts: LongTexts
    prefix: str
    window_overlap: int | None
    training_windows: int
    window_poolings: dict[str, WindowPooling]
    balancing: Balancing
    mean_losses: TaskMeans
    mean_weights: TaskMeans
    task_losses: dict[str, MaskedLoss | None]  # `None`: a task that is not trained
    compiled_metrics: CompiledMetrics | None = None
    task_loss_weights: dict[str, float]
    gradient_accumulation: int
    rematerialisation: bool

    # === Weights survive an error ===

    def fit(self, x: Any = None, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        # KerasHub's `fit` makes a dataset of TensorFlow of what is no dataset of tf.data or grain.
        fit = partial(keras.Model.fit, self) if isinstance(x, Feed) else super().fit
        with self._weights_put_back(), self._no_more_prepared():
            return fit(x, *args, **kwargs)

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
        if isinstance(x, Windows):
            return self._evaluate_windows(x, y, sample_weight, batch_size, **kwargs)
        with self._weights_put_back():
            return super().evaluate(x, y, batch_size, sample_weight, **kwargs)

    def _evaluate_windows(
        self,
        x: Windows,
        y: Any,
        sample_weight: Any,
        batch_size: int | None,
        verbose: int | str = "auto",
        return_dict: bool = False,
        *,
        steps: int | None = None,
        **kwargs: Any,
    ) -> Any:
        given = sorted(name for name, value in kwargs.items() if value is not None)
        if given:
            raise ValueError(
                "evaluate of texts in windows takes x, y, sample_weight, batch_size, verbose, "
                f"steps and return_dict. Received: {given}"
            )
        x, y, sample_weight = first_rows((x, y, sample_weight), steps, batch_size)
        logs = evaluate_windows(self, x, y, sample_weight, batch_size, verbose)
        return logs if return_dict else self._flatten_metrics_in_order(logs)

    def predict_as_keras(self, x: Any, **kwargs: Any) -> dict[str, np.ndarray]:
        """Returns the heads' raw outputs, as `keras.Model.predict` computes them."""
        with self._weights_put_back():
            return super().predict(x, **kwargs)

    # === What Keras calls ===

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
            batch = super().preprocess_samples(with_prefix(x, self.prefix), y, sample_weight)
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
