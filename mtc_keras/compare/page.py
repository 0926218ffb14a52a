"""A comparison of approaches as a page: what a joint model gains and costs, at one look."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mtc_keras.errors import plural
from mtc_keras.pages import (
    Column,
    Details,
    Figure,
    Page,
    Paragraph,
    Part,
    Section,
    Table,
    figures,
)

MEGABYTE = 1e6


def comparison_page(found: Mapping[str, Any]) -> Page:
    """Returns the page of a comparison.

    Args:
        found: what `Comparison.to_dict` returns.
    """
    others = [approach for approach in found["costs"] if approach != "joint"]
    seeds = ", ".join(map(str, found["seeds"]))
    return Page(
        title="One joint model, or one per task?",
        facts=[
            ("test rows", f"{found['test_rows']:,}"),
            ("seeds", seeds),
            ("drawings of the test rows", f"{found['resamples']:,}"),
        ],
        parts=[*(_against(found, other) for other in others), _costs(found)],
    )


def _against(found: Mapping[str, Any], other: str) -> Part:
    """Returns what separates the joint model from another approach, task by task."""
    judged = {
        name: (task, task["joint_against"][other])
        for name, task in found["tasks"].items()
        if other in task["joint_against"]
    }
    blocks: list[Any] = [Paragraph(_summary(judged, other)), Paragraph(HOW_TO_READ)]
    if judged:
        differences = [against for _, against in judged.values()]
        drawn = figures.forest(
            [f"{name} ({_words(task['metric'])})" for name, (task, _) in judged.items()],
            *[[_number(d[key]) for d in differences] for key in ("difference", "low", "high")],
            axis=f"joint − {other}",
        )
        blocks.append(
            Figure(
                drawn,
                f"How much better the joint model scores than {other}, with 95 % intervals. Right "
                "of the line the joint model is better; an interval that crosses it shows none.",
                f"Differences of joint minus {other}, by task, with intervals",
            )
        )
    rows = [_row(name, task, against, other) for name, (task, against) in judged.items()]
    blocks.append(Table(COLUMNS, rows))
    if len(found["seeds"]) > 1:
        blocks.append(Details("The scores of each seed", [_by_seed(judged, found["seeds"], other)]))
    return Part(
        Section(f"Joint against {other}", blocks, id=f"against_{other}"),
        values={
            name: {**against, "metric": task["metric"]} for name, (task, against) in judged.items()
        },
        tables={
            f"joint_against_{other}": [
                dict(zip([column.title for column in COLUMNS], row, strict=True)) for row in rows
            ]
        },
    )


HOW_TO_READ = (
    "Both are judged on the same drawings of the test rows, so that what is hard for both does not "
    "count. The interval says how far the rows decide, and not the luck of a training: several "
    "seeds show that. Of twenty tasks without any difference one would seem to have one."
)
COLUMNS = (
    Column("task"),
    Column("metric"),
    Column("rows", "count"),
    Column("joint", "score"),
    Column("other", "score"),
    Column("difference", "score"),
    Column("low", "score"),
    Column("high", "score"),
    Column("joint is"),
)


def _summary(judged: Mapping[str, tuple[Any, Any]], other: str) -> str:
    if not judged:
        return f"No test row has a label of a task that {other} has, too."
    verdicts = Counter(against["verdict"] for _, against in judged.values())
    said = ", ".join(
        f"{words} {plural(verdicts[verdict], 'task')}"
        for verdict, words in (
            ("better", "better on"),
            ("worse", "worse on"),
            ("no difference seen", "not to be told apart on"),
            ("undefined", "without a defined metric on"),
        )
        if verdicts[verdict]
    )
    return f"Compared with {other}, the joint model is {said}."


def _row(name: str, task: Mapping[str, Any], against: Mapping[str, Any], other: str) -> list[Any]:
    scores = task["scores"]
    return [
        name,
        _words(task["metric"]),
        task["rows"],
        scores["joint"]["mean"],
        scores[other]["mean"],
        *(against[key] for key in ("difference", "low", "high", "verdict")),
    ]


def _by_seed(judged: Mapping[str, tuple[Any, Any]], seeds: Sequence[int], other: str) -> Table:
    rows = [
        [name, approach, *task["scores"][approach]["by_seed"]]
        for name, (task, _) in judged.items()
        for approach in ("joint", other)
    ]
    columns = [Column("task"), Column("approach"), *(Column(f"seed {s}", "score") for s in seeds)]
    return Table(columns, rows)


def _costs(found: Mapping[str, Any]) -> Part:
    columns = [
        Column("approach"),
        Column("models", "count"),
        Column("training, s", "score"),
        Column("× joint's", "score"),
        Column("model files, MB", "score"),
        Column("× joint's", "score"),
        Column("test predictions, s", "score"),
        Column("× joint's", "score"),
    ]
    rows = [
        [
            approach,
            costs["models"],
            costs["training_seconds"],
            costs["training_seconds_ratio"],
            costs["model_bytes"] / MEGABYTE,
            costs["model_bytes_ratio"],
            costs["prediction_seconds"],
            costs["prediction_seconds_ratio"],
        ]
        for approach, costs in found["costs"].items()
    ]
    text = (
        "What all models of one approach take together, for one seed: seconds of training up to "
        "the last epoch, the size of their files, and seconds to predict all test rows."
    )
    return Part(
        Section("Costs", [Paragraph(text), Table(columns, rows)]),
        values=dict(found["costs"]),
        tables={"costs": [{"approach": name, **costs} for name, costs in found["costs"].items()]},
    )


def _words(metric: str) -> str:
    return metric.replace("_", " ")


def _number(value: float | None) -> float:
    return math.nan if value is None else value
