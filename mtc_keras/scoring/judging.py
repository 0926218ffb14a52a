"""From logits and labels to the metrics of every task, and over all tasks."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mtc_keras.scoring.by_length import judge_by_length
from mtc_keras.scoring.decisions import activate_tasks, decide_tasks
from mtc_keras.scoring.details import probability_metrics
from mtc_keras.scoring.losses import mean_losses
from mtc_keras.tasks import Decision, Task


def judge_logits(
    tasks: Sequence[Task],
    targets: Mapping[str, np.ndarray],
    logits: Mapping[str, np.ndarray],
    decisions: Mapping[str, Decision] | None = None,
    *,
    model: Any = None,
    details: bool = False,
    lengths: np.ndarray | None = None,
    max_length: int = 0,
) -> dict[str, Any]:
    """Judges every task on all of its labelled rows.

    Args:
        tasks: the tasks to judge.
        targets: dict from task to encoded labels of N rows.
        logits: dict from task to the logits of the same rows.
        decisions: optional dict from task to its temperature and thresholds; default: 1
            and 0.5, as during training.
        model: optional model that has been compiled with losses and loss weights of its own;
            default: those of the tasks.
        details: bool. Whether to add what `probability_metrics` returns to each task.
        lengths: optional int of shape `(N,)`, tokens of the whole texts.
        max_length: int. Tokens that the backbone reads at once; needed with `lengths`.

    Returns:
        What `evaluate_tasks` returns, and with `lengths`, under `by_length`, what
        `judge_by_length` does. Losses are means over labelled entries, rows unweighted,
        of logits as they are.
    """
    decisions = decisions or {}
    compiled = getattr(model, "task_losses", None) or {}
    functions = {task.name: compiled.get(task.name) or task.make_loss() for task in tasks}
    losses = mean_losses(functions, targets, logits)
    probabilities = activate_tasks(tasks, logits, decisions)
    predictions = decide_tasks(tasks, probabilities, decisions)
    weights = getattr(model, "task_loss_weights", {})
    evaluation = evaluate_tasks(tasks, targets, predictions, losses, weights)
    for task in tasks:
        if (found := evaluation["tasks"][task.name]) is not None:
            found |= task.expected_metrics(targets[task.name], probabilities[task.name])
    if details:
        for task in tasks:
            found = evaluation["tasks"][task.name]
            if found is not None and task.has_probabilities:
                name = task.name
                _merge(
                    found,
                    probability_metrics(task, targets[name], logits[name], decisions.get(name)),
                )
    if lengths is not None:
        evaluation["by_length"] = judge_by_length(tasks, targets, predictions, lengths, max_length)
    return evaluation


def evaluate_tasks(
    tasks: Sequence[Task],
    targets: Mapping[str, np.ndarray],
    predictions: Mapping[str, np.ndarray],
    losses: Mapping[str, float] | None = None,
    loss_weights: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Returns the metrics of every task and over all tasks.

    Args:
        tasks: the tasks.
        targets: dict from task to encoded labels of N rows.
        predictions: dict from task to what `Task.decide` returned.
        losses: optional dict from task to its loss over the same rows.
        loss_weights: optional dict from task to its factor; default: `task.loss_weight`.

    Returns:
        `tasks`: for each its metrics, `loss` and labelled `rows`, or `None` where no row
        carries a label; `overall`: F1 micro and macro over all classes of all tasks
        together, mean and standard deviation over tasks of each metric; `score`: the
        mean over tasks of their main metric; `loss`: the weighted sum of the losses.
    """
    found: dict[str, Any] = {}
    for task in tasks:
        rows = int(task.labelled(targets[task.name]).sum())
        found[task.name] = None
        if rows:
            loss = {} if losses is None else {"loss": losses[task.name]}
            metrics = task.score(targets[task.name], predictions[task.name])
            found[task.name] = {"rows": rows, **loss, **metrics}
    judged = [task for task in tasks if found[task.name] is not None]
    main = [found[task.name][task.main_metric] for task in judged]
    evaluation = {
        "tasks": found,
        "overall": {**_pooled(judged, targets, predictions, found), **_over_tasks(found)},
        "score": _mean(main),
    }
    if losses is not None:
        weights = {task.name: task.weight for task in judged} | dict(loss_weights or {})
        evaluation["loss"] = sum(weights[task.name] * losses[task.name] for task in judged)
    return evaluation


def baseline(
    tasks: Sequence[Task],
    constants: Mapping[str, np.ndarray],
    targets: Mapping[str, np.ndarray],
) -> dict[str, Any]:
    """Returns the metrics of a constant prediction: the most frequent class, the mean.

    Args:
        tasks: the tasks.
        constants: dict from task to `Task.constant_prediction` of the training rows.
        targets: dict from task to encoded labels of N rows.
    """
    predictions = {}
    for task in tasks:
        constant = np.asarray(constants[task.name], task.prediction_dtype)
        shape = (len(targets[task.name]), *constant.shape)
        predictions[task.name] = np.broadcast_to(constant, shape)
    return evaluate_tasks(tasks, targets, predictions)


def flat_logs(evaluation: Mapping[str, Any], prefix: str = "val_") -> dict[str, float]:
    """Returns every scalar of an evaluation as `<prefix><task>_<metric>`, score and loss."""
    logs = {
        f"{prefix}{name}_{metric}": value
        for name, metrics in evaluation["tasks"].items()
        for metric, value in (metrics or {}).items()
        if isinstance(value, float)
    }
    totals = {
        f"{prefix}{name}": evaluation[name] for name in ("loss", "score") if name in evaluation
    }
    return {**totals, **logs}


def _merge(found: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Adds metrics, those of a class to the class."""
    for name, values in more.get("classes", {}).items():
        found["classes"][name].update(values)
    found.update({key: value for key, value in more.items() if key != "classes"})


def _pooled(
    tasks: Sequence[Task],
    targets: Mapping[str, np.ndarray],
    predictions: Mapping[str, np.ndarray],
    found: Mapping[str, Any],
) -> dict[str, float]:
    """Returns F1 over all classes of all tasks that have classes."""
    with_classes = [task for task in tasks if "classes" in found[task.name]]
    if not with_classes:
        return {}
    hits = wrong = 0
    for task in with_classes:
        rows = task.labelled(targets[task.name])
        truth = task.class_indicator(targets[task.name][rows])
        predicted = task.predicted_indicator(targets[task.name][rows], predictions[task.name][rows])
        hits += int((truth & predicted).sum())
        wrong += int((truth != predicted).sum())
    by_class = [c["f1"] for task in with_classes for c in found[task.name]["classes"].values()]
    # F1 = 2 TP / (2 TP + FP + FN)
    return {
        "f1_micro": 2 * hits / (2 * hits + wrong) if hits else 0.0,
        "f1_macro": float(np.mean(by_class)),
    }


def _over_tasks(found: Mapping[str, Any]) -> dict[str, float]:
    """Returns mean and standard deviation over tasks of each metric they share."""
    columns: dict[str, list[float]] = {}
    for metrics in found.values():
        for name, value in (metrics or {}).items():
            if isinstance(value, float) and math.isfinite(value):
                columns.setdefault(name, []).append(value)
    means = {f"{name}_mean": float(np.mean(values)) for name, values in columns.items()}
    return means | {f"{name}_std": float(np.std(values)) for name, values in columns.items()}


def _mean(values: Sequence[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return float(np.mean(finite)) if finite else math.nan
