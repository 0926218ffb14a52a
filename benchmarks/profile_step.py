"""Shows where the time of a training step goes: parts of it, then XLA's operations.

Usage: python -m benchmarks.profile_step [--config FILE] [--rows 32] [--tokens 20] [--repeats 15]
"""

import argparse
import collections
import glob
import gzip
import json
import os
import re
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.measure import matmul_peak
from mtc_keras.config import load_config
from mtc_keras.data.reading import read_splits
from mtc_keras.devices import memory, process
from mtc_keras.model.backbones import load_backbone
from mtc_keras.model.building import build_optimizer
from mtc_keras.model.classifier import MultiTaskClassifier


def build(config, tasks, dropout):
    changes = {} if dropout else {"backbone_dropout": 0.0, "dropout": 0.0}
    settings = config.model.model_copy(update=changes)
    backbone, preprocessor = load_backbone(settings)
    model = MultiTaskClassifier(
        backbone, tasks, preprocessor, dropout=settings.dropout, compile=False
    )
    model.compile(build_optimizer(config.training, model, 1000))
    model.optimizer.build(model.trainable_variables)
    return model


def batch_of(model, targets, rows, tokens):
    random = np.random.default_rng(0)
    inputs = {name: np.zeros((rows, tokens), "int32") for name in model.backbone.input}
    inputs["token_ids"] = random.integers(
        5, model.backbone.vocabulary_size, (rows, tokens), "int32"
    )
    inputs["padding_mask"] = np.ones((rows, tokens), "int32")
    targets = {name: array[:rows] for name, array in targets.items()}
    return inputs, targets, np.ones(rows, "float32")


def parts_of_a_step(model, plain, batch):
    """Returns functions that run parts of a training step and wait for the device."""

    def values(of):
        return [v.value for v in of.trainable_variables], [
            v.value for v in of.non_trainable_variables
        ]

    def loss(of):
        def function(trainable, fixed):
            outputs, _ = of.stateless_call(trainable, fixed, batch[0], training=True)
            losses, _ = of._losses_and_counts(batch[1], outputs, batch[2])
            return losses.sum()

        return function

    def run(function, *arguments):
        compiled = jax.jit(function)
        return lambda: jax.block_until_ready(compiled(*arguments))

    def step(of):
        of.make_train_function()
        state = of._get_jax_state(
            trainable_variables=True,
            non_trainable_variables=True,
            optimizer_variables=True,
            metrics_variables=True,
        )
        kept = [jax.tree.map(lambda array: jnp.array(array, copy=True), state)]

        def once():
            _, kept[0] = of.train_function(kept[0], iter([batch]))  # gives its buffers away
            jax.block_until_ready(kept[0])

        return once

    def forward(trainable, fixed):
        return plain.stateless_call(trainable, fixed, batch[0], training=False)[0]

    return {
        "training step": step(model),
        "the same without dropout": step(plain),
        "gradient without dropout, no optimizer": run(jax.grad(loss(plain)), *values(plain)),
        "forward pass": run(forward, *values(plain)),
    }


def operations(once, repeats=3):
    """Returns milliseconds per step of each kind of XLA's operations."""
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            for _ in range(repeats):
                once()
        (path,) = glob.glob(f"{folder}/plugins/profile/*/*.trace.json.gz")
        with gzip.open(path) as file:
            events = json.load(file)["traceEvents"]
    total = collections.Counter()
    for event in events:
        if event.get("ph") == "X" and re.fullmatch(r"[a-z_]+[.\d]*", event["name"]):
            total[re.sub(r"[.\d]+$", "", event["name"])] += event["dur"] / 1000 / repeats
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", default="configs/quickstart.toml")
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--plain", action="store_true", help="leave out process.prepare_training")
    args = parser.parse_args()
    if not args.plain:
        memory.keep_freed_memory()
    process.setup(0)
    if not args.plain:
        process.prepare_training()
    config = load_config(args.config)
    dataset = read_splits(config)
    model, plain = (build(config, dataset.tasks, dropout) for dropout in (True, False))
    batch = batch_of(model, dataset.train.targets, args.rows, args.tokens)
    parts = parts_of_a_step(model, plain, batch)
    seconds = {name: [] for name in parts}
    for once in parts.values():
        once()  # compiles
    for _ in range(args.repeats):
        for name, once in parts.items():
            started = time.perf_counter()
            once()
            seconds[name].append(time.perf_counter() - started)
    print(f"| {args.rows} rows of {args.tokens} tokens, ms | least | median |\n|---|---|---|")
    for name, values in seconds.items():
        print(f"| {name} | {1000 * min(values):.1f} | {1000 * np.median(values):.1f} |")
    print(f"\n{matmul_peak('float32') / 1e9:.0f} GFLOP/s at most")
    print("\n| XLA's operations in a step | ms |\n|---|---|")
    for name, milliseconds in operations(parts["training step"]).most_common(14):
        print(f"| {name} | {milliseconds:.1f} |")


if __name__ == "__main__":
    main()
