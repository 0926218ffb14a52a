"""How much an HTTP server of a model can take, beside the model itself and a naive server.

Usage: python -m benchmarks.load --model RUN_OR_EXPORT [--model …] [--data FILE] [--json FILE]

Of each model, one after another, everything on this machine:

- offline: `predict` of the model in a process of its own, all texts at once and one at a time,
  before and after the server;
- `mtc-keras serve`: one text after another from one client; 16 clients with 32 texts a request, and
  64 clients with one text a request, as fast as they are answered; then requests of one text that
  arrive at random at half that rate, and how long the slowest percent of them took;
- the same from a FastAPI server in which each request is one forward pass (`naive_server`); at the
  rate at which `serve` was measured, if it can take it.

The clients share the processor with the servers. Every step is bounded in seconds.
"""

import argparse
import functools
import json
import os
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.clients import requests_of, send, send_at
from benchmarks.costs import seconds_of
from benchmarks.machine import machine
from benchmarks.servers import Server, serving, serving_naively

DATA = Path(__file__).parents[1] / "configs" / "data" / "public_services" / "train.jsonl"
TEXTS = 1024  # of which all requests are made
SIZE, CLIENTS = 32, 16  # texts a request, and clients that ask them
LONE_CLIENTS = 64  # with one text a request
SINGLES = 200  # texts that are asked one after another
SHARE = 0.9  # of the offline rate
RATIO = 1.5  # of the offline time of one text
Numbers = dict[str, float]


