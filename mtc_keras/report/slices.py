"""The part of a report on slices of the rows: by columns, by the length of texts, worst first."""

from collections.abc import Sequence
from typing import Any

from mtc_keras.errors import plural
from mtc_keras.pages import Column, Details, Figure, Paragraph, Part, Section, Table, figures
from mtc_keras.report.account import Account
from mtc_keras.report.slice_scores import (
    ERROR,
    SliceScore,
    judged_slices,
    slice_metric,
    slice_scores,
)
from mtc_keras.report.slicing import Slice
from mtc_keras.report.wording import metric_name
from mtc_keras.tasks import Task

MOST_DRAWN = 12  # slices of a figure: the worst
MOST_FIGURES = 4
ID = "slices"
CHANCE = 0.05  # of an interval of 95 % that is on one side by chance


def slices(account: Account) -> list[Part]:
    """Returns how good each task is on slices of the rows; nothing without slices."""
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
        is_drawn = drawn < MOST_FIGURES and any(one.is_worse for one in scores)
        drawn += is_drawn
        blocks.append(_of_task(task, scores, small, is_drawn=is_drawn))
    rows = [
        {"task": task.name, "metric": slice_metric(task), **one.to_dict()}
        for task, scores, _ in by_task
        for one in scores
    ]
    part = Part(
        Section("Slices", blocks, id=ID),
        values={
            "tasks": {
                task.name: {
                    "metric": slice_metric(task),
                    "overall": scores[0].overall,
                    "slices": [one.to_dict() for one in scores],
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
    Column("it is", help="worse or better than all rows with its whole interval"),
)
WORST_COLUMNS = (Column("task"), Column("metric"), *COLUMNS)


def _summary(account: Account, found: Sequence[Slice]) -> str:
    columns = list(dict.fromkeys(one.by for one in found))
    said = (
        f"Each task on {plural(len(found), 'slice')} of the {account.split} rows, by "
        f"{', '.join(map(_in_words, columns))}."
    )
    if any(slice_metric(task) == ERROR for task in account.tasks):
        said += (
            " Numbers and ordered classes are judged by their mean absolute error, as R² and kappa "
            "of rows that are alike are low however good they are."
        )
    if not account.config.report.slices:
        said += ' Columns that [report] names, such as slices = ["source"], slice the rows, too.'
    return said


def _caution(by_task: Sequence[tuple[Task, list[SliceScore], int]]) -> str:
    looked = sum(len(scores) for _, scores, _ in by_task)
    worse = sum(one.is_worse for _, scores, _ in by_task for one in scores)
    better = sum(one.is_better for _, scores, _ in by_task for one in scores)
    return (
        f"Of {plural(looked, 'score')} {worse} {'is' if worse == 1 else 'are'} worse than the one "
        f"of all rows with the whole 95 % interval, and {better} better. By chance alone about "
        f"{max(looked * CHANCE, 1):.0f} of so many would be either: take a slice as a question to "
        "further rows, and not as an answer."
    )


def _of_task(task: Task, scores: Sequence[SliceScore], small: int, *, is_drawn: bool) -> Details:
    worse = sum(one.is_worse for one in scores)
    overall = f"{scores[0].overall:.3f}"
    said = f"{worse} of {plural(len(scores), 'slice')} worse than the {overall} of all rows"
    blocks: list[Any] = []
    if is_drawn:
        worst = scores[:MOST_DRAWN]
        names = [f"{_title(one)} ({one.rows:,})" for one in worst]
        gains = zip(*(one.gain for one in worst), strict=True)
        blocks.append(
            Figure(
                figures.forest(names, *gains, axis=f"better {_metric(task)} than all rows"),
                f"The worst slices and their labelled rows: how much better the {_metric(task)} "
                f"is than the {overall} of all rows, with 95 % intervals. Left of the line it is "
                "worse.",
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
    side = "worse" if one.is_worse else "better" if one.is_better else None
    numbers = (one.rows, one.score, one.low, one.high, one.overall)
    return [by_in_words(one.by), one.name, *numbers, side]


def _in_words(name: str) -> str:
    own = {"tokens": "the length of the texts", "labels": "whether all tasks are labelled"}
    return own.get(name, f"the column {name}")


def by_in_words(name: str) -> str:
    """Returns what slices rows, as a table has it."""
    return {"tokens": "length in tokens", "labels": "labels"}.get(name, name)


def _title(one: SliceScore) -> str:
    if one.by == "tokens":
        return f"{one.name} tokens"
    return f"{one.by} {one.name}" if one.by == "labels" else f"{one.by}: {one.name}"


def _metric(task: Task) -> str:
    return metric_name(slice_metric(task))
