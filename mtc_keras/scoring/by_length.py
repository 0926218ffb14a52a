"""Metrics of short and of long texts apart."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mtc_keras.scoring.intervals import main_score
from mtc_keras.tasks import Task


def judge_by_length(
    tasks: Sequence[Task],
    targets: Mapping[str, np.ndarray],
    predictions: Mapping[str, np.ndarray],
    lengths: np.ndarray,
    max_length: int,
) -> list[dict[str, Any]]:
    """Judges every task on texts of similar length.

    Args:
        tasks: the tasks.
        targets: dict from task to encoded labels of N rows.
        predictions: dict from task to what `Task.decide` returned for the same rows.
        lengths: int of shape `(N,)`, tokens of the whole texts, special tokens counted.
        max_length: int. Tokens that the backbone reads at once.

    Returns:
        A dict per range: texts of at most half of `max_length`, of at most `max_length`, of at
        most twice as many, and longer ones. `above` and `up_to` are its bounds (the last one has
        no `up_to`), `rows` its texts, and `tasks` for each task with a label in it the labelled
        `rows` and its main metric.
    """
    bounds = [0, max_length // 2, max_length, 2 * max_length]
    bucket = np.searchsorted(bounds[1:], lengths)  # of `lengths <= bounds[1]` 0
    found = []
    for number, above in enumerate(bounds):
        rows = bucket == number
        up_to = {"up_to": bounds[number + 1]} if number + 1 < len(bounds) else {}
        found.append(
            {
                "above": above,
                **up_to,
                "rows": int(rows.sum()),
                "tasks": {
                    task.name: judged
                    for task in tasks
                    if (judged := _main(task, targets[task.name], predictions[task.name], rows))
                },
            }
        )
    return found


def _main(
    task: Task, targets: np.ndarray, predictions: np.ndarray, rows: np.ndarray
) -> dict[str, Any] | None:
    """Returns a task's main metric over some rows; nothing where none has a label."""
    rows = rows & task.labelled(targets)
    if not rows.any():
        return None
    score = main_score(task, targets[rows], predictions[rows])
    return {"rows": int(rows.sum()), task.main_metric: score}
