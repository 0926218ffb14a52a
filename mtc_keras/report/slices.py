"""The part of a report on slices of the rows: by columns, by the length of texts, worst first."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mtc_keras.errors import plural
from mtc_keras.pages import Column, Details, Figure, Paragraph, Part, Section, Table, figures
from mtc_keras.report.account import Account
from mtc_keras.report.slice_scores import SliceScore, judged_slices, slice_scores
from mtc_keras.report.slicing import Slice
from mtc_keras.tasks import Task

MOST_DRAWN = 12  # slices of a figure: the worst
MOST_FIGURES = 4
ID = "slices"
CHANCE = 0.05  # of an interval of 95 % that is on one side by chance


def slices(account: Account) -> list[Part]:
    """Returns each task's main metric on slices of the rows; nothing without slices."""
    judged = account.shown
    if judged is None:
        return []
    found, notes = judged_slices(judged)
    if not found:
        return []
    by_task: list[tuple[Task, list[SliceScore], int]] = []
    for task in judged.tasks:
        scores, small = slice_scores(judged, task, found)
        if scores:
            by_task.append((task, scores, small))
    if not by_task:
        return []
    blocks: list[Any] = [Paragraph(_summary(account, found)), Paragraph(_caution(by_task))]
    blocks += [Paragraph(f"{note}.") for note in notes]
    blocks.append(
        Table(
            WORST_COLUMNS,
            [[task.name, _metric(task), *_cells(scores[0])] for task, scores, _ in by_task],
            caption="The worst slice of each task",
        )
    )
    drawn = 0
    for task, scores, small in by_task:
        is_drawn = drawn < MOST_FIGURES and any(one.is_below for one in scores)
        drawn += is_drawn
        blocks.append(_of_task(task, scores, small, is_drawn=is_drawn))
    rows = [
        {"task": task.name, "metric": task.main_metric, **_values(one)}
        for task, scores, _ in by_task
        for one in scores
    ]
    part = Part(
        Section("Slices", blocks, id=ID),
        values={
            "tasks": {
                task.name: {
                    "metric": task.main_metric,
                    "overall": scores[0].overall,
                    "slices": [_values(one) for one in scores],
                }
                for task, scores, _ in by_task
            },
            "notes": notes,
        },
        tables={ID: rows},
    )
    return [part]


COLUMNS = (
    Column("by"),
    Column("slice"),
    Column("rows", "count"),
    Column("score", "score"),
    Column("low", "score"),
    Column("high", "score"),
    Column("of all rows", "score"),
    Column("interval"),
)
WORST_COLUMNS = (Column("task"), Column("metric"), *COLUMNS)


def _summary(account: Account, found: Sequence[Slice]) -> str:
    columns = list(dict.fromkeys(one.by for one in found))
    said = (
        f"Each task's main metric on {plural(len(found), 'slice')} of the {account.split} rows, by "
        f"{', '.join(_by(name) for name in columns)}."
    )
    if not account.config.report.slices:
        said += ' Columns that [report] names, such as slices = ["source"], slice the rows, too.'
    return said


def _caution(by_task: Sequence[tuple[Task, list[SliceScore], int]]) -> str:
    looked = sum(len(scores) for _, scores, _ in by_task)
    below = sum(one.is_below for _, scores, _ in by_task for one in scores)
    above = sum(one.low > one.overall for _, scores, _ in by_task for one in scores)
    return (
        f"Of {plural(looked, 'score')} {below} lie below the one of all rows with their whole 95 % "
        f"interval, and {above} above. By chance alone about {max(looked * CHANCE, 1):.0f} of so "
        "many would: take a slice as a question to further rows, and not as an answer."
    )


def _of_task(task: Task, scores: Sequence[SliceScore], small: int, *, is_drawn: bool) -> Details:
    below = [one for one in scores if one.is_below]
    said = f"{len(below)} of {plural(len(scores), 'slice')} below {scores[0].overall:.3f}"
    blocks: list[Any] = []
    if is_drawn:
        worst = scores[:MOST_DRAWN]
        names = [f"{_by(one.by)}: {one.name} ({one.rows:,})" for one in worst]
        numbers = ([getattr(one, key) for one in worst] for key in ("score", "low", "high"))
        blocks.append(
            Figure(
                figures.forest(names, *numbers, reference=scores[0].overall, axis=_metric(task)),
                f"The worst slices, with 95 % intervals and labelled rows; the line is the "
                f"{_metric(task)} of all of them, {scores[0].overall:.3f}.",
                f"{task.name}: {_metric(task)} by slice with intervals",
            )
        )
    blocks.append(Table(COLUMNS, [_cells(one) for one in scores]))
    if small:
        blocks.append(
            Paragraph(f"{plural(small, 'slice')} with too few labelled rows to be judged.")
        )
    return Details(f"{task.name}, {_metric(task)}: {said}", blocks)


def _cells(one: SliceScore) -> list[Any]:
    side = "below" if one.is_below else "above" if one.low > one.overall else "holds it"
    numbers = (one.rows, one.score, one.low, one.high, one.overall)
    return [_by(one.by), one.name, *numbers, side if np.isfinite(one.low) else None]


def _values(one: SliceScore) -> dict[str, Any]:
    return {
        "by": one.by,
        "slice": one.name,
        "rows": one.rows,
        "score": one.score,
        "low": one.low,
        "high": one.high,
        "overall": one.overall,
    }


def _by(name: str) -> str:
    return {"tokens": "length in tokens", "labels": "labels"}.get(name, name)


def _metric(task: Task) -> str:
    return task.main_metric.replace("_", " ")
