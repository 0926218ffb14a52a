"""A few rows as they were read: the text, and every task's label as it is understood."""

from typing import Any

import numpy as np

from mtc_keras.check.checked import Checked
from mtc_keras.data.rows import Rows
from mtc_keras.pages import Block, Column, Part, Section, Table, Text, Texts
from mtc_keras.tasks import Task

SHOWN = 3  # of each split


def sample_part(checked: Checked) -> Part:
    """Returns the part with a few rows of each split, drawn by the config's seed."""
    found = {name: sampled(checked, name) for name in checked.splits}
    sections: list[Block] = [
        Section(
            name,
            [Texts(list(map(_text, rows))) if checked.texts else _table(checked, rows)],
            f"samples-{name}",
        )
        for name, rows in found.items()
    ]
    return Part(Section("Rows as they were read", sections, "samples"), {"rows": found})


def sampled(checked: Checked, split: str) -> list[dict[str, Any]]:
    """Returns rows of a split: their `place`, `labels` by task, and `texts` if they are shown."""
    rows = checked.splits[split]
    random = np.random.default_rng(checked.config.seed)
    chosen = np.sort(random.choice(len(rows), size=min(SHOWN, len(rows)), replace=False))
    return [_row(checked, rows, at) for at in chosen.tolist()]


def label_line(task: Task, target: np.ndarray) -> str:
    """Returns one row's label as people read it.

    Args:
        task: the task.
        target: one row's target.
    """
    targets = np.asarray(target)[None]
    if not task.labelled(targets)[0]:
        return "–"
    if not task.has_classes:
        return f"{task.label(target):g}" if np.ndim(target) == 0 else str(task.label(target))
    names, known = task.shown_classes, task.known_cells(targets)[0]
    if task.has_shares:
        order = np.argsort(-np.nan_to_num(target), kind="stable")
        line = ", ".join(f"{names[at]} {target[at]:.0%}" for at in order if target[at] > 0)
    else:
        line = ", ".join(names[at] for at in np.flatnonzero(task.class_indicator(targets)[0]))
    line = line or "none of the classes"
    unknown = int((~known).sum())
    return f"{line} ({unknown:,} of {len(known):,} classes unknown)" if unknown else line


def _row(checked: Checked, rows: Rows, at: int) -> dict[str, Any]:
    labels = {task.name: label_line(task, rows.targets[task.name][at]) for task in checked.tasks}
    row: dict[str, Any] = {"place": rows.where[at], "labels": labels}
    if checked.texts:
        row["texts"] = [column[at] for column in rows.texts]
    return row


def _text(row: dict[str, Any]) -> Text:
    facts = [("", row["place"]), *row["labels"].items()]
    return Text("\n\n".join(row["texts"]), facts)


def _table(checked: Checked, rows: list[dict[str, Any]]) -> Table:
    names = [task.name for task in checked.tasks]
    cells = [[row["place"], *row["labels"].values()] for row in rows]
    return Table([Column("place"), *map(Column, names)], cells)
