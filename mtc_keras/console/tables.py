"""What is about to be trained, and what training chose, as tables."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mtc_keras.console.listing import TASKS_OF_MANY, Listing, more, shortened
from mtc_keras.tasks import Decision, Task

MOST_WEIGHTS = 20  # rows of a task's class weights


def number(value: float | None, form: str = ".4f") -> str:
    """Returns a metric, by default with four decimals, or a dash where it is undefined."""
    return "–" if value is None or value != value else format(value, form)


def coverage_table(splits: Sequence[Any], tasks: Sequence[Task]) -> Listing:
    """Returns a table with the labelled rows of each task, one column per split.

    Of many tasks it shows those with the fewest labelled training rows.
    """
    coverage = [rows.coverage(tasks) for rows in splits]
    shown = shortened(tasks, lambda task: -coverage[0][task.name])
    table = Listing(
        "rows and labels",
        ["task", "kind", *(rows.name for rows in splits)],
        note=more(len(shown), len(tasks), "task", "these have the fewest labels"),
        words=["kind"],
        optional=["kind"],
    )
    table.add_row("(all rows)", "", *[f"{len(rows):,}" for rows in splits])
    for task in shown:
        counts = [known[task.name] for known in coverage]
        cells = [
            f"{count:,} ({count / max(len(rows), 1):.0%})"
            for count, rows in zip(counts, splits, strict=True)
        ]
        table.add_row(task.name, task.summary, *cells)
    return table


def loss_weight_table(loss_weights: Mapping[str, Mapping[str, Any]]) -> Listing:
    """Returns the loss weights that `train.loss_weights.resolve_loss_weights` found.

    Of many tasks it shows those with the greatest.
    """
    shown = shortened(list(loss_weights), lambda name: loss_weights[name]["weight"])
    table = Listing(
        "loss weights",
        ["task", "rule", "loss", "weight"],
        note=more(len(shown), len(loss_weights), "task", "loss_weights.json has all"),
        words=["rule"],
    )
    for name in shown:
        row = loss_weights[name]
        table.add_row(name, row["rule"] or "given", number(row["loss"]), f"{row['weight']:.4g}")
    return table


def class_weight_tables(tasks: Sequence[Task]) -> Iterator[Listing | str]:
    """Yields the class weights of each task that has them: of many classes, the greatest."""
    weighted = [
        (task, weights) for task in tasks if (weights := task.class_weight_list) is not None
    ]
    for task, weights in weighted[:TASKS_OF_MANY]:
        indices = list(range(len(weights)))
        if len(indices) > MOST_WEIGHTS:
            indices = sorted(indices, key=lambda index: -weights[index])[:MOST_WEIGHTS]
        table = Listing(
            f"{task.name}: class weights",
            ["class", "training labels", "weight"],
            note=more(len(indices), len(weights), "class", "class_weights.json has all"),
        )
        for index in indices:
            counts = task.training_counts
            count = "–" if counts is None else f"{round(counts[index], 1):,}"
            table.add_row(task.shown_classes[index], count, f"{weights[index]:.3g}")
        yield table
    left_out = more(min(len(weighted), TASKS_OF_MANY), len(weighted), "task")
    if left_out:
        yield f"{left_out} with class weights; class_weights.json has all"


def epoch_table(epochs: Mapping[str, Mapping[str, Any]], kept: int) -> Listing:
    """Returns each task's own best epoch, as `scoring.epochs.best_epochs` found them.

    Of many tasks it shows those that lose most by the epoch that is kept.
    """
    shown = shortened(list(epochs), lambda name: epochs[name]["cost"])
    table = Listing(
        f"epoch {kept}, which is kept, beside the best epoch of each task",
        ["task", "metric", "kept", "own best", "in epoch", "cost"],
        note=more(len(shown), len(epochs), "task", "metrics.json has all"),
        words=["metric"],
        optional=["metric"],
    )
    for name in shown:
        row = epochs[name]
        numbers = [number(row[key]) for key in ("kept", "best")]
        metric = row["metric"].replace("_", " ")
        table.add_row(name, metric, *numbers, str(row["best_epoch"]), number(row["cost"]))
    return table


def decision_tables(tasks: Sequence[Task], decisions: Mapping[str, Decision]) -> Iterator[Listing]:
    """Yields the temperatures and thresholds of all tasks, if any task has them.

    Of many tasks it shows those whose temperature is furthest from 1.
    """
    decided = [task for task in tasks if task.name in decisions]
    if not decided:
        return
    shown = shortened(decided, lambda task: abs(math.log(decisions[task.name].temperature)))
    table = Listing(
        "decisions, fitted on labelled rows",
        ["task", "temperature", "thresholds"],
        note=more(len(shown), len(decided), "task", "these have the most unusual temperatures"),
        words=["thresholds"],
    )
    for task in shown:
        decision = decisions[task.name]
        values = sorted(decision.thresholds.values())
        ends = dict.fromkeys(f"{value:.3f}" for value in (values[:1] + values[-1:]))
        thresholds = " … ".join(ends) or "–"  # one for a task has no range
        table.add_row(task.name, f"{decision.temperature:.3f}", thresholds)
    yield table
