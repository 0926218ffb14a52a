"""How fast training and prediction are, beside a Hugging Face Trainer and the matmul peak.

    python scripts/benchmark.py --config configs/goemotions.toml
    python scripts/benchmark.py --config configs/goemotions.toml --peer hf --peer-python PATH
    python scripts/benchmark.py --config configs/goemotions.toml --tasks
    python scripts/benchmark.py --scaling heads        # or rows
    python scripts/benchmark.py --plain --lengths 512 --precision bfloat16   # no TensorFlow

Prints a table and writes JSON. What is measured, and how: docs/performance.md.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mtc_keras.config import Config, check_config, load_config
from mtc_keras.devices.memory import keep_freed_memory
from mtc_keras.errors import ConfigError
from mtc_keras.programs.command import run_program

STARTED = time.time()
ACTIONS = {"training": 3, "prediction": 1}  # and their FLOPs in forward passes
OURS, TUNED, DEFAULT = "mtc_keras", "Trainer, tuned", "Trainer, padded to 128"
PADDED_TO = 128
FULL_LENGTHS = (32, 128)
PLAIN_ROWS = 40_000  # of which --rows are read, in batches as full as those of so many
FULL_BATCHES = 16
HEADS = {"1 head": [10], "3 heads": [10] * 3, "10 heads": [10] * 10, "100 heads": [10] * 100}
HEADS["500 classes"] = [500]
HEADS_TOKENS = 32
HEADS_ROWS = 1024
GENERATED_TOKENS = 48
WORDS = ["the", "of", "and", "to", "in", "a", "is", "that", "for", "it", "was", "on", "are"]
FLAT_BATCH = 256  # rows a batch of --scaling rows
# What is to be reached on a CPU in float32: what is compared, which ratio, at least or most.
BARS = {
    "training, rows/s over the tuned Trainer's": ("≥", 1.15),
    "training, rows/s over those of the Trainer padded to 128": ("≥", 2.5),
    "prediction, rows/s over the tuned Trainer's": ("≥", 1.0),
    "prediction of 32 tokens a row, share of the matmul peak": ("≥", 0.85),
    "prediction of 128 tokens a row, share of the matmul peak": ("≥", 0.85),
    "training, rows/s of one model over those of three": ("≥", 2.7),
    "training, time with 100 heads over that with one": ("≤", 1.05),
}


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Returns the arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--config", metavar="FILE", help="the TOML config: data, tasks, backbone, batch size")
    add("--set", metavar="KEY=VALUE", action="append", default=[], dest="overrides")
    add(
        "--backbone",
        choices=["bert-base-random"],
        help="in place of the config's: the sizes of bert-base with random weights",
    )
    add("--rows", type=int, default=3200, help="rows a round (default 3200)")
    add("--padded-rows", type=int, default=256, help="rows a round of the Trainer padded to 128")
    add("--rounds", type=int, default=5, help="rounds that are timed (default 5)")
    add("--batch-size", type=int, help="rows a batch, in place of the config's")
    add("--precision", choices=["float32", "bfloat16"], default="float32")
    add("--device", choices=["cpu", "gpu"], help="default: what JAX finds")
    add("--peer", choices=["hf"], help="measure a Hugging Face Trainer in the same rounds")
    add("--peer-python", metavar="PATH", help="the Python of the peer's environment")
    add(
        "--peer-variable",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="an environment variable of the tuned Trainer, such as MALLOC_ARENA_MAX=1",
    )
    add("--tasks", action="store_true", help="one model for all tasks against one a task")
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
    return run_program(benchmark, parse(argv))


def benchmark(args: argparse.Namespace) -> None:
    """Measures, prints the table and writes the JSON."""
    with environment(args):
        if not args.plain:
            keep_freed_memory()  # as the training program does
        prepare(args)
        from mtc_keras.devices import hardware, process

        imports = time.time() - STARTED
        result: dict[str, Any] = {
            "arguments": vars(args),
            "versions": process.versions(),
            "device": hardware.device(),
            "cores": os.cpu_count(),
            "load_average_before": os.getloadavg(),  # others disturb what is measured
        }
        if args.scaling == "heads":
            result |= scale_heads(args)
        elif args.scaling == "rows":
            result |= scale_rows(args)
        elif args.tasks:
            result |= compare_tasks(args)
        elif args.plain:
            result |= measure_plain(args, imports)
        else:
            result |= measure_config(args, imports)
    result["bars"] = list(bars(result))
    from benchmark_tables import show

    show(result)
    path = Path(args.json)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"numbers: {path}")


@contextmanager
def environment(args: argparse.Namespace) -> Iterator[None]:
    """Sets what JAX and XLA read when they are imported."""
    if args.device:
        os.environ["JAX_PLATFORMS"] = {"cpu": "cpu", "gpu": "cuda"}[args.device]
    if args.peer:  # shares the GPU
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    if args.warm_cache:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="benchmark_xla_") as cache:
        os.environ["JAX_COMPILATION_CACHE_DIR"] = cache
        yield


def prepare(args: argparse.Namespace) -> None:
    """Prepares the process as the training program does."""
    if args.plain:
        import keras

        keras.utils.set_random_seed(0)
        return
    from mtc_keras.devices import process
    from mtc_keras.programs.command import set_up

    set_up(0)
    process.prepare_training()


# === What is measured ===


def measure_config(args: argparse.Namespace, imports: float) -> dict[str, Any]:
    """Measures a config's model on batches of an epoch, beside the peer."""
    from benchmark_sides import FullBatches, Ours

    from mtc_keras.data.reading import read_splits
    from mtc_keras.model.backbones import length_limit

    config = config_of(args)
    started = time.perf_counter()
    dataset = read_splits(config)
    seconds = {"imports": imports, "data": time.perf_counter() - started}
    ours = Ours(config, dataset, args.rows)
    ours.seconds = {**seconds, **ours.seconds}
    limit = length_limit(ours.model.backbone)
    with ExitStack() as stack:
        if args.peer:
            ours.remember_logits()
        ours.warm_up()
        full = {
            str(n): FullBatches(ours, n, FULL_BATCHES * ours.batch_size)
            for n in FULL_LENGTHS
            if limit is None or n <= limit
        }
        peers = []
        if args.peer:
            peers = config_peers(args, config, ours, stack)
        result = alternate([ours, *peers], args, full)
    return result | {"whole_epoch": whole_epoch(ours)}


