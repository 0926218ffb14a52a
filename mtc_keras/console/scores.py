"""How good a model is, as tables: metrics of tasks and classes, calibration, risk and coverage."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mtc_keras.config import lower_is_better
from mtc_keras.console.listing import Listing, more, shortened
from mtc_keras.console.log import Log
from mtc_keras.console.tables import number
from mtc_keras.tasks import Task
from mtc_keras.tasks.metrics import COVERAGES

MOST_CLASSES = 50  # rows of a task's classes
SHOWN_COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.5)  # of `COVERAGES`: as many as fit a screen
VERBOSE = "--verbose shows all"


def show_scores(
    log: Log,
    split: str,
    tasks: Sequence[Task],
    evaluation: Mapping[str, Any],
    baseline: Mapping[str, Any],
    verbose: bool = False,
) -> None:
    """Shows the metrics of a split, one row per task.

    Args:
        log: where they are shown.
        split: str. What was judged.
        tasks: the tasks.
        evaluation: what `scoring.judging.evaluate_tasks` returned.
        baseline: the same of a constant prediction.
        verbose: bool. Whether to show every task, however many there are, and the classes.
    """
    score = number(evaluation["score"])
    title = f"{split}: score {score} (in brackets: the best constant prediction)"
    for table in task_tables(tasks, evaluation, baseline, title, verbose):
        log.show(table)
    overall = evaluation["overall"]
    if "f1_micro" in overall:
        micro, macro = number(overall["f1_micro"]), number(overall["f1_macro"])
        log.line(f"all classes of all tasks together: F1 micro {micro}, F1 macro {macro}")
    if verbose:
        for table in class_tables(tasks, evaluation):
            log.show(table)


def task_tables(
    tasks: Sequence[Task],
    evaluation: Mapping[str, Any],
    baseline: Mapping[str, Any],
    title: str,
    show_all: bool = False,
) -> Iterator[Listing]:
    """Yields tables with one row per task, each metric with the baseline's in brackets.

    Tasks that are judged by other metrics stand in a table of their own. Of many tasks a table
    shows the worst.
    """
    groups: dict[tuple[str, ...], list[Task]] = {}
    for task in tasks:
        groups.setdefault(task.shown_metrics, []).append(task)
    for metrics, members in groups.items():
        shown = shortened(members, lambda task: badness(task, evaluation), show_all)
        table = Listing(
            title,
            ["task", *(name.replace("_", " ") for name in ("rows", "loss", *metrics))],
            note=more(len(shown), len(members), "task", f"these are the worst; {VERBOSE}"),
            optional=["loss"],
        )
        for task in shown:
            found, constant = evaluation["tasks"][task.name], baseline["tasks"][task.name]
            if found is None:
                table.add_row(task.name, "0", *["–"] * (len(metrics) + 1))
                continue
            cells = [
                f"{number(found[m])} ({number(constant[m])})" if m in constant else number(found[m])
                for m in metrics
            ]
            table.add_row(task.name, f"{found['rows']:,}", number(found.get("loss")), *cells)
        yield table
        title = ""


def badness(task: Task, evaluation: Mapping[str, Any]) -> float:
    """Returns the main metric, negative unless it is an error; NaN without a labelled row."""
    found = evaluation["tasks"][task.name]
    if found is None:
        return float("nan")
    value = float(found[task.main_metric])
    return value if lower_is_better(f"_{task.main_metric}") else -value


def class_tables(tasks: Sequence[Task], evaluation: Mapping[str, Any]) -> Iterator[Listing]:
    """Yields the table of each task that has classes, those with most support first."""
    for task in tasks:
        found = evaluation["tasks"][task.name]
        if found is None or "classes" not in found:
            continue
        metrics = ["precision", "recall", "f1"]
        if "average_precision_macro" in found:
            metrics += ["average_precision", "roc_auc"]
        classes = sorted(found["classes"].items(), key=lambda item: -item[1]["support"])
        shown = classes[:MOST_CLASSES]
        names = task.exported().get("class_names", {})
        table = Listing(
            f"{task.name} by class",
            ["class", *(name.replace("_", " ") for name in (*metrics, "support"))],
            note=more(
                len(shown),
                len(classes),
                "class",
                f"none has more than {shown[-1][1]['support']:,} rows",
            ),
            optional=["roc auc", "average precision"],
        )
        for name, values in shown:
            numbers = [number(values[metric]) for metric in metrics]
            table.add_row(names.get(name, name), *numbers, f"{values['support']:,}")
        yield table


def show_details(
    log: Log, tasks: Sequence[Task], evaluation: Mapping[str, Any], verbose: bool = False
) -> None:
    """Shows what `scoring.details.probability_metrics` found: calibration, risk–coverage."""
    found = {task.name: evaluation["tasks"][task.name] for task in tasks}
    judged = [task.name for task in tasks if (found[task.name] or {}).get("risk_coverage")]
    if judged:
        log.show(_calibration_table(found, judged, verbose))
        log.show(_risk_table(found, judged, verbose))


def _calibration_table(found: Mapping[str, Any], judged: Sequence[str], show_all: bool) -> Listing:
    errors = ("log_loss", "expected_calibration_error", "brier_score")
    shown = shortened(judged, lambda name: found[name]["calibration"]["after"][errors[1]], show_all)
    table = Listing(
        "with temperature and thresholds (in brackets: without, at 0.5)",
        ["task", "f1 micro", "f1 macro", "log loss", "ECE", "Brier"],
        note=more(len(shown), len(judged), "task", f"these have the greatest ECE; {VERBOSE}"),
        optional=["Brier", "log loss"],
    )
    for name in shown:
        metrics = found[name]
        before, after = metrics["calibration"]["before"], metrics["calibration"]["after"]
        pairs = [(metrics[m], metrics["undecided"][m]) for m in ("f1_micro", "f1_macro")]
        pairs += [(after[error], before[error]) for error in errors]
        table.add_row(name, *(f"{number(with_)} ({number(without)})" for with_, without in pairs))
    return table


def _risk_table(found: Mapping[str, Any], judged: Sequence[str], show_all: bool) -> Listing:
    shown = shortened(judged, lambda name: found[name]["risk_coverage"][0]["error"], show_all)
    table = Listing(
        "risk–coverage: error (least confidence) when only the surest rows are decided",
        ["task", *(f"{share:.0%}" for share in SHOWN_COVERAGES)],
        note=more(len(shown), len(judged), "task", f"these have the most errors; {VERBOSE}"),
        optional=["95%"],
    )
    for name in shown:
        cells = [found[name]["risk_coverage"][COVERAGES.index(share)] for share in SHOWN_COVERAGES]
        table.add_row(name, *[f"{c['error']:.3f} ({c['confidence']:.3f})" for c in cells])
    return table
