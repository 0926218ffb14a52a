"""Fits the decisions of a task on rows that it was not trained on: temperature, thresholds."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from mtc_keras.tasks import Decision, Task

Rule = Literal["per_label", "per_task"]
FOLDS = 5
# Number of positives at which a label's own threshold counts as much as the task's common one.
PRIOR_POSITIVES = 10.0
COLDEST, HOTTEST = 0.05, 20.0


def fit_decisions(
    tasks: Sequence[Task],
    targets: Mapping[str, np.ndarray],
    logits: Mapping[str, np.ndarray],
    thresholds: Rule | float = "per_label",
    calibration: Literal["temperature", "none"] = "temperature",
    seed: int = 0,
) -> dict[str, Decision]:
    """Fits a temperature and then, on calibrated probabilities, thresholds for each task.

    Args:
        tasks: the tasks.
        targets: dict from task to encoded labels of N rows, none of them trained on.
        logits: dict from task to the logits of the same rows.
        thresholds: `"per_label"`, `"per_task"`, or one number for all labels.
        calibration: `"temperature"` or `"none"`.
        seed: int. Seed of the folds.

    Returns:
        dict from the name of each task with probabilities to its `Decision`.
    """
    found = {}
    for task in tasks:
        if not task.has_probabilities:
            continue
        decision, labels = task.decision(), targets[task.name]
        if calibration == "temperature" and task.labelled(labels).any():
            decision.temperature = fit_temperature(task, labels, logits[task.name])
        if decision.thresholds:
            labels = task.hard(labels)
            probabilities = activate(task, logits[task.name], decision)
            if not np.isfinite(probabilities[task.labelled(labels)]).all():
                probabilities, labels = probabilities[:0], labels[:0]
            values = fit_thresholds(labels, probabilities, thresholds, seed)
            decision.thresholds = dict(zip(decision.thresholds, values.tolist(), strict=True))
        found[task.name] = decision
    return found


def activate(task: Task, logits: Any, decision: Decision | None = None) -> np.ndarray:
    """Returns the probabilities of logits at the decision's temperature, as NumPy."""
    return task.activate_array(_tempered(np.asarray(logits, "float32"), decision))


def activate_tasks(
    tasks: Sequence[Task],
    logits: Mapping[str, Any],
    decisions: Mapping[str, Decision] | None = None,
) -> dict[str, np.ndarray]:
    """Returns the probabilities of all tasks' logits, by task; temperatures are 1 by default."""
    decisions = decisions or {}
    return {
        task.name: activate(task, logits[task.name], decisions.get(task.name)) for task in tasks
    }


def decide_tasks(
    tasks: Sequence[Task],
    probabilities: Mapping[str, np.ndarray],
    decisions: Mapping[str, Decision] | None = None,
) -> dict[str, np.ndarray]:
    """Returns what all tasks' probabilities decide, by task; thresholds are 0.5 by default."""
    decisions = decisions or {}
    return {
        task.name: task.decide(probabilities[task.name], decisions.get(task.name)) for task in tasks
    }


def calibrated(task: Task, logits: Any, decision: Decision | None = None) -> Any:
    """Returns the probabilities of logits at the decision's temperature, as a tensor."""
    from keras import ops

    return task.activate(_tempered(ops.convert_to_tensor(logits), decision))


def _tempered(logits: Any, decision: Decision | None) -> Any:
    """Returns logits, an array or a tensor, at the decision's temperature."""
    if decision is None or decision.temperature == 1.0:
        return logits
    return logits / decision.temperature


