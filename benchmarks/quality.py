"""How good finished runs are beside a Hugging Face Trainer on the same rows.

    mtc-keras train --config configs/mlma_fr.toml
    python -m benchmarks.quality --run runs/mlma_fr --peer-python peer/bin/python

The Trainer gets the tokens of a run's own rows, its backbone's folder, mean pooling, one linear
head per task, the same weighted sum of masked losses, batch size, number of epochs, dropout, weight
decay, clipping, warm-up and linear decay, dynamic padding, and batches grouped by length. It is
trained at several learning rates; the one with the best validation score counts. Its temperatures
and thresholds are fitted on the validation rows as those of the run were; both are judged on the
test rows. Several runs, such as those of several seeds, are averaged.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mtc_keras.errors import ConfigError
from mtc_keras.programs.command import run_program

RATES = (1e-4, 2e-4, 4e-4)
ROOT = Path(__file__).resolve().parents[1]
SPLITS = ("train", "validation", "test")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Returns the arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--run", metavar="RUN", action="append", required=True, dest="runs", help="a finished run")
    add("--peer-python", metavar="PATH", required=True, help="the Python of the peer's environment")
    add("--learning-rates", metavar="RATE", type=float, nargs="+", default=list(RATES))
    add("--json", metavar="FILE", default="runs/quality.json", help="where the numbers go")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    return run_program(compare, parse(argv))


def compare(args: argparse.Namespace) -> None:
    """Trains the peers of all runs, prints the table and writes the JSON."""
    from benchmarks.measure import matmul_peak
    from mtc_keras.devices import hardware, startup

    startup.start(seed=0)
    found = [compare_run(run, args.peer_python, args.learning_rates) for run in args.runs]
    machine = {"device": hardware.device(), "matmul_gflops": round(matmul_peak("float32") / 1e9)}
    path = Path(args.json)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**machine, "runs": found}, indent=2) + "\n", encoding="utf-8")
    show(found, machine)
    print(f"numbers: {path}")


def compare_run(run: str, python: str, rates: Sequence[float]) -> dict[str, Any]:
    """Returns the main metrics of a run and of the Trainer at each learning rate.

    Raises:
        ConfigError: for a run without validation or test rows, or with a head that the peer lacks.
    """
    from benchmarks.peer import task_specs
    from mtc_keras.data.reading import read_splits
    from mtc_keras.data.tokens import tokenize
    from mtc_keras.run.directory import Run

    finished = Run(run)
    config, model = finished.config, finished.model
    dataset = read_splits(config)
    rows = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    if None in rows.values():
        raise ConfigError(f"{run}: its config has no validation or no test rows")
    weights = json.loads((finished.directory / "loss_weights.json").read_text("utf-8"))
    arrays = {f"target_{name}": values for name, values in dataset.train.targets.items()}
    for split in SPLITS:
        tokens = tokenize(model.preprocessor, rows[split].texts)
        arrays[f"{split}_token_ids"] = tokens.flat["token_ids"]
        arrays[f"{split}_lengths"] = tokens.lengths
    spec = {
        "encoder": str(Path(config.model.backbone).resolve()),
        "tasks": [
            {**task, "weight": weights[task["name"]]["weight"]} for task in task_specs(model)
        ],
        "dropout": model.dropout,
        "seed": config.seed,
        "epochs": config.training.epochs,
        "batch_size": config.training.batch_size,
        "weight_decay": config.training.weight_decay,
        "max_grad_norm": config.training.clip_norm,
        "warmup": config.training.warmup,
        "padding": int(tokens.padding["token_ids"]),
    }
    metrics = json.loads((finished.directory / "metrics.json").read_text("utf-8"))
    ours = {split: main_metrics(dataset.tasks, metrics[split]) for split in SPLITS[1:]}
    peers = {}
    for rate in sorted({config.training.learning_rate, *rates}):
        logits = trained(python, arrays, {**spec, "learning_rate": rate})
        peers[f"{rate:g}"] = judged(config, dataset, logits)
        print(f"{run}: Trainer at {rate:g}: {peers[f'{rate:g}']}", flush=True)
    return {
        "run": run,
        "learning_rate": f"{config.training.learning_rate:g}",
        "metrics": {task.name: task.main_metric for task in dataset.tasks},
        "ours": ours,
        "peer": peers,
    }


def trained(python: str, arrays: dict[str, np.ndarray], spec: dict[str, Any]) -> dict[str, Any]:
    """Trains a peer and returns its logits by `<split>_<task>`.

    Raises:
        ConfigError: if it cannot be started, or fails.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark_quality_") as directory:
        folder = Path(directory)
        files = {"rows": str(folder / "rows.npz"), "logits": str(folder / "logits.npz")}
        np.savez(files["rows"], **arrays)
        (folder / "spec.json").write_text(json.dumps({**spec, **files}), encoding="utf-8")
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
        command = [python, "-m", "benchmarks.quality_trainer", str(folder / "spec.json")]
        try:
            ended = subprocess.run(command, env=environment, capture_output=True, text=True)
        except OSError as error:
            raise ConfigError(f"--peer-python {python!r}: {error.strerror}") from None
        if ended.returncode:
            last = [line.strip() for line in ended.stderr.splitlines() if line.strip()][-3:]
            raise ConfigError(f"the peer ended with {ended.returncode}", last)
        with np.load(files["logits"]) as logits:
            return dict(logits)


