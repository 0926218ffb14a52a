"""Tasks that another one determines: who knows its label knows theirs.

Shapes: N rows; V different labels of a task, of which a multilabel row has one: its set of classes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from mtc_keras.check.problems.pooled import Finding, Pooled
from mtc_keras.errors import plural
from mtc_keras.tasks import Task

LEAST_ROWS = 50  # that show something: those whose label of A another row has, too
MOST_EXCEPTIONS = 0.01  # of these
MOST_CELLS = 1_000_000  # of a table of one task's labels by another's
BY_CHANCE = 10  # exceptions that there would be for each that there is, if A said nothing


@dataclass(frozen=True, eq=False)
class Determined:
    """A task that another one determines.

    Args:
        by: str. The name of the task A that determines it.
        task: str. The name of the task B.
        rows: int. Rows that have labels of both.
        exceptions: int64 of shape `(E,)`, rows whose B is not the one that its A most often has.
        expected: int64 of shape `(E,)`, for each a row that has the B that it should have.
    """

    by: str
    task: str
    rows: int
    exceptions: np.ndarray
    expected: np.ndarray


def determined_tasks(pooled: Pooled) -> Iterator[Finding]:
    """Finds tasks whose label that of another one fixes, in all or all but a few rows."""
    found = {(one.by, one.task): one for one in determined(pooled)}
    tasks = {task.name: task for task in pooled.tasks}
    for (by, name), one in found.items():
        both_ways = (name, by) in found
        if both_ways and list(tasks).index(by) > list(tasks).index(name):
            continue  # told the other way round
        # What A fixes by way of another task needs no telling.
        between = [other for other in tasks if (by, other) in found and (other, name) in found]
        if any((other, by) not in found and (name, other) not in found for other in between):
            continue
        count = len(one.exceptions)
        rows = f"in all {one.rows:,} rows"
        if count:
            rows = f"in {one.rows - count:,} of {one.rows:,} rows, {plural(count, 'exception')}"
        title = f"the label of {by} fixes that of {name} {rows}"
        remedy = (
            f"look it up in place of learning it, unless both are wanted: leave out [tasks.{name}]"
        )
        if both_ways:
            title = f"{by} and {name} fix each other {rows}: the same labels by other names"
            remedy = f"one head is enough: leave out [tasks.{name}]"
        label = pooled.labels(tasks[name], one.exceptions)
        yield Finding(
            f"determined_{name}_by_{by}",
            "note",
            title,
            count or one.rows,
            remedy + ("; and look at the exceptions" if count else ""),
            about=name,
            places=pooled.places(one.exceptions),
            table=pooled.table(
                one.exceptions,
                **{
                    by: pooled.labels(tasks[by], one.exceptions),
                    name: label,
                    "expected": pooled.labels(tasks[name], one.expected),
                },
            ),
        )


def determined(pooled: Pooled) -> list[Determined]:
    """Returns each pair of tasks of which the first determines the second."""
    values = {task.name: _values(pooled, task) for task in pooled.tasks if task.has_classes}
    found = (_determined(by, task, values) for by, task in permutations(values, 2))
    return [one for one in found if one is not None]


def _determined(by: str, task: str, values: dict[str, np.ndarray]) -> Determined | None:
    rows = np.flatnonzero((values[by] >= 0) & (values[task] >= 0))
    if not len(rows):
        return None
    a, b = values[by][rows], values[task][rows]
    if _usual_rows(a, b) < (1 - MOST_EXCEPTIONS) * len(rows):
        return None  # of hundreds of tasks most pairs, by a fraction of the time
    pairs, first, pair, counts = np.unique(
        np.stack([a, b], axis=1), axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    pair = pair.ravel()
    # Of each A the B that it most often has: the pairs are in the order of A.
    order = np.lexsort((-counts, pairs[:, 0]))
    _, best = np.unique(pairs[order, 0], return_index=True)
    usual = order[best]
    a_of_pair = np.searchsorted(pairs[usual, 0], pairs[:, 0])
    is_exception = ~np.isin(pair, usual)
    telling = len(rows) - len(usual)  # one row of each A can be no exception
    by_chance = telling * (1 - np.bincount(b).max() / len(rows))
    count = int(is_exception.sum())
    if telling < LEAST_ROWS or count > MOST_EXCEPTIONS * telling:
        return None
    if by_chance < BY_CHANCE * max(count, 1):
        return None
    expected = rows[first[usual[a_of_pair[pair[is_exception]]]]]
    return Determined(by, task, len(rows), rows[is_exception], expected)


def _usual_rows(a: np.ndarray, b: np.ndarray) -> int:
    """Returns how many rows have the B that their A most often has; all if that is not counted."""
    size = int(b.max()) + 1
    if (int(a.max()) + 1) * size > MOST_CELLS:
        return len(a)
    counts = np.bincount(a * size + b, minlength=(int(a.max()) + 1) * size)
    return int(counts.reshape(-1, size).max(axis=1).sum())


def _values(pooled: Pooled, task: Task) -> np.ndarray:
    """Returns int64 of shape `(N,)`, equal for equal labels; -1 where not all of it is known."""
    targets = pooled.targets[task.name]
    known = np.asarray(task.known_cells(targets)).all(axis=1)
    packed = np.packbits(task.class_indicator(targets), axis=1)
    _, number = np.unique(packed, axis=0, return_inverse=True)
    return np.where(known, number.ravel(), -1)
