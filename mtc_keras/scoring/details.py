"""What a task's probabilities are worth: ranking, calibration, and risk against coverage."""

from typing import Any

import numpy as np

from mtc_keras.scoring.decisions import activate
from mtc_keras.tasks import Decision, Task
from mtc_keras.tasks.metrics import calibration_error, ranking_metrics, risk_coverage


def probability_metrics(
    task: Task,
    targets: np.ndarray,
    logits: np.ndarray,
    decision: Decision | None = None,
) -> dict[str, Any]:
    """Returns what probabilities are worth, before and after the task's decision.

    Args:
        task: the task.
        targets: encoded labels of N rows, at least one of them labelled.
        logits: float32, the logits of the same rows.
        decision: the temperature and thresholds.

    Returns:
        `undecided`: the task's metrics at temperature 1 and thresholds of 0.5;
        `average_precision_macro` and `roc_auc_macro`, and both for each class under `classes`;
        `calibration`: log loss, expected calibration error and Brier score of
        probabilities `before` and `after` the temperature; `risk_coverage`: the table.
    """
    rows = task.labelled(targets)
    targets, logits = targets[rows], logits[rows]
    before, after = activate(task, logits), activate(task, logits, decision)
    undecided = task.score(targets, task.decide(before))
    del undecided["classes"]
    return {
        "undecided": undecided,
        **ranking_metrics(
            task.class_indicator(targets),
            task.known_cells(targets),
            after,
            task.known_classes,
        ),
        "calibration": {
            moment: {
                "log_loss": task.log_loss(targets, stated),
                "expected_calibration_error": calibration_error(*task.reliability(targets, stated)),
                "brier_score": task.brier_score(targets, stated),
            }
            for moment, stated in (("before", before), ("after", after))
        },
        "risk_coverage": risk_coverage(
            task.confidence(after, decision), task.right(targets, task.decide(after, decision))
        ),
    }