def fit_temperature(task: Task, targets: np.ndarray, logits: np.ndarray) -> float:
    """Returns the temperature whose probabilities have the least log loss.

    Guo et al. 2017 (arXiv 1706.04599), section 4.2, for softmax, and the same for sigmoids
    and for the conditional sigmoids of an ordinal task. The log loss is convex in
    1 / temperature for the first two, so that a bounded search along the line finds it. A
    prior worth one row, `(log T)² / N`, keeps few rows without an error from a temperature
    near 0, at which probabilities would be 0 and 1 and could not be ranked.

    Args:
        task: the task.
        targets: encoded labels of N rows, at least one of them labelled.
        logits: float32, the logits of the same rows.

    Returns:
        float between 0.05 and 20; 1 if no other is better, or if the logits are not finite.
    """
    from scipy.optimize import minimize_scalar

    rows = task.labelled(targets)
    count = int(rows.sum())
    if not np.isfinite(logits[rows]).all():
        return 1.0

    def loss(log_temperature: float) -> float:
        decision = Decision(temperature=math.exp(log_temperature))
        found = task.log_loss(targets[rows], activate(task, logits[rows], decision))
        return found + log_temperature**2 / count

    bounds = (math.log(COLDEST), math.log(HOTTEST))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-4})
    return math.exp(float(found.x)) if float(found.fun) < loss(0.0) else 1.0


def fit_thresholds(
    targets: np.ndarray, probabilities: np.ndarray, rule: Rule | float, seed: int = 0
) -> np.ndarray:
    """Returns a threshold for each label of a multilabel task.

    `"per_task"` is the one threshold with the highest F1 micro. `"per_label"` starts from the
    threshold with the highest F1 of each label, cross-fitted as in Yang 2001 ("A study of
    thresholding strategies for text categorization", SCut) and Fan & Lin 2007 ("A study on
    threshold selection for multi-label classification"): the rows are cut into 5 folds, the
    best threshold is found 5 times with one fold left out, and the mean is taken, so that no
    single row decides. It is then shrunk towards the task's common threshold `t`, as rare
    labels say little about theirs: with `n` positives and `k = 10`,
    `(n · t_label + k · t) / (n + k)`, the posterior mean of a normal mean whose prior is worth
    k observations (Efron & Morris 1975). A label without a positive gets `t`.

    Args:
        targets: float of shape `(N, C)` with 0, 1 and NaN for unknown.
        probabilities: float of shape `(N, C)`, calibrated.
        rule: `"per_label"`, `"per_task"`, or the threshold itself.
        seed: int. Seed of the folds.

    Returns:
        float64 of shape `(C,)`, each between 0 and 1.
    """
    labels = targets.shape[1]
    if not isinstance(rule, str):
        return np.full(labels, float(rule))
    known = ~np.isnan(targets)
    common = best_threshold(targets[known] == 1, probabilities[known])
    if rule == "per_task":
        return np.full(labels, common)
    # (N,), the same number of rows in each fold, whatever order they come in.
    fold = np.random.default_rng(seed).permutation(len(targets)) % FOLDS
    thresholds = np.full(labels, common)
    for label in range(labels):
        rows = known[:, label]
        truth, stated = targets[rows, label] == 1, probabilities[rows, label]
        positives = truth.sum()
        own = [
            best_threshold(truth[fold[rows] != left_out], stated[fold[rows] != left_out], common)
            for left_out in range(FOLDS)
        ]
        share = positives / (positives + PRIOR_POSITIVES)
        thresholds[label] = share * np.mean(own) + (1 - share) * common
    return thresholds


def best_threshold(truth: np.ndarray, probabilities: np.ndarray, fallback: float = 0.5) -> float:
    """Returns the threshold with the highest F1, in the middle between two probabilities.

    Args:
        truth: bool of shape `(M,)`.
        probabilities: float of shape `(M,)`.
        fallback: float. Returned where nothing is positive, and F1 is 0 everywhere.
    """
    if not truth.any():
        return fallback
    order = np.argsort(-probabilities, kind="stable")
    sorted_truth = truth[order]
    stated = probabilities[order].astype("float64")
    hits = np.cumsum(sorted_truth)  # (M,), right ones if the first k rows were selected
    selected = np.arange(1, len(stated) + 1)
    f1 = 2 * hits / (selected + hits[-1])  # 2 TP / (predicted + positive)
    # Rows of equal probability are selected together.
    last_of_its_value = np.append(stated[:-1] > stated[1:], True)
    at = int(np.argmax(np.where(last_of_its_value, f1, -1.0)))
    below = stated[at + 1] if at + 1 < len(stated) else 0.0
    middle = (stated[at] + below) / 2
    # Decisions compare in float32, where the middle of two neighbours is one of them.
    return float(middle if np.float32(middle) > below else stated[at])
