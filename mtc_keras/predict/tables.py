"""Predictions of texts as small tables, for a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from mtc_keras.console.listing import one_line
from mtc_keras.tasks import Task
from mtc_keras.tasks.predictions import DECIMALS


def text_tables(
    rows: Iterator[Mapping[str, Any]], texts: Sequence[str], tasks: Sequence[Task]
) -> Iterator[Table]:
    """Yields a table per row: task, label and probability, a line per label.

    Args:
        rows: the rows of `Predictions` with labels, confidence and probabilities.
        texts: the text columns.
        tasks: the tasks.
    """
    for row in rows:
        # Names of tasks and labels are never cut; a long text is, as it was typed a moment ago.
        title = " · ".join(" ".join(row[column].split()) for column in texts)
        # Texts, so that nothing in them is taken for markup.
        heading = Text(one_line(f"{title:.100}"))
        table = Table(title=heading, title_justify="left", box=box.SIMPLE_HEAD)
        table.add_column("task", no_wrap=True, overflow="fold")
        table.add_column("label", overflow="fold", min_width=len("abstained"))
        table.add_column("probability", justify="right", no_wrap=True)
        windows = [row.get(f"{task.name}_window") for task in tasks]
        if any(windows):
            table.add_column("window that decided")
        for task, window in zip(tasks, windows, strict=True):
            name, more = task.name, [_place(window)] if window else []
            for label, probability in _labels(row, name):
                table.add_row(name, Text(one_line(label)), probability, *more)
                name, more = "", []  # they stand at the first of its labels
        yield table


def _labels(row: Mapping[str, Any], task: str) -> Iterator[tuple[str, str]]:
    """Yields the labels of one task with their probabilities, as they are shown."""
    found = row[f"predicted_{task}"]
    confidence = row.get(f"{task}_confidence")  # that the label, or all of them, are right
    probabilities = row.get(f"{task}_probabilities", {})
    if row.get(f"{task}_abstained"):
        yield "abstained", _number(confidence)
    elif found == []:
        yield "none", _number(confidence)
    elif isinstance(found, list):
        for label in found:
            yield label, _number(probabilities[label])
    elif isinstance(found, str):
        yield found, _number(probabilities[found])
    else:
        yield _number(found), ""


def _place(window: Mapping[str, Any]) -> str:
    unit = "characters" if "characters" in window else "tokens"
    start, end = window[unit]
    return f"{window['number']:,} of {window['of']:,} ({unit} {start:,} to {end:,})"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.{DECIMALS}f}"
