"""Trains a tiny model for one epoch on millions of generated rows, killed and resumed half-way.

Usage: python -m benchmarks.large_data [--rows 5000000] [--directory DIR]

What is shown: the time and the most memory of both processes. The directory needs about 250 bytes
of disk per row.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from itertools import combinations
from pathlib import Path

import numpy as np

from mtc_keras.run.checkpoints import saved_checkpoints
from mtc_keras.run.directory import checkpoint_directory

CONFIG = """
[data]
train = "large.jsonl"
validation = 0.002

[tasks.mood]
kind = "multiclass"

[tasks.topics]
kind = "multilabel"

[model]
backbone = "random"
max_length = 32
random = {hidden_dim = 16, intermediate_dim = 16, num_layers = 1, num_heads = 1}

[training]
epochs = 1
batch_size = 2048
learning_rate = 1e-3
checkpoint_minutes = 0.2

[output]
directory = "run"
"""
MOODS = ["bad", "fine", "good"]
TOPICS = ["bus", "fee", "form", "queue"]
ROWS_AT_ONCE = 100_000


def write_rows(path, lengths, words):
    """Writes texts of a mood and so many of the words, labelled with the mood and some topics."""
    random = np.random.default_rng(0)
    subsets = [list(subset) for n in range(5) for subset in combinations(TOPICS, n)]
    with path.open("w") as file:
        for start in range(0, len(lengths), ROWS_AT_ONCE):
            ends = np.cumsum(lengths[start : start + ROWS_AT_ONCE])
            moods = random.choice(MOODS, len(ends))
            topics = random.integers(len(subsets), size=len(ends))
            texts = np.split(random.choice(words, ends[-1]), ends[:-1])
            for mood, text, number in zip(moods, texts, topics, strict=True):
                row = {"text": " ".join([mood, *text]), "mood": mood, "topics": subsets[number]}
                file.write(json.dumps(row) + "\n")


def train(folder, *options, kill_when=lambda: False):
    """Runs the training program; returns its exit status, its seconds and its peak in bytes."""
    command = [sys.executable, "-m", "mtc_keras.train", "--config", "config.toml", *options]
    started = time.perf_counter()
    running = subprocess.Popen(command, cwd=folder)
    pid = 0
    while not pid:  # waited for here, because only this gives the memory of exactly this process
        time.sleep(0.05)
        pid, status, usage = os.wait4(running.pid, os.WNOHANG)
        if not pid and kill_when():
            os.kill(running.pid, signal.SIGKILL)
    running.returncode = os.waitstatus_to_exitcode(status)
    return running.returncode, time.perf_counter() - started, usage.ru_maxrss * 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--directory", help="default: a temporary one")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.directory) as name:
        folder = Path(name)
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
        started = time.perf_counter()
        lengths = np.random.default_rng(1).integers(4, 17, args.rows)
        write_rows(folder / "large.jsonl", lengths, [f"word{number}" for number in range(1000)])
        (folder / "config.toml").write_text(CONFIG)
        size = (folder / "large.jsonl").stat().st_size
        print(f"{args.rows:,} rows, {size / 1e6:,.0f} MB, {time.perf_counter() - started:.0f} s")

        checkpoints = checkpoint_directory(str(folder / "run"))
        killed = train(folder, kill_when=lambda: saved_checkpoints(checkpoints))
        resumed = train(folder, "--resume")
    print("\n| process | exit | seconds | peak memory, GB |\n|---|---|---|---|")
    processes = {"killed after its first checkpoint": killed}
    processes["resumed, to the end of the run"] = resumed
    for title, (code, seconds, peak) in processes.items():
        print(f"| {title} | {code} | {seconds:.0f} | {peak / 1e9:.2f} |")
    return int(resumed[0] != 0)


if __name__ == "__main__":
    sys.exit(main())
