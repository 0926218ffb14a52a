"""How fast two models of one ONNX export answer on this machine, asked in turn.

`python -m mtc_keras.export.onnx.rates EXPORT QUESTIONS.json ANSWERS.json` measures in a process of
its own. What 8-bit products are worth depends on the processor: with VNNI they are twice as fast as
float32, without it often slower.
"""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from mtc_keras.export.onnx.ask import ServedOnnx, Texts, as_rows

SECONDS = 3.0
BATCH_SIZE = 32
ROWS = 512  # at most, so that texts of every length come in the time
# As Linux names them, for x86 (VNNI, AMX) and Arm (dot products, products of matrices of 8 bits).
FLAGS = {"avx512_vnni", "avx512vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm"}
INT8, INT8_WEIGHTS = "int8", "int8_weights"  # weights and products in 8 bits, or weights alone


class Answering(Protocol):
    """A loaded model, such as `ServedOnnx`."""

    def ask(self, texts: Texts, batch_size: int = 32) -> Any: ...


def rates_in_turn(
    served: Sequence[Answering], texts: Texts, seconds: float = SECONDS
) -> tuple[list[float], dict[str, Any]]:
    """Returns rows per second of each model, and how they were measured.

    Args:
        served: the models, which answer the same batches, in an order that rotates.
        texts: N ≥ 1 strings, or pairs of strings, asked again when all were.
        seconds: float. A new batch begins until that time has passed.
    """
    for model in served:
        model.ask(texts[:1])  # the first time allocates memory
    spent = [0.0] * len(served)
    rows = number = 0
    started = time.perf_counter()
    while not rows or time.perf_counter() - started < seconds:
        first = number * BATCH_SIZE % len(texts)
        batch = texts[first : first + BATCH_SIZE]
        for place in range(len(served)):
            turn = (place + number) % len(served)
            asked = time.perf_counter()
            served[turn].ask(batch, BATCH_SIZE)
            spent[turn] += time.perf_counter() - asked
        rows += len(batch)
        number += 1
    measured = {
        "seconds": round(time.perf_counter() - started, 1),
        "rows": rows,
        "batch_size": BATCH_SIZE,
    }
    return [rows / each for each in spent], measured


def processor() -> dict[str, Any]:
    """Returns `processor`, its name, and `has_int8_products`; `None` where it does not tell."""
    import cpuinfo

    found = cpuinfo.get_cpu_info()
    flags = set(found.get("flags") or ())
    return {
        "processor": found.get("brand_raw"),
        "has_int8_products": bool(flags & FLAGS) if flags else None,
    }


def advice(int8: Mapping[str, Any]) -> str:
    """Returns what the rates say about where an export in 8 bits should run, in one sentence.

    Args:
        int8: what `mtc_keras.json` holds under `int8`.
    """
    before, after = (int8[when]["rows_per_second"] for when in ("before", "after"))
    speed = int8["speed"]
    if int8["quantize"] == INT8_WEIGHTS:
        return (
            "its matrices become float32 when it is loaded, so that it needs float32's time, and "
            "its memory but for the embedding tables"
        )
    if after > before:
        return (
            "on a processor without 8-bit products (VNNI, AMX, Arm's dot products) int8 may be "
            "slower than float32: measure it where it will serve"
        )
    why = ", which has no 8-bit products (VNNI)" if speed["has_int8_products"] is False else ""
    return (
        f"int8 is slower than float32 on this processor{why}: serve float32 on such machines, or "
        f"quantize {INT8_WEIGHTS}, which is as small and computes in float32"
    )


def main(export: str, questions: str, answers: str) -> None:
    """Measures the models that `questions` names, on its `texts`."""
    asked = json.loads(Path(questions).read_text(encoding="utf-8"))
    served = [ServedOnnx(export, name) for name in asked["models"]]
    rates, measured = rates_in_turn(served, as_rows(asked["texts"]))
    found = {"rates": rates, **measured, **processor()}
    Path(answers).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
