"""The parts of a page on several runs that are not of one pair: scores, curves, configs, costs."""

from collections.abc import Mapping
from typing import Any

from mtc_keras.errors import plural
from mtc_keras.pages import Block, Column, Details, Figure, Grid, Paragraph, Part, Section, Table
from mtc_keras.pages import figures as draw
from mtc_keras.report.account import Account
from mtc_keras.report.settings import differing
from mtc_keras.report.wording import metric_name

MOST_CURVES = 6  # tasks whose curves are drawn
ALWAYS_DIFFERENT = "output.directory"
Runs = Mapping[str, Account]


def scores(runs: Runs) -> Part:
    """Returns the main metric of every task in every run, each on its own judged rows."""
    tasks = dict.fromkeys(task.name for run in runs.values() for task in run.tasks)
    values = {name: {run: _score(account, name) for run, account in runs.items()} for name in tasks}
    rows = [[name, _metric(runs, name), *values[name].values()] for name in tasks]
    overall = {run: (a.metrics.get(a.split or "") or {}).get("score") for run, a in runs.items()}
    rows.append(["score of all tasks", "mean", *overall.values()])
    columns = [Column("task"), Column("metric"), *(Column(run, "score") for run in runs)]
    split = ", ".join(f"{run}: {account.split or 'none'}" for run, account in runs.items())
    text = (
        f"Each run on the rows that it judged itself ({split}). Whether two of them differ is told "
        "below, on the rows that both have judged."
    )
    return Part(
        Section("Scores", [Paragraph(text), Table(columns, rows)], id="scores"),
        values={"tasks": values, "score": overall},
        tables={"scores": [{"task": name, **row} for name, row in values.items()]},
    )


def _score(account: Account, name: str) -> float | None:
    task = next((task for task in account.tasks if task.name == name), None)
    found = None if task is None else account.scores(task)
    return None if task is None or found is None else found.get(task.main_metric)


def _metric(runs: Runs, name: str) -> str:
    metrics = dict.fromkeys(
        metric_name(task.main_metric)
        for account in runs.values()
        for task in account.tasks
        if task.name == name
    )
    return " or ".join(metrics)


def curves(runs: Runs) -> Part | None:
    """Returns the learning curves of all runs, one over another; nothing without validation."""
    tasks = dict.fromkeys(task.name for run in runs.values() for task in run.tasks)
    asked = [("val_score", "score of all tasks"), ("val_loss", "loss on the validation rows")]
    figures = [found for key, title in asked if (found := _curve(runs, key, title))]
    by_task = []
    for name in list(tasks)[:MOST_CURVES]:
        keys = {
            f"val_{task.name}_{task.main_metric}": task.main_metric
            for account in runs.values()
            for task in account.tasks
            if task.name == name
        }
        if len(keys) == 1:
            [(key, metric)] = keys.items()
            by_task.append(_curve(runs, key, f"{name}: {metric_name(metric)}"))
    drawn = [figure for figure in by_task if figure is not None]
    if not figures:
        return None
    blocks: list[Block] = [Grid(figures)]
    if drawn:
        more = f", the first {MOST_CURVES} of {len(tasks)}" if len(tasks) > MOST_CURVES else ""
        blocks.append(Details(f"Curves of tasks{more}", [Grid(drawn)]))
    lines = [
        {"run": run, **line} for run, account in runs.items() for line in map(dict, account.history)
    ]
    return Part(Section("Learning curves", blocks, id="curves"), tables={"epochs": lines})


def _curve(runs: Runs, key: str, title: str) -> Figure | None:
    series = {}
    for run, account in runs.items():
        points = [(e["epoch"], e[key]) for e in account.history if e.get(key) is not None]
        if points:
            series[run] = ([x for x, _ in points], [y for _, y in points])
    if not series:
        return None
    drawn = draw.lines(series, x_axis="epoch", y_axis=title)
    return Figure(drawn, f"After each epoch: {title}.", f"{title} by epoch")


def configs(runs: Runs) -> Part:
    """Returns the keys of the configs that are not the same in all runs."""
    found = differing(*(account.config for account in runs.values()))
    found.pop(ALWAYS_DIFFERENT, None)
    shown = {
        key: {run: one and one.shown for run, one in zip(runs, row, strict=True)}
        for key, row in found.items()
    }
    said = (
        f"{plural(len(shown), 'key')} of the configs {'is' if len(shown) == 1 else 'are'} not the "
        "same; a dash is a key that a run does not have."
        if shown
        else "The configs are the same, but for the directory."
    )
    blocks: list[Block] = [Paragraph(said)]
    if shown:
        columns = [Column("key"), *(Column(run) for run in runs)]
        blocks.append(Table(columns, [[key, *row.values()] for key, row in shown.items()]))
    data = {run: account.environment.get("data_sha256", {}) for run, account in runs.items()}
    files = dict.fromkeys(path for files in data.values() for path in files)
    other = [path for path in files if len({own.get(path) for own in data.values()}) > 1]
    if other:
        names = ", ".join(other)
        blocks.append(
            Paragraph(f"Data files that have changed, or that not all runs read: {names}.")
        )
    versions = _versions(runs)
    if versions:
        columns = [Column("package"), *(Column(run) for run in runs)]
        rows = [[package, *row] for package, row in versions.items()]
        blocks.append(Details("Versions that differ", [Table(columns, rows)]))
    return Part(
        Section("What the configs differ in", blocks, id="configs"),
        values={"keys": shown, "data_files": other, "versions": versions},
        tables={"configs": [{"key": key, **row} for key, row in shown.items()]} if shown else {},
    )


def _versions(runs: Runs) -> dict[str, list[Any]]:
    own = [account.environment.get("versions", {}) for account in runs.values()]
    found = {
        package: [versions.get(package) for versions in own]
        for package in dict.fromkeys(package for versions in own for package in versions)
    }
    return {package: row for package, row in found.items() if len(set(row)) > 1}


def costs(runs: Runs) -> Part:
    """Returns how long each training took, and where."""
    found = {
        run: {
            "seconds": account.environment.get("seconds", {}).get("in_all"),
            "epochs": len(account.history),
            "best_epoch": account.metrics.get("best_epoch"),
            "device": account.environment.get("device"),
            "processor": (account.environment.get("machine") or {}).get("processor"),
        }
        for run, account in runs.items()
    }
    columns = [
        Column("run"),
        Column("seconds", "score"),
        Column("epochs", "count"),
        Column("epoch kept", "count"),
        Column("device"),
        Column("processor"),
    ]
    rows = [[run, *values.values()] for run, values in found.items()]
    return Part(Section("Costs", [Table(columns, rows)], id="costs"), values=found)
