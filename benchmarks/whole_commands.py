"""Whole commands by the clock: a training of ours, a Trainer's script, the first prediction."""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mtc_keras.config import Config
from mtc_keras.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1]
KINDS = ("multiclass", "multilabel")  # of heads that the peer's script has
SCORE = re.compile(r"validation after epoch \d+.*score (\d\.\d+)")
FIRST_PREDICTION = (
    "import sys, mtc_keras; mtc_keras.load(sys.argv[1]).predict(['a first text'], verbose=0)"
)


def with_tasks(config: Config, names: Sequence[str] | None) -> Config:
    """Returns a config with some of its tasks; classes that few training rows lack are ignored.

    Raises:
        ConfigError: for a name that the config does not have.
    """
    for name in names or ():
        if name not in config.tasks:
            raise ConfigError(f"--tasks: the config has no task {name!r}")
    chosen = names or list(config.tasks)
    tasks = {
        name: config.tasks[name].model_copy(update={"unknown_classes": "ignore"}) for name in chosen
    }
    return config.model_copy(update={"tasks": tasks})


def rows_of(config: Config) -> list[str]:
    """Returns the lines of a config's training files, shuffled, always in the same order.

    Raises:
        ConfigError: if they are not JSON Lines.
    """
    given = config.data.train
    paths = [Path(path) for path in ([given] if isinstance(given, str) else given or [])]
    if not paths or any(path.suffix != ".jsonl" for path in paths):
        raise ConfigError("data.train: the benchmark draws its rows from .jsonl files")
    lines = [line for path in paths for line in path.read_text("utf-8").splitlines() if line]
    random.Random(0).shuffle(lines)
    return lines


def measure_rows(
    args: argparse.Namespace, config: Config, lines: list[str], count: int, folder: Path
) -> dict[str, Any]:
    """Returns the seconds of each side for so many training rows, and how good it became."""
    folder.mkdir()
    train, test = str(folder / "train.jsonl"), str(folder / "test.jsonl")
    Path(train).write_text("\n".join(lines[:count]) + "\n", encoding="utf-8")
    rest = lines[-args.test_rows :]
    Path(test).write_text("\n".join(rest) + "\n", encoding="utf-8")
    toml = folder / "config.toml"
    data = {"train": [train], "validation": None, "test": [test], "limit": None}
    toml.write_text(changed(config, data, args.epochs, folder / "run").to_toml(), "utf-8")
    judging = folder / "judging.toml"
    data = {**data, "validation": [test], "test": None}
    judging.write_text(changed(config, data, args.epochs, folder / "judged").to_toml(), "utf-8")
    ours, peers = {}, {}
    cache = {"XDG_CACHE_HOME": str(folder / "cache")}
    for state in ("cold", "warm"):
        ours[state] = seconds_of(ours_command(toml), cache)
        print(f"{count:,} rows, {state}: {ours[state]:.1f} s", flush=True)
    metrics = json.loads((folder / "run" / "metrics.json").read_text("utf-8"))
    score = metrics["test"]["score"]
    if args.peer_python:
        for pooling in args.pooling:
            peers[pooling] = measure_peer(args, config, pooling, folder)
            print(f"{count:,} rows, Trainer, {pooling}: {peers[pooling]}", flush=True)
    best = max((peer["score"] for peer in peers.values()), default=None)
    as_good = None if best is None else seconds_to_score(ours_command(judging), cache, best)
    return {"ours": ours, "score": score, "peer": peers, "as_good_as_peer": as_good}


def changed(config: Config, data: Mapping[str, Any], epochs: int, directory: Path) -> Config:
    """Returns a config with other data, epochs and output, that keeps its last epoch."""
    changes = {
        "data": config.data.model_copy(update=dict(data)),
        "training": config.training.model_copy(update={"epochs": epochs, "monitor": "score"}),
        "output": config.output.model_copy(update={"directory": str(directory)}),
    }
    return config.model_copy(update=changes)


def ours_command(config: Path) -> list[str]:
    return [
        sys.executable,
        "-m",
        "mtc_keras",
        "train",
        "--config",
        str(config),
        "--overwrite",
        # As the Trainer decides: by the largest probability, or by one half.
        "--set",
        "decisions.thresholds=0.5",
    ]


