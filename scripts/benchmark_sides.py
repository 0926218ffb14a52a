"""The sides of the benchmark: mtc_keras as users run it, on plain arrays, and the peer."""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import keras
import numpy as np
from benchmark_measure import (
    CompileClock,
    EpochClock,
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
PLAIN_STEP = 16  # plain batches are padded to multiples of it


class Ours:
    """A model of mtc_keras: `TrainingBatches` → `fit`, `Tokens` → `predict_logits`.

    Args:
        config: the `Config`.
        dataset: the `Dataset` whose training rows are trained and predicted.
        name: what it is called in tables.

    Attributes:
        seconds: dict from each stage of the way to the first training step to its time.
        compiling: dict of `training` and `prediction`, seconds spent compiling.
    """

    def __init__(self, config: Any, dataset: Any, name: str = "mtc_keras") -> None:
        from mtc_keras.building import build_balancing, build_model, build_optimizer
        from mtc_keras.data.batches import TrainingBatches, tokenize

        self.name = name
        self.seconds: dict[str, float] = {}
        self.compiling: dict[str, float] = {}
        self.batch_size = config.training.batch_size
        started = time.perf_counter()
        self.model = build_model(config, dataset)
        self.seconds["model"] = time.perf_counter() - started
        started = time.perf_counter()
        self.tokens = tokenize(self.model.preprocessor, dataset.train.texts)
        self.seconds["tokens"] = time.perf_counter() - started
        self.batches = TrainingBatches(
            self.tokens, dataset.train, dataset.tasks, self.batch_size, config.seed
        )
        self.model.compile(
            optimizer=build_optimizer(config.training, self.model, len(self.batches)),
            balancing=build_balancing(config, self.model),
        )
        self.size = matmul_size(self.model)
        self.work = {
            "training": self._work(training_slots(self.batches)),
            "prediction": self._work(prediction_slots(self.tokens, self.batch_size)),
        }

    def _work(self, slots: int) -> Work:
        lengths = self.tokens.lengths
        return Work(len(lengths), int(lengths.sum()), slots, forward_flops(self.size, lengths))

    def warm_up(self) -> None:
        """Trains and predicts once, so that all shapes are compiled."""
        clock, compiled = EpochClock(), CompileClock()
        started = time.time()
        self._fit(clock)
        self.seconds["first_step"] = clock.first_step - started
        self.compiling["training"] = compiled.seconds
        self.run("prediction")
        self.compiling["prediction"] = compiled.seconds - self.compiling["training"]

    def run(self, action: str) -> float:
        """Runs `training` (an epoch) or `prediction` and returns its seconds."""
        if action == "training":
            clock = EpochClock()
            self._fit(clock)
            return clock.seconds
        started = time.perf_counter()
        self.model.predict_logits(self.tokens, self.batch_size)
        return time.perf_counter() - started

    def _fit(self, clock: EpochClock) -> None:
        # Always the order of the same epoch, and so the same shapes.
        self.model.fit(self.batches.dataset(), epochs=1, callbacks=[clock], verbose=0)

    def facts(self) -> dict[str, Any]:
        """Returns what is known once a side has run."""
        return {
            "peak_memory_bytes": peak_memory(),
            "compile_seconds": self.compiling,
            "seconds_to_first_step": sum(self.seconds.values()),
            "stages_to_first_step": self.seconds,
        }


class FullBatches:
    """Predictions of a model on rows that all have the same number of tokens.

    Args:
        ours: the side whose model predicts.
        length: int. Tokens a row.
        rows: int. Rows.
    """

    def __init__(self, ours: Ours, length: int, rows: int) -> None:
        from mtc_keras.data.batches import tokenize

        self.model, self.batch_size = ours.model, ours.batch_size
        preprocessor = self.model.preprocessor
        own, preprocessor.sequence_length = preprocessor.sequence_length, length
        self.tokens = tokenize(preprocessor, [["a " * length] * rows])
        preprocessor.sequence_length = own
        self.work = Work(
            rows=rows,
            tokens=int(self.tokens.lengths.sum()),
            slots=rows * length,
            forward_flops=forward_flops(ours.size, self.tokens.lengths),
        )

    def run(self) -> float:
        """Predicts all rows and returns the seconds."""
        started = time.perf_counter()
        self.model.predict_logits(self.tokens, self.batch_size)
        return time.perf_counter() - started


def training_slots(batches: Any) -> int:
    """Returns the places for tokens in all batches of an epoch."""
    return sum(int(np.prod(inputs["padding_mask"].shape)) for inputs, *_ in batches.dataset())


def prediction_slots(tokens: Any, batch_size: int) -> int:
    """Returns the places for tokens in all batches of `predict_logits`."""
    from mtc_keras.data.batches import PredictionBatches

    batches = PredictionBatches(tokens, batch_size).dataset()
    return sum(int(np.prod(inputs["padding_mask"].shape)) for (inputs,) in batches)


# === Without TensorFlow ===


class Plain:
    """A model with a BERT of random weights, fed by a plain iterator over NumPy batches.

    Args:
        sizes: the arguments of `keras_hub.models.BertBackbone`.
        lengths: int of shape `(N,)`, the tokens of each generated row.
        batch_size: int. Rows a batch; N is a multiple of it.
        precision: `"float32"`, or `"bfloat16"` for compute in bfloat16 with float32 weights.
        outputs: the classes of each task.
    """

    name = "mtc_keras"

    def __init__(
        self,
        sizes: dict[str, int],
        lengths: np.ndarray,
        batch_size: int,
        precision: str,
        outputs: Sequence[int] = (4,),
    ) -> None:
        import keras_hub

        from mtc_keras.classifier import MultiTaskClassifier
        from mtc_keras.optimizers import LayerwiseAdamW
        from mtc_keras.tasks import Multiclass

        self.batch_size = batch_size
        self.seconds: dict[str, float] = {}
        self.compiling: dict[str, float] = {}
        started = time.perf_counter()
        backbone = keras_hub.models.BertBackbone(
            **sizes,
            dropout=BERT_DROPOUT,
            max_sequence_length=max(512, int(lengths.max())),
            dtype="mixed_bfloat16" if precision == "bfloat16" else "float32",
        )
        tasks = [
            Multiclass(name=f"task_{number}", classes=[f"c{c}" for c in range(count)])
            for number, count in enumerate(outputs)
        ]
        self.model = MultiTaskClassifier(backbone, tasks, compile=False)
        self.model.compile(LayerwiseAdamW(learning_rate=1e-5, **OPTIMIZER))
        self.seconds["model"] = time.perf_counter() - started
        self.lengths = np.asarray(lengths)
        random = np.random.default_rng(0)
        width = int(self.lengths.max())
        self.token_ids = random.integers(
            1, sizes["vocabulary_size"], (len(lengths), width), dtype="int32"
        )
        self.tasks = tasks
        self.targets = {
            task.name: random.integers(0, count, len(lengths), dtype="int32")
            for task, count in zip(tasks, outputs, strict=True)
        }
        self.size = matmul_size(self.model)
        batches = list(self._batches())
        self.steps = len(batches)
        slots = sum(inputs["padding_mask"].size for inputs, _ in batches)
        work = Work(len(lengths), int(lengths.sum()), slots, forward_flops(self.size, lengths))
        self.work = {"training": work, "prediction": work}

    def _batches(self) -> Iterator[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]]:
        """Yields batches of rows of like length, in an order that mixes short and long ones."""
        order = np.argsort(self.lengths, kind="stable")
        chunks = [order[at : at + self.batch_size] for at in range(0, len(order), self.batch_size)]
        for index in np.random.default_rng(0).permutation(len(chunks)):
            rows = chunks[index]
            width = -(-int(self.lengths[rows].max()) // PLAIN_STEP) * PLAIN_STEP
            width = min(width, self.token_ids.shape[1])
            mask = np.arange(width) < self.lengths[rows, None]
            inputs = {
                "token_ids": self.token_ids[rows, :width] * mask,
                "segment_ids": np.zeros(mask.shape, "int32"),
                "padding_mask": mask,
            }
            yield inputs, {name: target[rows] for name, target in self.targets.items()}

    def warm_up(self) -> None:
        """Trains and predicts once, so that all shapes are compiled."""
        clock, compiled = EpochClock(), CompileClock()
        started = time.time()
        self._fit(clock)
        self.seconds["first_step"] = clock.first_step - started
        self.compiling["training"] = compiled.seconds
        self.run("prediction")
        self.compiling["prediction"] = compiled.seconds - self.compiling["training"]

    def run(self, action: str) -> float:
        """Runs `training` (an epoch) or `prediction` and returns its seconds."""
        if action == "training":
            clock = EpochClock()
            self._fit(clock)
            return clock.seconds
        inputs = (batch for batch, _ in self._batches())
        started = time.perf_counter()
        keras.Model.predict(self.model, inputs, steps=self.steps, verbose=0)
        return time.perf_counter() - started

    def _fit(self, clock: EpochClock) -> None:
        # Keras' own `fit`: that of KerasHub would make a dataset of what it is given.
        keras.Model.fit(
            self.model,
            self._batches(),
            steps_per_epoch=self.steps,
            epochs=1,
            callbacks=[clock],
            verbose=0,
            shuffle=False,
        )

    facts = Ours.facts


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
        spec: what `benchmark_peer.Peer` describes.
        work: what one pass asks of it; it counts the slots itself.

    Raises:
        ConfigError: if the process ends.
    """

    def __init__(self, name: str, python: str, spec: dict[str, Any], work: Work) -> None:
        self.name = name
        self.work = {"training": work, "prediction": work}
        self._is_tuned = spec["fixed_length"] is None
        self._answer: dict[str, Any] = {}
        self._directory = tempfile.TemporaryDirectory(prefix="benchmark_peer_")
        path = Path(self._directory.name) / "spec.json"
        path.write_text(json.dumps({**spec, "started": time.time()}), encoding="utf-8")
        self._errors: IO[str] = path.with_name("stderr.txt").open("w+", encoding="utf-8")
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        environment |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
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
        return {**self._answer, "versions": self.versions, "settings": self.settings}

    def close(self) -> None:
        """Ends the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()
        self._errors.close()
        self._directory.cleanup()
