"""How many rows there are, and how many of them have labels."""

from typing import Any

import numpy as np

from mtc_keras.check.checked import Checked
from mtc_keras.data.groups import NO_GROUP
from mtc_keras.data.rows import Rows
from mtc_keras.pages import Block, Column, Details, Paragraph, Part, Section, Table
from mtc_keras.tasks import Task


def row_part(checked: Checked) -> Part:
    """Returns the part on rows, and on labels that are missing: whole ones and single cells."""
    splits = {name: _split(rows, checked.tasks) for name, rows in checked.splits.items()}
    names = list(splits)
    overview = Table(
        [Column(""), *(Column(name, "count") for name in names)],
        [
            [title, *(splits[name][key] for name in names)]
            for key, title in (
                ("rows", "rows"),
                ("left_out", "left out, as they have no text"),
                ("unlabelled", "without a label for any task"),
                ("groups", "groups"),
                ("largest_group", "rows of the largest group"),
                ("without_weight", "with the weight 0 in every task"),
            )
            if any(splits[name][key] for name in names)
        ],
    )
    columns = [Column("task"), Column("kind")]
    for name in names:
        columns += [Column(f"{name}: labelled", "count"), Column("share", "share")]
    labels = Table(columns, [_task_row(task, splits) for task in checked.tasks], shown=50)
    blocks: list[Block] = [overview, labels]
    if any(task["partial"] for split in splits.values() for task in split["tasks"].values()):
        blocks.append(_partial(checked, splits))
    if checked.notes:
        blocks.append(Section("How the files were read", list(map(Paragraph, checked.notes))))
    files = checked.dataset.files
    if files:
        table = Table([Column("file"), Column("SHA-256")], list(files.items()))
        blocks.append(Details("Files and their hashes", [table]))
    values = {"splits": splits, "files": files, "notes": checked.notes}
    return Part(Section("Rows and labels", blocks, "rows"), values)


def _split(rows: Rows, tasks: list[Task]) -> dict[str, Any]:
    labelled = {task.name: task.labelled(rows.targets[task.name]) for task in tasks}
    any_label = np.logical_or.reduce(list(labelled.values()))
    sizes = np.zeros(0, int)
    if rows.groups is not None:
        sizes = np.unique(rows.groups[rows.groups != NO_GROUP], return_counts=True)[1]
    weights = rows.sample_weight
    unweighted = (
        np.logical_and.reduce([weight == 0 for weight in weights.values()]) if weights else []
    )
    return {
        "rows": len(rows),
        "left_out": rows.left_out.count,
        "unlabelled": int((~any_label).sum()),
        "groups": len(sizes),
        "largest_group": int(sizes.max(initial=0)),
        "without_weight": int(np.sum(unweighted)),
        "tasks": {
            task.name: {
                "labelled": int(labelled[task.name].sum()),
                "missing": int((~labelled[task.name]).sum()),
                "partial": _partially(task, rows, labelled[task.name]),
            }
            for task in tasks
        },
    }


def _partially(task: Task, rows: Rows, labelled: np.ndarray) -> int:
    """Returns how many labelled rows lack the label of some of the classes."""
    if not task.has_classes:
        return 0
    known = task.known_cells(rows.targets[task.name])[labelled]
    return int((~known.all(axis=1)).sum())


def _task_row(task: Task, splits: dict[str, dict[str, Any]]) -> list[Any]:
    row: list[Any] = [task.name, task.summary]
    for split in splits.values():
        count = split["tasks"][task.name]["labelled"]
        row += [count, count / max(split["rows"], 1)]
    return row


def _partial(checked: Checked, splits: dict[str, dict[str, Any]]) -> Table:
    rows = [
        [task.name, *(split["tasks"][task.name]["partial"] for split in splits.values())]
        for task in checked.tasks
        if any(split["tasks"][task.name]["partial"] for split in splits.values())
    ]
    return Table(
        [Column("task"), *(Column(name, "count") for name in splits)],
        rows,
        caption="Rows of which only some classes are known; the others are left out of loss and "
        "metrics.",
    )
