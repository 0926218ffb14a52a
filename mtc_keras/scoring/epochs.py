"""What the epoch that was kept costs each task."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mtc_keras.config import lower_is_better
from mtc_keras.tasks import Task


def best_epochs(
    tasks: Sequence[Task], evaluations: Sequence[Mapping[str, Any]], kept: int
) -> dict[str, Any]:
    """Returns each task's own best epoch, and what the kept one costs it.

    Args:
        tasks: the tasks.
        evaluations: what `evaluate_tasks` returned after each epoch.
        kept: int. Index of the epoch kept.

    Returns:
        For each task its `metric`, the value `kept`, its `best_epoch` (from 1), the value
        `best` there, and the `cost`: how much worse the kept epoch is.
    """
    found = {}
    for task in tasks:
        metric = task.main_metric
        values = [(epoch["tasks"][task.name] or {}).get(metric, math.nan) for epoch in evaluations]
        sign = -1 if lower_is_better(f"_{metric}") else 1
        finite = [sign * value if math.isfinite(value) else -math.inf for value in values]
        best = int(np.argmax(finite))
        found[task.name] = {
            "metric": metric,
            "kept": values[kept],
            "best_epoch": best + 1,
            "best": values[best],
            "cost": sign * (values[best] - values[kept]),
        }
    return found
