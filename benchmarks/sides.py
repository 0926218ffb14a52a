"""The sides of the benchmark that train a model of this package: as users do, and without
TensorFlow."""

import time
from collections.abc import Iterable
from typing import Any

import keras
import keras_hub
import numpy as np

from benchmarks.costs import seconds_of
from benchmarks.measure import (
    CompileClock,
    EpochClock,
    MatmulSize,
    Stopwatch,
    Work,
    forward_flops,
    matmul_size,
    peak_memory,
)
from mtc_keras.config import Config
from mtc_keras.data.batches import TrainingBatches
from mtc_keras.data.plan import BatchPlan, batch_plan
from mtc_keras.data.rows import Rows
from mtc_keras.data.tokens import Tokens, tokenize
from mtc_keras.devices import hardware
from mtc_keras.errors import ConfigError
from mtc_keras.model.backbones.names import preset_of
from mtc_keras.model.building import build_balancing, build_model, build_optimizer
from mtc_keras.model.classifier import MultiTaskClassifier
from mtc_keras.model.costs import step_costs
from mtc_keras.model.feed import fed
from mtc_keras.model.optimizers import LayerwiseAdamW
from mtc_keras.model.prediction import prediction_batches
from mtc_keras.tasks import Multiclass

BERT_BASE = {"num_layers": 12, "num_heads": 12, "hidden_dim": 768, "intermediate_dim": 3072}
BERT_BASE["vocabulary_size"] = 30522
BERT_DROPOUT = 0.1
# Texts of GoEmotions' training split by their number of word pieces, from 0; the 0.03 % that
# are longer are left out.
GOEMOTIONS_LENGTHS = [0, 0, 0, 13, 31, 942, 1177, 1558, 1587, 1490, 1536, 1483, 1588, 1680, 1587]
GOEMOTIONS_LENGTHS += [1681, 1637, 1676, 1718, 1606, 1614, 1601, 1579, 1483, 1462, 1337, 1350]
GOEMOTIONS_LENGTHS += [1320, 1220, 1108, 1050, 1079, 1006, 844, 643, 511, 385, 272, 179, 120, 78]
GOEMOTIONS_LENGTHS += [60, 46, 21, 21, 10, 7, 2]


