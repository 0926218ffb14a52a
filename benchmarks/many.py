"""One training with very many heads, or of one head with very many classes.

    python -m benchmarks.many --heads 1000
    python -m benchmarks.many --classes 10000 --kind multilabel

trains a small random encoder on generated rows for an epoch as `mtc-keras train` does, judges it,
writes its run and report, and prints where the seconds went and the most memory that was held.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine
from benchmarks.timeline import timeline
from mtc_keras.config import check_config

CLASSES_PER_HEAD, LABELS_PER_ROW = 10, 3
WORDS = 300  # that texts are drawn from
VALIDATION = {"heads": 200, "classes": 2000}  # rows
ROWS = {"heads": 640, "classes": 20_000}
ENCODER = {"hidden_dim": 384, "intermediate_dim": 384, "num_layers": 1, "num_heads": 1}


def main(argv: Sequence[str] | None = None) -> int:
    """Trains once and prints the timeline; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--heads", metavar="N", type=int, help="heads of 10 classes each")
    what.add_argument("--classes", metavar="N", type=int, help="classes of one head")
    parser.add_argument("--kind", choices=["multiclass", "multilabel"], default="multiclass")
    args = parser.parse_args(argv)
    print(machine()["shown"], flush=True)
    with tempfile.TemporaryDirectory(prefix="benchmark_many_") as directory:
        folder = Path(directory)
        path = write_config(args, folder)
        print("\n".join(timeline(str(path)).lines()))
        held = sum(file.stat().st_size for file in folder.glob("run/**/*") if file.is_file())
    from benchmarks.measure import peak_memory  # imports JAX, which the timeline is to time

    print(f"\nmost memory: {peak_memory() / 2**30:.1f} GB; the run: {held / 1e6:,.0f} MB")
    return 0


def write_config(args: argparse.Namespace, folder: Path) -> Path:
    """Writes generated rows and a config that trains on them; returns the path of the config."""
    what = "classes" if args.heads is None else "heads"
    count = args.heads or 1
    names = np.array([f"class {number}" for number in range(args.classes or CLASSES_PER_HEAD)])
    tasks = {f"task_{n}": {"kind": args.kind, "classes": names.tolist()} for n in range(count)}
    random = np.random.default_rng(0)
    for split, rows in (("train", ROWS[what]), ("validation", VALIDATION[what])):
        with (folder / f"{split}.jsonl").open("w", encoding="utf-8") as file:
            for _ in range(rows):
                text = " ".join(f"w{word}" for word in random.integers(WORDS, size=3))
                row = {task: labels(args.kind, names, random) for task in tasks}
                file.write(json.dumps({"text": text, **row}) + "\n")
    files = {split: str(folder / f"{split}.jsonl") for split in ("train", "validation")}
    values: dict[str, Any] = {
        "data": files,
        "tasks": tasks,
        "model": {"backbone": "random", "random": ENCODER, "max_length": 16},
        "training": {"epochs": 1, "batch_size": 32},
        "output": {"directory": str(folder / "run")},
    }
    path = folder / "config.toml"
    path.write_text(check_config(values).to_toml(), encoding="utf-8")
    return path


def labels(kind: str, names: np.ndarray, random: np.random.Generator) -> Any:
    """Returns a random cell of a task."""
    chosen = random.integers(len(names), size=LABELS_PER_ROW)
    if kind == "multiclass":
        return str(names[chosen[0]])
    return [str(name) for name in names[np.unique(chosen)]]


if __name__ == "__main__":
    sys.exit(main())
