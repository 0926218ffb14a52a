"""Seconds by the clock: from the command to a finished model, beside a Hugging Face Trainer.

    python -m benchmarks.clock --config configs/hwu64.toml --rows 500 2500 \\
        --peer-python peer/bin/python

Each number of rows is drawn from the training file of the config, and others for the test. In turn
run, as processes of their own and by the clock from start to end:

- `mtc-keras train` with empty caches, and again with the caches that the first left;
- the Trainer: a script as its users write it (`benchmarks/clock_trainer.py`) with the same rows,
  tasks, backbone, epochs, batch size and learning rate, dynamic padding, batches grouped by
  length, each `--pooling`, predictions of the test rows at the end;
- `mtc-keras train` that is judged on the test rows after each epoch: the seconds until it is as
  good as the Trainer was at its end.

Last, what a start costs: `mtc-keras predict --text`, and load and first prediction in Python.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from benchmarks.whole_commands import measure_rows, measure_starts, rows_of, with_tasks
from mtc_keras.config import load_config
from mtc_keras.errors import ConfigError
from mtc_keras.programs.command import run_program

BARS = {"warm": ((2_500, 1.0), (25_000, 0.8)), "cold": ((2_500, 1.4),)}  # over the Trainer's time
START_BARS = {"predict --text": 4.0, "import, load, predict": 6.0}  # seconds, warm


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Returns the arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--config", metavar="FILE", required=True, help="its training file is JSON Lines")
    add("--set", metavar="KEY=VALUE", action="append", default=[], dest="overrides")
    add("--tasks", metavar="NAME", nargs="+", help="of the config; default: all")
    add("--rows", metavar="N", type=int, nargs="+", default=[500, 2_500], help="of training")
    add("--test-rows", metavar="N", type=int, default=2_000, help="rows predicted at the end")
    add("--epochs", type=int, default=2)
    add("--pooling", nargs="+", choices=["mean", "cls"], default=["mean", "cls"], help="the peer's")
    add("--peer-python", metavar="PATH", help="the Python of the peer's environment")
    add("--json", metavar="FILE", default="runs/clock.json", help="where the numbers go")
    args = parser.parse_args(argv)
    if min(*args.rows, args.test_rows, args.epochs) < 1:
        parser.error("--rows, --test-rows and --epochs must be 1 or more")
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    return run_program(measure, parse(argv))


def measure(args: argparse.Namespace) -> None:
    """Measures, prints the tables and writes the JSON."""
    config = with_tasks(load_config(args.config, args.overrides), args.tasks)
    lines = rows_of(config)
    if len(lines) < max(args.rows) + args.test_rows:
        raise ConfigError(
            f"{args.config}: its training file has {len(lines):,} rows; --rows "
            f"{max(args.rows)} and --test-rows {args.test_rows} need as many together"
        )
    found: dict[str, Any] = {
        "machine": machine(),
        "load_average_before": os.getloadavg(),
        "config": args.config,
        "tasks": list(config.tasks),
        "epochs": args.epochs,
        "rows": {},
    }
    print(found["machine"]["shown"], flush=True)
    with tempfile.TemporaryDirectory(prefix="benchmark_clock_") as directory:
        for count in args.rows:
            folder = Path(directory) / str(count)
            found["rows"][count] = measure_rows(args, config, lines, count, folder)
        found["start"] = measure_starts(folder / "run", folder / "cache")
    show(found)
    path = Path(args.json)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(f"numbers: {path}")


def show(found: Mapping[str, Any]) -> None:
    """Prints the tables, in Markdown."""
    peers = list(next(iter(found["rows"].values()))["peer"])
    heads = [f"Trainer, {pooling}" for pooling in peers]
    tasks = ", ".join(found["tasks"])
    print(f"\n{found['machine']['shown']}; {found['config']} ({tasks}), {found['epochs']} epochs\n")
    columns = [
        "rows",
        "train, empty caches",
        "train, again",
        *heads,
        "as good as the Trainer after",
    ]
    scores = ["score", *(f"its score, {pooling}" for pooling in peers)]
    print(f"| {' | '.join([*columns, *scores])} |\n|{'---|' * (len(columns) + len(scores))}")
    for count, row in found["rows"].items():
        seconds = [row["ours"]["cold"], row["ours"]["warm"]]
        seconds += [row["peer"][pooling]["seconds"] for pooling in peers]
        reached = row["as_good_as_peer"]
        good = "" if not peers else f"{reached['seconds']:.1f} s" if reached else "never"
        reached_scores = [row["score"], *(row["peer"][pooling]["score"] for pooling in peers)]
        cells = [f"{int(count):,}", *(f"{second:.1f} s" for second in seconds), good]
        print(f"| {' | '.join([*cells, *(f'{score:.4f}' for score in reached_scores)])} |")
    print("\n| bar | measured | needed | |\n|---|---|---|---|")
    for state, bars in BARS.items():
        for count, needed in bars:
            row = found["rows"].get(count)
            if row and row["peer"]:
                ratio = row["ours"][state] / min(p["seconds"] for p in row["peer"].values())
                title = f"{count:,} rows, {state}: over the faster Trainer's time"
                print(bar_line(title, f"{ratio:.2f}", f"≤ {needed}", ratio <= needed))
    for name, seconds in found["start"].items():
        if name in START_BARS:
            needed = START_BARS[name]
            print(bar_line(name, f"{seconds:.1f} s", f"≤ {needed} s", seconds <= needed))
        else:
            print(f"| {name} | {seconds:.1f} s | | |")


def bar_line(title: str, measured: str, needed: str, met: bool) -> str:
    return f"| {title} | {measured} | {needed} | {'met' if met else 'missed'} |"


if __name__ == "__main__":
    sys.exit(main())