def whole_epoch(side: Any) -> dict[str, Any]:
    """Returns what an epoch over all rows would read."""
    epoch = side.whole_epoch
    return {"rows": epoch.rows, "tokens": epoch.tokens, "padding_share": epoch.padding_share}


def measure_plain(args: argparse.Namespace, imports: float) -> dict[str, Any]:
    """Measures bert-base with random weights on generated tokens from a plain iterator."""
    from benchmark_sides import BERT_BASE, Plain, plain_lengths

    lengths = plain_lengths(args.lengths, max(args.rows, PLAIN_ROWS))
    plain = Plain(BERT_BASE, lengths, args.rows, args.batch_size or 32, args.precision)
    plain.seconds = {"imports": imports, **plain.seconds}
    with ExitStack() as stack:
        plain.warm_up()
        peers = []
        if args.peer:
            peers = plain_peers(args, plain, stack)
        result = alternate([plain, *peers], args)
    return result | {"whole_epoch": whole_epoch(plain)}


def compare_tasks(args: argparse.Namespace) -> dict[str, Any]:
    """Measures one model for all tasks against one model a task."""
    from benchmark_measure import ratios
    from benchmark_sides import Ours

    from mtc_keras.data.dataset import only_task
    from mtc_keras.data.reading import read_splits

    config = config_of(args)
    dataset = read_splits(config)
    if len(dataset.tasks) < 2:
        raise ConfigError("--tasks needs a config of several tasks")
    joint = Ours(config, dataset, args.rows, "one model")
    single = [
        Ours(config, only_task(dataset, task), args.rows, f"only {task.name}")
        for task in dataset.tasks
    ]
    for side in (joint, *single):
        side.warm_up()
    result = alternate([joint, *single], args)
    result["ratios"] = {"one model": {}}
    for action in ACTIONS:
        # By the row, as a task that few rows carry has fewer batches.
        each = [seconds_per_row(result["sides"][side.name][action]) for side in (joint, *single)]
        together = np.sum(each[1:], axis=0).tolist()
        result["ratios"]["one model"][action] = ratios(together, each[0])
    return result


