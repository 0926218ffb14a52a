"""The table of the main metrics of short and long texts."""

from collections.abc import Mapping, Sequence
from typing import Any

from mtc_keras.console.listing import Listing, more, shortened
from mtc_keras.console.log import Log
from mtc_keras.console.scores import VERBOSE
from mtc_keras.console.tables import number
from mtc_keras.tasks import Task


def show_lengths(
    log: Log, tasks: Sequence[Task], evaluation: Mapping[str, Any], verbose: bool = False
) -> None:
    """Shows what `scoring.by_length.judge_by_length` found, if there are texts of several lengths.

    Args:
        log: where the table goes.
        tasks: the tasks.
        evaluation: the metrics, under `by_length` those of each range.
        verbose: bool. Whether to show every task, however many.
    """
    buckets = [bucket for bucket in evaluation.get("by_length", ()) if bucket["rows"]]
    if len(buckets) < 2:
        return
    rows = {task.name: sum(_of(task, b).get("rows", 0) for b in buckets) for task in tasks}
    judged = [task.name for task in tasks if rows[task.name]]
    shown = shortened(judged, lambda name: rows[name], verbose)
    table = Listing(
        "by length of the texts in tokens (in brackets: rows)",
        ["task", "metric", *(_title(bucket) for bucket in buckets)],
        note=more(len(shown), len(judged), "task", f"these have the most rows; {VERBOSE}"),
    )
    for task in tasks:
        if task.name in shown:
            cells = [_cell(task, bucket) for bucket in buckets]
            table.add_row(task.name, task.main_metric.replace("_", " "), *cells)
    log.show(table)


def _of(task: Task, bucket: Mapping[str, Any]) -> Mapping[str, Any]:
    return bucket["tasks"].get(task.name, {})


def _title(bucket: Mapping[str, Any]) -> str:
    return f"≤ {bucket['up_to']:,}" if "up_to" in bucket else f"> {bucket['above']:,}"


def _cell(task: Task, bucket: Mapping[str, Any]) -> str:
    found = _of(task, bucket)
    return f"{number(found[task.main_metric])} ({found['rows']:,})" if found else "–"
