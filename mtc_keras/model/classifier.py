"""`MultiTaskClassifier`: one KerasHub backbone, one named head per task."""

import logging
import os
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import keras_hub
import numpy as np
from keras import layers

import mtc_keras.model.backbones.registered
import mtc_keras.model.optimizers
import mtc_keras.tokenization.bert_tokenizer
import mtc_keras.tokenization.hugging_face_tokenizer
import mtc_keras.tokenization.preprocessor  # noqa: F401  registered, so that trained models load
from mtc_keras.config import ModelConfig
from mtc_keras.config.model import TRAINING_WINDOWS, LongTexts
from mtc_keras.data.long_texts import AnyTokens
from mtc_keras.devices import process
from mtc_keras.errors import legible
from mtc_keras.files import write_sums
from mtc_keras.files.formats import KEY
from mtc_keras.model import prediction
from mtc_keras.model.arguments import checked, checked_validation, refuse_class_weight
from mtc_keras.model.backbones.loading import load_backbone
from mtc_keras.model.balancing import Balancing, check_backend, make_balancing
from mtc_keras.model.by_task import check_names
from mtc_keras.model.compiling import CompiledSteps
from mtc_keras.model.deciding_windows import explained
from mtc_keras.model.explaining import explain
from mtc_keras.model.explanation import Explanation
from mtc_keras.model.inputs import is_dataset, read_texts
from mtc_keras.model.integrated_gradients import CompiledPaths
from mtc_keras.model.joint_heads import joined
from mtc_keras.model.long_texts import check_long_texts, of_windows, tokens_of
from mtc_keras.model.pooling import POOLINGS, pool
from mtc_keras.model.presets import load_preset
from mtc_keras.model.saved import FORMAT
from mtc_keras.model.saved_classes import check_classes
from mtc_keras.model.task_losses import TaskMeans, TaskWeights
from mtc_keras.model.window_pooling import make_poolings
from mtc_keras.model.window_training import in_windows
from mtc_keras.scoring.decisions import activate_tasks
from mtc_keras.tasks import Task, task_from_config

process.keep_tensorflow_off_gpus()


