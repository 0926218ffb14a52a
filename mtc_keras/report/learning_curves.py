"""How a training went, epoch by epoch, and what keeping one epoch costs each task."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mtc_keras.pages import Block, Column, Details, Figure, Grid, Paragraph, Part, Section, Table
from mtc_keras.pages.figures import Mark, lines
from mtc_keras.report.account import Account
from mtc_keras.report.wording import metric_name, shown

TOGETHER = 6  # curves in a figure that can be told apart


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
        first, *others = _figures(account, kept)
        blocks.append(Grid([first, *others[:1]]))
        if others[1:]:
            blocks.append(
                Details("More curves: tasks' losses, weights and shares", [Grid(others[1:])])
            )
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
    if not costs:
        return f"{told} It costs no task anything."
    worst = max(costs, key=lambda name: costs[name])
    return f"{told} It costs {worst} most: {shown(costs[worst])} below its own best epoch."


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
    history, names = account.history, [task.name for task in account.tasks]
    marks = [Mark("kept", kept)] if kept else []
    losses = {"training": "loss", "validation": "val_loss"}
    yield _figure(
        history, losses, "loss", "The loss that training lowers, all tasks together.", marks
    )
    metrics = {task.name: f"val_{task.name}_{task.main_metric}" for task in account.tasks}
    for part in _parts(metrics):
        yield _figure(history, part, "main metric", "Each task's main metric on validation.", marks)
    for part in _parts(names):
        own = {name: f"{name}_loss" for name in part}
        yield _figure(history, own, "training loss", "Each task's own loss, not weighted.", marks)
    if len(names) < 2:
        return
    for part in _parts(names):
        shares = {name: f"{name}_share" for name in part}
        said = "Which share of the weighted loss is each task's."
        yield _figure(history, shares, "share of the loss", said, marks)
    if any(len({epoch.get(f"{name}_weight") for epoch in history}) > 1 for name in names):
        for part in _parts(names):
            weights = {name: f"{name}_weight" for name in part}
            yield _figure(history, weights, "weight", "The weight of each task's loss.", marks)


def _parts(names: Mapping[str, str] | Sequence[str]) -> Iterator[Any]:
    """Yields names, or what they lead to, so many at a time that a figure can hold."""
    keys = list(names)
    for start in range(0, len(keys), TOGETHER):
        part = keys[start : start + TOGETHER]
        yield {name: names[name] for name in part} if isinstance(names, Mapping) else part


def _figure(
    history: Sequence[Mapping[str, Any]],
    keys: Mapping[str, str],
    axis: str,
    caption: str,
    marks: Sequence[Mark],
) -> Figure:
    epochs = [epoch["epoch"] for epoch in history]
    series = {
        name: (epochs, [np.nan if (v := epoch.get(key)) is None else v for epoch in history])
        for name, key in keys.items()
        if any(epoch.get(key) is not None for epoch in history)
    }
    svg = lines(series, x_axis="epoch", y_axis=axis, marks=marks)
    return Figure(svg, caption, f"Curves over {len(epochs)} epochs of {', '.join(series)}.")