def scale_heads(args: argparse.Namespace) -> dict[str, Any]:
    """Measures models of more and more heads on rows of one length."""
    import pandas
    from benchmark_measure import ratios
    from benchmark_sides import Ours

    from mtc_keras.data.reading import read_splits

    random = np.random.default_rng(0)
    sides = []
    for name, heads in HEADS.items():
        classes = {f"task_{n}": [f"c{c}" for c in range(count)] for n, count in enumerate(heads)}
        config = generated_config(
            {task: {"kind": "multiclass", "classes": names} for task, names in classes.items()},
            config_of(args).model if args.config else None,
            HEADS_TOKENS,
            args.batch_size or 32,
        )
        labels = {task: random.choice(names, HEADS_ROWS) for task, names in classes.items()}
        frame = pandas.DataFrame({"text": ["a " * HEADS_TOKENS] * HEADS_ROWS} | labels)
        sides.append(Ours(config, read_splits(config, {"train": frame}), HEADS_ROWS, name))
        sides[-1].warm_up()
    result = alternate(sides, args)
    one, *others = (result["sides"][side.name] for side in sides)
    result["ratios"] = {
        side.name: {a: ratios(seconds_per_row(one[a]), seconds_per_row(other[a])) for a in ACTIONS}
        for side, other in zip(sides[1:], others, strict=True)
    }
    return result


def scale_rows(args: argparse.Namespace) -> dict[str, Any]:
    """Measures each stage of a training on more and more generated rows with a tiny model."""
    from benchmark_measure import EpochClock, Stopwatch, peak_memory
    from benchmark_sides import Ours, plain_lengths

    from mtc_keras.data.batches import TrainingBatches
    from mtc_keras.data.reading import read_splits
    from mtc_keras.data.tokens import tokenize

    tasks = {
        "topic": {"kind": "multiclass", "classes": [f"c{c}" for c in range(10)]},
        "words": {"kind": "multilabel", "classes": WORDS[:5]},
    }
    counts = [10**n for n in range(3, 10) if 10**n <= args.most_rows] or [args.most_rows]
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="benchmark_rows_") as directory:
        path = Path(directory) / "rows.jsonl"
        config = generated_config(tasks, None, GENERATED_TOKENS, FLAT_BATCH, path)
        write_rows(path, plain_lengths("goemotions", counts[0]))
        side = Ours(config, read_splits(config), counts[0])
        side.warm_up()
        for rows in counts:
            write_rows(path, plain_lengths("goemotions", rows))
            seconds: dict[str, float] = {}
            watch = Stopwatch(seconds)
            dataset = read_splits(config)
            watch.lap("read")
            tokens = tokenize(side.model.preprocessor, dataset.train.texts)
            watch.lap("tokens")
            batches = TrainingBatches(tokens, dataset.train, dataset.tasks, FLAT_BATCH, 0)
            compile_shapes(side.model, batches)
            watch.lap("compiling")
            for _ in batches:
                pass
            watch.lap("batches")
            side.model.fit(batches.dataset(), epochs=1, callbacks=[EpochClock()], verbose=0)
            watch.lap("training")
            side.model.predict_logits(tokens, FLAT_BATCH)
            watch.lap("first prediction")
            side.model.predict_logits(tokens, FLAT_BATCH)
            watch.lap("prediction")
            # Of the first prediction, what it took longer than the second.
            seconds["compiling"] += seconds.pop("first prediction") - seconds["prediction"]
            found[str(rows)] = {
                "seconds": seconds,
                "microseconds_per_row": {k: 1e6 * s / rows for k, s in seconds.items()},
                "peak_memory_bytes": peak_memory(),
            }
    return {"rows": found}