@keras.saving.register_keras_serializable("mtc_keras")
class MultiTaskClassifier(CompiledSteps):
    """One backbone with a named head for every task.

    The functional graph is backbone → pooling → dropout → one head per task. Its
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
        long_texts: what is read of texts of more tokens than the preprocessor's
            `sequence_length`: `"truncate"`, `"head_tail"` or `"windows"` (docs/long_texts.md).
        prefix: str. Put before each text that is not empty, such as `"query: "` for E5.
        window_overlap: int. Tokens that neighbouring windows share; default: a quarter of the
            `sequence_length`.
        training_windows: int. Windows that a training step draws of each text.
        balancing: the method that weighs the tasks' losses: `"static"`, `"uncertainty"`,
            `"dwa"`, `"rlw"`, `"log"`, `"famo"`, or a `Balancing` layer; `compile` may change it.

    Attributes:
        tasks: the tasks.
        decisions: dict from each task with probabilities to its `Decision`: temperature and
            thresholds, which may be set, act at once and are saved.
        window_poolings: dict from task to the `WindowPooling` of the logits of a text's windows.

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
        backbone: keras_hub.models.Backbone,
        tasks: Sequence[Task | Mapping[str, Any]],
        preprocessor: keras_hub.models.TextClassifierPreprocessor | None = None,
        pooling: str = "mean",
        dropout: float = 0.1,
        *,
        prefix: str = "",
        long_texts: LongTexts = "truncate",
        window_overlap: int | None = None,
        training_windows: int = TRAINING_WINDOWS,
        decisions: Mapping[str, Mapping[str, Any]] | None = None,
        balancing: str | Balancing | Mapping[str, Any] = "static",
        **kwargs: Any,
    ) -> None:
        heads = tuple(task_from_config(task) for task in tasks)
        _check(heads, pooling)
        check_long_texts(heads, long_texts, window_overlap, training_windows)
        if "\0" in prefix:
            raise ValueError(f"prefix must not hold a NUL. Received: prefix={prefix!r}")
        # === Layers ===
        self.backbone = backbone
        self.preprocessor = preprocessor
        self.output_dropout = layers.Dropout(dropout, dtype="float32", name="output_dropout")

        # === Functional Model ===
        pooled = pool(backbone, [task.pooling or pooling for task in heads])
        features = {name: self.output_dropout(values) for name, values in pooled.items()}
        # Prefixed, because a task may have the name of one of the backbone's layers.
        outputs = {
            task.name: task.output(features[task.pooling or pooling], f"head_{task.name}")
            for task in heads
        }
        # Known to `compile`, which the constructor of the base calls.
        self.tasks = heads
        self.mean_losses = TaskMeans(len(heads), name="mean_losses")
        self.mean_weights = TaskMeans(len(heads), name="mean_weights")
        self.balancing = make_balancing(balancing, [task.loss_factor for task in heads])
        shapes = {name: tuple(output.shape) for name, output in outputs.items()}
        self.window_poolings = make_poolings(heads if long_texts == "windows" else (), shapes)
        super().__init__(inputs=backbone.input, outputs=outputs, **kwargs)
        self.joint_call = joined(backbone.input, [*features.values()], outputs, self.layers)
        if long_texts == "windows":
            self.input_spec = None  # of one window per row alone; `call` takes several, too
        self.compiled_forward = prediction.CompiledForward()
        self.compiled_paths = CompiledPaths()
        self.steps_done = deque(maxlen=1)

        # === Config ===
        self.pooling = pooling
        self.dropout = dropout
        self.prefix = prefix
        self.long_texts = long_texts
        if window_overlap is None and preprocessor is not None and long_texts == "windows":
            window_overlap = preprocessor.sequence_length // 4
        self.window_overlap = window_overlap
        self.training_windows = training_windows
        check_names("decisions", decisions or {}, heads)
        self.decisions = {
            task.name: task.decision(**(decisions or {}).get(task.name, {}))
            for task in heads
            if task.has_probabilities
        }

    def get_config(self) -> dict[str, Any]:
        config = {
            **super().get_config(),
            "tasks": [task.model_dump() for task in self.tasks],
            "pooling": self.pooling,
            "dropout": self.dropout,
            "decisions": {name: decision.to_dict() for name, decision in self.decisions.items()},
            "balancing": keras.saving.serialize_keras_object(self.balancing),
        }
        if self.prefix:
            config["prefix"] = self.prefix
        if self.long_texts != "truncate":  # all that versions before 0.3 know
            config["long_texts"] = self.long_texts
        if self.long_texts == "windows":
            config["window_overlap"] = self.window_overlap
            config["training_windows"] = self.training_windows
        return FORMAT.stamped(config)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "MultiTaskClassifier":
        check_classes(config)
        today = FORMAT.read(config, "the saved model")
        return super().from_config({key: today[key] for key in today if key != KEY})

    @classmethod
    def from_preset(
        cls,
        preset: str,
        tasks: Sequence[Task | Mapping[str, Any]] | None = None,
        load_weights: bool = True,
        **kwargs: Any,
    ) -> "MultiTaskClassifier":
        """Loads a saved `MultiTaskClassifier`, or puts new heads on a pretrained backbone.

        Args:
            preset: a folder written by `save_to_preset`; or any backbone:
                a KerasHub preset, `hf://…`, `kaggle://…`, a KerasHub or Hugging Face
                folder, `"minilm"`.
            tasks: the tasks of the new heads; `None` for a saved classifier.
            load_weights: bool. `False` leaves the weights random.
            **kwargs: `max_length` (default: 128, or what was saved), `dtype` (default: what
                was saved, but float32 on a CPU) and the arguments of the constructor; of a saved
                classifier also `check`, `False` to load files that have changed since they were
                written.

        Raises:
            ConfigError: if no such backbone can be found.
            DataError: if a saved classifier is damaged.
            ValueError: if `tasks` is missing for a backbone.
        """
        if tasks is None:
            return load_preset(cls, preset, load_weights=load_weights, **kwargs)
        config = ModelConfig(backbone=preset, max_length=kwargs.pop("max_length", 128))
        # The constructor checks them; loading tells where the checkpoint was trained otherwise.
        asked: dict[str, Any] = {
            name: kwargs[name] for name in ("pooling", "prefix") if name in kwargs
        }
        config = config.model_copy(update=asked)
        loaded = load_backbone(config, load_weights=load_weights, dtype=kwargs.pop("dtype", None))
        for note in loaded.notes:
            logging.getLogger(__name__).warning(note)
        kwargs = {"preprocessor": loaded.preprocessor, **kwargs}
        return cls(backbone=loaded.backbone, tasks=tasks, **kwargs)

    def save_to_preset(self, preset_dir: str, max_shard_size: float = 10) -> None:
        """Saves the model as a preset, with the checksums of its files in `SHA256SUMS`."""
        super().save_to_preset(preset_dir, max_shard_size=max_shard_size)
        write_sums(Path(preset_dir))

    def save_task_weights(self, filepath: str) -> None:
        """Saves the heads' weights; a preset has no room for the optimizer's state."""
        keras.saving.save_weights(self, filepath, objects_to_skip=self._not_in_heads())

    def load_task_weights(self, filepath: str) -> None:
        """Loads the heads' weights."""
        keras.saving.load_weights(self, filepath, objects_to_skip=self._not_in_heads())

    def _not_in_heads(self) -> list[keras.layers.Layer | keras.optimizers.Optimizer | None]:
        return [*self.backbone._flatten_layers(), self.optimizer]

    # === Windows ===

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Returns logits by task.

        Args:
            inputs: tokens of shape `(B, T)`, or, with `long_texts="windows"`, `(B, K, T)`: the
                windows of each text, whose logits are pooled. One that is all padding is none.
            training: bool. Whether dropout is applied.
            mask: not used.
        """
        call = self.joint_call or super().call
        return of_windows(call, self.window_poolings, inputs, training=training, mask=mask)

    def tokenize(self, texts: Any) -> AnyTokens:
        """Returns the tokens of texts, read as `long_texts` says; `predict` takes them.

        Args:
            texts: N texts (list, array, Series, one-column DataFrame), or a tuple of two such for
                text pairs, which can only be truncated.

        Returns:
            `Windows` with `long_texts="windows"`, else `Tokens`.
        """
        return tokens_of(self, read_texts(texts))

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
            x: texts (list, array, Series, one-column DataFrame), text pairs (tuple of two
                such), a dict of tokens, or a `tf.data.Dataset` of batches `(x, y)` or
                `(x, y, sample_weight)` with texts or tokens.
            y: dict or DataFrame from task to targets, as `Task.encode` returns, or to class
                names; for a model of one task also these alone. Numbers are targets.
            batch_size: int. Rows per step, unless `x` is a dataset.
            sample_weight: float32 of shape `(N,)`, or a dict of such by task.
            **kwargs: as for `keras.Model.fit`, but not `class_weight`, which each task has.

        Of texts in windows, `training_windows` of each are drawn anew in every epoch.

        Raises:
            ValueError: if these do not fit the model's tasks or each other. It names the task,
                the first row and what would be right, and quotes no text.
        """
        refuse_class_weight(kwargs.pop("class_weight", None))
        check_backend(self.balancing)
        x, y, sample_weight = checked(self, x, y, sample_weight)
        kwargs["validation_data"] = checked_validation(self, kwargs.get("validation_data"))
        kwargs.setdefault("shuffle", False)  # `True` only warns: all input becomes a dataset
        data, own = in_windows(self, (x, y, sample_weight), batch_size, kwargs)
        given = kwargs.pop("callbacks", None) or []
        if isinstance(given, keras.callbacks.CallbackList):
            for callback in own:
                given.append(callback)
        else:
            several = given if isinstance(given, (list, tuple)) else [given]
            # First, so that the others see what these add to the logs.
            given = [TaskWeights(), *own, *several]
        kwargs["callbacks"] = given
        x, y, sample_weight = data
        size = None if is_dataset(x) else batch_size
        return super().fit(x, y, batch_size=size, sample_weight=sample_weight, **kwargs)

    # === Prediction ===

    def predict_logits(
        self, x: Any, batch_size: int | None = None, verbose: int | str = 0, **kwargs: Any
    ) -> dict[str, np.ndarray]:
        """Returns the heads' raw outputs.

        Args:
            x: N texts (list, array, Series, one-column DataFrame), a tuple of two such
                for text pairs, `Tokens`, a dict of tokens, or a `tf.data.Dataset` of
                batches.
            batch_size: int. Most rows per batch; 32 by default.
            verbose: as for `keras.Model.predict`.

        Returns:
            dict in the tasks' order, from name to float32 logits, rows in input order.
        """
        return prediction.predict_logits(self, x, batch_size, verbose=verbose, **kwargs)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        raw: bool = False,
        **kwargs: Any,
    ) -> dict[str, np.ndarray]:
        """Returns calibrated probabilities (regression: values), rows in input order.

        Texts are read in batches of similar length, so that short ones cost little.

        Args:
            x: as for `predict_logits`.
            batch_size: int. Most rows per batch; 32 by default.
            verbose: as for `keras.Model.predict`.
            raw: bool. `True` leaves out the temperatures of `decisions`.

        Returns:
            dict in the tasks' order, from name to float32 of shape `(N, classes)`, or
            `(N,)` for regression.
        """
        logits = self.predict_logits(x, batch_size=batch_size, verbose=verbose, **kwargs)
        return self.activate(logits, raw=raw)

    def predict_on_batch(self, x: Any) -> dict[str, np.ndarray]:
        """Returns what `predict` does of one batch of texts or tokens."""
        return self.activate(self.logits_on_batch(x))

    def activate(
        self, logits: Mapping[str, np.ndarray], raw: bool = False
    ) -> dict[str, np.ndarray]:
        """Returns the probabilities of logits, by task; `raw` leaves out temperatures."""
        return activate_tasks(self.tasks, logits, None if raw else self.decisions)

    def classify(
        self,
        x: Any,
        batch_size: int | None = None,
        abstain_below: float | None = None,
        *,
        explain_window: bool = False,
    ) -> list[dict[str, dict[str, Any]]]:
        """Returns a plain dict per text: for every task its label or labels and probabilities.

        Args:
            x: as for `predict`.
            batch_size: int. Most rows per batch; 32 by default.
            abstain_below: float in [0, 1]. A task's label is `None` where the probability
                that its decision is wholly right is lower.
            explain_window: bool. Whether each task has, under `window`, what `deciding_windows`
                returns: which window of the text counted most for its most probable class. Of a
                model with `long_texts="windows"`.

        Raises:
            ValueError: if `abstain_below` is not a probability, or `explain_window` is asked of
                what is read in no windows.
        """
        if abstain_below is not None and not 0 <= abstain_below <= 1:
            raise ValueError(
                f"abstain_below must lie between 0 and 1. Received: abstain_below={abstain_below}"
            )
        deciding = None
        if explain_window:
            probabilities, deciding = explained(self, x, batch_size)
        else:
            probabilities = self.predict(x, batch_size=batch_size, verbose=0)
        rows = len(next(iter(probabilities.values())))
        answers = [
            {
                task.name: task.describe(
                    probabilities[task.name][row], self.decisions.get(task.name), abstain_below
                )
                for task in self.tasks
            }
            for row in range(rows)
        ]
        for answer, of_tasks in zip(answers, deciding or (), strict=False):
            for name, window in of_tasks.items():
                answer[name]["window"] = window
        return answers

    def explain(
        self, x: Any, task: str | None = None, label: str | Sequence[str | None] | None = None
    ) -> list[dict[str, Explanation]]:
        """Returns which words of texts speak for what is predicted, and which against it.

        These are integrated gradients (Sundararajan, Taly & Yan 2017, arXiv 1703.01365) of a logit
        by the tokens' embeddings, from a baseline of `[PAD]` tokens (docs/explaining.md tells why),
        summed up over the tokens of each word. They add up to the difference between the logits of
        text and baseline, to 1 % of it or 0.001.

        Args:
            x: texts, or a tuple of two lists of texts for text pairs, as for `predict`.
            task: name of the task to explain; default: all tasks.
            label: the class whose logit is explained, or one for each text; default: the most
                probable one. Ordinal tasks, whose expected position from 0 on is explained, and
                regressions take none.

        Returns:
            For each text a dict from task to its `Explanation`.

        Raises:
            ValueError: if there is no such task or class, or the model cannot be explained, as
                `mtc_keras.model.explaining.unexplainable` says.
        """
        return explain(self, x, task, label)

    # === Export ===

    def quantize(self, mode: Any = None, **kwargs: Any) -> None:
        """Quantizes the backbone in place; the heads, which are small, stay float32.

        Args:
            mode: such as `"int8"`, as for `keras.Model.quantize`.
            **kwargs: as for `keras.Model.quantize`.
        """
        self.backbone.quantize(mode, **kwargs)
        # Compiled of the weights as they were.
        self.train_function = self.test_function = self.predict_function = None

    def export(
        self,
        filepath: str | os.PathLike[str],
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
            ExportError: if its answers differ from those of the model.
        """
        if format != "tf_saved_model":
            super().export(filepath, format=format, verbose=verbose, **kwargs)
            return
        if kwargs:
            raise ValueError(f"A SavedModel takes texts and no {sorted(kwargs)}")
        from mtc_keras.export.writing import export_live  # above this room

        about = export_live(self, Path(filepath), text_pairs)
        if verbose is not False:
            print(legible(about.shown))


def _check(tasks: Sequence[Task], pooling: str) -> None:
    names = [task.name for task in tasks]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"tasks must be one or more with different names. Received: {names}")
    if pooling not in POOLINGS:
        raise ValueError(f"pooling must be one of {POOLINGS}. Received: pooling={pooling!r}")
