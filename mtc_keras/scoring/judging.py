"""From a model and labelled rows to the metrics of every task, and over all tasks."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtc_keras.config import lower_is_better
from mtc_keras.data.rows import Rows
from mtc_keras.data.tokens import Tokens, tokenize
from mtc_keras.scoring.decisions import activate
from mtc_keras.tasks import Decision, Task
from mtc_keras.tasks.metrics import calibration_error, ranking_metrics, risk_coverage


@dataclass(frozen=True)
class Scores:
    """What one prediction pass over labelled rows gave.

    Args:
        evaluation: metrics of every task and overall, as `evaluate_tasks` returns.
        probabilities: dict from task to float32 probabilities, rows in input order.
    """

    evaluation: dict[str, Any]
    probabilities: dict[str, np.ndarray]


def score_model(
    model: Any,
    tasks: Sequence[Task],
    x: Any,
    targets: Mapping[str, np.ndarray],
    batch_size: int | None = None,
    decisions: Mapping[str, Decision] | None = None,
    details: bool = False,
) -> Scores:
    """Predicts once and judges every task on all of its labelled rows.

    Args:
        model: any Keras model whose outputs are a dict from task to logits.
        tasks: the tasks to judge.
        x: texts or tokens of N rows, as the model's `predict` takes them.
        targets: dict from task to encoded labels of the same rows.
        batch_size: int. Most rows a batch.
        decisions: optional dict from task to its temperature and thresholds; default: 1
            and 0.5, as during training.
        details: bool. Whether to add what `probability_metrics` returns to each task.

    Returns:
        The `Scores`; losses are means over labelled entries, rows unweighted, of logits as
        they are.
    """
    predict = getattr(model, "predict_logits", model.predict)
    logits = predict(x, batch_size=batch_size, verbose=0)
    decisions = decisions or {}
    probabilities = {
        task.name: activate(task, logits[task.name], decisions.get(task.name)) for task in tasks
    }
    compiled = getattr(model, "task_losses", None) or {}
    losses = {
        task.name: float(
            (compiled.get(task.name) or task.make_loss())(targets[task.name], logits[task.name])
        )
        for task in tasks
    }
    predictions = {
        task.name: task.decide(probabilities[task.name], decisions.get(task.name)) for task in tasks
    }
    weights = getattr(model, "task_loss_weights", {})
    evaluation = evaluate_tasks(tasks, targets, predictions, losses, weights)
    if details:
        for task in tasks:
            found = evaluation["tasks"][task.name]
            if found is not None and task.has_probabilities:
                name = task.name
                _merge(
                    found,
                    probability_metrics(task, targets[name], logits[name], decisions.get(name)),
                )
    return Scores(evaluation, probabilities)


def score_rows(
    model: Any, rows: Rows, batch_size: int, details: bool = False, tokens: Tokens | None = None
) -> Scores:
    """Returns the `Scores` of a `MultiTaskClassifier`, with its decisions, on a split's rows.

    Args:
        model: the model.
        rows: the `Rows`.
        batch_size: int. Most rows a batch.
        details: bool. As for `score_model`.
        tokens: the rows' tokens; default: they are tokenized.
    """
    if tokens is None:
        tokens = tokenize(model.preprocessor, rows.texts)
    return score_model(
        model, model.tasks, tokens, rows.targets, batch_size, model.decisions, details
    )


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


def _merge(found: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Adds metrics, those of a class to the class."""
    for name, values in more.get("classes", {}).items():
        found["classes"][name].update(values)
    found.update({key: value for key, value in more.items() if key != "classes"})


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
    predictions = {
        task.name: np.broadcast_to(
            np.asarray(constants[task.name], task.target_dtype), targets[task.name].shape
        )
        for task in tasks
    }
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
