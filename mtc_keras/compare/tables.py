"""Comparisons as tables."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from mtc_keras.console.log import Log
from mtc_keras.console.tables import number

UNITS = {"training_seconds": 1.0, "model_bytes": 1e6, "prediction_seconds": 1.0}


def show(log: Log, found: Mapping[str, Any]) -> None:
    """Shows the tables of a comparison."""
    for table in (task_table(found), cost_table(found)):
        log.show(table)
    log.line(
        f"interval: 95 % of {found['resamples']:,} drawings of the test rows. It does not cover "
        f"the luck of a training; seeds: {', '.join(map(str, found['seeds']))}"
    )


def task_table(found: Mapping[str, Any]) -> Table:
    """Returns a table with a row for each task and each approach joint is compared with."""
    table = Table(title="scores on the test rows", title_justify="left")
    for column in ("task", "metric", "rows", "joint", "against", "difference (95 % interval)"):
        table.add_column(column, justify="right" if column in ("rows", "joint") else "left")
    table.add_column("joint is")
    others = [approach for approach in found["costs"] if approach != "joint"]
    for name, task in found["tasks"].items():
        means = {approach: scores["mean"] for approach, scores in task["scores"].items()}
        for other in others:
            against = task["joint_against"].get(other, {})
            difference, low, high = (
                number(against.get(key), "+.3f") for key in ("difference", "low", "high")
            )
            table.add_row(
                name,
                task["metric"].replace("_", " "),
                f"{task['rows']:,}",
                number(means.get("joint")),
                f"{other} {number(means.get(other))}",
                f"{difference} ({low} … {high})" if against else "–",
                against.get("verdict", "–"),
            )
    return table


def cost_table(found: Mapping[str, Any]) -> Table:
    """Returns a table with a row an approach: what its models cost, and how many times joint's."""
    table = Table(title="costs of one seed (in brackets: times joint's)", title_justify="left")
    table.add_column("approach")
    for column in ("models", "training, s", "model files, MB", "test predictions, s"):
        table.add_column(column, justify="right")
    for approach, values in found["costs"].items():
        table.add_row(
            approach,
            str(values["models"]),
            *[
                f"{number(values[cost] / unit, '.2f')} ({number(values[f'{cost}_ratio'], '.2f')})"
                for cost, unit in UNITS.items()
            ],
        )
    return table


def run_table(tasks: Mapping[str, Mapping[str, Any]], name: str) -> Table:
    """Returns a table with one row per task: the scores of two runs, and how B differs from A."""
    table = Table(title=f"scores on {name}", title_justify="left")
    for column in ("task", "metric", "rows", "A", "B", "B − A (95 % interval)"):
        table.add_column(column, justify="right" if column in ("rows", "A", "B") else "left")
    table.add_column("B is")
    for task, found in tasks.items():
        difference, low, high = (
            number(found[key], "+.3f") for key in ("difference", "low", "high")
        )
        table.add_row(
            task,
            found["metric"].replace("_", " "),
            f"{found['rows']:,}",
            number(found["a"]),
            number(found["b"]),
            f"{difference} ({low} … {high})",
            found["verdict"],
        )
    return table
