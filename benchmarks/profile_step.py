"""Shows where the time of a training step goes: parts of it, then XLA's operations.

Usage: python -m benchmarks.profile_step [--config FILE] [--rows 32] [--tokens 20] [--repeats 15]

With `--parts 1 2 4` it measures in place of this what a batch's gradients cost, in memory and time,
where they are summed over so many parts of the batch (`training.gradient_accumulation`).
"""

import argparse
import collections
import contextlib
import glob
import gzip
import json
import os
import re
import tempfile
from functools import partial

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.costs import seconds_of
from benchmarks.measure import matmul_peak
from mtc_keras.config import load_config
from mtc_keras.data.reading import read_splits
from mtc_keras.devices import memory, process
from mtc_keras.model.building import build_model, build_optimizer
from mtc_keras.model.task_losses import losses_and_counts


def build(config, dataset, dropout):
    if not dropout:
        settings = config.model.model_copy(update={"backbone_dropout": 0.0, "dropout": 0.0})
        config = config.model_copy(update={"model": settings})
    model = build_model(config, dataset).model
    model.compile(build_optimizer(config.training, model, 1000))
    model.optimizer.build(model.trainable_variables)
    return model


def batch_of(model, targets, rows, tokens):
    vocabulary = model.backbone.vocabulary_size
    ids = np.random.default_rng(0).integers(5, vocabulary, (rows, tokens), "int32")
    inputs = {name: np.zeros_like(ids) for name in model.backbone.input}
    inputs |= {"token_ids": ids, "padding_mask": np.ones_like(ids)}
    targets = {name: array[:rows] for name, array in targets.items()}
    return inputs, targets, np.ones(rows, "float32")


def parts_of_a_step(model, plain, batch):
    """Returns functions that run parts of a training step and wait for the device."""
    inputs, targets, weights = batch
    trainable = [variable.value for variable in plain.trainable_variables]
    fixed = [variable.value for variable in plain.non_trainable_variables]

    def forward(trainable, fixed, training=False):
        return plain.stateless_call(trainable, fixed, inputs, training=training)[0]

    def loss(trainable, fixed):
        outputs = forward(trainable, fixed, training=True)
        return losses_and_counts(plain.task_losses, targets, outputs, weights)[0].sum()

    def run(function):
        compiled = jax.jit(function)
        return lambda: jax.block_until_ready(compiled(trainable, fixed))

    def step(of):
        of.make_train_function()
        kinds = ("trainable", "non_trainable", "optimizer", "metrics")
        state = of._get_jax_state(**{f"{kind}_variables": True for kind in kinds})
        kept = [jax.tree.map(lambda array: jnp.array(array, copy=True), state)]

        def once():
            _, kept[0] = of.train_function(kept[0], iter([batch]))  # gives its buffers away
            jax.block_until_ready(kept[0])

        return once

    return {
        "training step": step(model),
        "the same without dropout": step(plain),
        "gradient without dropout, no optimizer": run(jax.grad(loss)),
        "forward pass": run(forward),
    }


def gradients_in_parts(model, batch, counts):
    """Returns, by the number of parts, bytes of intermediate values, and a function that runs."""
    groups = (model.trainable_variables, model.non_trainable_variables, [], model.metrics_variables)
    state = tuple([variable.value for variable in group] for group in groups)
    found = {}
    for count in counts:
        model.gradient_accumulation = count
        # One of its own each time, or JAX would take the first for all of them.
        step = jax.jit(lambda state, batch: model.gradients_step(state, batch))
        compiled = step.lower(state, batch).compile()
        run = partial(lambda compiled: jax.block_until_ready(compiled(state, batch)), compiled)
        found[count] = (compiled.memory_analysis().temp_size_in_bytes, run)
    return found


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
    for option, default in (("--rows", 32), ("--tokens", 20), ("--repeats", 15)):
        parser.add_argument(option, type=int, default=default)
    parser.add_argument("--parts", type=int, nargs="+", metavar="N", help="parts of a batch")
    parser.add_argument("--plain", action="store_true", help="draw random bits as JAX does")
    args = parser.parse_args()
    if not args.plain:
        memory.keep_freed_memory()
    process.setup(0)
    with contextlib.nullcontext() if args.plain else process.random_bits():
        (show_parts if args.parts else show)(args)


def show_parts(args):
    """Measures and shows the gradients of a batch, and of its parts."""
    config = load_config(args.config)
    dataset = read_splits(config)
    model = build(config, dataset, dropout=True)
    batch = batch_of(model, dataset.train.targets, args.rows, args.tokens)
    found = gradients_in_parts(model, batch, args.parts)
    rounds = [[seconds_of(run) for _, run in found.values()] for _ in range(args.repeats)]
    print(f"{args.rows} rows of {args.tokens} tokens\n")
    print("| parts | MB of intermediate values | ms, least | median |\n|---|---|---|---|")
    times = zip(np.min(rounds, 0), np.median(rounds, 0), strict=True)
    for (count, (size, _)), (least, median) in zip(found.items(), times, strict=True):
        print(f"| {count} | {size / 1e6:.0f} | {1000 * least:.1f} | {1000 * median:.1f} |")


def show(args):
    """Measures and shows all parts of a step."""
    config = load_config(args.config)
    dataset = read_splits(config)
    model, plain = (build(config, dataset, dropout) for dropout in (True, False))
    batch = batch_of(model, dataset.train.targets, args.rows, args.tokens)
    parts = parts_of_a_step(model, plain, batch)
    for once in parts.values():
        once()  # compiles
    rounds = [[seconds_of(once) for once in parts.values()] for _ in range(args.repeats)]
    print(f"| {args.rows} rows of {args.tokens} tokens, ms | least | median |\n|---|---|---|")
    for name, least, median in zip(parts, np.min(rounds, 0), np.median(rounds, 0), strict=True):
        print(f"| {name} | {1000 * least:.1f} | {1000 * median:.1f} |")
    print(f"\n{matmul_peak('float32') / 1e9:.0f} GFLOP/s at most")
    print("\n| XLA's operations in a step | ms |\n|---|---|")
    for name, milliseconds in operations(parts["training step"]).most_common(14):
        print(f"| {name} | {milliseconds:.1f} |")


if __name__ == "__main__":
    main()
