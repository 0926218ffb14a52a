"""The sides of the benchmark: mtc_keras as users run it, on plain arrays, and the peer."""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import keras
import numpy as np
from benchmark_measure import (
    CompileClock,
    EpochClock,
    MatmulSize,
    Stopwatch,
    Work,
    draw_lengths,
    forward_flops,
    matmul_size,
    peak_memory,
)

from mtc_keras.errors import ConfigError

PEER = Path(__file__).with_name("benchmark_peer.py")
FIXED_LENGTH = 128  # to which the Trainer's default pads
BERT_BASE = {
    "num_layers": 12,
    "num_heads": 12,
    "hidden_dim": 768,
    "intermediate_dim": 3072,
    "vocabulary_size": 30522,
}
BERT_DROPOUT = 0.1
OPTIMIZER = {"weight_decay": 0.01, "global_clipnorm": 1.0}
# Texts of GoEmotions' training split by their number of word pieces, from 0; the 0.03 % that
# are longer are left out.
GOEMOTIONS_LENGTHS = [0, 0, 0, 13, 31, 942, 1177, 1558, 1587, 1490, 1536, 1483, 1588, 1680, 1587]
GOEMOTIONS_LENGTHS += [1681, 1637, 1676, 1718, 1606, 1614, 1601, 1579, 1483, 1462, 1337, 1350]
GOEMOTIONS_LENGTHS += [1320, 1220, 1108, 1050, 1079, 1006, 844, 643, 511, 385, 272, 179, 120, 78]
GOEMOTIONS_LENGTHS += [60, 46, 21, 21, 10, 7, 2]
COMPARED_ROWS = 4


class Side:
    """A model that trains and predicts the same rows again and again.

    Subclasses set `name`, `model` and `batch_size`, call `read`, and write `train` and `predict`.

    Attributes:
        batches: the `TrainingBatches` of a pass.
        rows: int array, the row numbers of a pass.
        tokens: the `Tokens` of these rows.
        targets: dict from task to the targets of these rows.
        size: the model's `MatmulSize`.
        work: dict from `"training"` and `"prediction"` to the `Work` of a pass.
        whole_epoch: the `Work` of an epoch over all rows.
        seconds: dict from each stage of the way to the first training step to its time.
        compiling: dict of `training` and `prediction`, seconds spent compiling.
    """

    name: str
    model: Any
    batch_size: int

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.compiling: dict[str, float] = {}

    def read(self, tokens: Any, rows: Any, seed: int, count: int) -> int:
        """Makes the batches of a pass; returns the number of batches of a whole epoch.

        Args:
            tokens: the `Tokens` of all rows.
            rows: all `Rows`.
            seed: int. The seed of their order.
            count: int. A pass reads so many rows: the first batches of an epoch over all of
                them, so that batches are as full as in a whole epoch.
        """
        from mtc_keras.data.batches import TrainingBatches

        parts = tokens, rows, self.model.tasks, self.batch_size, seed
        self.batches, epoch = first_batches(count)(*parts), TrainingBatches(*parts)
        self.rows = np.concatenate(self.batches.plan())
        self.tokens = tokens.select(self.rows)
        self.targets = {task: values[self.rows] for task, values in rows.targets.items()}
        self.size = matmul_size(self.model)
        self.work = {
            "training": self._work(self.tokens, (inputs for inputs, *_ in self.batches)),
            "prediction": self._work(self.tokens, self.prediction_batches()),
        }
        self.whole_epoch = self._work(tokens, (inputs for inputs, *_ in epoch))
        return len(epoch)

    def prediction_batches(self) -> Any:
        """Returns the batches in which a pass predicts."""
        from mtc_keras.model.prediction import prediction_batches

        return prediction_batches(self.tokens, self.batch_size)

    def _work(self, tokens: Any, batches: Iterable[dict[str, np.ndarray]]) -> Work:
        slots = sum(inputs["padding_mask"].size for inputs in batches)
        return work_of(tokens.lengths, slots, self.size)

    def token_rows(self) -> list[np.ndarray]:
        """Returns the token ids of each row of a pass."""
        ids = self.tokens.take(np.arange(len(self.tokens)))["token_ids"]
        return [row[:n] for row, n in zip(ids, self.tokens.lengths, strict=True)]

    def train(self, clock: EpochClock) -> None:
        """Trains one pass."""
        raise NotImplementedError

    def predict(self) -> None:
        """Predicts all rows."""
        raise NotImplementedError

    def run(self, action: str) -> float:
        """Runs `training` or `prediction` and returns its seconds."""
        if action == "training":
            clock = EpochClock()
            self.train(clock)
            return clock.seconds
        started = time.perf_counter()
        self.predict()
        return time.perf_counter() - started

    def warm_up(self) -> None:
        """Trains and predicts once, so that all shapes are compiled."""
        clock, compiled, started = EpochClock(), CompileClock(), time.time()
        self.train(clock)
        self.seconds["first_step"] = clock.first_step - started
        self.compiling["training"] = compiled.seconds
        self.predict()
        self.compiling["prediction"] = compiled.seconds - self.compiling["training"]

    def facts(self) -> dict[str, Any]:
        """Returns what is known once a side has run."""
        return {
            "peak_memory_bytes": peak_memory(),
            "compile_seconds": self.compiling,
            "seconds_to_first_step": sum(self.seconds.values()),
            "stages_to_first_step": self.seconds,
        }


