"""Numbers, metrics and kinds as a reader without statistics calls them."""

import math
from typing import Any

from mtc_keras.tasks import Task

MEANINGS = {
    "accuracy": "share of rows that are predicted wholly right",
    "f1_micro": "F1 over all labels together: 1 is perfect, 0 is useless",
    "f1_macro": "mean of the classes' F1, rare classes counting as much as frequent ones",
    "quadratic_weighted_kappa": "agreement beyond chance, far misses counting more: 1 is perfect, "
    "0 is chance",
    "r2": "share of the variance that is explained: 1 is perfect, 0 is always saying the mean",
    "mae": "mean distance between the prediction and the truth",
    "rmse": "root of the mean squared distance between the prediction and the truth",
}


def metric_name(metric: str) -> str:
    """Returns a metric's name for people: `f1_micro` is "F1 micro"."""
    names = {"r2": "R²", "mae": "MAE", "rmse": "RMSE"}
    return names.get(metric, metric.replace("_", " ").replace("f1", "F1"))


def shown(value: Any, digits: int = 3) -> str:
    """Returns a number for a sentence, "undefined" where it is none."""
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return "undefined"
    return f"{value:.{digits}f}".replace("-", "−")


def listed_rows(count: int) -> str:
    """Returns a number of rows."""
    return f"{count:,} {'row' if count == 1 else 'rows'}"


def constant_answer(task: Task, constant: Any) -> str:
    """Returns what the best constant prediction of a task is, in words.

    Args:
        task: the task.
        constant: what `metrics.json` holds of it.
    """
    if constant is None:
        return "always the same answer"
    if task.has_classes and isinstance(constant, int):
        return f"always “{task.shown_classes[constant]}”"
    if task.has_classes:
        labels = [name for name, one in zip(task.shown_classes, constant, strict=True) if one]
        return f"always “{'”, “'.join(labels)}”" if labels else "never any label"
    return f"always {constant:.4g}" if isinstance(constant, (int, float)) else "a constant"
