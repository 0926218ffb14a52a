"""What a training costs against the number of heads, and against the number of rows."""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas

from benchmarks.large_data import MOODS, TOPICS, write_rows
from benchmarks.measure import EpochClock, Stopwatch, peak_memory, ratios
from benchmarks.rounds import ACTIONS, alternate, config_of
from benchmarks.sides import Ours, plain_lengths, plan_of
from mtc_keras.config import Config, check_config
from mtc_keras.data.batches import TrainingBatches
from mtc_keras.data.reading import read_splits
from mtc_keras.data.tokens import tokenize
from mtc_keras.model.feed import fed

# The classes of each head.
HEADS = {"1 head": [10], "3 heads": [10] * 3, "10 heads": [10] * 10, "100 heads": [10] * 100}
HEADS["500 classes"] = [500]
HEADS_TOKENS = 32
HEADS_ROWS = 1024
TINY = {"num_layers": 1, "num_heads": 1, "hidden_dim": 8, "intermediate_dim": 8}
GENERATED_TOKENS = 48
BATCH = 256  # rows, where their number is measured
WORDS = ["the", "of", "and", "to", "in", "a", "is", "that", "for", "it", "was", "on", "are"]


def scale_heads(args: argparse.Namespace) -> dict[str, Any]:
    """Measures models of more and more heads on rows of one length."""
    random = np.random.default_rng(0)
    model: dict[str, Any] = {"backbone": "minilm"}
    if args.config:
        model = config_of(args).model.model_dump(exclude_none=True)
    sides = []
    for name, heads in HEADS.items():
        classes = {f"task_{n}": [f"c{c}" for c in range(count)] for n, count in enumerate(heads)}
        tasks = {task: {"kind": "multiclass", "classes": names} for task, names in classes.items()}
        settings = {**model, "max_length": HEADS_TOKENS}
        config = generated(tasks, settings, args.batch_size or 32)
        labels = {task: random.choice(names, HEADS_ROWS) for task, names in classes.items()}
        frame = pandas.DataFrame({"text": ["a " * HEADS_TOKENS] * HEADS_ROWS} | labels)
        sides.append(Ours(config, read_splits(config, {"train": frame}), HEADS_ROWS, name))
        sides[-1].warm_up()
    result = alternate(sides, args)
    found = result["sides"]
    result["ratios"] = {  # of rates, where `alternate` has those of times
        side.name: {a: ratios([found["1 head"][a]], found[side.name][a]) for a in ACTIONS}
        for side in sides[1:]
    }
    return result


def scale_rows(args: argparse.Namespace) -> dict[str, Any]:
    """Measures each stage of a training on more and more generated rows with a tiny model."""
    tasks = {"mood": {"kind": "multiclass", "classes": MOODS}}
    tasks["topics"] = {"kind": "multilabel", "classes": TOPICS}
    counts = [10**n for n in range(3, 10) if 10**n <= args.most_rows] or [args.most_rows]
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="benchmark_rows_") as directory:
        path = Path(directory) / "rows.jsonl"
        model = {"backbone": "random", "random": TINY, "max_length": GENERATED_TOKENS}
        config = generated(tasks, model, BATCH, train=str(path))
        # Of the tokens, two are special and one is the mood.
        write_rows(path, plain_lengths("goemotions", counts[0]) - 3, WORDS)
        side = Ours(config, read_splits(config), counts[0])
        side.warm_up()
        for rows in counts:
            write_rows(path, plain_lengths("goemotions", rows) - 3, WORDS)
            seconds = stages(config, side.model)
            found[str(rows)] = {
                "seconds": seconds,
                "microseconds_per_row": {k: 1e6 * s / rows for k, s in seconds.items()},
                "peak_memory_bytes": peak_memory(),
            }
    return {"rows": found}


def stages(config: Config, model: Any) -> dict[str, float]:
    """Returns the seconds of each stage from a config's file to trained and predicted rows."""
    seconds = Stopwatch()
    dataset = read_splits(config)
    seconds.lap("read")
    tokens = tokenize(model.preprocessor, dataset.train.texts)
    seconds.lap("tokens")
    plan = plan_of(model, tokens, BATCH, config.training.epochs)
    batches = TrainingBatches(tokens, dataset.train, dataset.tasks, plan, 0)
    # A batch of each shape is trained first, as more rows bring new ones. By Keras' own method:
    # that of KerasHub takes texts.
    shapes = {inputs["padding_mask"].shape: (inputs, y, w) for inputs, y, w in batches}
    for batch in shapes.values():
        keras.Model.train_on_batch(model, *batch)
    seconds.lap("compiling")
    for _ in batches:
        pass
    seconds.lap("batches")
    model.fit(fed(batches), epochs=1, callbacks=[EpochClock()], verbose=0)
    seconds.lap("training")
    model.predict_logits(tokens, BATCH)
    seconds.lap("first prediction")
    model.predict_logits(tokens, BATCH)
    seconds.lap("prediction")
    # Of the first prediction, what it took longer than the second.
    seconds["compiling"] += seconds.pop("first prediction") - seconds["prediction"]
    return seconds


def generated(tasks: dict[str, Any], model: dict[str, Any], batch_size: int, **data: str) -> Config:
    """Returns the config of a model for generated rows."""
    training = {"epochs": 1, "batch_size": batch_size}
    sections = {"data": data, "tasks": tasks, "model": model, "training": training}
    return check_config({**sections, "output": {"directory": "runs/benchmark"}})
