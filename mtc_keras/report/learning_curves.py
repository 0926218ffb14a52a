"""How a training went, epoch by epoch, and what keeping one epoch costs each task."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from mtc_keras.pages import Block, Column, Details, Figure, Grid, Paragraph, Part, Section, Table
from mtc_keras.pages.figures import Mark, lines
from mtc_keras.report.account import Account
from mtc_keras.report.wording import metric_name, shown

TOGETHER = 6  # curves in a figure that can be told apart
METRIC = "main metric"
_LOSSES = {"training": "loss", "validation": "val_loss"}


def learning_curves(account: Account) -> Iterator[Part]:
    """Yields the curves of a training; nothing where no epoch was recorded."""
    history = account.history
    if not history:
        return
    kept = account.metrics.get("best_epoch")
    blocks: list[Block] = [Paragraph(_told(account, kept))]
    rows = _by_task(account)
    if account.metrics.get("epochs"):
        blocks.append(Table(_COLUMNS, [list(row.values()) for row in rows], shown=50))
    if len(history) > 1:
        figures = list(_figures(account, kept))
        blocks += [Grid(figures[:2])] if figures else []
        if figures[2:]:
            folded = Grid(figures[2:])
            blocks.append(Details("More curves: tasks' losses, weights and shares", [folded]))
    values = {"best_epoch": kept, "epochs": list(history), "tasks": {r["task"]: r for r in rows}}
    yield Part(
        Section("Learning", blocks, "learning"), values, {"epochs": list(history), "learning": rows}
    )


_COLUMNS = [
    Column("task"),
    Column("metric"),
    Column("in the kept epoch", "score"),
    Column("its own best epoch", "count"),
    Column("there", "score"),
    Column("cost", "score", "how much worse the kept epoch is for this task"),
    Column("weight", "score", "of its loss, in the last epoch"),
    Column("share", "share", "of the weighted loss, in the last epoch"),
]


def _told(account: Account, kept: Any) -> str:
    count = len(account.history)
    if count == 1:
        return "One epoch was trained, so there is no curve."
    costs = {
        name: values["cost"]
        for name, values in (account.metrics.get("epochs") or {}).items()
        if values.get("cost")
    }
    if not account.metrics.get("epochs"):
        return f"{count} epochs were trained, without validation: the last one was kept."
    told = f"Epoch {kept} of {count} was kept, for all tasks together."
    if kept == count:
        told += " It is the last: more epochs may help."
    if costs:
        worst = max(costs, key=lambda name: costs[name])
        told += f" It costs {worst} most: {shown(costs[worst])} below its own best epoch."
    else:
        told += " It costs no task anything."
    if any(set(own.thresholds.values()) - {0.5} for own in account.decisions.values()):
        told += (
            " Epochs are judged by thresholds of 0.5; those of now were fitted afterwards, so that "
            "multilabel tasks score otherwise in the summary."
        )
    return told


def _by_task(account: Account) -> list[dict[str, Any]]:
    epochs, last = account.metrics.get("epochs") or {}, account.history[-1]
    rows = []
    for task in account.tasks:
        own = epochs.get(task.name) or {}
        rows.append(
            {
                "task": task.name,
                "metric": metric_name(task.main_metric),
                "kept": own.get("kept"),
                "best_epoch": own.get("best_epoch"),
                "best": own.get("best"),
                "cost": own.get("cost"),
                "weight": last.get(f"{task.name}_weight"),
                "share": last.get(f"{task.name}_share"),
            }
        )
    return rows


def _figures(account: Account, kept: Any) -> Iterator[Figure]:
    """Yields the figures that have something to show, the most telling first."""
    history, names = account.history, [task.name for task in account.drawn_tasks]
    marks = [Mark("kept", kept)] if kept else []
    drawn = [
        ("loss", "The loss that training lowers, all tasks together.", _LOSSES),
        *_of_tasks(
            METRIC,
            "Each task's main metric on validation; a dot is in the epoch that was its own best.",
            {task.name: f"val_{task.name}_{task.main_metric}" for task in account.drawn_tasks},
        ),
        *_of_tasks(
            "training loss",
            "Each task's own loss, not weighted.",
            {name: f"{name}_loss" for name in names},
        ),
    ]
    if len(names) > 1:
        said = "Which share of the weighted loss is each task's."
        drawn += _of_tasks("share of the loss", said, {name: f"{name}_share" for name in names})
    if any(len({epoch.get(f"{name}_weight") for epoch in history}) > 1 for name in names):
        said = "The weight of each task's loss."
        drawn += _of_tasks("weight", said, {name: f"{name}_weight" for name in names})
    epochs = [epoch["epoch"] for epoch in history]
    for axis, caption, keys in drawn:
        series = {
            name: (epochs, [np.nan if (v := epoch.get(key)) is None else v for epoch in history])
            for name, key in keys.items()
            if any(epoch.get(key) is not None for epoch in history)
        }
        if series:
            own = [*marks, *_own_best(account, series)] if axis == METRIC else marks
            svg = lines(series, x_axis="epoch", y_axis=axis, marks=own)
            alt = f"Curves over {len(epochs)} epochs of {', '.join(series)}."
            yield Figure(svg, caption, alt)


def _own_best(account: Account, names: Iterable[str]) -> Iterator[Mark]:
    """Yields a point per task: the epoch in which it was best, which need not be the kept one."""
    epochs = account.metrics.get("epochs") or {}
    for own in (epochs.get(name) or {} for name in names):
        if own.get("best") is not None:
            yield Mark("", own["best_epoch"], own["best"])


def _of_tasks(
    axis: str, caption: str, keys: dict[str, str]
) -> list[tuple[str, str, dict[str, str]]]:
    """Returns figures of so many tasks each that their curves can be told apart."""
    names = list(keys)
    starts = range(0, len(names), TOGETHER)
    parts = [names[start : start + TOGETHER] for start in starts]
    return [(axis, caption, {name: keys[name] for name in part}) for part in parts]
