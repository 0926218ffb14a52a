"""The signatures of our SavedModels, of whatever is served."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mtc_keras.serve.http.service import inputs_of
from mtc_keras.serve.served_model import Model
from mtc_keras.tasks import Decision, Task

SIGNATURES = ("serving_default", "classify")
Outputs = Mapping[str, Sequence[Any] | np.ndarray]


def outputs_of(model: Model, probabilities: Mapping[str, np.ndarray], signature: str) -> Outputs:
    """Returns what a signature answers for N rows.

    Args:
        model: the `Model`.
        probabilities: dict from task to float32 of shape `(N, C)`, or `(N,)`.
        signature: `"serving_default"` or `"classify"`.
    """
    if signature == "serving_default":
        return {task.name: probabilities[task.name] for task in model.tasks}
    return {
        f"{task.name}__{key}": values
        for task in model.tasks
        for key, values in _decided(
            task, probabilities[task.name], model.decisions.get(task.name)
        ).items()
    }


def _decided(task: Task, found: np.ndarray, decision: Decision | None) -> dict[str, Any]:
    """Returns what `Task.serve` does, without TensorFlow."""
    if not task.has_probabilities:
        return {"value": found}
    chosen, names = task.decide(found, decision), task.shown_classes
    if task.is_exclusive:
        probability = np.take_along_axis(found, chosen[:, None], axis=1)[:, 0]  # (N, C) -> (N,)
        return {"labels": [names[index] for index in chosen], "probability": probability}
    return {
        "labels": [names] * len(found),
        "selected": chosen.astype("int32"),
        "probability": found,
    }


def signature_def(model: Model) -> dict[str, Any]:
    """Returns the signatures as TensorFlow has them in JSON; names in a graph are made up."""
    return {name: _signature(model, name) for name in SIGNATURES}


def _signature(model: Model, signature: str) -> dict[str, Any]:
    inputs = {
        name: _tensor("DT_STRING", [-1], f"{signature}_{name}:0") for name in inputs_of(model)
    }
    outputs: dict[str, Any] = {}
    for task in model.tasks:
        width = [len(task.shown_classes)] if task.has_probabilities else []
        found = {task.name: ("DT_FLOAT", width)}
        if signature == "classify":
            found = {f"{task.name}__{key}": value for key, value in _tensors(task, width).items()}
        for name, (dtype, shape) in found.items():
            number = len(outputs)
            outputs[name] = _tensor(dtype, [-1, *shape], f"StatefulPartitionedCall:{number}")
    return {
        "inputs": inputs,
        "outputs": outputs,
        "method_name": "tensorflow/serving/predict",
        "defaults": {},
    }


def _tensors(task: Task, width: list[int]) -> dict[str, tuple[str, list[int]]]:
    if not task.has_probabilities:
        return {"value": ("DT_FLOAT", [])}
    if task.is_exclusive:
        return {"labels": ("DT_STRING", []), "probability": ("DT_FLOAT", [])}
    return {
        "labels": ("DT_STRING", width),
        "selected": ("DT_INT32", width),
        "probability": ("DT_FLOAT", width),
    }


def _tensor(dtype: str, shape: Sequence[int], name: str) -> dict[str, Any]:
    dimensions = [{"size": str(size), "name": ""} for size in shape]
    return {
        "dtype": dtype,
        "tensor_shape": {"dim": dimensions, "unknown_rank": False},
        "name": name,
    }
