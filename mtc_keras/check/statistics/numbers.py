"""How labels are spread that are numbers, or ranks of ordered classes."""

from typing import Any

import numpy as np

from mtc_keras.check.checked import Checked
from mtc_keras.pages import Block, Column, Figure, Paragraph, Part, Section, Table, figures
from mtc_keras.tasks import Task

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def number_part(checked: Checked) -> Part | None:
    """Returns the part on tasks whose labels are numbers or ranks; `None` if there is none."""
    sections: list[Block] = []
    values: dict[str, Any] = {}
    for task in checked.tasks:
        if not task.has_classes or task.has_order:
            numbers = {name: _numbers(checked, task, name) for name in checked.splits}
            if numbers["train"].ndim == 1:  # not of a kind of the user's with several of them
                values[task.name] = {name: _values(found) for name, found in numbers.items()}
                sections.append(_section(task, values[task.name], numbers["train"]))
    if not sections:
        return None
    return Part(Section("Numbers", sections, "numbers"), values)


def _numbers(checked: Checked, task: Task, split: str) -> np.ndarray:
    targets = checked.splits[split].targets[task.name]
    known = task.hard(targets[task.labelled(targets)])
    return np.asarray(known, "float64")


def _values(numbers: np.ndarray) -> dict[str, Any]:
    if not len(numbers):
        return {"count": 0}
    different, counts = np.unique(numbers, return_counts=True)
    return {
        "count": len(numbers),
        "mean": float(numbers.mean()),
        "standard_deviation": float(numbers.std()),
        "least": float(numbers.min()),
        "quantiles": {
            f"{share:g}": float(value)
            for share, value in zip(QUANTILES, np.quantile(numbers, QUANTILES), strict=True)
        },
        "greatest": float(numbers.max()),
        "different": len(different),
        "most_frequent": float(different[counts.argmax()]),
        "most_frequent_count": int(counts.max()),
    }


def _section(task: Task, values: dict[str, Any], train: np.ndarray) -> Section:
    rows = [
        [
            split,
            found["count"],
            found["mean"],
            found["standard_deviation"],
            found["least"],
            *found["quantiles"].values(),
            found["greatest"],
            found["different"],
        ]
        for split, found in values.items()
        if found["count"]
    ]
    columns = [
        Column("split"),
        Column("labelled", "count"),
        Column("mean", "score"),
        Column("standard deviation", "score"),
        Column("least", "score"),
        *(Column(f"{share:.0%}", "score", help="quantile") for share in QUANTILES),
        Column("greatest", "score"),
        Column("different values", "count"),
    ]
    found = values["train"]
    blocks: list[Block] = [Table(columns, rows)]
    if task.has_order:
        lowest, highest = task.shown_classes[0], task.shown_classes[-1]
        last = len(task.shown_classes) - 1
        blocks.insert(0, Paragraph(f"Ranks from 0 ({lowest}) to {last} ({highest})."))
    else:
        often = f"{found['most_frequent_count']:,} of {found['count']:,}"
        blocks += [
            Paragraph(f"The most frequent value is {found['most_frequent']:g}, in {often} rows."),
            Figure(
                figures.histogram(train, axis=task.name),
                f"{task.name} in the training rows",
                f"Histogram: {task.name} in the training rows",
            ),
        ]
    return Section(f"{task.name}: {task.summary}", blocks, f"numbers-{task.name}")