class Ours(Side):
    """A model of mtc_keras as users train it: `TrainingBatches` → `fit`, `predict_logits`.

    Args:
        config: the `Config`.
        dataset: the `Dataset`, all its training rows.
        rows: int. Rows of a pass.
        name: what it is called in tables.
    """

    def __init__(self, config: Any, dataset: Any, rows: int, name: str = "mtc_keras") -> None:
        from mtc_keras.data.tokens import tokenize
        from mtc_keras.model.building import build_balancing, build_model, build_optimizer

        super().__init__()
        self.name = name
        self.batch_size = config.training.batch_size
        watch = Stopwatch(self.seconds)
        self.model = build_model(config, dataset)
        watch.lap("model")
        tokens = tokenize(self.model.preprocessor, dataset.train.texts)
        watch.lap("tokens")
        steps = self.read(tokens, dataset.train, config.seed, rows)
        watch.lap("batches")
        self.model.compile(
            optimizer=build_optimizer(config.training, self.model, steps),
            balancing=build_balancing(config, self.model),
            gradient_accumulation=config.training.gradient_accumulation,
            rematerialisation=config.training.rematerialisation,
        )
        watch.lap("compile")

    def remember_logits(self) -> None:
        """Keeps the heads and the logits of the first rows as they are before training."""
        few = self.tokens.select(np.arange(min(COMPARED_ROWS, len(self.tokens))))
        heads = head_weights(self.model)
        self.remembered = heads, self.model.predict_logits(few, COMPARED_ROWS)

    def train(self, clock: EpochClock) -> None:
        # Always the order of the same epoch, and so the same shapes.
        self.model.fit(self.batches.dataset(), epochs=1, callbacks=[clock], verbose=0)

    def predict(self) -> None:
        self.model.predict_logits(self.tokens, self.batch_size)


