"""What a served model is, as plain values for a client that shows its answers to people."""

from typing import TYPE_CHECKING, Any

import mtc_keras
from mtc_keras.export.saved_model.ask import INPUTS
from mtc_keras.tasks import Decision, Task

if TYPE_CHECKING:
    from mtc_keras.serve.served_model import Model


def describe(model: "Model") -> dict[str, Any]:
    """Returns what `GET /v1/models/NAME/describe` answers.

    Args:
        model: the model.

    Returns:
        dict of `name`, `version`, `format`, `server`, `max_length` in tokens, the `limits` of a
        request, `inputs`, each with the `column` of the training rows, and `tasks` in the order of
        the config: their kind, their classes with what people see for each and its threshold; of a
        number the mean and the standard deviation of the training targets, where they are known.
    """
    columns = model.data.text_columns
    limits = model.limits
    return {
        "name": model.name,
        "version": model.version,
        "format": model.format,
        "server": f"mtc-keras {mtc_keras.__version__}",
        "max_length": model.max_length,
        "limits": {
            "max_texts": limits.max_texts,
            "max_characters": limits.max_characters,
            "max_body_bytes": limits.max_body_bytes,
            "timeout": limits.timeout,
        },
        "inputs": [
            {"name": name, "column": column} for name, column in zip(INPUTS, columns, strict=False)
        ],
        "tasks": [_task(task, model.decisions.get(task.name)) for task in model.tasks],
    }


def _task(task: Task, decision: Decision | None) -> dict[str, Any]:
    exported = task.exported()
    return {
        "name": task.name,
        "kind": task.kind,
        "has_probabilities": task.has_probabilities,
        "is_exclusive": task.is_exclusive,
        "has_order": task.has_order,
        "temperature": None if decision is None else decision.temperature,
        "classes": _classes(task, decision),
        "separator": exported.get("separator"),
        "mean": exported.get("mean"),
        "scale": exported.get("scale"),
    }


def _classes(task: Task, decision: Decision | None) -> list[dict[str, Any]]:
    thresholds = {} if decision is None else decision.thresholds
    return [
        {"name": name, "shown": shown, "threshold": thresholds.get(name)}
        for name, shown in zip(task.known_classes, task.shown_classes, strict=True)
    ]
