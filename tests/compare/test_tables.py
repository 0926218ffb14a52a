"""Tables of comparisons: names whole, and short however many tasks there are."""

import io

import pytest

from mtc_keras.compare.tables import run_table, task_table
from mtc_keras.console.log import plain_console

HINTS = ("compare.json has all", "--out FILE writes all")
NAN = float("nan")


def compared(count: int) -> dict[str, dict]:
    """Tasks of which each differs more than the one before, and the last not at all."""
    differences = [*(number / 1000 for number in range(count - 1)), NAN]
    found = {}
    for number, difference in enumerate(differences):
        against = {"difference": difference, "low": -0.1, "high": 0.2, "verdict": "better"}
        found[f"label_{number}"] = {
            "metric": "f1_micro",
            "rows": 1000,
            "scores": {"joint": {"mean": 0.5}, "single": {"mean": 0.4}},
            "joint_against": {"single": against},
            "a": 0.5,
            "b": 0.4,
            **against,
        }
    return found


def lines(table, width: int) -> list[str]:
    console = plain_console(file=io.StringIO(), width=width)
    console.print(table)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def names_in(shown: list[str]) -> list[str]:
    firsts = [line.split(" ")[0] for line in shown]
    return [first for first in firsts if first.startswith("label_")]


def both_tables(count: int):
    tasks = compared(count)
    return [
        task_table({"tasks": tasks, "costs": {"joint": {}, "single": {}}}),
        run_table(tasks, "test"),
    ]


@pytest.mark.parametrize("width", [60, 80, 110])
def test_every_task_has_a_row_that_fits_the_screen(width):
    for table in both_tables(12):
        shown = lines(table, width)
        assert names_in(shown) == [f"label_{number}" for number in range(12)]
        assert max(map(len, shown)) <= width
    assert "+0.010 (-0.100…+0.200)" in "\n".join(lines(table, 110))


def test_of_many_tasks_those_that_differ_most_are_shown():
    for table, hint in zip(both_tables(100), HINTS, strict=True):
        shown = lines(table, 110)
        assert names_in(shown) == [f"label_{number}" for number in range(98, 88, -1)]
        assert shown[-1] == f"… and 90 more tasks; these differ most; {hint}"