def texts_of(path: Path) -> list[str]:
    """Returns the texts of a file of JSON lines, repeated until there are enough."""
    lines = path.read_text(encoding="utf-8").splitlines()
    texts = [text for line in lines if (text := json.loads(line).get("text"))]
    return (texts * (TEXTS // len(texts) + 1))[:TEXTS]


@functools.cache
def loaded(path: str) -> Any:
    """Returns the predictor of a model, loaded once in this process."""
    from mtc_keras.predict.predictors import open_predictor

    predictor = open_predictor(path)
    predictor.load()
    return predictor


def offline(path: str, texts: list[str]) -> Numbers:
    """Measures `predict` of a model in this process."""
    predictor, singles = loaded(path), texts[:SINGLES]
    predictor.predict((texts,))  # steps are compiled, memory is taken
    rates = [len(texts) / seconds_of(predictor.predict, (texts,)) for _ in range(3)]
    for text in singles:  # each length once
        predictor.predict(([text],))
    seconds = [seconds_of(predictor.predict, ([text],)) for text in singles]
    return {"rows_per_second": statistics.median(rates), "one_text": statistics.median(seconds)}


def online(server: Server, texts: Sequence[str], seconds: float, rate: float | None) -> Numbers:
    """Measures a server.

    Args:
        server: it.
        texts: texts that it is asked.
        seconds: how long each step lasts.
        rate: optional float. Requests of one text per second at which latencies are taken, at
            most half of what it can take; `None`: that half.
    """
    ones, many = requests_of(texts, 1), requests_of(texts, SIZE)
    # One length after another may be compiled.
    send(server.port, ones[:SINGLES], 1, seconds)
    single = send(server.port, ones[:SINGLES], 1, seconds)
    send(server.port, many, CLIENTS, seconds / 2)
    full = send(server.port, many, CLIENTS, seconds)
    send(server.port, ones, LONE_CLIENTS, seconds / 2)
    alone = send(server.port, ones, LONE_CLIENTS, seconds)
    half = min(rate or alone.rate(1) / 2, alone.rate(1) / 2)
    arriving = send_at(server.port, ones, LONE_CLIENTS, seconds, rate=half)
    return {
        "one_text": single.percentile(50),
        "rows_per_second": full.rate(SIZE),
        "rows_per_second_alone": alone.rate(1),
        "median_when_full": alone.percentile(50),
        "half_rate": half,
        "half_median": arriving.percentile(50),
        "half_99": arriving.percentile(99),
        "refused": single.refused + full.refused + alone.refused + arriving.refused,
    }


def measure(path: Path, texts: list[str], seconds: float) -> dict[str, Numbers]:
    """Measures one model offline, served, offline again, and served naively.

    A machine that others use, too, is faster at one time than at another: the offline numbers are
    the means of those before and after.
    """
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        before = process.submit(offline, str(path), texts).result()
        print(f"measuring serve of {path}", file=sys.stderr, flush=True)
        with serving(path) as server:
            served = online(server, texts, seconds, None)
        after = process.submit(offline, str(path), texts).result()
    print(f"measuring naive of {path}", file=sys.stderr, flush=True)
    with serving_naively(path) as server:
        naive = online(server, texts, seconds, served["half_rate"])
    mean = {key: (before[key] + after[key]) / 2 for key in before}
    return {"offline": mean, "serve": served, "naive": naive}


def table(models: Mapping[str, Mapping[str, Numbers]]) -> str:
    """Returns the Markdown tables of a result: the numbers, and the bars with what reached them."""
    rows = [
        ("one text, median, ms", "one_text", 1e3, ".1f"),
        (f"texts/s, {SIZE} a request, {CLIENTS} clients", "rows_per_second", 1, ",.0f"),
        (f"texts/s, 1 a request, {LONE_CLIENTS} clients", "rows_per_second_alone", 1, ",.0f"),
        ("requests/s of the next two", "half_rate", 1, ",.0f"),
        ("one text under this load, median, ms", "half_median", 1e3, ".1f"),
        ("one text under this load, 99th percentile, ms", "half_99", 1e3, ".1f"),
        ("requests that were refused", "refused", 1, ".0f"),
    ]
    ways = ("offline", "serve", "naive")
    lines = [["", *(f"{Path(model).name}, {way}" for model in models for way in ways)]]
    lines.append(["---"] * len(lines[0]))
    for label, key, factor, shown in rows:
        cells = [found[way].get(key) for found in models.values() for way in ways]
        lines.append([label, *("" if c is None else format(c * factor, shown) for c in cells)])
    lines += [[], ["bar", "model", "measured", "needed", ""], ["---"] * 5]
    for model, found in models.items():
        share = found["serve"]["rows_per_second"] / found["offline"]["rows_per_second"]
        ratio = found["serve"]["one_text"] / found["offline"]["one_text"]
        model = Path(model).name
        lines.append(["texts/s over offline", model, *_bar(share, SHARE, share >= SHARE, "≥")])
        lines.append(["one text over offline", model, *_bar(ratio, RATIO, ratio <= RATIO, "≤")])
    return "\n".join(f"| {' | '.join(line)} |" if line else "" for line in lines)


def _bar(measured: float, needed: float, met: bool, sign: str) -> list[str]:
    return [f"{measured:.2f}", f"{sign} {needed}", "met" if met else "missed"]


def main(argv: list[str] | None = None) -> int:
    """Runs the benchmark; returns its exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--model", metavar="DIR", type=Path, action="append", required=True, help="repeatable")
    add("--data", metavar="FILE", type=Path, default=DATA, help="JSON lines with a column text")
    add("--seconds", metavar="S", type=float, default=6.0, help="of each step (default: 6)")
    add("--json", metavar="FILE", type=Path, help="write the numbers as JSON, too")
    args = parser.parse_args(argv)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    texts, told = texts_of(args.data), machine()
    print(f"{told['shown']}; load average before: {os.getloadavg()[0]:.1f}", file=sys.stderr)
    started = time.perf_counter()
    models = {str(path): measure(path, texts, args.seconds) for path in args.model}
    elapsed = time.perf_counter() - started
    if args.json:
        result = {"machine": told, "texts": len(texts), "seconds": elapsed, "models": models}
        args.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(table(models))
    return 0


if __name__ == "__main__":
    sys.exit(main())
