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
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from mtc_keras.command import run_program
from mtc_keras.config import Config, check_config, load_config
from mtc_keras.errors import ConfigError
from mtc_keras.run import readable_json

STARTED = time.time()
ACTIONS = {"training": 3, "prediction": 1}  # and their FLOPs in forward passes
FULL_LENGTHS = (32, 128)
TUNED, DEFAULT = "Trainer, tuned", "Trainer, padded to 128"
HEADS = {"1 head": [10], "3 heads": [10] * 3, "10 heads": [10] * 10, "100 heads": [10] * 100}
HEADS["500 classes"] = [500]
HEADS_LENGTH = 32
ROWS_BATCH = 256
WORDS = "the of and to in a is that for it was on are as with they be at this have".split()
# What is to be reached on a CPU in float32, from the project's plan.
BARS = {
    "training against the tuned Trainer": (1.15, "≥"),
    "training against the Trainer padded to 128": (2.5, "≥"),
    "prediction against the tuned Trainer": (1.0, "≥"),
    "prediction of 32 tokens a row: share of the matmul peak": (0.85, "≥"),
    "prediction of 128 tokens a row: share of the matmul peak": (0.85, "≥"),
    "rows/s of three tasks in one model against three models": (2.7, "≥"),
    "training time of 100 heads against one": (1.05, "≤"),
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
    add("--rows", type=int, default=2048, help="rows a round (default 2048)")
    add("--default-rows", type=int, default=256, help="rows a round of the padded Trainer")
    add("--rounds", type=int, default=5, help="rounds that are timed (default 5)")
    add("--batch-size", type=int, help="rows a batch, in place of the config's")
    add("--precision", choices=["float32", "bfloat16"], default="float32")
    add("--device", choices=["cpu", "gpu"], help="default: what JAX finds")
    add("--peer", choices=["hf"], help="measure a Hugging Face Trainer in the same rounds")
    add("--peer-python", metavar="PATH", help="the Python of the peer's environment")
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
    if not args.plain and args.scaling != "rows" and args.config is None and not args.scaling:
        parser.error("--config FILE is required, unless --plain or --scaling is given")
    if min(args.rows, args.default_rows, args.rounds) < 1:
        parser.error("--rows, --default-rows and --rounds must be 1 or more")
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    return run_program(benchmark, parse(argv))


def benchmark(args: argparse.Namespace) -> None:
    """Measures, prints the tables and writes the JSON."""
    with environment(args):
        if not args.plain:
            from mtc_keras.command import set_up

            set_up(0)
        from mtc_keras import runtime

        imports = time.time() - STARTED
        result: dict[str, Any] = {
            "arguments": vars(args),
            "versions": runtime.versions(),
            "device": runtime.device(),
            "cores": os.cpu_count(),
            "load_average_before": os.getloadavg(),
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
        show(result)
        path = Path(args.json)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(readable_json(result), encoding="utf-8")
        print(f"numbers: {path}")


@contextmanager
def environment(args: argparse.Namespace) -> Iterator[None]:
    """Sets what JAX and XLA read when they are imported."""
    if args.device:
        os.environ["JAX_PLATFORMS"] = {"cpu": "cpu", "gpu": "cuda"}[args.device]
    if args.peer:  # which shares the GPU
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    if args.warm_cache:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="benchmark_xla_") as cache:
        os.environ["JAX_COMPILATION_CACHE_DIR"] = cache
        yield


# === What is measured ===


def measure_config(args: argparse.Namespace, imports: float) -> dict[str, Any]:
    """Measures a config's model on a sample of its training rows, beside the peer."""
    from benchmark_sides import FullBatches, Ours, training_slots

    from mtc_keras.data import read_splits
    from mtc_keras.data.batches import TrainingBatches, tokenize

    config = config_of(args)
    started = time.perf_counter()
    dataset = read_splits(config)
    data = time.perf_counter() - started
    sampled = sample(dataset, args.rows, config.training.batch_size)
    ours = Ours(config, sampled)
    ours.seconds = {"imports": imports, "data": data, **ours.seconds}
    with ExitStack() as stack:
        ours.warm_up()
        peers = start_peers(args, config, ours, sampled, stack)
        full = {n: FullBatches(ours, n, 4 * ours.batch_size) for n in full_lengths(ours)}
        result = alternate_sides([ours, *peers], args, full)
    started = time.perf_counter()
    tokens = tokenize(ours.model.preprocessor, dataset.train.texts)
    epoch = TrainingBatches(tokens, dataset.train, dataset.tasks, ours.batch_size, config.seed)
    slots = training_slots(epoch)
    result["whole_epoch"] = {
        "rows": len(tokens),
        "tokens": int(tokens.lengths.sum()),
        "padding_share": 1 - int(tokens.lengths.sum()) / slots,
        "seconds_of_tokens_and_batches": time.perf_counter() - started,
    }
    return result


def measure_plain(args: argparse.Namespace, imports: float) -> dict[str, Any]:
    """Measures bert-base with random weights on generated tokens from a plain iterator."""
    from benchmark_sides import BERT_BASE, Plain, plain_lengths

    batch_size = args.batch_size or 32
    rows = max(args.rows // batch_size, 1) * batch_size
    plain = Plain(BERT_BASE, plain_lengths(args.lengths, rows), batch_size, args.precision)
    plain.seconds = {"imports": imports, **plain.seconds}
    with ExitStack() as stack:
        plain.warm_up()
        peers = start_plain_peers(args, plain, stack)
        return alternate_sides([plain, *peers], args, {})


def compare_tasks(args: argparse.Namespace) -> dict[str, Any]:
    """Measures one model for all tasks against one model a task, on the same rows."""
    from benchmark_sides import Ours

    from mtc_keras.data import only_task, read_splits

    config = config_of(args)
    dataset = sample(read_splits(config), args.rows, config.training.batch_size)
    if len(dataset.tasks) < 2:
        raise ConfigError("--tasks needs a config of several tasks")
    joint = Ours(config, dataset, "one model")
    single = [Ours(config, only_task(dataset, t), f"only {t.name}") for t in dataset.tasks]
    for side in (joint, *single):
        side.warm_up()
    result = alternate_sides([joint, *single], args, {})
    result["ratios"] = {
        f"{len(single)} models": {
            action: spread(
                [
                    sum(times) / one
                    for one, *times in zip(
                        *(result["sides"][s.name][action]["seconds"] for s in (joint, *single)),
                        strict=True,
                    )
                ]
            )
            for action in ACTIONS
        }
    }
    return result


def scale_heads(args: argparse.Namespace) -> dict[str, Any]:
    """Measures models of more and more heads on the same rows, all of one length."""
    import pandas
    from benchmark_sides import Ours

    from mtc_keras.data import read_splits

    rows = max(args.rows // 32, 1) * 32 if args.rows != 2048 else 256
    random = np.random.default_rng(0)
    sides = []
    for name, outputs in HEADS.items():
        labels = {f"task_{n}": [f"c{c}" for c in range(count)] for n, count in enumerate(outputs)}
        values = generated_config(
            {task: {"kind": "multiclass", "classes": names} for task, names in labels.items()},
            max_length=HEADS_LENGTH,
        )
        if args.config:
            values["model"]["backbone"] = load_config(args.config, args.overrides).model.backbone
        frame = pandas.DataFrame(
            {"text": ["a " * HEADS_LENGTH] * rows}
            | {task: random.choice(names, rows) for task, names in labels.items()}
        )
        config = check_config(values)
        side = Ours(config, read_splits(config, {"train": frame}), name)
        side.warm_up()
        sides.append(side)
    result = alternate_sides(sides, args, {})
    result["ratios"] = {
        name: {
            action: spread(
                [
                    time / one
                    for time, one in zip(
                        result["sides"][name][action]["seconds"],
                        result["sides"]["1 head"][action]["seconds"],
                        strict=True,
                    )
                ]
            )
            for action in ACTIONS
        }
        for name in HEADS
    }
    return result


def scale_rows(args: argparse.Namespace) -> dict[str, Any]:
    """Measures each stage of a training on more and more generated rows with a tiny model."""
    from benchmark_measure import EpochClock, peak_memory
    from benchmark_sides import Ours, plain_lengths

    from mtc_keras.data import read_splits
    from mtc_keras.data.batches import TrainingBatches, tokenize

    tasks = {"topic": {"kind": "multiclass", "classes": [f"c{c}" for c in range(10)]}}
    tasks["words"] = {"kind": "multilabel", "classes": WORDS[:5]}
    counts = [10**n for n in range(3, 10) if 10**n <= args.most_rows]
    found = {}
    with tempfile.TemporaryDirectory(prefix="benchmark_rows_") as directory:
        values = generated_config(tasks, max_length=48, tiny=True)
        values["data"] = {"train": str(Path(directory) / "rows.jsonl")}
        config = check_config(values)
        model = None
        for rows in [counts[0], *counts]:  # the first, which compiles, is not reported
            write_rows(Path(values["data"]["train"]), plain_lengths("goemotions", rows))
            watch = Stopwatch()
            dataset = read_splits(config)
            watch.lap("read")
            if model is None:
                side = Ours(config, dataset)
                model = side.model
                side.warm_up()
                continue
            tokens = tokenize(model.preprocessor, dataset.train.texts)
            watch.lap("tokens")
            batches = TrainingBatches(tokens, dataset.train, dataset.tasks, ROWS_BATCH, 0)
            for _ in batches.dataset():
                pass
            watch.lap("batches")
            model.fit(batches.dataset(), epochs=1, callbacks=[EpochClock()], verbose=0)
            watch.lap("training")
            model.predict_logits(tokens, ROWS_BATCH)
            watch.lap("prediction")
            found[str(rows)] = {
                "seconds": watch.seconds,
                "microseconds_per_row": {k: 1e6 * s / rows for k, s in watch.seconds.items()},
                "peak_memory_bytes": peak_memory(),
            }
    return {"scaling_rows": found}


class Stopwatch:
    """Times one stage after the other.

    Attributes:
        seconds: dict from stage to its time.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """Ends a stage."""
        now = time.perf_counter()
        self.seconds[stage], self.last = now - self.last, now


# === Configs and rows ===


def config_of(args: argparse.Namespace) -> Config:
    """Returns the config with what the command line changes."""
    overrides = list(args.overrides)
    if args.batch_size:
        overrides.append(f"training.batch_size={args.batch_size}")
    if args.precision != "float32":
        overrides.append(f'training.precision="{args.precision}"')
    config = load_config(args.config, overrides)
    if args.backbone is None:
        return config
    from benchmark_sides import BERT_BASE

    values = config.model_dump(exclude_defaults=True)
    values["tasks"] = {name: task.model_dump() for name, task in config.tasks.items()}
    values["model"] = {**values["model"], "backbone": "random", "random": BERT_BASE}
    return check_config(values)


def generated_config(
    tasks: dict[str, Any], max_length: int, tiny: bool = False
) -> dict[str, Any]:
    """Returns the values of a config for generated rows."""
    model: dict[str, Any] = {"backbone": "minilm", "max_length": max_length}
    if tiny:
        sizes = {"num_layers": 1, "num_heads": 1, "hidden_dim": 8, "intermediate_dim": 8}
        model |= {"backbone": "random", "random": sizes}
    return {
        "tasks": tasks,
        "model": model,
        "training": {"epochs": 1, "batch_size": ROWS_BATCH if tiny else 32},
        "output": {"directory": "runs/benchmark"},
    }


def write_rows(path: Path, lengths: np.ndarray) -> None:
    """Writes rows of as many words as given, less the two special tokens."""
    random = np.random.default_rng(0)
    with path.open("w", encoding="utf-8") as file:
        for length in lengths:
            words = random.choice(WORDS, max(length - 2, 1)).tolist()
            topic = f"c{random.integers(10)}"
            held = [word for word in WORDS[:5] if word in words]
            row = {"text": " ".join(words), "topic": topic, "words": held}
            file.write(json.dumps(row) + "\n")


def sample(dataset: Any, rows: int, batch_size: int) -> Any:
    """Returns the dataset with so many random training rows, in whole batches."""
    train = dataset.train
    rows = max(min(rows, len(train)) // batch_size, 1) * batch_size
    order = np.random.default_rng(0).permutation(len(train))
    return replace(dataset, train=train.take(np.sort(order[:rows])))


def full_lengths(ours: Any) -> list[int]:
    """Returns the lengths of full batches that the backbone reads."""
    from mtc_keras.backbones import length_limit

    limit = length_limit(ours.model.backbone)
    return [n for n in FULL_LENGTHS if limit is None or n <= limit]


# === The peer ===


def start_peers(
    args: argparse.Namespace, config: Config, ours: Any, dataset: Any, stack: ExitStack
) -> list[Any]:
    """Starts the tuned Trainer and the one with its defaults, on our rows and weights."""
    if not args.peer:
        return []
    from mtc_keras.backbones import preset_of

    if len(config.data.text_columns) > 1:
        raise ConfigError("--peer reads one text a row, and the config has text pairs")
    for task in dataset.tasks:
        if task.kind not in ("multiclass", "multilabel", "regression") or task.hidden:
            raise ConfigError(f"tasks.{task.name}: --peer knows no such head")
    tokens = ours.tokens
    ids = tokens.take(np.arange(len(tokens)))["token_ids"]
    joined = [row[:length] for row, length in zip(ids, tokens.lengths, strict=True)]
    tasks = [
        {
            "name": task.name,
            "kind": task.kind,
            "outputs": int(ours.model.output[task.name].shape[-1])
            if task.kind != "regression"
            else 1,
            "weight": float(task.weight),
        }
        for task in dataset.tasks
    ]
    spec = {
        "tasks": tasks,
        "dropout": config.model.dropout,
        "batch_size": config.training.batch_size,
        "learning_rate": config.training.learning_rate,
        "weight_decay": config.training.weight_decay,
        "clip_norm": config.training.clip_norm,
        "device": args.device or "cpu",
        "bfloat16": args.precision == "bfloat16",
        "encoder": preset_of(config.model.backbone)
        if config.model.backbone != "random"
        else encoder_sizes(ours.model.backbone),
    }
    targets = dataset.train.targets
    return run_peers(args, spec, joined, targets, ours, stack)


def start_plain_peers(args: argparse.Namespace, plain: Any, stack: ExitStack) -> list[Any]:
    """Starts the peers on generated tokens and a model of the same sizes."""
    if not args.peer:
        return []
    spec = {
        "tasks": [
            {"name": task.name, "kind": task.kind, "outputs": len(task.classes), "weight": 1.0}
            for task in plain.tasks
        ],
        "dropout": 0.1,
        "batch_size": plain.batch_size,
        "learning_rate": 1e-5,
        "weight_decay": 0.01,
        "clip_norm": 1.0,
        "device": args.device or "gpu",
        "bfloat16": args.precision == "bfloat16",
        "encoder": encoder_sizes(plain.model.backbone),
    }
    joined = [row[:n] for row, n in zip(plain.token_ids, plain.lengths, strict=True)]
    return run_peers(args, spec, joined, plain.targets, plain, stack)


def encoder_sizes(backbone: Any) -> dict[str, Any]:
    """Returns the arguments of `transformers.BertConfig` for a `BertBackbone`."""
    return {
        "vocab_size": backbone.vocabulary_size,
        "hidden_size": backbone.hidden_dim,
        "num_hidden_layers": backbone.num_layers,
        "num_attention_heads": backbone.num_heads,
        "intermediate_size": backbone.intermediate_dim,
        "max_position_embeddings": backbone.max_sequence_length,
        "hidden_dropout_prob": backbone.dropout,
        "attention_probs_dropout_prob": backbone.dropout,
    }
