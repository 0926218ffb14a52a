"""Measures what serving a run costs: its SavedModel, its ONNX exports and `predict` in JAX.

Usage: python -m benchmarks.serving --model RUN [--json FILE] [--saved-model DIR] [--onnx DIR]
       [--int8 DIR]

Exports that are not given are made in a temporary folder; int8 is judged on the validation files of
the run's config. Each way is measured in a process of its own; the table is Markdown.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.costs import resident_peak, seconds_of

EXPORTS = {
    "saved_model": [],
    "onnx": ["--format", "onnx"],
    "int8": ["--format", "onnx", "--quantize", "int8"],
}
WAYS = dict(zip(EXPORTS, ("SavedModel", "ONNX float32", "ONNX int8"), strict=True))
WAYS["jax"] = "`predict` in JAX"
SUBJECTS = ("clerk", "office", "website", "queue", "form", "answer", "fee", "letter")
VERBS = ("was", "seemed", "became", "looked")
ADJECTIVES = ("slow", "kind", "late", "clear", "rude", "wrong", "clean", "closed")
BATCH_SIZE = 32
LENGTHS = (10, 32, 64)  # tokens
REQUESTS = 50
ROWS = 256  # of each length


def texts_of(tokens: int, count: int) -> list[str]:
    """Returns texts of that many tokens, including special tokens; 256 of them differ."""
    sentences = [
        f"the {SUBJECTS[n % 8]} {VERBS[n // 8 % 4]} {ADJECTIVES[n // 32 % 8]} and I waited"
        for n in range(count + tokens)
    ]
    # Each word is one of the pieces that every English vocabulary has.
    return [
        " ".join(" ".join(sentences[n:]).split(" ", tokens)[: tokens - 2]) for n in range(count)
    ]


def open_way(way: str, path: str) -> Callable[[list[str]], Any]:
    """Loads a model; returns a function that answers a batch of texts."""
    if way == "jax":
        import mtc_keras

        model = mtc_keras.load(path)
        return lambda texts: model.predict(texts, batch_size=BATCH_SIZE, verbose=0)
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # an export is measured on the CPU
    if way == "saved_model":
        from mtc_keras.export.saved_model.ask import Served

        served = Served(path)
        return lambda texts: served.ask("serving_default", [texts], BATCH_SIZE)
    from mtc_keras.export.onnx.ask import ServedOnnx

    return ServedOnnx(path).ask


def measure(way: str, path: str, rows: int) -> dict[str, Any]:
    """Measures one way: seconds, rows per second in batches, peak memory."""
    started = time.perf_counter()
    ask = open_way(way, path)
    load_seconds = time.perf_counter() - started
    seconds = [seconds_of(ask, [text]) for text in texts_of(LENGTHS[0], REQUESTS)]
    found = {
        "load_seconds": load_seconds,
        "first_request_seconds": seconds[0],
        # Programs of a length that has not come before may be compiled in the first half.
        "later_request_seconds": statistics.median(seconds[REQUESTS // 2 :]),
    }
    for tokens in LENGTHS:
        texts = texts_of(tokens, rows)
        ask(texts)
        rates = [rows / seconds_of(ask, texts) for _ in range(3)]
        found[f"rows_per_second_{tokens}"] = statistics.median(rates)
    found["peak_memory_bytes"] = resident_peak()
    return found


def size_of(way: str, path: Path) -> int:
    """Returns the bytes of what a way loads."""
    folder = path / "model" if way == "jax" else path
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def measured_apart(way: str, path: Path) -> dict[str, Any]:
    """Measures one way in a fresh process."""
    print(f"measuring {WAYS[way]}", file=sys.stderr, flush=True)
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        found = process.submit(measure, way, str(path), ROWS).result()
    return {"size_bytes": size_of(way, path), **found}


def exported(way: str, run: Path, folder: Path) -> Path:
    """Makes an export of a run; returns its folder."""
    from mtc_keras.export import program as export

    out = folder / way / "1"
    if export.main(["--model", str(run), "--out", str(out), *EXPORTS[way]]):
        raise SystemExit(2)
    return out


def table(result: dict[str, Any]) -> str:
    """Returns the Markdown table of a result, a column a way."""
    ways = result["ways"]
    rows: list[tuple[str, str, float, str]] = [
        ("size, MB", "size_bytes", 1e-6, ".1f"),
        ("loading, s (imports counted)", "load_seconds", 1, ".1f"),
        ("first request of 1 text, ms", "first_request_seconds", 1e3, ",.0f"),
        ("later requests of 1 text, ms", "later_request_seconds", 1e3, ".1f"),
        *((f"texts of {n} tokens, rows/s", f"rows_per_second_{n}", 1, ",.0f") for n in LENGTHS),
        ("peak memory, MB", "peak_memory_bytes", 1e-6, ",.0f"),
    ]
    lines = [["", *(WAYS[way] for way in ways)], ["---"] * (1 + len(ways))]
    lines += [
        [label, *(format(factor * found[key], shown) for found in ways.values())]
        for label, key, factor, shown in rows
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main(argv: list[str] | None = None) -> int:
    """Runs the benchmark; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", metavar="RUN", required=True, help="a run directory")
    parser.add_argument("--json", metavar="FILE", help="write the numbers as JSON, too")
    for way in EXPORTS:
        option = f"--{way.replace('_', '-')}"
        parser.add_argument(option, metavar="DIR", type=Path, help=f"the {WAYS[way]}, made before")
    args = parser.parse_args(argv)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    run = Path(args.model)
    with tempfile.TemporaryDirectory(prefix="mtc_keras_") as folder:
        paths = {way: getattr(args, way) or exported(way, run, Path(folder)) for way in EXPORTS}
        load = os.getloadavg()[0]
        ways = {way: measured_apart(way, path) for way, path in {**paths, "jax": run}.items()}
    result = {
        "machine": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load_average_before": load,
        "rows": ROWS,
        "ways": ways,
    }
    if args.json:
        Path(args.json).write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(table(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