def compile_shapes(model: Any, batches: Any) -> None:
    """Trains a batch of each shape, as more rows bring new ones."""
    import keras

    # Keras' own method: that of KerasHub takes texts.
    training = {inputs["padding_mask"].shape: (inputs, y, w) for inputs, y, w in batches}
    for batch in training.values():
        keras.Model.train_on_batch(model, *batch)


def alternate(
    sides: Sequence[Any], args: argparse.Namespace, full: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Runs the sides by turns, in rounds, and returns their rates and the ratios.

    The order turns every round, so that a machine that grows slower favours nobody; the matmul
    peak is measured in each.

    Args:
        sides: what runs; the others are compared with the first.
        args: the arguments.
        full: optional dict from a name to its `FullBatches`, run once a round.
    """
    from benchmark_measure import CompileClock, Spread, matmul_peak, rates, ratios

    full = full or {}
    for batches in full.values():
        batches.run()  # compiles
    matmul_peak(args.precision)  # compiles, too
    compiled = CompileClock()
    times: dict[tuple[str, str], list[float]] = {}
    peaks = []
    for number in range(args.rounds):
        peaks.append(matmul_peak(args.precision))
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
    first = found[sides[0].name]
    return {
        "matmul_peak_flops_per_second": vars(Spread.of(peaks)),
        "compiled_while_timed": compiled.programs,  # 0, or the rates are too low
        "sides": found,
        "full_batches": {
            name: rates(batches.work, times["full", name], peaks, 1)
            for name, batches in full.items()
        },
        "ratios": {
            side.name: {
                a: ratios(seconds_per_row(found[side.name][a]), seconds_per_row(first[a]))
                for a in ACTIONS
            }
            for side in sides[1:]
        },
    }


def seconds_per_row(measured: dict[str, Any]) -> list[float]:
    """Returns the time of a row in each round."""
    return [seconds / measured["rows"] for seconds in measured["seconds"]]


def bars(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yields each bar that was measured, its number, and whether it is met."""
    ratio = {
        (name, action): spread["median"]
        for name, actions in result.get("ratios", {}).items()
        for action, spread in actions.items()
    }
    full = {
        name: measured["share_of_peak"]["median"]
        for name, measured in result.get("full_batches", {}).items()
    }
    hundred = ratio.get(("100 heads", "training"))
    numbers = (
        ratio.get((TUNED, "training")),
        ratio.get((DEFAULT, "training")),
        ratio.get((TUNED, "prediction")),
        full.get("32"),
        full.get("128"),
        ratio.get(("one model", "training")) if len(result.get("sides", ())) == 4 else None,
        None if hundred is None else 1 / hundred,
    )
    for (what, (sign, bar)), number in zip(BARS.items(), numbers, strict=True):
        if number is not None:
            met = number >= bar if sign == "≥" else number <= bar
            yield {"what": what, "measured": number, "bar": f"{sign} {bar}", "met": met}


# === Configs and rows ===


def config_of(args: argparse.Namespace) -> Config:
    """Returns the config with what the command line changes."""
    overrides = [*args.overrides, f'training.precision="{args.precision}"']
    if args.batch_size:
        overrides.append(f"training.batch_size={args.batch_size}")
    config = load_config(args.config, overrides)
    if args.backbone is None:
        return config
    from benchmark_sides import BERT_BASE

    model = {**config.model.model_dump(), "backbone": "random", "random": BERT_BASE}
    return Config.model_validate({**dict(config), "model": model})


def generated_config(
    tasks: dict[str, Any],
    model: Any,
    max_length: int,
    batch_size: int,
    path: Path | None = None,
) -> Config:
    """Returns a config for generated rows: on a model's backbone, on MiniLM, or on a tiny one.

    Args:
        tasks: what `[tasks]` holds.
        model: the `[model]` whose backbone is taken; `None` for MiniLM, with a path a tiny one.
        max_length: int. Most tokens of a text.
        batch_size: int. Rows a batch.
        path: the training file.
    """
    values: dict[str, Any] = {"backbone": "minilm"}
    if model is not None:
        values = model.model_dump(exclude_none=True)
    elif path is not None:
        sizes = {"num_layers": 1, "num_heads": 1, "hidden_dim": 8, "intermediate_dim": 8}
        values = {"backbone": "random", "random": sizes}
    return check_config(
        {
            "data": {} if path is None else {"train": str(path)},
            "tasks": tasks,
            "model": {**values, "max_length": max_length},
            "training": {"epochs": 1, "batch_size": batch_size},
            "output": {"directory": "runs/benchmark"},
        }
    )


def write_rows(path: Path, lengths: np.ndarray) -> None:
    """Writes rows of as many words as tokens are given, less the two special ones."""
    random = np.random.default_rng(0)
    with path.open("w", encoding="utf-8") as file:
        for length in lengths.tolist():
            words = [WORDS[n] for n in random.integers(len(WORDS), size=max(length - 2, 1))]
            held = [word for word in WORDS[:5] if word in words]
            row = {"text": " ".join(words), "topic": f"c{random.integers(10)}", "words": held}
            file.write(json.dumps(row) + "\n")


# === The peer ===


def config_peers(
    args: argparse.Namespace, config: Config, ours: Any, stack: ExitStack
) -> list[Any]:
    """Starts the peers on the rows and the weights of a config's model."""
    from benchmark_sides import encoder_sizes

    from mtc_keras.model.backbones import preset_of

    if len(config.data.text_columns) > 1:
        raise ConfigError("--peer reads one text a row, and the config has text pairs")
    training, backbone = config.training, config.model.backbone
    spec = {
        "encoder": encoder_sizes(ours.model.backbone)
        if backbone == "random"
        else preset_of(backbone),
        "learning_rate": training.learning_rate,
        "weight_decay": training.weight_decay,
        "clip_norm": training.clip_norm,
    }
    return start_peers(args, ours, spec, stack)


def plain_peers(args: argparse.Namespace, plain: Any, stack: ExitStack) -> list[Any]:
    """Starts the peers on generated tokens and a model of the same sizes."""
    from benchmark_sides import OPTIMIZER, encoder_sizes

    spec = {
        "encoder": encoder_sizes(plain.model.backbone),
        "learning_rate": 1e-5,
        "weight_decay": OPTIMIZER["weight_decay"],
        "clip_norm": OPTIMIZER["global_clipnorm"],
    }
    return start_peers(args, plain, spec, stack)


def start_peers(
    args: argparse.Namespace, ours: Any, spec: dict[str, Any], stack: ExitStack
) -> list[Any]:
    """Starts the tuned Trainer and, for texts of its length, the one with its defaults."""
    import jax
    from benchmark_sides import Peer, task_specs, work_of

    spec = {
        **spec,
        "tasks": task_specs(ours.model),
        "dropout": ours.model.dropout,
        "batch_size": ours.batch_size,
        "device": "cpu" if jax.default_backend() == "cpu" else "gpu",
        "bfloat16": args.precision == "bfloat16",
    }
    rows = ours.token_rows()
    variables = dict(variable.split("=", 1) for variable in args.peer_variable)
    peers = []
    for name, fixed in ((TUNED, None), (DEFAULT, PADDED_TO)):
        if fixed is not None and max(map(len, rows)) > fixed:
            continue
        count = len(rows) if fixed is None else min(args.padded_rows, len(rows))
        peer = Peer(
            name,
            args.peer_python,
            {**spec, "fixed_length": fixed},
            rows[:count],
            {task: values[:count] for task, values in ours.targets.items()},
            work_of(np.array([len(row) for row in rows[:count]]), 0, ours.size),
            variables if fixed is None else {},
        )
        stack.callback(peer.close)
        peers.append(peer)
        if isinstance(spec["encoder"], str):  # else each side drew its own weights
            peer.compare_logits(*ours.remembered)
        peer.warm_up()
    return peers


if __name__ == "__main__":
    sys.exit(main())