class FirstBatches(TrainingBatches):
    """The first whole batches of an epoch, enough to hold `most_rows`."""

    most_rows: int

    def plan(self) -> list[np.ndarray]:
        size = self.rows_per_step
        whole = [batch for batch in super().plan() if len(batch) == size]
        return (whole or super().plan())[: max(self.most_rows // size, 1)]

    def __len__(self) -> int:
        return len(self.plan())


class Side:
    """A model that trains and predicts the same rows again and again.

    Subclasses set `model`, `encoder` and `optimizer`, and call `read`.

    Attributes:
        encoder: what the peer loads: a preset, or the sizes of a BERT.
        optimizer: arguments of the peer's `TrainingArguments`.
        batches: the `FirstBatches` of a pass; `tokens` and `targets` are those of its rows.
        work: dict from `"training"` and `"prediction"` to the `Work` of a pass.
        whole_epoch: the `Work` of an epoch over all rows.
        seconds: the `Stopwatch` of the stages on the way to the first training step.
        compiling: dict of `training` and `prediction`, seconds spent compiling.
    """

    model: Any
    encoder: str | dict[str, Any]
    optimizer: dict[str, float]

    def __init__(self, batch_size: int, name: str = "mtc_keras") -> None:
        self.batch_size = batch_size
        self.name = name
        self.seconds = Stopwatch()
        self.compiling: dict[str, float] = {}

    def read(self, tokens: Any, rows: Any, seed: int, count: int, *, epochs: int) -> int:
        """Makes the batches of a pass of `count` rows; returns the batches of a whole epoch.

        They are the first of an epoch over all rows, and so as full as in a whole epoch of a
        training of so many epochs.
        """
        plan = plan_of(self.model, tokens, self.batch_size, epochs)
        parts = tokens, rows, self.model.tasks, plan, seed
        self.batches, epoch = FirstBatches(*parts), TrainingBatches(*parts)
        self.batches.most_rows = count
        chosen = np.concatenate(self.batches.plan())
        self.tokens = tokens.select(chosen)
        self.targets = {task: values[chosen] for task, values in rows.targets.items()}
        self.size = matmul_size(self.model)
        predicted = prediction_batches(self.tokens, self.batch_size)
        self.work = {
            "training": self._work(self.tokens, (inputs for inputs, *_ in self.batches)),
            "prediction": self._work(self.tokens, predicted),
        }
        self.whole_epoch = self._work(tokens, (inputs for inputs, *_ in epoch))
        return len(epoch)

    def _work(self, tokens: Any, batches: Iterable[dict[str, np.ndarray]]) -> Work:
        slots = sum(inputs["padding_mask"].size for inputs in batches)
        return work_of(tokens.lengths, slots, self.size)

    def train(self, clock: EpochClock) -> None:
        """Trains one pass: always the order of the same epoch, and so the same shapes."""
        self.model.fit(fed(self.batches), epochs=1, callbacks=[clock], verbose=0)

    def predict(self) -> None:
        """Predicts all rows."""
        self.model.predict_logits(self.tokens, self.batch_size)

    def run(self, action: str) -> float:
        """Runs `training` or `prediction` and returns its seconds."""
        if action == "training":
            clock = EpochClock()
            self.train(clock)
            return clock.seconds
        return seconds_of(self.predict)

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
    """A model as users train it: `TrainingBatches` → `fit`, `predict_logits`.

    Of the rows of the dataset, a pass has `rows`.
    """

    def __init__(self, config: Config, dataset: Any, rows: int, name: str = "mtc_keras") -> None:
        training = config.training
        super().__init__(training.batch_size, name)
        self.model = build_model(config, dataset).model
        self.seconds.lap("model")
        tokens = tokenize(self.model.preprocessor, dataset.train.texts)
        self.seconds.lap("tokens")
        steps = self.read(tokens, dataset.train, config.seed, rows, epochs=training.epochs)
        self.seconds.lap("batches")
        self.model.compile(
            optimizer=build_optimizer(training, self.model, steps),
            balancing=build_balancing(config, self.model),
            gradient_accumulation=training.gradient_accumulation,
            rematerialisation=training.rematerialisation,
        )
        self.seconds.lap("compile")
        preset = preset_of(config.model.backbone)
        self.encoder = encoder_sizes(self.model.backbone) if preset == "random" else preset
        self.optimizer = {
            "learning_rate": training.learning_rate,
            "weight_decay": training.weight_decay,
            "max_grad_norm": training.clip_norm,
        }


class Plain(Side):
    """A bert-base of random weights and a head, fed by a plain iterator over NumPy batches.

    Of the generated rows, which have `lengths` tokens, a pass has `rows`. With `"bfloat16"` the
    weights are still float32.
    """

    def __init__(self, lengths: np.ndarray, rows: int, batch_size: int, precision: str) -> None:
        super().__init__(batch_size)
        backbone = keras_hub.models.BertBackbone(
            **BERT_BASE,
            dropout=BERT_DROPOUT,
            max_sequence_length=max(512, int(lengths.max())),
            dtype="mixed_bfloat16" if precision == "bfloat16" else "float32",
        )
        task = Multiclass(name="sentiment", classes=["negative", "neutral", "positive"])
        self.model = MultiTaskClassifier(backbone, [task], compile=False)
        rate, decay, clip = 1e-5, 0.01, 1.0
        self.model.compile(
            LayerwiseAdamW(learning_rate=rate, weight_decay=decay, global_clipnorm=clip)
        )
        self.seconds.lap("model")
        targets = np.random.default_rng(0).integers(0, 3, len(lengths), dtype="int32")
        generated = Rows("train", (), {"sentiment": targets}, None, None, [""] * len(lengths))
        self.read(generated_tokens(lengths), generated, seed=0, count=rows, epochs=1)
        self.seconds.lap("batches")
        self.encoder = encoder_sizes(backbone)
        self.optimizer = {"learning_rate": rate, "weight_decay": decay, "max_grad_norm": clip}

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
        batches = prediction_batches(self.tokens, self.batch_size)
        inputs = ((batch,) for batch in batches)
        joined = keras.Model.predict(self.model, inputs, steps=len(batches), verbose=0)
        for output in joined.values():
            batches.restore(output)


class FullBatches:
    """Predictions of a side's model on `rows` rows that all have `length` tokens."""

    def __init__(self, side: Side, length: int, rows: int) -> None:
        self.side = side
        preprocessor = side.model.preprocessor
        own, preprocessor.sequence_length = preprocessor.sequence_length, length
        self.tokens = tokenize(preprocessor, [["a " * length] * rows])
        preprocessor.sequence_length = own
        self.work = work_of(self.tokens.lengths, rows * length, side.size)

    def run(self) -> float:
        """Predicts all rows and returns the seconds."""
        return seconds_of(self.side.model.predict_logits, self.tokens, self.side.batch_size)


def plan_of(model: Any, tokens: Tokens, batch_size: int, epochs: int) -> BatchPlan:
    """Returns the plan of a training's batches, as a program makes it of its config."""
    costs = step_costs(model.backbone, hardware.accelerated())
    return batch_plan(tokens.lengths, lambda length: batch_size, costs, epochs)


def work_of(lengths: np.ndarray, slots: int, size: MatmulSize) -> Work:
    """Returns the `Work` of rows of that many tokens."""
    return Work(len(lengths), int(lengths.sum()), slots, forward_flops(size, lengths))


def generated_tokens(lengths: np.ndarray) -> Tokens:
    """Returns `Tokens` of random ids."""
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype="int64")])
    ids = np.random.default_rng(0).integers(1, BERT_BASE["vocabulary_size"], offsets[-1], "int32")
    names = ("token_ids", "segment_ids", "padding_mask")
    return Tokens(
        {"token_ids": ids, "segment_ids": np.zeros_like(ids)},
        offsets,
        padding=dict.fromkeys(names[:2], 0),
        dtypes=dict.fromkeys(names, "int32"),
        max_length=int(lengths.max()),
    )


def plain_lengths(text: str, rows: int) -> np.ndarray:
    """Returns the lengths of rows: `"goemotions"`, or a number for all of them.

    Raises:
        ConfigError: for anything else.
    """
    if text == "goemotions":
        counts = np.asarray(GOEMOTIONS_LENGTHS, "float64")
        return np.random.default_rng(0).choice(len(counts), size=rows, p=counts / counts.sum())
    if not text.isdigit() or int(text) < 1:
        raise ConfigError(f"--lengths takes 'goemotions' or a number of tokens, received {text!r}")
    return np.full(rows, int(text))


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