def first_batches(rows: int) -> Any:
    """Returns a class of `TrainingBatches` that read but the first whole batches of an epoch."""
    from mtc_keras.data.batches import TrainingBatches

    class FirstBatches(TrainingBatches):
        def plan(self) -> list[np.ndarray]:
            whole = [batch for batch in super().plan() if len(batch) == self.batch_size]
            return (whole or super().plan())[: max(rows // self.batch_size, 1)]

        def __len__(self) -> int:
            return len(self.plan())

    return FirstBatches


def work_of(lengths: np.ndarray, slots: int, size: MatmulSize) -> Work:
    """Returns the `Work` of rows of so many tokens."""
    return Work(len(lengths), int(lengths.sum()), slots, forward_flops(size, lengths))


class FullBatches:
    """Predictions of a model on rows that all have the same number of tokens.

    Args:
        ours: the side whose model predicts.
        length: int. Tokens a row.
        rows: int. Rows.
    """

    def __init__(self, ours: Ours, length: int, rows: int) -> None:
        from mtc_keras.data.tokens import tokenize

        self.model, self.batch_size = ours.model, ours.batch_size
        preprocessor = self.model.preprocessor
        own, preprocessor.sequence_length = preprocessor.sequence_length, length
        self.tokens = tokenize(preprocessor, [["a " * length] * rows])
        preprocessor.sequence_length = own
        self.work = work_of(self.tokens.lengths, rows * length, ours.size)

    def run(self) -> float:
        """Predicts all rows and returns the seconds."""
        started = time.perf_counter()
        self.model.predict_logits(self.tokens, self.batch_size)
        return time.perf_counter() - started


# === Without TensorFlow ===


class Plain(Side):
    """A BERT of random weights and a head, fed by a plain iterator over NumPy batches.

    Args:
        sizes: the arguments of `keras_hub.models.BertBackbone`.
        lengths: int of shape `(N,)`, the tokens of all generated rows.
        rows: int. Rows of a pass.
        batch_size: int. Rows a batch.
        precision: `"float32"`, or `"bfloat16"` for compute in bfloat16 with float32 weights.
    """

    name = "mtc_keras"

    def __init__(
        self,
        sizes: Mapping[str, int],
        lengths: np.ndarray,
        rows: int,
        batch_size: int,
        precision: str,
    ) -> None:
        import keras_hub

        from mtc_keras.data.rows import Rows
        from mtc_keras.model.classifier import MultiTaskClassifier
        from mtc_keras.model.optimizers import LayerwiseAdamW
        from mtc_keras.tasks import Multiclass

        super().__init__()
        self.batch_size = batch_size
        watch = Stopwatch(self.seconds)
        backbone = keras_hub.models.BertBackbone(
            **sizes,
            dropout=BERT_DROPOUT,
            max_sequence_length=max(512, int(lengths.max())),
            dtype="mixed_bfloat16" if precision == "bfloat16" else "float32",
        )
        task = Multiclass(name="sentiment", classes=["negative", "neutral", "positive"])
        self.model = MultiTaskClassifier(backbone, [task], compile=False)
        self.model.compile(LayerwiseAdamW(learning_rate=1e-5, **OPTIMIZER))
        watch.lap("model")
        targets = np.random.default_rng(0).integers(0, 3, len(lengths), dtype="int32")
        generated = Rows("train", (), {"sentiment": targets}, None, None, [""] * len(lengths))
        self.read(generated_tokens(lengths, sizes["vocabulary_size"]), generated, 0, rows)
        watch.lap("batches")

    def train(self, clock: EpochClock) -> None:
        # Keras' own `fit`: that of KerasHub takes datasets and arrays.
        keras.Model.fit(
            self.model,
            iter(self.batches),
            steps_per_epoch=len(self.batches),
            epochs=1,
            callbacks=[clock],
            verbose=0,
            shuffle=False,
        )

    def predict(self) -> None:
        batches = self.prediction_batches()
        inputs = ((batch,) for batch in batches)
        joined = keras.Model.predict(self.model, inputs, steps=len(batches), verbose=0)
        for output in joined.values():
            batches.restore(output)


def generated_tokens(lengths: np.ndarray, vocabulary_size: int) -> Any:
    """Returns `Tokens` of random ids."""
    from mtc_keras.data.tokens import Tokens

    offsets = np.concatenate([[0], np.cumsum(lengths, dtype="int64")])
    ids = np.random.default_rng(0).integers(1, vocabulary_size, offsets[-1], dtype="int32")
    names = ("token_ids", "segment_ids", "padding_mask")
    return Tokens(
        {"token_ids": ids, "segment_ids": np.zeros_like(ids)},
        offsets,
        padding=dict.fromkeys(names[:2], 0),
        dtypes=dict.fromkeys(names, "int32"),
        max_length=int(lengths.max()),
    )


def plain_lengths(text: str, rows: int) -> np.ndarray:
    """Returns rows of lengths: `"goemotions"`, or a number for all of them.

    Raises:
        ConfigError: for anything else.
    """
    if text == "goemotions":
        return draw_lengths(GOEMOTIONS_LENGTHS, rows, seed=0)
    if not text.isdigit() or int(text) < 1:
        raise ConfigError(f"--lengths takes 'goemotions' or a number of tokens, received {text!r}")
    return np.full(rows, int(text))


# === The peer ===


class Peer:
    """A process of `benchmark_peer.py`.

    Args:
        name: what it is called in tables.
        python: the Python of its environment.
        spec: what `benchmark_peer.Peer` describes, without its `rows`.
        rows: the token ids of each row.
        targets: dict from task to the rows' encoded labels.
        work: what one pass asks of it; it counts the slots itself.
        variables: environment variables of its process.

    Raises:
        ConfigError: if the process cannot be started, or ends.
    """

    def __init__(
        self,
        name: str,
        python: str,
        spec: dict[str, Any],
        rows: Sequence[np.ndarray],
        targets: Mapping[str, np.ndarray],
        work: Work,
        variables: Mapping[str, str],
    ) -> None:
        self.name = name
        self.work = {"training": work, "prediction": work}
        self._is_tuned = spec["fixed_length"] is None
        self.difference: float | None = None
        self._answer: dict[str, Any] = {}
        self._directory = tempfile.TemporaryDirectory(prefix="benchmark_peer_")
        path = Path(self._directory.name) / "spec.json"
        arrays = path.with_name("rows.npz")
        np.savez(
            arrays,
            token_ids=np.concatenate(rows),
            lengths=[len(row) for row in rows],
            **{f"target_{task}": values for task, values in targets.items()},
        )
        spec = {**spec, "rows": str(arrays), "started": time.time()}
        path.write_text(json.dumps(spec), encoding="utf-8")
        self._errors: IO[str] = path.with_name("stderr.txt").open("w+", encoding="utf-8")
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        environment |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"} | dict(variables)
        try:
            self._process = subprocess.Popen(
                [python, str(PEER), str(path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                env=environment,
            )
        except OSError as error:
            raise ConfigError(f"--peer-python {python!r}: {error.strerror}") from None
        self.versions = self._read()

    def ask(self, **request: Any) -> dict[str, Any]:
        """Sends a request and returns the answer."""
        assert self._process.stdin is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        self._process.wait()
        self._errors.seek(0)
        last = [line.strip() for line in self._errors if line.strip()][-3:]
        raise ConfigError(f"the peer ended with {self._process.returncode}", last)

    def compare_logits(
        self, heads: Mapping[str, np.ndarray], logits: Mapping[str, np.ndarray]
    ) -> None:
        """Gives it our heads' weights and measures by how much its logits differ from ours.

        They are those of the first rows, before training. KerasHub's BERT computes GELU by its
        tanh approximation, so that they are not quite equal.
        """
        path = Path(self._directory.name) / "heads.npz"
        np.savez(path, **heads)
        theirs = self.ask(do="check", heads=str(path), rows=COMPARED_ROWS)["logits"]
        self.difference = max(
            float(np.abs(np.reshape(theirs[task], values.shape) - values).max())
            for task, values in logits.items()
        )

    def warm_up(self) -> None:
        """Finds the best settings, unless it has the defaults; trains and predicts once."""
        self.settings = self.ask(do="tune") if self._is_tuned else {}
        self.run("training")
        self.run("prediction")

    def run(self, action: str) -> float:
        """Runs `training` (an epoch) or `prediction` and returns its seconds."""
        self._answer = self.ask(do={"training": "train", "prediction": "predict"}[action])
        self.work[action] = replace(self.work[action], slots=self._answer.pop("slots"))
        return self._answer.pop("seconds")

    def facts(self) -> dict[str, Any]:
        """Returns what is known once a side has run."""
        return {
            **self._answer,
            "versions": self.versions,
            "settings": self.settings,
            "largest_difference_of_logits": self.difference,
        }

    def close(self) -> None:
        """Ends the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()
        self._errors.close()
        self._directory.cleanup()


def task_specs(model: Any) -> list[dict[str, Any]]:
    """Returns the tasks of a model as the peer takes them.

    Raises:
        ConfigError: for a head that the peer lacks.
    """
    specs = []
    for task in model.tasks:
        if task.kind not in ("multiclass", "multilabel", "regression") or task.hidden:
            raise ConfigError(f"tasks.{task.name}: the peer has no such head")
        outputs = _head(model, task).shape[-1]
        weight = float(model.task_loss_weights[task.name])
        specs.append({"name": task.name, "kind": task.kind, "outputs": outputs, "weight": weight})
    return specs


def head_weights(model: Any) -> dict[str, np.ndarray]:
    """Returns kernels and biases of linear heads, as `Peer.logits` takes them."""
    weights = {}
    for task in model.tasks:
        layer = model.get_layer(f"head_{task.name}")
        weights[f"kernel_{task.name}"] = np.asarray(_head(model, task))
        weights[f"bias_{task.name}"] = np.asarray(layer.bias)
    return weights


def _head(model: Any, task: Any) -> Any:
    return model.get_layer(f"head_{task.name}").kernel


def encoder_sizes(backbone: Any) -> dict[str, Any]:
    """Returns the arguments of `transformers.BertConfig` for a `BertBackbone`."""
    return {
        "vocab_size": backbone.vocabulary_size,
        "hidden_size": backbone.hidden_dim,
        "num_hidden_layers": backbone.num_layers,
        "num_attention_heads": backbone.num_heads,
        "intermediate_size": backbone.intermediate_dim,
        "max_position_embeddings": backbone.max_sequence_length,
        "hidden_dropout_prob": backbone.dropout,
        "attention_probs_dropout_prob": backbone.dropout,
    }
