"""A run beside another one: what can be compared, and how they differ."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mtc_keras.errors import plural
from mtc_keras.report.comparing.differences import (
    Disagreement,
    Pair,
    difference,
    disagreement,
    pair_of,
)
from mtc_keras.report.comparing.rows import CommonRows, common_rows, same_task
from mtc_keras.report.judged import Judged
from mtc_keras.scoring.intervals import Difference


@dataclass(frozen=True, eq=False)
class Against:
    """A run beside the first one.

    Args:
        names: what the two are called, the first one first.
        judged: the rows of each.
        number: int. Which run the second one is, counted from 1.
    """

    names: tuple[str, str]
    judged: tuple[Judged, Judged]
    number: int = 2

    @property
    def key(self) -> str:
        """What it is called among the numbers, whatever the runs are called."""
        return f"run_{self.number}_against_1"

    @cached_property
    def common(self) -> CommonRows:
        """The rows that both have judged."""
        return common_rows(self.judged)

    @cached_property
    def pairs(self) -> dict[str, Pair]:
        """What both predict for each task that can be compared."""
        first, second = self.judged
        others = {task.name: task for task in second.tasks}
        rows = self.common.rows[0], self.common.rows[1]
        return {
            task.name: pair_of(task, first, second, rows)
            for task in first.tasks
            if task.name in others and same_task(task, others[task.name])
        }

    @cached_property
    def differences(self) -> dict[str, Difference]:
        """How much better the second run scores at each of them."""
        return {
            name: difference(pair.metrics, is_paired=pair.is_paired)
            for name, pair in self.pairs.items()
        }

    @cached_property
    def disagreements(self) -> dict[str, Disagreement]:
        """Where the runs differ in what they get right; none of rows that are not the same."""
        return {
            name: disagreement(pair)
            for name, pair in self.pairs.items()
            if pair.is_paired and len(pair.first[0])
        }

    @cached_property
    def notes(self) -> list[str]:
        """Lines on what cannot be compared."""
        notes = list(self.common.notes)
        tasks = [{task.name: task for task in judged.tasks} for judged in self.judged]
        for name, own, other in zip(self.names, tasks, reversed(tasks), strict=True):
            if alone := [task for task in own if task not in other]:
                notes.append(f"{name} alone has {', '.join(alone)}")
        for name in (name for name in tasks[0] if name in tasks[1] and name not in self.pairs):
            notes.append(f"{name} cannot be compared: {_why(tasks[0][name], tasks[1][name])}")
        for name, pair in self.pairs.items():
            if pair.unequal:
                notes.append(
                    f"{name}: {plural(pair.unequal, 'row')} that the runs label differently are "
                    "left out"
                )
        return notes


def _why(first: Any, second: Any) -> str:
    if first.kind != second.kind:
        return f"it is {first.kind} in one run and {second.kind} in the other"
    one, other = first.known_classes, second.known_classes
    if one == other:
        return "its labels are shares in one run alone"
    if missing := sorted(set(one) ^ set(other)):
        shown = ", ".join(missing[:5])
        return f"its classes differ: {shown}{', …' if len(missing) > 5 else ''} in one run alone"
    return "its classes have another order"
