"""Sides that run by turns, and what is compared: a config's model, generated tokens, tasks."""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from benchmarks import measure
from benchmarks.measure import CompileClock, Stopwatch, rates, ratios, spread
from benchmarks.peer import Untrained, start_peers
from benchmarks.sides import FullBatches, Ours, Plain, Side, plain_lengths
from mtc_keras.config import Config, load_config
from mtc_keras.data.dataset import only_task
from mtc_keras.data.reading import read_splits
from mtc_keras.errors import ConfigError
from mtc_keras.model.backbones.layers import length_limit

ACTIONS = {"training": 3, "prediction": 1}  # and their FLOPs in forward passes
FULL_LENGTHS = (32, 128)
FULL_BATCHES = 16
PLAIN_ROWS = 40_000  # of which --rows are read, in batches as full as those of so many


def config_of(args: argparse.Namespace) -> Config:
    """Returns the config with what the command line changes."""
    overrides = [*args.overrides, f'training.precision="{args.precision}"']
    if args.batch_size:
        overrides.append(f"training.batch_size={args.batch_size}")
    return load_config(args.config, overrides)


def measure_config(args: argparse.Namespace, imports: float) -> dict[str, Any]:
    """Measures a config's model on batches of an epoch, beside the peer."""
    config = config_of(args)
    if args.peer and len(config.data.text_columns) > 1:
        raise ConfigError("--peer reads one text per row, and the config has text pairs")
    data = Stopwatch()
    dataset = read_splits(config)
    data.lap("data")
    ours = Ours(config, dataset, args.rows)
    lengths = [n for n in FULL_LENGTHS if n <= (length_limit(ours.model.backbone) or n)]
    full = {str(n): FullBatches(ours, n, FULL_BATCHES * ours.batch_size) for n in lengths}
    return beside_peers(args, ours, {"imports": imports, **data}, full)


def measure_plain(args: argparse.Namespace, imports: float) -> dict[str, Any]:
    """Measures bert-base with random weights on generated tokens from a plain iterator."""
    lengths = plain_lengths(args.lengths, max(args.rows, PLAIN_ROWS))
    plain = Plain(lengths, args.rows, args.batch_size or 32, args.precision)
    return beside_peers(args, plain, {"imports": imports}, {})


def beside_peers(
    args: argparse.Namespace, side: Side, before: dict[str, float], full: dict[str, FullBatches]
) -> dict[str, Any]:
    """Measures a side, beside the peers if they are asked for."""
    side.seconds = {**before, **side.seconds}  # with the stages before it was made
    untrained = Untrained.of(side) if args.peer and isinstance(side.encoder, str) else None
    side.warm_up()
    with ExitStack() as stack:
        peers = start_peers(args, side, untrained, stack) if args.peer else []
        result = alternate([side, *peers], args, full)
    epoch = side.whole_epoch
    whole = {"rows": epoch.rows, "tokens": epoch.tokens, "padding_share": epoch.padding_share}
    return result | {"whole_epoch": whole}


def compare_tasks(args: argparse.Namespace) -> dict[str, Any]:
    """Measures one model for all tasks against one model per task."""
    config = config_of(args)
    dataset = read_splits(config)
    if len(dataset.tasks) < 2:
        raise ConfigError("--tasks needs a config of several tasks")
    datasets = {"one model": dataset}
    datasets |= {f"only {task.name}": only_task(dataset, task) for task in dataset.tasks}
    sides = [Ours(config, rows, args.rows, name) for name, rows in datasets.items()]
    for side in sides:
        side.warm_up()
    result = alternate(sides, args)
    joint, *single = result["sides"].values()
    of_actions = {a: ratios([side[a] for side in single], joint[a]) for a in ACTIONS}
    return result | {"ratios": {"one model": of_actions}}


def alternate(
    sides: Sequence[Any], args: argparse.Namespace, full: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Runs the sides by turns, in rounds, and returns their rates, and ratios to the first.

    The order turns every round, so that a machine that grows slower favours nobody; the matmul
    peak is measured in each, and so is each of the `FullBatches`.
    """
    full = full or {}
    for batches in full.values():
        batches.run()  # compiles
    measure.matmul_peak(args.precision)  # compiles, too
    compiled = CompileClock()
    times: dict[tuple[str, str], list[float]] = {}
    peaks = []
    for number in range(args.rounds):
        peaks.append(measure.matmul_peak(args.precision))
        for action in ACTIONS:
            for side in sides if number % 2 == 0 else reversed(sides):
                times.setdefault((side.name, action), []).append(side.run(action))
        for name, batches in full.items():
            times.setdefault(("full", name), []).append(batches.run())
    found = {
        side.name: {
            action: rates(side.work[action], times[side.name, action], peaks, passes)
            for action, passes in ACTIONS.items()
        }
        | side.facts()
        for side in sides
    }
    first, *others = found
    return {
        "matmul_peak_flops_per_second": spread(peaks),
        "compiled_while_timed": compiled.programs,  # 0, or the rates are too low
        "sides": found,
        "full_batches": {
            name: rates(batches.work, times["full", name], peaks, 1)
            for name, batches in full.items()
        },
        "ratios": {
            name: {a: ratios([found[name][a]], found[first][a]) for a in ACTIONS} for name in others
        },
    }
