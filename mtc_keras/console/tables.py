"""What people see: log lines, a live progress bar, tables. Never the users' texts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from mtc_keras.console.log import Log
from mtc_keras.tasks import ClassificationTask, Decision, Task
from mtc_keras.tasks.metrics import COVERAGES


def task_tables(
    tasks: Sequence[Task],
    evaluation: Mapping[str, Any],
    baseline: Mapping[str, Any],
    title: str,
) -> Iterator[Table]:
    """Yields a table with a row a task, each metric with the baseline's in brackets.

    Tasks that are judged by other metrics stand in a table of their own.
    """
    groups: dict[tuple[str, ...], list[Task]] = {}
    for task in tasks:
        groups.setdefault(task.shown_metrics, []).append(task)
    for metrics, members in groups.items():
        table = Table(title=title, title_justify="left")
        table.add_column("task")
        for column in ("rows", "loss", *metrics):
            table.add_column(column.replace("_", " "), justify="right")
        for task in members:
            found, constant = evaluation["tasks"][task.name], baseline["tasks"][task.name]
            if found is None:
                table.add_row(task.name, "0", *["–"] * (len(metrics) + 1))
                continue
            cells = [f"{number(found[m])} ({number(constant[m])})" for m in metrics]
            table.add_row(task.name, f"{found['rows']:,}", number(found.get("loss")), *cells)
        yield table
        title = ""


def class_tables(tasks: Sequence[Task], evaluation: Mapping[str, Any]) -> Iterator[Table]:
    """Yields the table of each task that has classes: precision, recall, F1, support."""
    for task in tasks:
        found = evaluation["tasks"][task.name]
        if found is None or "classes" not in found:
            continue
        table = Table(title=f"{task.name} by class", title_justify="left")
        table.add_column("class")
        metrics = ["precision", "recall", "f1"]
        if "average_precision_macro" in found:
            metrics += ["average_precision", "roc_auc"]
        for column in (*metrics, "support"):
            table.add_column(column.replace("_", " "), justify="right")
        for name, values in found["classes"].items():
            numbers = [number(values[m]) for m in metrics]
            table.add_row(escape(name), *numbers, f"{values['support']:,}")
        yield table


def show_scores(
    log: Log,
    split: str,
    tasks: Sequence[Task],
    evaluation: Mapping[str, Any],
    baseline: Mapping[str, Any],
    per_class: bool = False,
) -> None:
    """Shows the metrics of a split: a row a task, and every class if asked."""
    title = f"{split}: score {number(evaluation['score'])} (in brackets: most frequent class)"
    for table in task_tables(tasks, evaluation, baseline, title):
        log.show(table)
    overall = evaluation["overall"]
    if "f1_micro" in overall:
        micro, macro = number(overall["f1_micro"]), number(overall["f1_macro"])
        log.line(f"all classes of all tasks together: F1 micro {micro}, F1 macro {macro}")
    if per_class:
        for table in class_tables(tasks, evaluation):
            log.show(table)


def loss_weight_table(loss_weights: Mapping[str, Mapping[str, Any]]) -> Table:
    """Returns the loss weights that `loss_weights.resolve_loss_weights` found."""
    table = Table(title="loss weights", title_justify="left")
    table.add_column("task")
    table.add_column("rule")
    table.add_column("loss", justify="right")
    table.add_column("weight", justify="right")
    for name, row in loss_weights.items():
        weight = f"{row['weight']:.4g}"
        table.add_row(name, row["rule"] or "given", number(row["loss"]), weight)
    return table


def class_weight_tables(tasks: Sequence[Task]) -> Iterator[Table]:
    """Yields the class weights of each task that has them."""
    for task in tasks:
        if not isinstance(task, ClassificationTask) or task.class_weight_list is None:
            continue
        table = Table(title=f"{task.name}: class weights", title_justify="left")
        table.add_column("class")
        table.add_column("training labels", justify="right")
        table.add_column("weight", justify="right")
        for index, weight in enumerate(task.class_weight_list):
            count = "–" if task.class_counts is None else f"{task.class_counts[index]:,}"
            table.add_row(escape(task.shown(index)), count, f"{weight:.3g}")
        yield table


def epoch_table(epochs: Mapping[str, Mapping[str, Any]], kept: int) -> Table:
    """Returns each task's own best epoch, as `scoring.best_epochs` found them."""
    table = Table(title=f"the kept epoch, {kept}, for each task", title_justify="left")
    table.add_column("task")
    for column in ("metric", "kept", "own best", "in epoch", "cost"):
        table.add_column(column, justify="right")
    for name, row in epochs.items():
        numbers = [number(row[key]) for key in ("kept", "best")]
        metric = row["metric"].replace("_", " ")
        table.add_row(name, metric, *numbers, str(row["best_epoch"]), number(row["cost"]))
    return table


