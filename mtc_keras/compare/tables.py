"""Comparisons as tables."""

import math
from collections.abc import Mapping
from typing import Any

from mtc_keras.console.listing import Listing, more, shortened
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


def task_table(found: Mapping[str, Any]) -> Listing:
    """Returns a table with a row for each task and each approach joint is compared with.

    Of many tasks it shows those with the greatest differences.
    """
    tasks = found["tasks"]
    others = [approach for approach in found["costs"] if approach != "joint"]

    def greatest(name: str) -> float:
        sizes = [_size(against) for against in tasks[name]["joint_against"].values()]
        return max((size for size in sizes if size == size), default=math.nan)

    shown = shortened(list(tasks), greatest)
    table = Listing(
        "scores on the test rows",
        ["task", "metric", "rows", "joint", "against", "difference (95 % interval)", "joint is"],
        note=_note(len(shown), len(tasks), "compare.json has all"),
        words=["metric", "against", "joint is"],
        optional=["rows", "metric"],
    )
    for name in shown:
        task = tasks[name]
        means = {approach: scores["mean"] for approach, scores in task["scores"].items()}
        for other in others:
            against = task["joint_against"].get(other, {})
            table.add_row(
                name,
                task["metric"].replace("_", " "),
                f"{task['rows']:,}",
                number(means.get("joint")),
                f"{other} {number(means.get(other))}",
                _difference(against) if against else "–",
                against.get("verdict", "–"),
            )
    return table


def cost_table(found: Mapping[str, Any]) -> Listing:
    """Returns a table with one row per approach: its models' costs, and how many times joint's."""
    table = Listing(
        "costs of one seed (in brackets: times joint's)",
        ["approach", "models", "training, s", "model files, MB", "test predictions, s"],
    )
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


def run_table(tasks: Mapping[str, Mapping[str, Any]], name: str) -> Listing:
    """Returns a table with one row per task: the scores of two runs, and how B differs from A.

    Of many tasks it shows those with the greatest differences.
    """
    shown = shortened(list(tasks), lambda task: _size(tasks[task]))
    table = Listing(
        f"scores on {name}",
        ["task", "metric", "rows", "A", "B", "B − A (95 % interval)", "B is"],
        note=_note(len(shown), len(tasks), "--out FILE writes all"),
        words=["metric", "B is"],
        optional=["rows", "metric"],
    )
    for task in shown:
        found = tasks[task]
        table.add_row(
            task,
            found["metric"].replace("_", " "),
            f"{found['rows']:,}",
            number(found["a"]),
            number(found["b"]),
            _difference(found),
            found["verdict"],
        )
    return table


def _difference(found: Mapping[str, Any]) -> str:
    difference, low, high = (number(found[key], "+.3f") for key in ("difference", "low", "high"))
    return f"{difference} ({low}…{high})"


def _size(found: Mapping[str, Any]) -> float:
    """Returns how great a difference is, NaN where there is none."""
    difference = found.get("difference")
    return math.nan if difference is None else abs(difference)


def _note(shown: int, count: int, hint: str) -> str:
    return more(shown, count, "task", f"these differ most; {hint}")