def judged(config: Any, dataset: Any, logits: dict[str, np.ndarray]) -> dict[str, Any]:
    """Returns the main metrics of a peer, its decisions fitted as those of a run are."""
    from mtc_keras.scoring.decisions import fit_decisions
    from mtc_keras.scoring.judging import judge_logits

    tasks = dataset.tasks
    of_split = {
        split: {task.name: logits[f"{split}_{task.name}"] for task in tasks} for split in SPLITS[1:]
    }
    thresholds, calibration = config.decisions.thresholds, config.decisions.calibration
    decisions = fit_decisions(
        tasks,
        dataset.validation.targets,
        of_split["validation"],
        "per_label" if thresholds is None else thresholds,
        calibration or "temperature",
        config.seed,
    )
    rows = {"validation": dataset.validation, "test": dataset.test}
    return {
        split: main_metrics(tasks, judge_logits(tasks, rows[split].targets, values, decisions))
        for split, values in of_split.items()
    }


def main_metrics(tasks: Sequence[Any], evaluation: dict[str, Any]) -> dict[str, float]:
    """Returns the main metric of each task, and their mean as `score`."""
    found = {task.name: evaluation["tasks"][task.name][task.main_metric] for task in tasks}
    return {**found, "score": evaluation["score"]}


def show(found: Sequence[dict[str, Any]], machine: dict[str, Any]) -> None:
    """Prints each task's main metric on the test rows, averaged over runs."""
    rates = list(found[0]["peer"])
    validation = {rate: mean_of(found, rate, "validation", "score") for rate in rates}
    best = max(rates, key=lambda rate: validation[rate][0])
    columns = list(dict.fromkeys([found[0]["learning_rate"], best]))
    print(
        f"\n{machine['device']}, matmul peak {machine['matmul_gflops']} GFLOP/s, {len(found)} runs"
    )
    print(
        "validation score of the Trainer: "
        + ", ".join(f"{r} {validation[r][0]:.4f}" for r in rates)
    )
    heads = " | ".join(f"Trainer at {rate}" for rate in columns)
    print(f"\n| test | mtc-keras | {heads} |\n|{'---|' * (len(columns) + 2)}")
    for name in found[0]["ours"]["test"]:
        metric = found[0]["metrics"].get(name, "")
        cells = [mean_of(found, None, "test", name)]
        cells += [mean_of(found, rate, "test", name) for rate in columns]
        print(f"| {name} {metric} | " + " | ".join(f"{m:.4f} ± {s:.4f}" for m, s in cells) + " |")


def mean_of(
    found: Sequence[dict[str, Any]], rate: str | None, split: str, name: str
) -> tuple[float, float]:
    """Returns mean and standard deviation over runs of ours (`None`) or of a Trainer."""
    values = [(run["ours"] if rate is None else run["peer"][rate])[split][name] for run in found]
    return float(np.mean(values)), float(np.std(values))


if __name__ == "__main__":
    sys.exit(main())
