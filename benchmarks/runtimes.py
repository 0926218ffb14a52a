"""Measures ONNX exports in ONNX Runtime and in OpenVINO, on the same texts, in turn.

    python3 -m venv ov && ov/bin/pip install openvino nncf onnxruntime tokenizers numpy
    ov/bin/python -m benchmarks.runtimes --float32 EXPORT --int8 EXPORT --data TEXTS.jsonl

EXPORT is a version's folder. OpenVINO's int8 is made by NNCF, as for transformers, and calibrated
on texts that are not measured. It needs no more of this package than what asks an ONNX export.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mtc_keras.export.onnx.ask import MODEL, ServedOnnx

Inputs = dict[str, np.ndarray]
Answer = Callable[[Inputs], Sequence[np.ndarray]]
THREADS = (1, 2)
BATCH_SIZES = (1, 32)
ROUNDS = 4  # of which the first warms up
CALIBRATION = 300  # texts
BASE = "ONNX Runtime int8"
SINGLE = 128  # of the texts are asked one by one


def in_onnx_runtime(export: Path, threads: int) -> Answer:
    """Returns what answers a batch of token ids in ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        str(export / MODEL), options, providers=["CPUExecutionProvider"]
    )
    names = sorted(tensor.name for tensor in session.get_outputs())
    return lambda inputs: session.run(names, inputs)


def in_openvino(model: Any, threads: int, precision: str) -> Answer:
    """Returns what answers a batch of token ids in OpenVINO."""
    import openvino

    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": precision,
    }
    compiled = openvino.Core().compile_model(model, "CPU", settings)
    request = compiled.create_infer_request()
    outputs = sorted(compiled.outputs, key=lambda output: output.get_any_name())

    def answer(inputs: Inputs) -> list[np.ndarray]:
        found = request.infer(inputs)
        return [found[output] for output in outputs]

    return answer


def quantized(model: Any, served: ServedOnnx, texts: Sequence[str]) -> Any:
    """Returns an OpenVINO model in int8, calibrated by NNCF on some texts."""
    import nncf

    data = nncf.Dataset(list(texts), lambda text: served.read([text])[0])
    kind = nncf.ModelType.TRANSFORMER
    return nncf.quantize(model, data, model_type=kind, subset_size=len(texts))


def measure(
    ways: dict[str, Answer], batches: Sequence[Inputs]
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Returns each way's rows per second by round, and its largest difference to the first way.

    Args:
        ways: what answers, by name; in each round another one begins.
        batches: inputs, asked one after the other.
    """
    rows = sum(len(batch["token_ids"]) for batch in batches)
    rates: dict[str, list[float]] = {name: [] for name in ways}
    answers: dict[str, list[np.ndarray]] = {}
    names = list(ways)
    for number in range(ROUNDS):
        for place in range(len(names)):
            name = names[(place + number) % len(names)]
            started = time.perf_counter()
            found = [ways[name](batch) for batch in batches]
            seconds = time.perf_counter() - started
            if number:
                rates[name].append(rows / seconds)
            else:
                # Copied, as a runtime may write into the same memory again.
                answers[name] = [np.array(one, copy=True) for batch in found for one in batch]
    differences = {
        name: max(
            float(np.abs(one - other).max())
            for one, other in zip(answers[names[0]], found, strict=True)
        )
        for name, found in answers.items()
    }
    return rates, differences


def table(found: dict[str, dict[str, Any]]) -> str:
    """Returns the Markdown table of `measure`'s results by column."""
    columns = list(found)
    lines = [["rows/s", *columns, "largest difference"], ["---"] * (2 + len(columns))]
    for way in found[columns[0]]["rates"]:
        cells = []
        for column in columns:
            rates, base = found[column]["rates"][way], found[column]["rates"][BASE]
            ratio = statistics.median(a / b for a, b in zip(rates, base, strict=True))
            cells.append(f"{statistics.median(rates):,.0f} ({ratio:.2f})")
        difference = max(found[column]["differences"][way] for column in columns)
        lines.append([way, *cells, f"{difference:.1e}"])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main(argv: list[str] | None = None) -> int:
    """Runs the benchmark; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--float32", metavar="DIR", type=Path, required=True, help="an ONNX export")
    parser.add_argument("--int8", metavar="DIR", type=Path, required=True, help="the same in int8")
    parser.add_argument("--data", metavar="FILE", required=True, help="JSON Lines with `text`")
    parser.add_argument("--rows", metavar="N", type=int, default=256, help="texts (default: 256)")
    args = parser.parse_args(argv)
    import openvino

    lines = Path(args.data).read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines[: args.rows + CALIBRATION]]
    texts, calibration = texts[: args.rows], texts[args.rows :]
    served = ServedOnnx(args.float32)
    model = openvino.Core().read_model(args.float32 / MODEL)
    small = quantized(model, served, calibration)
    load, found = os.getloadavg()[0], {}
    for threads in THREADS:
        ways = {
            "ONNX Runtime float32": in_onnx_runtime(args.float32, threads),
            BASE: in_onnx_runtime(args.int8, threads),
            "OpenVINO float32": in_openvino(model, threads, "f32"),
            "OpenVINO bf16": in_openvino(model, threads, "bf16"),
            "OpenVINO int8": in_openvino(small, threads, "f32"),
            "OpenVINO int8, bf16": in_openvino(small, threads, "bf16"),
        }
        for size in BATCH_SIZES:
            asked = texts if size > 1 else texts[:SINGLE]
            starts = range(0, len(asked), size)
            batches = [served.read(asked[start : start + size])[0] for start in starts]
            rates, differences = measure(ways, batches)
            key = f"{threads} thread{'s' * (threads > 1)}, {size} text{'s' * (size > 1)}"
            found[key] = {"rates": rates, "differences": differences}
    print(f"load average before: {load:.1f}; in brackets: over {BASE} in the same round")
    print(table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
