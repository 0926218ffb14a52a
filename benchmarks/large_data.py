"""Trains a tiny model for one epoch on millions of generated rows, killed and resumed half-way.

Usage: python -m benchmarks.large_data [--rows 5000000] [--directory DIR]

What is shown: the time and the most memory of both processes. The directory needs about 250 bytes
of disk per row.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
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
TOPICS = ("bus", "fee", "form", "queue")
ROWS_AT_ONCE = 100_000


def write_rows(path, rows):
    """Writes rows of 4 to 16 words, one of three moods, and some of four topics each."""
    random = np.random.default_rng(0)
    words = np.array([f"word{number}" for number in range(1000)])
    sets = [
        "[" + ", ".join(f'"{topic}"' for bit, topic in enumerate(TOPICS) if number >> bit & 1) + "]"
        for number in range(2 ** len(TOPICS))
    ]
    with path.open("w") as file:
        for start in range(0, rows, ROWS_AT_ONCE):
            count = min(ROWS_AT_ONCE, rows - start)
            lengths = random.integers(4, 17, count)
            moods = np.array(["bad", "fine", "good"])[random.integers(0, 3, count)]
            topics = random.integers(0, len(sets), count)
            ends = np.cumsum(lengths)
            drawn = words[random.integers(0, len(words), ends[-1])]
            file.writelines(
                f'{{"text": "{mood} {" ".join(drawn[end - length : end])}", "mood": "{mood}", '
                f'"topics": {sets[topic]}}}\n'
                for end, length, mood, topic in zip(ends, lengths, moods, topics, strict=True)
            )


def train(folder, resume, kill_when=None):
    """Runs the training program; returns its exit status, its seconds and its peak in bytes."""
    command = [sys.executable, "-m", "mtc_keras.train", "--config", "config.toml"]
    started = time.perf_counter()
    running = subprocess.Popen(command + ["--resume"] * resume, cwd=folder)
    pid = 0
    while not pid:  # waited for here, because only this gives the memory of exactly this process
        pid, status, usage = os.wait4(running.pid, os.WNOHANG)
        if not pid and kill_when and kill_when():
            running.send_signal(signal.SIGKILL)
            kill_when = None
        time.sleep(0.05)
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
        write_rows(folder / "large.jsonl", args.rows)
        (folder / "config.toml").write_text(CONFIG)
        size = (folder / "large.jsonl").stat().st_size
        print(f"{args.rows:,} rows, {size / 1e6:,.0f} MB, {time.perf_counter() - started:.0f} s")

        def saved():
            return saved_checkpoints(checkpoint_directory(str(folder / "run")))

        lines = [("killed after its first checkpoint", *train(folder, False, saved))]
        lines.append(("resumed, to the end of the run", *train(folder, True)))
    print("\n| process | exit | seconds | peak memory, GB |\n|---|---|---|---|")
    for title, code, seconds, peak in lines:
        print(f"| {title} | {code} | {seconds:.0f} | {peak / 1e9:.2f} |")
    return int(lines[1][1] != 0)


if __name__ == "__main__":
    sys.exit(main())
