"""The part of a report with examples: the surest mistakes, and labels that are likely wrong."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mtc_keras.errors import plural
from mtc_keras.pages import Block, Column, Details, Paragraph, Part, Section, Table, Text, Texts
from mtc_keras.report.account import Account
from mtc_keras.report.judged import Judged
from mtc_keras.report.mistakes import Mistake, surest_mistakes
from mtc_keras.report.words import Words, coloured_words
from mtc_keras.report.wrong import wrong_rows
from mtc_keras.scoring.label_quality import LabelQuality, label_quality
from mtc_keras.tasks import Task
from mtc_keras.tasks.predictions import DECIMALS

MOST_SHOWN, MANY_TASKS, FEWER_SHOWN = 5, 6, 3
MOST_WRITTEN = 500  # rows of a CSV file
MOST_CLASSES = 6  # of a label that is shown
ID = "examples"


class Example(NamedTuple):
    """A row to look at.

    Args:
        row: int. Which one.
        facts: what is known of it, by name.
        class_name: optional str. The class that it is about, if not the one that is predicted.
    """

    row: int
    facts: Mapping[str, Any]
    class_name: str | None = None


def examples(account: Account) -> list[Part]:
    """Returns rows of each task that are worth a look; nothing where no row was wrong."""
    judged = account.shown
    if judged is None:
        return []
    by_task = {task.name: _of_task(judged, task) for task in judged.tasks}
    by_task = {name: found for name, found in by_task.items() if found.mistakes or found.labels}
    if not by_task:
        return []
    shown = MOST_SHOWN if len(judged.tasks) <= MANY_TASKS else FEWER_SHOWN
    words, note = coloured_words(
        account,
        [
            (found.task.name, one.row, one.class_name)
            for found in by_task.values()
            for one in found.mistakes[:shown]
        ],
    )
    blocks: list[Block] = [Paragraph(_summary(account, judged))]
    blocks += [Paragraph(note)] if note else []
    blocks += [_shown(judged, found, words, shown) for found in by_task.values()]
    tables = {
        "surest_mistakes": [
            _written(judged, found.task, one)
            for found in by_task.values()
            for one in found.mistakes
        ],
        "likely_label_errors": [
            _written(judged, found.task, one) for found in by_task.values() for one in found.labels
        ],
    }
    part = Part(
        Section("Examples", blocks, id=ID),
        values={
            name: {
                "likely_label_errors": found.suspects,
                "surest_mistakes": [_value(judged, one) for one in found.mistakes[:shown]],
                "likeliest_label_errors": [_value(judged, one) for one in found.labels[:shown]],
            }
            for name, found in by_task.items()
        },
        tables=tables,
    )
    return [part]


class _Found(NamedTuple):
    """What is found of a task: its mistakes, the labels that are likely wrong, and their number."""

    task: Task
    mistakes: list[Example]
    labels: list[Example]
    suspects: int


def _of_task(judged: Judged, task: Task) -> _Found:
    mistakes = [_mistake(judged, task, one) for one in surest_mistakes(judged, task, MOST_WRITTEN)]
    quality = label_quality(task, judged.targets[task.name], judged.probabilities[task.name])
    likely = [row for row in quality.order if quality.suspect[row]][:MOST_WRITTEN]
    labels = [_label_error(judged, task, quality, int(row)) for row in likely]
    return _Found(task, mistakes, labels, quality.count)


def _mistake(judged: Judged, task: Task, one: Mistake) -> Example:
    facts = _labels(judged, task, one.row)
    if not task.has_probabilities:
        return Example(one.row, {**facts, "error": round(one.sureness, DECIMALS)})
    stated, index = judged.probabilities[task.name][one.row], one.class_index
    if index is not None:  # one of several classes
        name = task.shown_classes[index]
        verb = "given" if judged.predictions[task.name][one.row][index] else "left out"
        facts = {**facts, "wrongly": f"{name!r} {verb}", "probability": float(stated[index])}
        return Example(one.row, facts, task.known_classes[index])
    probability = {"probability": float(one.sureness)}
    truth = task.class_indicator(judged.targets[task.name][one.row][None])[0]
    if truth.any():
        probability["probability of the true one"] = float(stated[truth].sum())
    return Example(one.row, {**facts, **probability})


def _label_error(judged: Judged, task: Task, quality: LabelQuality, row: int) -> Example:
    given = task.label(_truth(judged, task, row))
    facts: dict[str, Any] = {
        "given": _said(given),
        "suggested": _said(task.label(quality.suggested[row])),
    }
    if np.isfinite(quality.probability[row]):
        facts["probability of the suggested"] = float(quality.probability[row])
    return Example(row, {**facts, "label quality": float(quality.quality[row])})


def _labels(judged: Judged, task: Task, row: int) -> dict[str, Any]:
    return {
        "true": _said(task.label(_truth(judged, task, row))),
        "predicted": _said(task.label(judged.predictions[task.name][row])),
    }


def _truth(judged: Judged, task: Task, row: int) -> Any:
    """Returns the target of one row, without looking at all the others."""
    return task.hard(judged.targets[task.name][row : row + 1])[0]


def _said(label: Any) -> str:
    if isinstance(label, list):
        more = ", …" if len(label) > MOST_CLASSES else ""
        return f"{', '.join(map(str, label[:MOST_CLASSES]))}{more}" if label else "(none)"
    return f"{label:.{DECIMALS}g}" if isinstance(label, float) else str(label)


def _summary(account: Account, judged: Judged) -> str:
    said = (
        f"Of the {account.split} rows, those that were predicted wrong with the greatest "
        "probability, and those whose label looks wrong: confident learning (Northcutt et al. "
        "2021) compares each label with the model's probabilities, which owe nothing to it. Both "
        "are where to look first, not what to change unseen."
    )
    if judged.texts is None:
        said += " Texts are left out ([report] texts = false)."
    return said


def _shown(judged: Judged, found: _Found, words: Words, most: int) -> Details:
    blocks: list[Block] = []
    for title, chosen in (
        (
            "The surest mistakes" if found.task.has_probabilities else "The greatest errors",
            found.mistakes[:most],
        ),
        (
            f"The likeliest of {plural(found.suspects, 'likely label error')}",
            found.labels[:most],
        ),
    ):
        if chosen:
            blocks += [Paragraph(f"{title}:"), _rows(judged, found.task, chosen, words)]
    wrong = "the greatest errors"
    if found.task.has_probabilities:
        wrong = plural(int(wrong_rows(judged, found.task).sum()), "mistake")
    said = plural(found.suspects, "likely label error")
    return Details(f"{found.task.name}: {wrong}, {said}", blocks)


def _rows(judged: Judged, task: Task, chosen: Sequence[Example], words: Words) -> Block:
    if judged.texts is None:
        names = list(dict.fromkeys(name for one in chosen for name in one.facts))
        columns = [Column("row"), *(Column(name, _kind(name)) for name in names)]
        return Table(
            columns,
            [[judged.where[one.row], *(one.facts.get(name) for name in names)] for one in chosen],
        )
    return Texts(
        [
            Text(
                judged.text(one.row),
                [("row", judged.where[one.row]), *((n, _fact(v)) for n, v in one.facts.items())],
                words.get((task.name, one.row, one.class_name)),
            )
            for one in chosen
        ]
    )


def _kind(name: str) -> Any:
    return "score" if "probability" in name or name in ("error", "label quality") else "text"


def _fact(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _value(judged: Judged, one: Example) -> dict[str, Any]:
    return {"row": judged.where[one.row], **one.facts}


def _written(judged: Judged, task: Task, one: Example) -> dict[str, Any]:
    text = {} if judged.texts is None else {"text": judged.text(one.row)}
    return {"task": task.name, **_value(judged, one), **text}