def decision_tables(tasks: Sequence[Task], decisions: Mapping[str, Decision]) -> Iterator[Table]:
    """Yields the temperatures and thresholds of all tasks."""
    table = Table(title="decisions", title_justify="left")
    table.add_column("task")
    table.add_column("temperature", justify="right")
    table.add_column("thresholds")
    for task in tasks:
        if task.name in decisions:
            decision = decisions[task.name]
            values = sorted(decision.thresholds.values())
            shown = f"{values[0]:.3f} … {values[-1]:.3f}" if values else "– (most likely class)"
            table.add_row(task.name, f"{decision.temperature:.3f}", shown)
    if decisions:
        yield table


def show_details(log: Log, tasks: Sequence[Task], evaluation: Mapping[str, Any]) -> None:
    """Shows what `scoring.probability_metrics` found: decisions, calibration, risk–coverage."""
    found = {task.name: evaluation["tasks"][task.name] for task in tasks}
    judged = [task for task in tasks if (found[task.name] or {}).get("risk_coverage")]
    if not judged:
        return
    table = Table(
        title="before → after temperature and thresholds (0.5 before)", title_justify="left"
    )
    table.add_column("task")
    columns = ["f1 micro", "f1 macro", "log loss", "ECE", "Brier"]
    for column in columns:
        table.add_column(column, justify="right")
    for task in judged:
        metrics = found[task.name]
        pairs = [(metrics["undecided"][m], metrics[m]) for m in ("f1_micro", "f1_macro")]
        before, after = metrics["calibration"]["before"], metrics["calibration"]["after"]
        pairs += [
            (before[m], after[m]) for m in ("log_loss", "expected_calibration_error", "brier_score")
        ]
        table.add_row(task.name, *(f"{number(b)} → {number(a)}" for b, a in pairs))
    log.show(table)
    table = Table(
        title="risk–coverage: error (confidence of at least) when the surest rows are decided",
        title_justify="left",
    )
    table.add_column("rows decided", justify="right")
    for task in judged:
        table.add_column(task.name, justify="right")
    for at, share in enumerate(COVERAGES):
        cells = [found[task.name]["risk_coverage"][at] for task in judged]
        shown = [f"{cell['error']:.3f} ({cell['confidence']:.3f})" for cell in cells]
        table.add_row(f"{share:.0%}", *shown)
    log.show(table)


def coverage_table(splits: Iterable[Any], tasks: Sequence[Task]) -> Table:
    """Returns a table with rows and, for each task, labelled rows of every split."""
    table = Table(title="rows and labels", title_justify="left")
    table.add_column("split")
    table.add_column("rows", justify="right")
    for task in tasks:
        table.add_column(f"{task.name}\n({task.summary})", justify="right")
    for rows in splits:
        known = rows.coverage(tasks)
        cells = [
            f"{known[task.name]:,} ({known[task.name] / max(len(rows), 1):.0%})" for task in tasks
        ]
        table.add_row(rows.name, f"{len(rows):,}", *cells)
    return table


def number(value: float | None, form: str = ".4f") -> str:
    """Returns a metric, by default with four decimals, or a dash where it is undefined."""
    return "–" if value is None or value != value else format(value, form)
