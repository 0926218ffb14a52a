"""Whether a run learned anything: each task beside the best constant prediction."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mtc_keras.pages import Block, Column, Details, Facts, Figure, Paragraph, Part, Section, Table
from mtc_keras.pages.figures import bars
from mtc_keras.report.account import Account
from mtc_keras.report.judged import Judged
from mtc_keras.report.wording import MEANINGS, constant_answer, listed_rows, metric_name, shown
from mtc_keras.scoring.bootstrap import RESAMPLES, drawn_scores
from mtc_keras.scoring.intervals import judge
from mtc_keras.tasks import Task

WORST_DRAWN = -1.0  # of R², which has no lower end


@dataclass(frozen=True)
class Verdict:
    """How much better a task is predicted than by a constant.

    Args:
        metric: str. The task's main metric.
        rows: int. Labelled rows.
        value: the metric; `None` where it is undefined.
        low: lower end of its 95 % interval; `None` without the rows' predictions.
        high: upper end.
        baseline: the metric of the constant prediction.
        verdict: `"better"`, `"worse"`, `"no difference seen"`, `"undefined"` or `"unlabelled"`.
    """

    metric: str
    rows: int
    value: float | None
    low: float | None
    high: float | None
    baseline: float | None
    verdict: str


def headline(account: Account) -> Iterator[Part]:
    """Yields the summary: a sentence and a row per task."""
    blocks: list[Block] = [Paragraph(note) for note in account.notes]
    if account.split is None:
        blocks.append(
            Paragraph(
                "There is neither a validation nor a test split, so nothing was judged: whether "
                "the model learned anything cannot be said."
            )
        )
        yield Part(Section("Summary", blocks, "summary"), {"tasks": {}})
        return
    found = {task.name: verdict(account, task) for task in account.tasks}
    drawn, constants = account.drawn_tasks, account.metrics.get("constant_prediction", {})
    if len(drawn) < len(account.tasks):
        blocks.append(
            Paragraph(
                f"Of {len(account.tasks):,} tasks, the {len(drawn)} whose main metrics are lowest "
                "are told in words, figures and sections of their own; the table has all."
            )
        )
    blocks += [Paragraph(sentence(task, found[task.name], constants)) for task in drawn]
    blocks.append(_table(account, found))
    if figure := _figure(account, found):
        blocks.append(figure)
    blocks.append(Facts(_overall(account)))
    rows = _all_metrics(account)
    columns = [Column("task"), Column("metric"), *_columns_by_split(account)]
    cells = [[row["task"], metric_name(row["metric"]), *list(row.values())[2:]] for row in rows]
    blocks.append(Details("All metrics of all tasks", [Table(columns, cells, shown=100)]))
    values = {
        "split": account.split,
        "score": {name: account.metrics[name].get("score") for name in account.splits},
        "overall": {name: account.metrics[name].get("overall") for name in account.splits},
        "tasks": {name: asdict(own) for name, own in found.items()},
    }
    yield Part(Section("Summary", blocks, "summary"), values, {"summary": rows})


def verdict(account: Account, task: Task) -> Verdict:
    """Returns how a task fared on the split that is shown."""
    metric = task.main_metric
    scores = account.scores(task)
    if scores is None:
        return Verdict(metric, 0, None, None, None, None, "unlabelled")
    value, rows = scores.get(metric), scores["rows"]
    constant = (account.baseline(task) or {}).get(metric)
    if value is None:
        return Verdict(metric, rows, None, None, None, constant, "undefined")
    judged = account.shown
    if judged is None:
        better = "undefined" if constant is None else "better" if value > constant else "worse"
        return Verdict(metric, rows, value, None, None, constant, better)
    own = _drawn(judged, task, judged.predictions[task.name])
    low, high = (
        np.percentile(own[np.isfinite(own)], [2.5, 97.5])
        if np.isfinite(own).any()
        else 2 * (np.nan,)
    )
    answer = account.metrics.get("constant_prediction", {}).get(task.name)
    if constant is None or answer is None:
        # Kappa of one class throughout is undefined: it agrees by chance alone, as 0 says.
        says = "better" if low > 0 else "no difference seen"
    else:
        one = np.asarray(answer, task.prediction_dtype)
        same = np.broadcast_to(one, (len(judged), *one.shape))
        says = judge(value - constant, own - _drawn(judged, task, same)).verdict
    return Verdict(metric, rows, value, _plain(low), _plain(high), constant, says)


def _drawn(judged: Judged, task: Task, predictions: np.ndarray) -> np.ndarray:
    rows = judged.labelled(task)
    return drawn_scores(task, judged.targets[task.name][rows], predictions[rows], RESAMPLES, 0)


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def sentence(task: Task, found: Verdict, constants: Mapping[str, Any]) -> str:
    """Returns in plain words whether a task learned anything."""
    name = metric_name(found.metric)
    if found.verdict == "unlabelled":
        return f"{task.name}: no row has a label of it, so nothing can be said."
    if found.value is None:
        return (
            f"{task.name}: {name} is undefined on {listed_rows(found.rows)}, as where all labels "
            "are equal or the training diverged; nothing can be said."
        )
    interval = (
        "" if found.low is None else f" (95 % interval {shown(found.low)} to {shown(found.high)})"
    )
    answer = constant_answer(task, constants.get(task.name))
    told = f"{task.name}: {name} is {shown(found.value)}{interval} on {listed_rows(found.rows)}"
    against = f"{answer} has {shown(found.baseline)}"
    if found.verdict == "better":
        return f"{told}, and {against}: it has learned something."
    if found.verdict == "worse":
        return f"{told}, and {against}: it is worse than that, so do not use it as it is."
    if found.verdict == "no difference seen":
        return (
            f"{told}, and {against}: that it has learned anything cannot be seen on so many rows."
        )
    return f"{told}; there is nothing to compare it with."


def _table(account: Account, found: Mapping[str, Verdict]) -> Table:
    splits = account.splits
    columns = [
        Column("task"),
        Column("kind"),
        Column("metric", help="the task's main metric, which enters the score"),
        *[
            column
            for name in splits
            for column in (
                Column(f"{name} rows", "count", "rows with a label"),
                Column(name, "score"),
                Column(f"{name} constant", "score", "of the best constant prediction"),
            )
        ],
        Column("from", "score", f"lower end of the 95 % interval on {account.split}"),
        Column("to", "score", "upper end"),
        Column("verdict", help="against the constant prediction, on the same drawings of rows"),
    ]
    rows = []
    for task in account.tasks:
        own, metric = found[task.name], task.main_metric
        cells: list[Any] = [task.name, task.summary, metric_name(metric)]
        for name in splits:
            scores, constant = account.scores(task, name), account.baseline(task, name)
            cells += [
                0 if scores is None else scores["rows"],
                (scores or {}).get(metric),
                (constant or {}).get(metric),
            ]
        rows.append([*cells, own.low, own.high, own.verdict])
    meanings = dict.fromkeys(task.main_metric for task in account.tasks)
    caption = "; ".join(f"{metric_name(m)}: {MEANINGS[m]}" for m in meanings if m in MEANINGS)
    return Table(columns, rows, caption, shown=50)


def _figure(account: Account, found: Mapping[str, Verdict]) -> Figure | None:
    """Returns bars of the tasks beside their constants; of one task a line says it all."""
    if len(account.tasks) < 2:
        return None
    names = [task.name for task in account.drawn_tasks]

    def heights(values: list[float | None]) -> list[float]:
        return [np.nan if v is None or v < WORST_DRAWN else v for v in values]

    svg = bars(
        names,
        {
            "model": heights([found[name].value for name in names]),
            "constant prediction": heights([found[name].baseline for name in names]),
        },
        axis="main metric",
    )
    caption = f"Each task's main metric on {account.split}, and that of the best constant answer."
    return Figure(svg, caption, f"Bars of {len(names)} tasks; the table above has the numbers.")


def _overall(account: Account) -> list[tuple[str, str]]:
    facts = []
    for name in account.splits:
        found = account.metrics[name]
        facts.append((f"{name}: score", f"{shown(found.get('score'), 4)}, the mean main metric"))
        overall = found.get("overall") or {}
        if "f1_micro" in overall:
            micro, macro = shown(overall["f1_micro"], 4), shown(overall["f1_macro"], 4)
            facts.append((f"{name}: all classes of all tasks", f"F1 micro {micro}, macro {macro}"))
    return facts


def _columns_by_split(account: Account) -> list[Column]:
    return [Column(f"{name}{of}", "score") for name in account.splits for of in ("", " constant")]


def _all_metrics(account: Account) -> list[dict[str, Any]]:
    rows = []
    for task in account.tasks:
        for metric in ("loss", *task.metric_names):
            row: dict[str, Any] = {"task": task.name, "metric": metric}
            for name in account.splits:
                row[name] = (account.scores(task, name) or {}).get(metric)
                row[f"{name}_constant"] = (account.baseline(task, name) or {}).get(metric)
            rows.append(row)
    return rows
