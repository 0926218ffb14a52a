"""How likely label errors are shown: a problem per task, a section of the page, a table of rows."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mtc_keras.check.findings import Findings
from mtc_keras.check.label_errors.finding import LabelErrors
from mtc_keras.errors import plural
from mtc_keras.pages import Block, Column, Paragraph, Part, Problem, Section, Table
from mtc_keras.tasks import Task

if TYPE_CHECKING:
    from mtc_keras.check.label_errors.judging import JudgedLabels

FILE = "label_errors"  # the table of all rows
MOST_SHOWN = 100  # rows per task on the page
PLACES, FIRST = 3, 10  # of each task, in its problem and on the screen
REMEDY = (
    f"read the first rows of {FILE}.csv; correct a label that is wrong, or empty it: a missing "
    "label costs nothing"
)


def findings(found: LabelErrors, texts: bool) -> Findings:
    """Returns all that is shown.

    Args:
        found: what was found.
        texts: bool. Whether texts may be shown.
    """
    return Findings(
        problems=tuple(problems(found)),
        tables={FILE: table(found, texts)} if found.judged else {},
        parts=(section(found, texts),),
    )


def problems(found: LabelErrors) -> Iterator[Problem]:
    """Yields for each task how many of its labels are likely wrong, and where the worst stand."""
    for task in found.tasks:
        if (judged := found.judged.get(task.name)) is None or not judged.quality.count:
            continue
        labelled, count = len(judged.quality.order), judged.quality.count
        verb = "looks" if count == 1 else "look"
        yield Problem(
            severity="warning",
            title=f"{count:,} of {plural(labelled, 'label')} {verb} wrong",
            count=count,
            places=[found.sample.where[row] for row in suspects(judged)[:PLACES]],
            remedy=REMEDY,
            about=task.name,
        )


def suspects(judged: "JudgedLabels") -> np.ndarray:
    """Returns the rows whose label is likely wrong, the likeliest first."""
    order = judged.quality.order
    return order[judged.quality.suspect[order]]


def section(found: LabelErrors, texts: bool) -> Part:
    """Returns the section of the page."""
    blocks: list[Block] = [Paragraph(line) for line in _about(found)]
    values: dict[str, Any] = {
        "rows": len(found.sample),
        "labelled_rows": found.sample.labelled,
        "tasks": {},
    }
    for task in found.tasks:
        if (judged := found.judged.get(task.name)) is None:
            continue
        blocks.append(_of_task(found, task, judged, texts))
        quality = judged.quality
        values["tasks"][task.name] = {
            "labels": len(quality.order),
            "likely_wrong": quality.count,
            "contradicted_by_other_tasks": int((quality.suspect & judged.contradicted).sum()),
            "classes": list(_by_class(task, judged)),
            "first": [
                _row(found, task, judged, row, texts=False)
                for row in suspects(judged)[:FIRST].tolist()
            ],
        }
    return Part(Section("Likely label errors", blocks, id="label-errors"), values)


def table(found: LabelErrors, texts: bool) -> list[dict[str, Any]]:
    """Returns all labels of all tasks, those of each from the likeliest error on."""
    return [
        {"task": task.name, "rank": rank, **_row(found, task, found.judged[task.name], row, texts)}
        for task in found.tasks
        if task.name in found.judged
        for rank, row in enumerate(found.judged[task.name].quality.order.tolist(), start=1)
    ]


def _about(found: LabelErrors) -> Iterator[str]:
    if found.too_few:
        yield f"Not looked for: {found.too_few}."
        return
    yield (
        "Each label was judged by linear heads that were not fitted to its row: on the frozen "
        "backbone's features and the words of the text, and with the labels of the other tasks. "
        "How many are likely wrong is what confident learning estimates; the rows stand in the "
        "order in which it pays to read them."
    )
    if len(found.sample) < found.sample.labelled:
        yield (
            f"{len(found.sample):,} of {found.sample.labelled:,} rows with a label were looked at, "
            "drawn by the config's seed."
        )


def _of_task(found: LabelErrors, task: Task, judged: "JudgedLabels", texts: bool) -> Section:
    worst = suspects(judged)[:MOST_SHOWN]
    count, labelled = judged.quality.count, len(judged.quality.order)
    told = f"{count:,} of {plural(labelled, 'label')} look wrong"
    if by_others := int((judged.quality.suspect & judged.contradicted).sum()):
        told += f", {by_others:,} of them mainly because the labels of other tasks contradict them"
    blocks: list[Block] = [Paragraph(f"{told}.")]
    if classes := list(_by_class(task, judged)):
        blocks.append(_table(classes, _CLASS_COLUMNS, "By class given"))
    if len(worst):
        rows = [_row(found, task, judged, row, texts) for row in worst.tolist()]
        blocks.append(_table(rows, _ROW_COLUMNS, "The likeliest errors first"))
    return Section(task.name, blocks)


def _row(
    found: LabelErrors, task: Task, judged: "JudgedLabels", row: int, texts: bool
) -> dict[str, Any]:
    """Returns what is known of one label."""
    quality, sample = judged.quality, found.sample
    probability = float(quality.probability[row])
    shown = {
        "place": sample.where[row],
        "split": sample.splits[row],
        "given": _label(task, task.hard(sample.targets[task.name][row : row + 1])[0]),
        "looks_like": _label(task, quality.suggested[row]),
        "probability": None if np.isnan(probability) else probability,
        "quality": float(quality.quality[row]),
        "likely_wrong": bool(quality.suspect[row]),
        "because_of": "other labels" if judged.contradicted[row] else "text",
    }
    if texts:
        for number, column in enumerate(sample.texts):
            shown["text" if number == 0 else f"text_{number + 1}"] = column[row]
    return shown


def _label(task: Task, target: np.ndarray) -> str:
    cell = task.label_cell(task.label(target))
    if isinstance(cell, float):
        return f"{cell:g}"
    return "none" if cell == "" else str(cell)


def _by_class(task: Task, judged: "JudgedLabels") -> Iterator[dict[str, Any]]:
    """Yields for each class with likely errors how many, and what they seem to be."""
    confused = judged.quality.confused
    if confused is None:
        return
    names = task.shown_classes
    if judged.quality.cells is not None:
        for name, (absent, present) in zip(names, confused.tolist(), strict=True):
            if absent or present:
                yield {"class": name, "seems_absent": absent, "seems_present": present}
        return
    for index, name in enumerate(names):
        others = np.where(np.arange(len(names)) == index, 0, confused[index])
        if others.any():
            yield {
                "class": name,
                "labels": int(confused[index].sum()),
                "look_wrong": int(others.sum()),
                "most_often": names[int(others.argmax())],
            }


_CLASS_COLUMNS: Mapping[str, Column] = {
    "class": Column("Class"),
    "labels": Column("Labels", "count"),
    "look_wrong": Column("Look wrong", "bar"),
    "most_often": Column("Most often look like"),
    "seems_absent": Column("Given, seems absent", "bar"),
    "seems_present": Column("Not given, seems present", "bar"),
}
_ROW_COLUMNS: Mapping[str, Column] = {
    "place": Column("Place"),
    "given": Column("Given"),
    "looks_like": Column("Looks like"),
    "probability": Column("Probability", "share", "That of what it looks like"),
    "because_of": Column("Because of", "text", "The text, or the labels of other tasks"),
    "text": Column("Text"),
    "text_2": Column("Second text"),
}


def _table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, Column], caption: str) -> Table:
    keys = [key for key in columns if key in rows[0]]
    return Table(
        [columns[key] for key in keys], [[row[key] for key in keys] for row in rows], caption
    )
