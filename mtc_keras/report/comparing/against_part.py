"""The part of a page that sets a run beside another one."""

from collections.abc import Sequence
from typing import Any

from mtc_keras.errors import plural
from mtc_keras.pages import Block, Column, Details, Figure, Paragraph, Part, Section, Table, figures
from mtc_keras.report.comparing.against import Against
from mtc_keras.report.comparing.differences import Pair
from mtc_keras.report.comparing.numbers import (
    differing_classes,
    differing_rows,
    differing_slices,
    task_values,
)
from mtc_keras.report.slices import by_in_words
from mtc_keras.report.wording import metric_name

MOST_DRAWN = 40  # tasks of a figure


def against(found: Against) -> Part:
    """Returns the part of the page that sets a run beside the first one."""
    first, second = found.names
    blocks: list[Block] = [Paragraph(_summary(found))]
    blocks += [Paragraph(f"{note}.") for note in found.notes]
    if found.pairs:
        blocks += [_figure(found), Table(_columns(found), _rows(found))]
    if found.disagreements:
        blocks.append(_disagreements(found))
    classes = differing_classes(found)
    if classes:
        columns = [Column("task"), Column("class"), Column("labels", "count")]
        columns += [Column(f"F1 {name}", "score") for name in found.names]
        rows = [list(row.values()) for row in classes]
        blocks.append(Details("Classes", [Table([*columns, Column("difference", "score")], rows)]))
    slices = differing_slices(found)
    if slices:
        rows = [
            list(
                {**row, "by": by_in_words(row["by"]), "metric": metric_name(row["metric"])}.values()
            )
            for row in slices
        ]
        said = "How much better the second run is on slices of the rows; surely worse ones first"
        blocks.append(Details("Slices", [Table(_slice_columns(found), rows, caption=said)]))
    return Part(
        Section(f"{second} against {first}", blocks, id=found.key),
        values={
            "runs": found.names,
            "notes": found.notes,
            "rows": len(found.common),
            "tasks": {name: task_values(found, name) for name in found.pairs},
        },
        tables={
            f"{found.key}_tasks": [
                {"task": name, **task_values(found, name)} for name in found.pairs
            ],
            **({f"{found.key}_classes": classes} if classes else {}),
            **({f"{found.key}_slices": slices} if slices else {}),
            **({f"{found.key}_rows": differing_rows(found)} if found.disagreements else {}),
        },
    )


def _summary(found: Against) -> str:
    first, second = found.names
    if not found.pairs:
        return f"{first} and {second} have no task that can be compared."
    verdicts = [difference.verdict for difference in found.differences.values()]
    better, worse = (
        [name for name, one in found.differences.items() if one.verdict == verdict]
        for verdict in ("better", "worse")
    )
    said = [f"better at {', '.join(better)}"] if better else []
    said += [f"worse at {', '.join(worse)}"] if worse else []
    seen = f"{second} is {' and '.join(said)}" if said else f"{second} is neither better nor worse"
    rest = verdicts.count("no difference seen")
    rest_said = f"; at {plural(rest, 'task')} no difference is seen" if said and rest else ""
    return (
        f"{seen}{rest_said}. Intervals are of 95 %, and do "
        "not cover the luck of a training; of twenty tasks without a difference, one would seem "
        "to have one."
    )


def _figure(found: Against) -> Figure:
    names = list(found.pairs)[:MOST_DRAWN]
    shown = [found.differences[name] for name in names]
    first, second = found.names
    drawn = figures.forest(
        [f"{name} ({_metric(found.pairs[name])})" for name in names],
        [one.difference for one in shown],
        [one.low for one in shown],
        [one.high for one in shown],
        axis=f"{second} − {first}",
    )
    more = f" The first {MOST_DRAWN} tasks." if len(names) < len(found.pairs) else ""
    return Figure(
        drawn,
        f"How much better {second} scores than {first}, with 95 % intervals; right of the line it "
        f"is better.{more}",
        f"Differences of {second} and {first} by task",
    )


def _columns(found: Against) -> list[Column]:
    first, second = found.names
    return [
        Column("task"),
        Column("metric"),
        Column("rows", "count"),
        Column(first, "score"),
        Column(second, "score"),
        Column("difference", "score"),
        Column("low", "score"),
        Column("high", "score"),
        Column(f"{second} is"),
    ]


def _rows(found: Against) -> list[list[Any]]:
    rows = []
    for name, pair in found.pairs.items():
        values = task_values(found, name)
        numbers = (values[key] for key in ("a", "b", "difference", "low", "high", "verdict"))
        rows.append([name, _metric(pair), values["rows"], *numbers])
    return rows


def _disagreements(found: Against) -> Table:
    """Returns how often one run alone is right, or nearer to a number."""
    first, second = found.names
    columns = [
        Column("task"),
        Column("rows", "count"),
        Column(f"only {first}", "count"),
        Column(f"only {second}", "count"),
        Column("p", "score", "of so uneven counts, or more uneven ones, if both were as good"),
    ]
    rows = [
        [name, len(found.pairs[name].first[0]), len(one.first), len(one.second), one.p]
        for name, one in found.disagreements.items()
    ]
    said = (
        "Rows that one run alone gets right, and McNemar's exact test; of numbers those to which "
        "it is nearer, and the sign test"
    )
    return Table(columns, rows, caption=said)


def _slice_columns(found: Against) -> Sequence[Column]:
    first, second = found.names
    titles = (first, second, "better by", "low", "high")
    start = [Column("task"), Column("by"), Column("slice"), Column("rows", "count")]
    start.append(Column("metric"))
    return [*start, *(Column(title, "score") for title in titles), Column(f"{second} is")]


def _metric(pair: Pair) -> str:
    return metric_name(pair.task.main_metric)
