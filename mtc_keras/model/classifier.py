"""`MultiTaskClassifier`: one KerasHub backbone, one named head a task."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import keras_hub
import numpy as np
from keras import layers, ops
from keras_hub.src.utils.preset_utils import check_file_exists, get_preset_loader

import mtc_keras.model.optimizers  # noqa: F401  registered, so that trained models load
from mtc_keras.config import ModelConfig
from mtc_keras.data.batches import PredictionBatches
from mtc_keras.data.tokens import Tokens, tokenize
from mtc_keras.devices import hardware, process
from mtc_keras.devices.distribution import on_every_process, share
from mtc_keras.devices.forward import Forward
from mtc_keras.devices.rematerialisation import rematerialised, scan_parts
from mtc_keras.devices.shares import fill_up
from mtc_keras.errors import ConfigError
from mtc_keras.model.backbones import check_length, length_limit, load_backbone, preset_of
from mtc_keras.model.balancing import Balancing, make_balancing
from mtc_keras.scoring.decisions import activate
from mtc_keras.tasks import Task, task_from_config
from mtc_keras.tasks.losses import MaskedLoss

process.keep_tensorflow_off_gpus()

POOLINGS = ("mean", "cls", "max", "pooled")


@keras.saving.register_keras_serializable("mtc_keras")
class TextPooling(layers.Layer):
    """From the states of a text's tokens to one vector of features.

    Args:
        pooling: `"mean"` or `"max"` over the real tokens, or `"cls"`, the first token.

    Call arguments:
        states: float of shape `(B, T, D)`.
        padding_mask: `(B, T)`, true for real tokens.

    Returns:
        float32 of shape `(B, D)`.
    """

    def __init__(self, pooling: str = "mean", **kwargs: Any) -> None:
        super().__init__(dtype="float32", **{k: v for k, v in kwargs.items() if k != "dtype"})
        self.pooling = pooling
        self.supports_masking = True

    def call(self, states: Any, padding_mask: Any) -> Any:
        if self.pooling == "cls":
            return states[:, 0]
        real = ops.cast(padding_mask, "bool")[..., None]  # (B, T, 1)
        if self.pooling == "max":
            return ops.max(ops.where(real, states, -1e9), axis=1)
        real = ops.cast(real, states.dtype)
        return ops.sum(states * real, axis=1) / ops.maximum(ops.sum(real, axis=1), 1.0)

    def compute_output_shape(self, states_shape: Any, padding_mask_shape: Any = None) -> Any:
        return (states_shape[0], states_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pooling": self.pooling}


class TaskMeans(keras.metrics.Metric):
    """The weighted mean of a number for each task.

    One variable for all tasks: a step hands every variable in and out, which takes longer than
    the arithmetic where each task has some of its own.

    Args:
        tasks: int. Number of tasks `T`.
    """

    def __init__(self, tasks: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.total = self.add_variable((tasks,), "zeros", name="total")
        self.count = self.add_variable((tasks,), "zeros", name="count")

    def update_state(self, values: Any, sample_weight: Any) -> None:
        """Adds float32 `values` and their weights, both of shape `(T,)`."""
        self.total.assign_add(values * sample_weight)
        self.count.assign_add(sample_weight)

    def result(self) -> Any:
        """Returns float32 of shape `(T,)`; 0 for a task that has had no weight."""
        return ops.divide_no_nan(self.total, self.count)


@keras.saving.register_keras_serializable("mtc_keras")
class MultiTaskClassifier(keras_hub.models.Task):
    """One backbone with a named head for every task.

    The functional graph is backbone → pooling → dropout → one head a task. Its
    outputs are a dict of float32 logits by task; `predict` and `classify` apply each
    task's activation, so that a user sees probabilities. `fit`, `evaluate` and
    `predict` take texts, as everywhere in KerasHub, or token dicts.

    Targets are those of `Task.encode`, with missing labels marked; losses leave them
    out, so that a row trains only the tasks it has labels for.

    Args:
        backbone: a `keras_hub.models.Backbone` for text.
        tasks: the `Task`s, or their configs; classes must be known.
        preprocessor: a `keras_hub.models.TextClassifierPreprocessor`, or `None` for
            a model that takes token dicts only.
        pooling: `"mean"`, `"cls"`, `"max"` over token states, or `"pooled"`, the
            backbone's own pooled output where it has one. A task may have its own.
        dropout: float. Dropout before the heads.
        decisions: optional dict from task to the values of its `Decision`.
        balancing: the method that weighs the tasks' losses: `"static"`, `"uncertainty"`,
            `"dwa"`, `"rlw"`, `"log"`, `"famo"`, or a `Balancing` layer; `compile` may change it.

    Attributes:
        tasks: the tasks.
        decisions: dict from each task with probabilities to its `Decision`: temperature and
            thresholds, which may be set, act at once and are saved.

    Example:

    ```python
    model = MultiTaskClassifier.from_preset(
        "bert_base_en_uncased",
        tasks=[Multiclass(name="sentiment", classes=["negative", "positive"])],
    )
    model.fit(["I love it", "I hate it"], {"sentiment": np.array([1, 0])})
    model.predict(["fine"])  # {"sentiment": float32 of shape (1, 2)}
    ```
    """

    def __init__(
        self,
        backbone: Any,
        tasks: Sequence[Task | Mapping[str, Any]],
        preprocessor: Any = None,
        pooling: str = "mean",
        dropout: float = 0.1,
        decisions: Mapping[str, Mapping[str, Any]] | None = None,
        balancing: str | Balancing | Mapping[str, Any] = "static",
        **kwargs: Any,
    ) -> None:
        heads = [task if isinstance(task, Task) else task_from_config(dict(task)) for task in tasks]
        _check(heads, pooling)
        # === Layers ===
        self.backbone = backbone
        self.preprocessor = preprocessor
        self.output_dropout = layers.Dropout(dropout, dtype="float32", name="output_dropout")

        # === Functional Model ===
        inputs = backbone.input
        states = backbone(inputs)
        poolings = list(dict.fromkeys(task.pooling or pooling for task in heads))
        features = {
            way: self.output_dropout(_pool(backbone, states, inputs["padding_mask"], way, number))
            for number, way in enumerate(poolings)
        }
        # Prefixed, as a task may bear the name of one of the backbone's layers.
        outputs = {
            task.name: task.output(features[task.pooling or pooling], f"head_{task.name}")
            for task in heads
        }
        # Known to `compile`, which the constructor of the base calls.
        self.tasks: tuple[Task, ...] = tuple(heads)
        self.mean_losses = TaskMeans(len(heads), name="mean_losses")
        self.mean_weights = TaskMeans(len(heads), name="mean_weights")
        self.balancing = make_balancing(balancing, self._loss_factors)
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
        self._forward: tuple[Any, Forward] | None = None

        # === Config ===
        self.pooling = pooling
        self.dropout = dropout
        self._check_names("decisions", decisions or {})
        self.decisions = {
            task.name: task.decision(**(decisions or {}).get(task.name, {}))
            for task in heads
            if task.has_probabilities
        }

    @property
    def _loss_factors(self) -> list[float]:
        return [task.loss_factor for task in self.tasks]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "tasks": [task.model_dump() for task in self.tasks],
            "pooling": self.pooling,
            "dropout": self.dropout,
            "decisions": {name: decision.to_dict() for name, decision in self.decisions.items()},
            "balancing": keras.saving.serialize_keras_object(self.balancing),
        }

    @classmethod
    def from_preset(
        cls, preset: str, tasks: Any = None, load_weights: bool = True, **kwargs: Any
    ) -> "MultiTaskClassifier":
        """Loads a saved `MultiTaskClassifier`, or puts new heads on a pretrained backbone.

        Args:
            preset: a folder written by `save_to_preset`; or any backbone:
                a KerasHub preset, `hf://…`, `kaggle://…`, a KerasHub or Hugging Face
                folder, `"minilm"`.
            tasks: the tasks of the new heads; `None` for a saved classifier.
            load_weights: bool. `False` leaves the weights random.
            **kwargs: `max_length` (default: 128, or what was saved), `dtype` (default: what
                was saved, but float32 on a CPU) and the arguments of the constructor.

        Raises:
            ConfigError: if no such backbone can be found.
            ValueError: if `tasks` is missing for a backbone.
        """
        if tasks is None:
            preset = preset_of(preset)
            if not check_file_exists(preset, "task.json"):
                raise ValueError(
                    f"{preset!r} is no saved MultiTaskClassifier; a backbone needs `tasks`. "
                    "Received: tasks=None"
                )
            # `Task.from_preset` looks for a subclass a backbone; one class serves all here.
            loader = get_preset_loader(preset)
            max_length = kwargs.pop("max_length", None)
            saved = (loader.config["config"].get("dtype") or {}).get("config", {}).get("name")
            if saved == "mixed_bfloat16" and process.dtype_policy("auto") == "float32":
                kwargs.setdefault("dtype", "float32")  # trained on a GPU, loaded on a CPU
            model = loader.load_task(cls, load_weights, load_task_weights=True, **kwargs)
            if max_length is not None:
                check_length(max_length, length_limit(model.backbone), preset)
                model.preprocessor.sequence_length = max_length
            return model
        config = ModelConfig(backbone=preset, max_length=kwargs.pop("max_length", 128))
        backbone, preprocessor = load_backbone(
            config, load_weights=load_weights, dtype=kwargs.pop("dtype", None)
        )
        return cls(backbone=backbone, tasks=tasks, preprocessor=preprocessor, **kwargs)

    def save_task_weights(self, filepath: str) -> None:
        """Saves the heads' weights; a preset has no room for the optimizer's state."""
        keras.saving.save_weights(self, filepath, objects_to_skip=self._not_in_heads())

    def load_task_weights(self, filepath: str) -> None:
        """Loads the heads' weights."""
        keras.saving.load_weights(self, filepath, objects_to_skip=self._not_in_heads())

    def _not_in_heads(self) -> list[Any]:
        return [*self.backbone._flatten_layers(), self.optimizer]

    # === Training ===

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        sample_weight: Any = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Trains as `keras_hub.models.Task.fit` does: rows are read in the order given.

        Args:
            x: texts (list, array), text pairs (tuple of two), or a `tf.data.Dataset` of
                `(x, y)` or `(x, y, sample_weight)` with texts or tokens.
            y: dict from task to targets, as `Task.encode` returns.
            batch_size: int. Rows a step, if `x` is no dataset.
            sample_weight: float32 of shape `(N,)`, or a dict of such by task.
            **kwargs: as for `keras.Model.fit`.
        """
        kwargs.setdefault("shuffle", False)  # `True` only warns: all input becomes a dataset
        given = kwargs.pop("callbacks", None) or []
        if not isinstance(given, keras.callbacks.CallbackList):
            # First, so that the others see what it adds to the logs.
            kwargs["callbacks"] = [TaskWeights(), *(given if isinstance(given, list) else [given])]
        else:
            kwargs["callbacks"] = given
        return super().fit(x, y, batch_size=batch_size, sample_weight=sample_weight, **kwargs)

    def compile(
        self,
        optimizer: Any = "auto",
        *,
        loss: Any = "auto",
        loss_weights: Any = "auto",
        balancing: str | Balancing | None = None,
        gradient_accumulation: int = 1,
        rematerialisation: bool = False,
        **kwargs: Any,
    ) -> None:
        """Compiles as Keras does, with each task's own loss and weight as defaults.

        Args:
            optimizer: `"auto"`, or as in Keras; `"auto"` is AdamW at 5e-5.
            loss: `"auto"`, or a dict from task to loss; tasks it leaves out keep their
                own. A `MaskedLoss` leaves out missing labels; any other Keras loss
                takes every row.
            loss_weights: `"auto"`, or a dict from task to factor.
            balancing: as for the constructor; `None` keeps the method that the model has.
            gradient_accumulation: int. Parts of a batch whose activations are in memory one
                after the other. Losses are those of the whole batch, so that the gradient is
                the same, missing labels or not; it costs a forward pass more (Gao et al. 2021,
                arXiv 2101.06983, section 3.2). Only on JAX.
            rematerialisation: bool. Whether only the dense layers' outputs are kept for the
                backward pass. Only on JAX.
            **kwargs: as for `keras.Model.compile`.

        Raises:
            ValueError: for a task that the model does not have, or what the backend lacks.
        """
        if optimizer == "auto":
            optimizer = keras.optimizers.AdamW(5e-5)
        if balancing is not None:
            layer = make_balancing(balancing, self._loss_factors)
            self._tracker.untrack(self.balancing)
            self.balancing = layer
        if getattr(optimizer, "gradient_accumulation_steps", None):
            raise ValueError(
                "gradient_accumulation_steps would average the means of small batches, which is "
                "another gradient where labels are missing; compile takes gradient_accumulation. "
                f"Received: {optimizer.gradient_accumulation_steps}"
            )
        if (gradient_accumulation > 1 or rematerialisation) and keras.backend.backend() != "jax":
            raise ValueError(
                "gradient_accumulation and rematerialisation need the JAX backend. "
                f"Received: {keras.backend.backend()}"
            )
        self.gradient_accumulation = gradient_accumulation
        self.rematerialisation = rematerialisation
        # A task's own loss or weight is asked for only where none is given.
        given_losses, given_weights = self._by_task(loss), self._by_task(loss_weights)
        losses = {task.name: given_losses.get(task.name) or task.make_loss() for task in self.tasks}
        weights = given_weights | {
            task.name: task.weight for task in self.tasks if task.name not in given_weights
        }
        for name, weight in weights.items():
            if not isinstance(weight, (int, float)):
                raise ValueError(
                    f"loss_weights must be numbers. Received: {weight!r} for task {name!r}"
                )
        super().compile(optimizer=optimizer, loss=losses, loss_weights=weights, **kwargs)
        # Keras' own container would need labels in every row and averages by batches.
        self._compile_loss = None
        self.task_losses = {name: keras.losses.get(value) for name, value in losses.items()}
        self.task_loss_weights = weights

    def _by_task(self, given: Any) -> dict[str, Any]:
        """Returns what `compile` was given by task; nothing for `"auto"`."""
        if given in ("auto", None):
            return {}
        if not isinstance(given, dict):
            raise ValueError(f"compile takes a dict by task. Received: {given!r}")
        self._check_names("compile", given)
        return given

    def _check_names(self, what: str, given: Mapping[str, Any]) -> None:
        names = [task.name for task in self.tasks]
        strangers = sorted(set(given) - set(names))
        if strangers:
            raise ValueError(f"{what} must name the model's tasks {names}. Received: {strangers}")

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

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
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
        losses, counts = self._losses_and_counts(y, y_pred, sample_weight)
        present = ops.cast(counts > 0, "float32")
        constants = ops.convert_to_tensor(
            [self.task_loss_weights[task.name] for task in self.tasks], "float32"
        )
        total, weights = self.balancing.combine(losses, present, constants, training)
        self.mean_losses.update_state(losses, sample_weight=counts)
        self.mean_weights.update_state(weights, sample_weight=present)
        for extra in self.losses:
            total = total + ops.sum(ops.cast(extra, "float32"))
        return total

    def _losses_and_counts(self, y: Any, y_pred: Any, sample_weight: Any) -> tuple[Any, Any]:
        """Returns two float32 of shape `(T,)`: each task's loss, and the weight of its labels."""
        pairs = []
        for task in self.tasks:
            name = task.name
            if name not in y:
                pairs.append((ops.zeros(()), ops.zeros(())))
                continue
            weight = sample_weight.get(name) if isinstance(sample_weight, dict) else sample_weight
            pairs.append(_loss_and_count(self.task_losses[name], y[name], y_pred[name], weight))
        losses, counts = zip(*pairs, strict=True)
        return ops.stack(losses), ops.stack(counts)

    def stateless_call(
        self, trainable_variables: Any, non_trainable_variables: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """Calls the model as `keras.Model` does; in training with less memory if asked."""
        plain = super().stateless_call
        accumulates = self.compiled and self.gradient_accumulation > 1
        saves_memory = accumulates or (self.compiled and self.rematerialisation)
        if not (saves_memory and kwargs.get("training") and len(args) == 1):
            return plain(trainable_variables, non_trainable_variables, *args, **kwargs)

        def forward(trainable: Any, non_trainable: Any, x: Any) -> Any:
            outputs, non_trainable, losses = plain(
                trainable, non_trainable, x, training=True, return_losses=True
            )
            return non_trainable, (outputs, losses)

        if accumulates:
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
        outputs, non_trainable = self.stateless_call(trainable, non_trainable, x, training=True)
        variables = self.non_trainable_variables
        mapping = list(zip(variables, non_trainable, strict=True))
        with keras.StatelessScope(state_mapping=mapping) as scope:
            losses, counts = self._losses_and_counts(y, outputs, sample_weight)
            self.balancing.after_update(losses, ops.cast(counts > 0, "float32"))
        non_trainable = [
            value if (new := scope.get_current_value(variable)) is None else new
            for variable, value in mapping
        ]
        return logs, (trainable, non_trainable, optimizer, metrics)

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
            f"{task.name}_loss": losses[index] for index, task in enumerate(self.tasks)
        }

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` returns as a list, in its order."""
        own = "loss", self.mean_losses.name, self.mean_weights.name
        others = [name for name in super().metrics_names if name not in own]
        return ["loss", *[f"{task.name}_loss" for task in self.tasks], *others]

    def _flatten_metrics_in_order(self, logs: dict[str, Any]) -> list[Any]:
        first = [name for name in self.metrics_names if name in logs]
        return [logs[name] for name in dict.fromkeys([*first, *logs])]

    def preprocess_samples(self, x: Any, y: Any = None, sample_weight: Any = None) -> Any:
        if isinstance(x, dict):  # tokens already
            batch = keras.utils.pack_x_y_sample_weight(x, y, sample_weight)
        else:
            batch = super().preprocess_samples(x, y, sample_weight)
        return batch if y is None else self._fill_up(batch)

    def _fill_up(self, batch: Any) -> Any:
        """Adds rows without labels, which change no loss, until the devices divide the batch."""
        devices = share().divisor
        # Another loss than a masked one would count them.
        if devices == 1 or not all(
            isinstance(loss, MaskedLoss) for loss in self.task_losses.values()
        ):
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

    # === Prediction ===

    def predict_step(self, *args: Any) -> Any:
        found = super().predict_step(*args)
        if share().processes == 1:
            return found
        outputs, state = found  # on JAX, the only backend of several processes
        return on_every_process(outputs), state

    def predict_logits(
        self, x: Any, batch_size: int | None = None, verbose: Any = 0, **kwargs: Any
    ) -> dict[str, np.ndarray]:
        """Returns the heads' raw outputs.

        Args:
            x: N texts (list, array or series of strings), a pair of such for text
                pairs, `Tokens`, or whatever `keras.Model.predict` takes.
            batch_size: int. Most rows a batch; 32 by default.
            verbose: as for `keras.Model.predict`.

        Returns:
            dict in the tasks' order, from name to float32 logits, rows in input order.
        """
        tokens = x if isinstance(x, Tokens) else self._tokens(x)
        if tokens is None:
            outputs = self._predict(x, batch_size, verbose=verbose, **kwargs)
        elif len(tokens) == 0:
            shapes = self.compute_output_shape({k: v.shape for k, v in tokens.inputs.items()})
            outputs = {name: np.zeros(shape, "float32") for name, shape in shapes.items()}
        else:
            batches = self.prediction_batches(tokens, batch_size)
            joined = self._predict_batches(batches, verbose=verbose, **kwargs)
            outputs = {name: batches.restore(output) for name, output in joined.items()}
        return {task.name: outputs[task.name] for task in self.tasks}

    def prediction_batches(self, tokens: Tokens, batch_size: int | None) -> PredictionBatches:
        """Returns the batches in which `predict` reads tokens.

        Where there are enough of them for every core, they are made for one core each.
        """
        cores = hardware.cores()
        most_rows = batch_size or 32
        if cores > 1:
            batches = PredictionBatches(tokens, most_rows, share(), Forward.MOST_TOKENS)
            if len(batches) >= 2 * cores:
                return batches
        return PredictionBatches(tokens, most_rows, share())

    def _predict_batches(
        self, batches: PredictionBatches, verbose: Any, **kwargs: Any
    ) -> dict[str, np.ndarray]:
        """Predicts as Keras does; on one CPU without its pipeline, and several batches at once.

        A step of a subclass, which may change the state, and callbacks are left to Keras.
        """
        own_step = type(self).predict_step is not MultiTaskClassifier.predict_step
        cores = hardware.cores()
        if kwargs or own_step or not cores or self.run_eagerly or not self.jit_compile:
            return super().predict(batches.dataset(), verbose=verbose, **kwargs)
        forward = self._forward_of_weights()
        self.jax_state_sync()
        state = tuple(
            [variable.value for variable in variables]
            for variables in (self.trainable_variables, self.non_trainable_variables)
        )
        if batches.most_tokens is None:
            passing = forward.one_by_one(state, batches)
        else:
            passing = forward.at_once(state, batches, cores)
        bar = keras.utils.Progbar(len(batches), verbose=1 if verbose == "auto" else verbose)
        parts = []
        with contextlib.closing(passing):
            for outputs in passing:
                parts.append(outputs)
                bar.update(len(parts))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _forward_of_weights(self) -> Forward:
        """Returns the compiled forward pass, made anew wherever Keras makes its own anew."""
        self.make_predict_function()
        if self._forward is None or self._forward[0] is not self.predict_function:
            forward = Forward(lambda state, x: self.predict_step(state, x)[0])
            self._forward = self.predict_function, forward
        return self._forward[1]

    def _predict(self, x: Any, batch_size: int | None, **kwargs: Any) -> dict[str, np.ndarray]:
        """Predicts token dicts of arrays in batches that the devices divide; the rest as Keras."""
        devices = share().divisor
        if devices == 1 or not isinstance(x, dict):
            return super().predict(x, batch_size=batch_size, **kwargs)
        count = len(next(iter(x.values())))
        filled = {name: fill_up(np.asarray(values), devices) for name, values in x.items()}
        size = (batch_size or 32) + share().rows_to_fill(batch_size or 32)
        outputs = super().predict(filled, batch_size=size, **kwargs)
        return {name: output[:count] for name, output in outputs.items()}

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        raw: bool = False,
        **kwargs: Any,
    ) -> dict[str, np.ndarray]:
        """Returns calibrated probabilities (regression: values), rows in input order.

        Texts are read in batches of like length, so that short ones cost little.

        Args:
            x: as for `predict_logits`.
            batch_size: int. Most rows a batch; 32 by default.
            verbose: as for `keras.Model.predict`.
            raw: bool. `True` leaves out the temperatures of `decisions`.

        Returns:
            dict in the tasks' order, from name to float32 of shape `(N, classes)`, or
            `(N,)` for regression.
        """
        logits = self.predict_logits(x, batch_size=batch_size, verbose=verbose, **kwargs)
        return self.activate(logits, raw=raw)

    def activate(
        self, logits: Mapping[str, np.ndarray], raw: bool = False
    ) -> dict[str, np.ndarray]:
        """Returns the probabilities of logits, by task; `raw` leaves out temperatures."""
        decisions = {} if raw else self.decisions
        return {
            task.name: activate(task, logits[task.name], decisions.get(task.name))
            for task in self.tasks
        }

    def classify(
        self, x: Any, batch_size: int | None = None, abstain_below: float | None = None
    ) -> list[dict[str, dict[str, Any]]]:
        """Returns a plain dict a text: for every task its label or labels and probabilities.

        Args:
            x: as for `predict`.
            batch_size: int. Most rows a batch; 32 by default.
            abstain_below: float in [0, 1]. A task's label is `None` where the probability
                that its decision is wholly right is lower.

        Raises:
            ValueError: if `abstain_below` is no probability.
        """
        if abstain_below is not None and not 0 <= abstain_below <= 1:
            raise ValueError(
                f"abstain_below must lie between 0 and 1. Received: abstain_below={abstain_below}"
            )
        probabilities = self.predict(x, batch_size=batch_size, verbose=0)
        rows = len(next(iter(probabilities.values())))
        return [
            {
                task.name: task.describe(
                    probabilities[task.name][row], self.decisions.get(task.name), abstain_below
                )
                for task in self.tasks
            }
            for row in range(rows)
        ]

    # === Export ===

    def export(
        self,
        filepath: Any,
        format: str = "tf_saved_model",
        verbose: bool | None = None,
        text_pairs: bool = False,
        **kwargs: Any,
    ) -> None:
        """Exports the model, tokenizer and decisions as a SavedModel that takes texts.

        Its signatures are those of `mtc_keras.export_model`, which also counts up versions.

        Args:
            filepath: the folder of the SavedModel; it must not be there, or be empty.
            format: `"tf_saved_model"`; others are exported as Keras does, and take token ids.
            verbose: bool. Whether to print what was written; default: yes.
            text_pairs: bool. Whether a row has two texts.
            **kwargs: as for `keras.Model.export`, for other formats.

        Raises:
            ConfigError: if the folder holds something, or the tokenizer cannot be exported.
            ExportError: if the export does not answer as the model does.
        """
        if format != "tf_saved_model":
            super().export(filepath, format=format, verbose=verbose, **kwargs)
            return
        if kwargs:
            raise ValueError(f"A SavedModel takes texts and no {sorted(kwargs)}")
        from mtc_keras.export.writing import export_live  # above this room

        about = export_live(self, filepath, text_pairs)
        if verbose is not False:
            print(about.shown)

    def _tokens(self, x: Any) -> Tokens | None:
        """Tokenizes texts; `None` if `x` is something else, such as a dataset."""
        columns = x if isinstance(x, tuple) else (x,)
        if any(isinstance(column, str) for column in columns):
            raise ValueError("x must be a list of texts. Received: the text itself")
        columns = tuple(c.tolist() if hasattr(c, "tolist") else c for c in columns)
        if self.preprocessor is None or not all(isinstance(column, list) for column in columns):
            return None
        for column in columns:
            for row, text in enumerate(column):
                if not isinstance(text, str):
                    raise ValueError(
                        f"x must hold texts only. Received: {type(text).__name__} in row {row}"
                    )
        if len({len(column) for column in columns}) != 1:
            raise ValueError(
                f"Text pairs need two lists of one length. Received: {[len(c) for c in columns]}"
            )
        return tokenize(self.preprocessor, columns)


class TaskWeights(keras.callbacks.Callback):
    """Logs each task's weight and share of the loss, and tells `balancing` of the epoch's end."""

    def __init__(self) -> None:
        super().__init__()
        self.of_training: tuple[list[float], list[float]] | None = None

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.of_training = self._means()  # before validation resets them

    def _means(self) -> tuple[list[float], list[float]]:
        """Returns the tasks' mean losses and weights since the metrics were reset."""
        means = self.model.mean_losses, self.model.mean_weights
        losses, weights = (np.asarray(mean.result()).tolist() for mean in means)
        return losses, weights

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        losses, weights = self.of_training or self._means()
        self.of_training = None
        parts = [weight * loss for weight, loss in zip(weights, losses, strict=True)]
        total = sum(parts)
        if logs is not None:
            for task, weight, part in zip(self.model.tasks, weights, parts, strict=True):
                logs[f"{task.name}_weight"] = weight
                logs[f"{task.name}_share"] = part / total if total else 0.0
        self.model.balancing.on_epoch_end(losses)


def _check(tasks: Sequence[Task], pooling: str) -> None:
    names = [task.name for task in tasks]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"tasks must be one or more with different names. Received: {names}")
    if pooling not in POOLINGS:
        raise ValueError(f"pooling must be one of {POOLINGS}. Received: pooling={pooling!r}")


def _pool(backbone: Any, outputs: Any, padding_mask: Any, pooling: str, number: int) -> Any:
    """Returns the text's features, float32 of shape `(B, D)`."""
    if pooling == "pooled":
        if not isinstance(outputs, dict) or "pooled_output" not in outputs:
            raise ConfigError(
                f"model.pooling: {type(backbone).__name__} has no pooled output; "
                '"mean", "cls" and "max" work with every backbone'
            )
        return outputs["pooled_output"]
    states = outputs["sequence_output"] if isinstance(outputs, dict) else outputs
    name = f"text_pooling_{number}" if number else "text_pooling"
    return TextPooling(pooling, name=name)(states, padding_mask)


def _loss_and_count(loss: Any, targets: Any, logits: Any, sample_weight: Any) -> tuple[Any, Any]:
    """Returns a task's mean loss over a batch and the weight that it stands for."""
    if isinstance(loss, MaskedLoss):
        total, count = loss.sums(targets, logits, sample_weight)
        return ops.divide_no_nan(total, count), count
    return loss(targets, logits, sample_weight), ops.cast(ops.shape(targets)[0], "float32")
