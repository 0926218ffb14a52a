"""An ONNX export with weights of 8 bits, judged on labelled rows before and after."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mtc_keras.config import lower_is_better
from mtc_keras.data.rows import Rows
from mtc_keras.devices.quiet import quietly
from mtc_keras.errors import ExportError
from mtc_keras.export.agreement import ask, only
from mtc_keras.export.onnx.ask import MODEL
from mtc_keras.export.onnx.tables import quantize_tables
from mtc_keras.files import to_json
from mtc_keras.scoring.decisions import decide_tasks
from mtc_keras.scoring.judging import evaluate_tasks

BATCH_SIZE = 32
PREPARED = "onnx.quant.pre_process"  # the property by which ONNX Runtime knows it


def quantize(export: Path, model: Any, rows: Rows, max_loss: float) -> dict[str, Any]:
    """Replaces the weights of an ONNX export by int8, if that costs little.

    ONNX Runtime's dynamic quantization: one scale per column of each weight matrix,
    activations scaled at run time. Embedding tables have one scale per row.

    Args:
        export: the folder of the export.
        model: the `MultiTaskClassifier` that it was made from, for tasks and decisions.
        rows: labelled `Rows`, which it was not trained on.
        max_loss: float. By how much a task's main metric may get worse.

    Returns:
        `rows`, how many; `max_loss`; `before` and `after` with `megabytes` and
        `rows_per_second`; `tasks`: for each that the labels can judge its main `metric`, `before`,
        `after` and `change`, and the `largest_difference` of its probabilities.

    Raises:
        ExportError: if a task's main metric gets worse by more than that.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.registry import IntegerOpsRegistry

    large, small = export / MODEL, export / f"int8.{MODEL}"
    before, probabilities = _measured(export, rows)
    graph = onnx.load(large)
    # Marked, or it would advise, in the root logger, to infer shapes first, as tf2onnx has done.
    onnx.helper.set_model_props(graph, {**_properties(graph), PREPARED: "onnxruntime.quant"})
    quantize_tables(graph)
    onnx.save(graph, large)
    others = [operation for operation in IntegerOpsRegistry if operation != "Gather"]
    with quietly():
        quantize_dynamic(
            large,
            small,
            op_types_to_quantize=others,
            per_channel=True,
            weight_type=QuantType.QInt8,
        )
    small.replace(large)
    after, quantized = _measured(export, rows)
    changes = _changes(model, rows, probabilities, quantized)
    problems = [
        f"{name}: {found['metric']} is {found['before']:.4f} in float32 and "
        f"{found['after']:.4f} in int8"
        for name, found in changes.items()
        if not _loss(found) <= max_loss
    ]
    if problems:
        raise ExportError(
            f"int8 costs more than max_loss {max_loss} on {rows.name}; the export is removed",
            problems,
        )
    return to_json(
        {
            "rows": len(rows),
            "max_loss": max_loss,
            "before": before,
            "after": after,
            "tasks": changes,
        }
    )


def _properties(graph: Any) -> dict[str, str]:
    return {prop.key: prop.value for prop in graph.metadata_props}


def _measured(export: Path, rows: Rows) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Returns the size and speed of an export, and its probabilities of rows."""
    answers = ask(export, [list(column) for column in rows.texts], (BATCH_SIZE,))
    rate = len(rows) / float(answers[f"{BATCH_SIZE}/seconds"])
    size = (export / MODEL).stat().st_size / 1e6
    cost = {"megabytes": round(size, 1), "rows_per_second": round(rate, 1)}
    return cost, only(answers, f"{BATCH_SIZE}/serving_default/")


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
