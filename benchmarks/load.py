"""How much an HTTP server of a model can take, beside the model itself and a naive server.

Usage: python -m benchmarks.load --model RUN_OR_EXPORT [--model …] [--data FILE] [--json FILE]

Of each model, in turns and in several rounds, of which medians are shown:

- offline: `predict` of the model in a process of its own, all texts at once and one at a time;
- `mtc-keras serve`: one text after another from one client; 16 clients with 32 texts a request, and
  64 clients with one text a request, as fast as they are answered; then requests of one text that
  arrive at random at half that rate, and how long the slowest percent of them took;
- the same from a FastAPI server in which each request is one forward pass (`naive_server`).

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

from benchmarks.clients import means_inside, requests_of, send, send_at
from benchmarks.costs import seconds_of
from benchmarks.machine import machine
from benchmarks.servers import serving, serving_naively

DATA = Path(__file__).parents[1] / "configs" / "data" / "public_services" / "train.jsonl"
TEXTS = 1024  # of which all requests are made
SIZE, CLIENTS = 32, 16  # texts a request, and clients that ask them
LONE_CLIENTS = 64  # with one text a request
SINGLES = 100  # texts that are asked one after another
SHARE = 0.9  # of the offline rate
RATIO = 1.5  # of the offline time of one text
# What a server says of one text after another, in means: of its own time and of its worker's.
INSIDE = {
    "inside": "mtc_keras_request_seconds tf_serving",
    "computing": "mtc_keras_compute_seconds",
}
Numbers = dict[str, float]
Rounds = Mapping[str, list[Numbers]]  # from offline, serve and naive to the numbers of each round


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


def warm_offline(path: str, texts: list[str]) -> None:
    """Has a model compute everything once: steps are compiled, memory is taken."""
    predictor = loaded(path)
    predictor.predict((texts,))
    for text in texts[:SINGLES]:
        predictor.predict(([text],))


def offline(path: str, texts: list[str]) -> Numbers:
    """Measures `predict` of a model in this process."""
    predictor = loaded(path)
    rate = len(texts) / seconds_of(predictor.predict, (texts,))
    seconds = [seconds_of(predictor.predict, ([text],)) for text in texts[:SINGLES]]
    return {"rows_per_second": rate, "one_text": statistics.median(seconds)}


def warm_online(port: int, texts: Sequence[str], seconds: float) -> float:
    """Has a server compute everything once; returns the requests of one text per second."""
    ones = requests_of(texts, 1)
    send(port, ones[:SINGLES], 1, seconds)
    send(port, requests_of(texts, SIZE), CLIENTS, seconds)
    return send(port, ones, LONE_CLIENTS, seconds).rate(1)


def online(port: int, texts: Sequence[str], seconds: float, rate: float) -> Numbers:
    """Measures a server.

    Args:
        port: int. Where it listens.
        texts: texts that it is asked.
        seconds: how long each step lasts.
        rate: float. Requests of one text per second at which latencies are taken.
    """
    ones, many = requests_of(texts, 1), requests_of(texts, SIZE)
    with means_inside(port) as inside:
        single = send(port, ones[:SINGLES], 1, seconds)
    full = send(port, many, CLIENTS, seconds)
    alone = send(port, ones, LONE_CLIENTS, seconds)
    arriving = send_at(port, ones, LONE_CLIENTS, seconds, rate=rate)
    return {
        "one_text": single.percentile(50),
        **{f"one_text_{name}": inside[key] for name, key in INSIDE.items() if key in inside},
        "rows_per_second": full.rate(SIZE),
        "rows_per_second_alone": alone.rate(1),
        "half_rate": rate,
        "half_median": arriving.percentile(50),
        "half_99": arriving.percentile(99),
        "refused": single.refused + full.refused + alone.refused + arriving.refused,
    }


def measure(path: Path, texts: list[str], seconds: float, rounds: int) -> Rounds:
    """Measures one model offline, served and served naively, in turns.

    A machine that others use, too, is faster at one time than at another; what is compared was
    measured within the same seconds.
    """
    found: dict[str, list[Numbers]] = {"offline": [], "serve": [], "naive": []}
    with (
        ProcessPoolExecutor(1, get_context("spawn")) as process,
        serving(path) as server,
        serving_naively(path) as naive,
    ):
        process.submit(warm_offline, str(path), texts).result()
        half = warm_online(server.port, texts, seconds) / 2
        half = min(half, warm_online(naive.port, texts, seconds) / 2)
        for number in range(rounds):
            print(f"round {number + 1} of {path}", file=sys.stderr, flush=True)
            found["offline"].append(process.submit(offline, str(path), texts).result())
            found["serve"].append(online(server.port, texts, seconds, half))
            found["naive"].append(online(naive.port, texts, seconds, half))
    return found


def table(models: Mapping[str, Rounds]) -> str:
    """Returns the Markdown tables of a result: medians of the rounds, and the bars."""
    rows = [
        ("one text, median, ms", "one_text", 1e3, ".1f"),
        ("of it from the request's head to its answer, ms", "one_text_inside", 1e3, ".1f"),
        ("of it on the way to the worker, there, and back, ms", "one_text_computing", 1e3, ".1f"),
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
        cells = [
            format(factor * statistics.median(numbers[key] for numbers in found[way]), shown)
            if key in found[way][0]
            else ""
            for found in models.values()
            for way in ways
        ]
        lines.append([label, *cells])
    lines += [[], ["bar", "model", "measured", "needed", ""], ["---"] * 5]
    for model, found in models.items():
        share, ratio = (over_offline(found, key) for key in ("rows_per_second", "one_text"))
        model = Path(model).name
        lines.append(["texts/s over offline", model, *_bar(share, SHARE, share >= SHARE, "≥")])
        lines.append(["one text over offline", model, *_bar(ratio, RATIO, ratio <= RATIO, "≤")])
    return "\n".join(f"| {' | '.join(line)} |" if line else "" for line in lines)


def over_offline(found: Rounds, key: str) -> float:
    """Returns the median over the rounds of a number of the server over that of the model."""
    pairs = zip(found["serve"], found["offline"], strict=True)
    return statistics.median(served[key] / alone[key] for served, alone in pairs)


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
    add("--seconds", metavar="S", type=float, default=3.0, help="of each step (default: 3)")
    add("--rounds", metavar="N", type=int, default=4, help="(default: 4)")
    add("--json", metavar="FILE", type=Path, help="write the numbers as JSON, too")
    args = parser.parse_args(argv)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    texts, told = texts_of(args.data), machine()
    print(f"{told['shown']}; load average before: {os.getloadavg()[0]:.1f}", file=sys.stderr)
    started = time.perf_counter()
    models = {str(path): measure(path, texts, args.seconds, args.rounds) for path in args.model}
    elapsed = time.perf_counter() - started
    if args.json:
        result = {"machine": told, "texts": len(texts), "seconds": elapsed, "models": models}
        args.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(table(models))
    return 0


if __name__ == "__main__":
    sys.exit(main())