def seconds_of(command: Sequence[str], variables: Mapping[str, str]) -> float:
    """Runs a command and returns its seconds by the clock.

    Raises:
        ConfigError: if it fails.
    """
    started = time.perf_counter()
    ended = subprocess.run(
        command, env=environment(variables), capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - started
    if ended.returncode:
        last = [line for line in ended.stderr.splitlines() if line.strip()][-3:]
        raise ConfigError(f"{Path(command[0]).name} ended with {ended.returncode}", last)
    return seconds


def seconds_to_score(
    command: Sequence[str], variables: Mapping[str, str], score: float
) -> dict[str, Any] | None:
    """Returns when a training's validation score is as high as another; `None` if it never is."""
    started = time.perf_counter()
    reached = None
    with subprocess.Popen(
        command, env=environment(variables), stdout=subprocess.PIPE, text=True
    ) as process:
        for line in process.stdout or ():
            found = SCORE.search(line)
            if found and reached is None and float(found[1]) >= score:
                seconds = time.perf_counter() - started
                reached = {"seconds": seconds, "score": float(found[1])}
    if process.returncode:
        raise ConfigError(f"the training with validation ended with {process.returncode}")
    return reached


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    # Shown line by line as it happens, and nothing fetched.
    fixed = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "HF_HUB_OFFLINE": "1"}
    return {**os.environ, **fixed, **variables}


def measure_peer(
    args: argparse.Namespace, config: Config, pooling: str, folder: Path
) -> dict[str, float]:
    """Returns the seconds and the test score of a Trainer's whole process."""
    from mtc_keras.model.backbones.names import preset_of

    tasks = [
        {
            "name": task.name,
            "kind": task.kind,
            "column": task.column or task.name,
            "weight": task.loss_weight,
        }
        for task in config.tasks.values()
    ]
    for task in tasks:
        if task["kind"] not in KINDS or not isinstance(task["column"], str):
            raise ConfigError(
                f"tasks.{task['name']}: the peer's script reads {KINDS} in one column"
            )
    spec = {
        "encoder": preset_of(config.model.backbone),
        "text": config.data.text,
        "tasks": tasks,
        "pooling": pooling,
        "max_length": config.model.max_length,
        "epochs": args.epochs,
        "seed": config.seed,
        "output": str(folder / "trainer"),
        "train": str(folder / "train.jsonl"),
        "test": str(folder / "test.jsonl"),
        "logits": str(folder / "logits.npz"),
        "classes": str(folder / "classes.json"),
        **{
            key: getattr(config.training, key)
            for key in ("batch_size", "learning_rate", "weight_decay", "warmup", "clip_norm")
        },
    }
    path = folder / "spec.json"
    path.write_text(json.dumps(spec), encoding="utf-8")
    seconds = seconds_of([args.peer_python, "-m", "benchmarks.clock_trainer", str(path)], {})
    return {"seconds": seconds, "score": score_of(folder)}


def score_of(folder: Path) -> float:
    """Returns the score of a peer's logits on the test rows of our run beside them."""
    from mtc_keras.data.reading import read_splits
    from mtc_keras.run.directory import Run
    from mtc_keras.scoring.decisions import fit_decisions
    from mtc_keras.scoring.judging import judge_logits

    dataset = read_splits(Run(folder / "run").config)
    targets = dataset.test.targets
    classes = json.loads((folder / "classes.json").read_text("utf-8"))
    with np.load(folder / "logits.npz") as arrays:
        logits = {
            task.name: arrays[task.name][
                :, [classes[task.name].index(c) for c in task.known_classes]
            ]
            for task in dataset.tasks
        }
    no_targets, no_logits = ({k: v[:0] for k, v in d.items()} for d in (targets, logits))
    decisions = fit_decisions(dataset.tasks, no_targets, no_logits, 0.5, "none", 0)
    return float(judge_logits(dataset.tasks, targets, logits, decisions)["score"])


def measure_starts(run: Path, cache: Path) -> dict[str, float]:
    """Returns the seconds that a prediction of one text takes, once the caches are full."""
    predict = [sys.executable, "-m", "mtc_keras", "predict", "--model", str(run)]
    commands = {
        "predict --text": [*predict, "--text", "a first text"],
        "import mtc_keras": [sys.executable, "-c", "import mtc_keras"],
        "import, load, predict": [sys.executable, "-c", FIRST_PREDICTION, str(run)],
    }
    found = {}
    for name, command in commands.items():
        # The first fills the caches; of two more the faster counts.
        variables = {"XDG_CACHE_HOME": str(cache)}
        found[name] = min([seconds_of(command, variables) for _ in range(3)][1:])
    return found
