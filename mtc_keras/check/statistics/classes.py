"""How often each class occurs, in every split, and how many classes a row has.

Shapes: C classes.
"""

import math
from typing import Any

import numpy as np

from mtc_keras.check.checked import Checked
from mtc_keras.check.statistics.shifts import Shift, class_counts, shifts
from mtc_keras.pages import Block, Column, Figure, Grid, Paragraph, Part, Section, Table, figures
from mtc_keras.tasks import Task

MOST_BARS = 30
MOST_LABELS = 10  # per row, in the histogram of how many a row has
SHIFTS_SHOWN = 5  # in a sentence


def class_part(checked: Checked) -> Part:
    """Returns the part on the classes of every task that has them."""
    shifted: dict[str, list[Shift]] = {}
    for shift in shifts(checked):
        shifted.setdefault(shift.task, []).append(shift)
    sections: list[Block] = []
    values: dict[str, Any] = {}
    table: list[dict[str, Any]] = []
    for task in checked.tasks:
        if task.has_classes:
            found = _values(checked, task, shifted.get(task.name, []))
            sections.append(_section(task, found))
            values[task.name] = found
            table += _csv(task, found)
    return Part(Section("Classes", sections, "classes"), values, {"classes": table})


def _values(checked: Checked, task: Task, shifted: list[Shift]) -> dict[str, Any]:
    counts, known, cardinality = {}, {}, {}
    for split, rows in checked.splits.items():
        carried, of = class_counts(checked, task, split)
        counts[split], known[split] = carried.tolist(), of.tolist()
        labelled = task.labelled(rows.targets[task.name])
        per_row = checked.indicators[split][task.name][labelled].sum(axis=1)
        cardinality[split] = {
            "mean": float(per_row.mean()) if len(per_row) else None,
            "rows": np.bincount(per_row).tolist(),
        }
    values: dict[str, Any] = {"classes": task.known_classes, "counts": counts, "known": known}
    if task.has_shares:
        values["sum_of_shares"] = {
            split: np.nansum(rows.targets[task.name], axis=0).tolist()
            for split, rows in checked.splits.items()
        }
    if takes_several(task):
        values["classes_per_row"] = cardinality
    values["shifts"] = [
        {**vars(shift), "difference": shift.other - shift.share} for shift in shifted
    ]
    return values


def _share(values: dict[str, Any], split: str, label: int) -> float:
    """Returns the share of the rows of which a class is known that carry it; NaN of none."""
    known = values["known"][split][label]
    return values["counts"][split][label] / known if known else math.nan


def takes_several(task: Task) -> bool:
    """Whether a row may carry several classes of a task, or none."""
    return task.label_type == list[str]


def _section(task: Task, values: dict[str, Any]) -> Section:
    names = task.shown_classes
    splits = list(values["counts"])
    train = values["counts"]["train"]
    columns = [Column("class")]
    for split in splits:
        columns += [Column(split, "count"), Column("share", "share")]
    if task.has_shares:
        columns.append(Column("sum of shares", "score", help="of the training rows"))
    order = list(range(len(names)))
    if not task.has_order:
        order.sort(key=lambda label: -train[label])
    rows = []
    for label in order:
        row: list[Any] = [names[label]]
        for split in splits:
            row += [values["counts"][split][label], _share(values, split, label)]
        if task.has_shares:
            row.append(values["sum_of_shares"]["train"][label])
        rows.append(row)
    blocks: list[Block] = [Paragraph(text) for text in _sentences(task, values)]
    shown = order[:MOST_BARS]
    shares = {split: [_share(values, split, label) for label in shown] for split in splits}
    drawn: list[Block] = [
        Figure(
            figures.bars(
                [names[label] for label in shown], shares, axis="share of the labelled rows"
            ),
            _cut("How frequent each class is", len(shown), len(names)),
            f"Bars: the share of each class of {task.name} in every split",
        )
    ]
    if "classes_per_row" in values:
        per_row = values["classes_per_row"]["train"]["rows"]
        drawn.append(
            Figure(
                figures.bars(*_few_counts(per_row), axis="rows"),
                "Classes of a training row",
                f"Bars: training rows by their number of classes of {task.name}",
            )
        )
    blocks += [Grid(drawn), Table(columns, rows)]
    return Section(f"{task.name}: {task.summary}", blocks, f"classes-{task.name}")


def _few_counts(rows: list[int]) -> tuple[list[str], list[int]]:
    """Returns names and rows of each number of classes, the many ones together."""
    if len(rows) <= MOST_LABELS + 1:
        return list(map(str, range(len(rows)))), rows
    names = [*map(str, range(MOST_LABELS)), f"{MOST_LABELS} or more"]
    return names, [*rows[:MOST_LABELS], sum(rows[MOST_LABELS:])]


def _cut(caption: str, shown: int, count: int) -> str:
    return caption if shown == count else f"{caption}, the {shown} most frequent of {count:,}"


def _sentences(task: Task, values: dict[str, Any]) -> list[str]:
    sentences = []
    if "classes_per_row" in values:
        means = ", ".join(
            f"{split} {found['mean']:.2f} (none in {found['rows'][0] if found['rows'] else 0:,})"
            for split, found in values["classes_per_row"].items()
            if found["mean"] is not None
        )
        sentences.append(f"Classes per labelled row, on average: {means}.")
    if shifted := values["shifts"]:
        largest = "; ".join(
            f"{shown_class(task, shift['name'])} {shift['share']:.1%} in train, "
            f"{shift['other']:.1%} in {shift['split']}"
            for shift in shifted[:SHIFTS_SHOWN]
        )
        more = len(shifted) - SHIFTS_SHOWN
        end = f"; and {more} more" if more > 0 else ""
        sentences.append(f"Shares that differ by more than chance explains: {largest}{end}.")
    elif len(values["counts"]) > 1:
        sentences.append("The splits differ in the share of no class by more than chance explains.")
    return sentences


def shown_class(task: Task, name: str) -> str:
    """Returns what people see for a class of a name."""
    return task.shown_classes[task.known_classes.index(name)]


def _csv(task: Task, values: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for label, name in enumerate(values["classes"]):
        row: dict[str, Any] = {"task": task.name, "class": name}
        for split, counts in values["counts"].items():
            known = values["known"][split][label]
            row[split] = counts[label]
            row[f"{split}_known"] = known
            row[f"{split}_share"] = counts[label] / known if known else None
        rows.append(row)
    return rows
