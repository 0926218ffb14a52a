"""How fast training and prediction are, beside a Hugging Face Trainer and the matmul peak.

    python -m benchmarks.speed --config configs/goemotions.toml
    python -m benchmarks.speed --config configs/goemotions.toml --peer hf --peer-python PATH
    python -m benchmarks.speed --config configs/goemotions.toml --tasks
    python -m benchmarks.speed --scaling heads        # or rows
    python -m benchmarks.speed --plain --lengths 512 --precision bfloat16   # no TensorFlow

Prints a table and writes JSON. What is measured, and how: docs/performance.md.
"""

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mtc_keras.programs.command import run_program

STARTED = time.time()


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Returns the arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--config", metavar="FILE", help="the TOML config: data, tasks, backbone, batch size")
    add("--set", metavar="KEY=VALUE", action="append", default=[], dest="overrides")
    add("--rows", type=int, default=3200, help="rows per round (default 3200)")
    add("--padded-rows", type=int, default=256, help="those of the Trainer padded to 128")
    add("--rounds", type=int, default=5, help="rounds that are timed (default 5)")
    add("--batch-size", type=int, help="rows per batch, in place of the config's")
    add("--precision", choices=["float32", "bfloat16"], default="float32")
    add("--peer", choices=["hf"], help="measure a Hugging Face Trainer in the same rounds")
    add("--peer-python", metavar="PATH", help="the Python of the peer's environment")
    variable = "an environment variable of the tuned Trainer, such as MALLOC_ARENA_MAX=1"
    add("--peer-variable", metavar="NAME=VALUE", action="append", default=[], help=variable)
    add("--tasks", action="store_true", help="one model for all tasks against one per task")
    add("--scaling", choices=["heads", "rows"], help="cost against number of heads, or of rows")
    add("--most-rows", type=int, default=1_000_000, help="of --scaling rows")
    add("--plain", action="store_true", help="generated tokens, no data files, no TensorFlow")
    add("--lengths", default="goemotions", help="of --plain: goemotions, or a number of tokens")
    add("--warm-cache", action="store_true", help="use the user's compilation cache")
    add("--json", metavar="FILE", default="runs/benchmark.json", help="where the numbers go")
    args = parser.parse_args(argv)
    if args.peer and not args.peer_python:
        parser.error("--peer needs --peer-python PATH")
    if args.config is None and not args.plain and not args.scaling:
        parser.error("--config FILE is required, unless --plain or --scaling is given")
    if min(args.rows, args.padded_rows, args.rounds, args.most_rows) < 1:
        parser.error("--rows, --padded-rows, --rounds and --most-rows must be 1 or more")
    if not all("=" in variable for variable in args.peer_variable):
        parser.error("--peer-variable takes NAME=VALUE")
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    args = parse(argv)
    if args.plain:  # plain Keras, in a process as it is
        benchmark(args)
        return 0
    return run_program(benchmark, args)


def benchmark(args: argparse.Namespace) -> None:
    """Measures, prints the table and writes the JSON."""
    if args.peer:  # shares the GPU
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    with tempfile.TemporaryDirectory(prefix="benchmark_xla_") as cache:
        if not args.warm_cache:
            os.environ["JAX_COMPILATION_CACHE_DIR"] = cache
        found = measured(args)
    from benchmarks.tables import bars, show

    found["bars"] = list(bars(found))
    show(found)
    path = Path(args.json)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"numbers: {path}")


def measured(args: argparse.Namespace) -> dict[str, Any]:
    """Returns what was measured, and where."""
    if args.plain:
        import keras

        keras.utils.set_random_seed(0)
    else:  # as the training program does
        from mtc_keras.devices.startup import start

        start(seed=0)
    from benchmarks import rounds
    from mtc_keras.devices import hardware, process

    imports = time.time() - STARTED
    load = os.getloadavg()  # others disturb what is measured
    with contextlib.nullcontext() if args.plain else process.random_bits():
        if args.scaling:
            from benchmarks import scaling

            found = getattr(scaling, f"scale_{args.scaling}")(args)
        elif args.tasks:
            found = rounds.compare_tasks(args)
        elif args.plain:
            found = rounds.measure_plain(args, imports)
        else:
            found = rounds.measure_config(args, imports)
    return {
        "arguments": vars(args),
        "versions": process.versions(),
        "device": hardware.device(),
        "cores": os.cpu_count(),
        "load_average_before": load,
        **found,
    }


if __name__ == "__main__":
    sys.exit(main())
