"""An ONNX export with weights of 8 bits, judged on labelled rows before and after."""

import json
import math
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mtc_keras.config import lower_is_better
from mtc_keras.data.rows import Rows
from mtc_keras.devices.quiet import quietly
from mtc_keras.errors import ExportError
from mtc_keras.export.agreement import ask, last_line, only, run_module
from mtc_keras.export.onnx.ask import MODEL
from mtc_keras.export.onnx.rates import INT8, ROWS
from mtc_keras.export.onnx.tables import quantize_matrices, quantize_tables
from mtc_keras.files import json_line, to_json, write_whole
from mtc_keras.scoring.decisions import decide_tasks
from mtc_keras.scoring.judging import evaluate_tasks

BATCH_SIZE = 32
LARGE = f"float32.{MODEL}"  # while both are there
PREPARED = "onnx.quant.pre_process"  # the property by which ONNX Runtime knows it


def quantize(
    export: Path, model: Any, rows: Rows, max_loss: float, *, kind: str = INT8
) -> dict[str, Any]:
    """Replaces the weights of an ONNX export by int8, if that costs little.

    Each column of a weight matrix has a scale, and so has each row of an embedding table. `int8` is
    ONNX Runtime's dynamic quantization, which multiplies in 8 bits and scales activations at run
    time; `int8_weights` multiplies in float32.

    Args:
        export: the folder of the export.
        model: the `MultiTaskClassifier` that it was made from, for tasks and decisions.
        rows: labelled `Rows`, which it was not trained on.
        max_loss: float. By how much a task's main metric may get worse.
        kind: `"int8"` or `"int8_weights"`.

    Returns:
        `quantize`, the kind; `rows`, how many; `max_loss`; `before` and `after` with `megabytes`
        and `rows_per_second`; `speed`, how that was measured and on which processor; `tasks`: for
        each that the labels can judge its main `metric`, `before`, `after` and `change`, and the
        `largest_difference` of its probabilities.

    Raises:
        ExportError: if a task's main metric gets worse by more than that.
    """
    answers = [_probabilities(export, rows)]
    (export / MODEL).replace(export / LARGE)
    _write_small(export, kind)
    answers.append(_probabilities(export, rows))
    changes = _changes(model, rows, *answers)
    problems = [
        f"{name}: {found['metric']} is {found['before']:.4f} in float32 and "
        f"{found['after']:.4f} in {kind}"
        for name, found in changes.items()
        if not _loss(found) <= max_loss
    ]
    if problems:
        raise ExportError(
            f"{kind} costs more than max_loss {max_loss} on {rows.name}; the export is removed",
            problems,
        )
    speed = _speed(export, rows)
    costs = [
        {
            "megabytes": round((export / name).stat().st_size / 1e6, 1),
            "rows_per_second": round(rate, 1),
        }
        for name, rate in zip((LARGE, MODEL), speed.pop("rates"), strict=True)
    ]
    (export / LARGE).unlink()
    return to_json(
        {
            "quantize": kind,
            "rows": len(rows),
            "max_loss": max_loss,
            **dict(zip(("before", "after"), costs, strict=True)),
            "speed": speed,
            "tasks": changes,
        }
    )


def _write_small(export: Path, kind: str) -> None:
    """Writes `MODEL` of what `LARGE` holds."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.registry import IntegerOpsRegistry

    graph = onnx.load(export / LARGE)
    quantize_tables(graph)
    if kind != INT8:
        quantize_matrices(graph)
        onnx.save(graph, export / MODEL)
        return
    # Marked, or it would advise, in the root logger, to infer shapes first, as tf2onnx has done.
    onnx.helper.set_model_props(graph, {**_properties(graph), PREPARED: "onnxruntime.quant"})
    prepared = export / f"prepared.{MODEL}"
    onnx.save(graph, prepared)
    others = [operation for operation in IntegerOpsRegistry if operation != "Gather"]
    with quietly():
        quantize_dynamic(
            prepared,
            export / MODEL,
            op_types_to_quantize=others,
            per_channel=True,
            weight_type=QuantType.QInt8,
        )
    prepared.unlink()


def _speed(export: Path, rows: Rows) -> dict[str, Any]:
    """Returns the `rates` of `LARGE` and `MODEL`, and how `rates.main` measured them."""
    with tempfile.TemporaryDirectory(prefix="mtc_keras_") as folder:
        questions, answers = Path(folder) / "questions.json", Path(folder) / "answers.json"
        texts = [list(column[:ROWS]) for column in rows.texts]
        write_whole(questions, json_line({"texts": texts, "models": [LARGE, MODEL]}))
        files = [str(export), str(questions), str(answers)]
        measuring = run_module("mtc_keras.export.onnx.rates", *files)
        if measuring.returncode:
            raise ExportError(
                "the export cannot be measured with ONNX Runtime; it is removed",
                [last_line(measuring)],
            )
        return json.loads(answers.read_text(encoding="utf-8"))


def _properties(graph: Any) -> dict[str, str]:
    return {prop.key: prop.value for prop in graph.metadata_props}


def _probabilities(export: Path, rows: Rows) -> dict[str, np.ndarray]:
    answers = ask(export, [list(column) for column in rows.texts], (BATCH_SIZE,))
    return only(answers, f"{BATCH_SIZE}/serving_default/")


def _changes(
    model: Any, rows: Rows, before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray]
) -> dict[str, dict[str, Any]]:
    scores = [_main_metrics(model, rows, probabilities) for probabilities in (before, after)]
    return {
        task.name: {
            "metric": task.main_metric,
            "before": scores[0][task.name],
            "after": scores[1][task.name],
            "change": scores[1][task.name] - scores[0][task.name],
            "largest_difference": float(np.abs(after[task.name] - before[task.name]).max()),
        }
        for task in model.tasks
        if math.isfinite(scores[0].get(task.name, math.nan))
    }


def _main_metrics(
    model: Any, rows: Rows, probabilities: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """Returns the main metric of each task that has labels."""
    predictions = decide_tasks(model.tasks, probabilities, model.decisions)
    found = evaluate_tasks(model.tasks, rows.targets, predictions)["tasks"]
    return {
        task.name: found[task.name][task.main_metric] for task in model.tasks if found[task.name]
    }


def _loss(found: Mapping[str, Any]) -> float:
    change = found["change"]
    return change if lower_is_better(f"_{found['metric']}") else -change
