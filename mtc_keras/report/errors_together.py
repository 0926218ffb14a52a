"""The part of a report on whether the errors of several tasks fall on the same rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mtc_keras.errors import plural
from mtc_keras.pages import (
    Column,
    Details,
    Figure,
    Grid,
    Paragraph,
    Part,
    Section,
    Table,
    Text,
    Texts,
    figures,
)
from mtc_keras.report.account import Account
from mtc_keras.report.coincidence import Coincidence, coincidences, wrong_in_several
from mtc_keras.report.judged import Judged
from mtc_keras.report.wrong import told, wrong_rows

SEVERAL = 2  # tasks in which a listed row is wrong, at least
MOST_WRITTEN = 1000  # rows of the CSV file
MOST_TEXTS = 5
MOST_DRAWN = 40  # tasks in the figures, or groups of them
TITLE, ID = "Do errors coincide?", "errors_together"


def errors_together(account: Account) -> list[Part]:
    """Returns what two and more tasks get wrong on the same rows; nothing for one task."""
    judged = account.shown
    if judged is None or len(judged.tasks) < 2:
        return []
    labelled = np.stack([judged.labelled(task) for task in judged.tasks], axis=1)
    wrong = np.stack([wrong_rows(judged, task) for task in judged.tasks], axis=1)
    pairs, in_all = coincidences(labelled, wrong)
    if not pairs:
        return []
    names = [task.name for task in judged.tasks]
    observed, expected = wrong_in_several(labelled, wrong)
    worst = _worst_rows(labelled, wrong)
    pairs = sorted(pairs, key=lambda pair: -abs(np.nan_to_num(pair.phi)))
    blocks: list[Any] = [
        Paragraph(_summary(pairs, in_all, names)),
        Paragraph(
            "Phi is the correlation of the errors, on the rows that are labelled in both tasks: 0 "
            "if they have nothing to do with each other, 1 if they fall on the same rows. Errors "
            "that coincide point to texts that are hard, odd or damaged; those that do not, to "
            "what a task lacks by itself. What is expected is what chance alone would give. Of "
            "twenty pairs without any coincidence, the 95 % interval of one would show some."
        ),
        _figures(pairs, names, observed, expected),
        Table(COLUMNS, [_cells(p, names) for p in pairs]),
    ]
    if any(not task.has_probabilities or not task.is_exclusive for task in judged.tasks):
        counted = "; ".join(told(task) for task in judged.tasks)
        blocks.append(Details("What counts as wrong", [Paragraph(counted)]))
    if len(worst):
        blocks.append(_texts(judged, names, labelled, wrong, worst))
    part = Part(
        Section(TITLE, blocks, id=ID),
        values={
            "pairs": [_values(pair, names) for pair in pairs],
            "rows_wrong_in": {
                "tasks": list(range(len(observed))),
                "observed": observed.tolist(),
                "expected": expected.tolist(),
            },
        },
        tables={
            ID: [_values(pair, names) for pair in pairs],
            "rows_wrong_in_several_tasks": [
                {
                    "row": judged.where[row],
                    "wrong": int(wrong[row].sum()),
                    "labelled": int(labelled[row].sum()),
                    "tasks": _those(names, wrong[row]),
                }
                for row in worst[:MOST_WRITTEN]
            ],
        },
    )
    return [part]


COLUMNS = (
    Column("task"),
    Column("and"),
    Column("rows", "count", "labelled in both tasks"),
    Column("1st wrong", "count"),
    Column("2nd wrong", "count"),
    Column("both wrong", "count"),
    Column("expected", "count", "rows that would be wrong in both by chance"),
    Column("phi", "score"),
    Column("low", "score"),
    Column("high", "score"),
)


def _summary(pairs: Sequence[Coincidence], in_all: int, names: Sequence[str]) -> str:
    together = [pair for pair in pairs if pair.low > 0]
    apart = [pair for pair in pairs if pair.high < 0]
    known = sum(np.isfinite(pair.phi) for pair in pairs)
    if not known:
        return "Of no pair of tasks both are sometimes right and sometimes wrong."
    chosen = "" if len(pairs) == in_all else f" (the most correlated of {in_all:,})"
    said = (
        f"Of {plural(int(known), 'pair')} of tasks{chosen}, {len(together)} err together more "
        f"often than chance alone would have it, and {len(apart)} less often."
    )
    if not together:
        return said
    most = max(together, key=lambda pair: pair.phi)
    return (
        f"{said} Most of all {names[most.first]} and {names[most.second]}: {most.both:,} of "
        f"{plural(most.rows, 'row')} are wrong in both, where chance would give "
        f"{most.expected:.1f} (phi {most.phi:.2f}, {most.low:.2f} … {most.high:.2f})."
    )


def _figures(
    pairs: Sequence[Coincidence],
    names: Sequence[str],
    observed: np.ndarray,
    expected: np.ndarray,
) -> Grid:
    width = -(-len(observed) // (MOST_DRAWN + 1))  # numbers of tasks per bar
    begins = np.arange(0, len(observed), width)
    ends = np.minimum(begins + width, len(observed)) - 1
    several = [
        f"{begin}" if begin == end else f"{begin}–{end}"
        for begin, end in zip(begins, ends, strict=True)
    ]
    bars = Figure(
        figures.bars(
            several,
            {
                "observed": np.add.reduceat(observed, begins).tolist(),
                "by chance": np.add.reduceat(expected, begins).round(1).tolist(),
            },
            axis="rows",
        ),
        "Rows that are wrong in so many tasks, and how many would be if errors had nothing to do "
        "with each other.",
        "Rows by the number of tasks in which they are wrong",
    )
    if len(names) < 3:  # one pair is a number, and no picture
        return Grid([bars])
    drawn = _drawn_tasks(pairs, len(names))
    places = {task: place for place, task in enumerate(drawn)}
    matrix = np.full((len(drawn), len(drawn)), np.nan)
    for pair in pairs:
        if pair.first in places and pair.second in places:
            place = places[pair.first], places[pair.second]
            matrix[place] = matrix[place[::-1]] = round(pair.phi, 2)
    shown = [names[task] for task in drawn]
    some = "" if len(drawn) == len(names) else f" Of {len(names):,} tasks, the most correlated."
    heat = Figure(
        figures.heatmap(matrix, shown, shown, greatest=1.0),
        f"Phi of each two tasks: the stronger the colour, the more their errors coincide.{some}",
        "Correlation of errors of each two tasks",
    )
    return Grid([heat, bars])


def _drawn_tasks(pairs: Sequence[Coincidence], tasks: int) -> list[int]:
    """Returns the tasks of the figure in their order: all, or those of the first pairs."""
    if tasks <= MOST_DRAWN:
        return list(range(tasks))
    met = dict.fromkeys(task for pair in pairs for task in (pair.first, pair.second))
    return sorted(list(met)[:MOST_DRAWN])


def _cells(pair: Coincidence, names: Sequence[str]) -> list[Any]:
    return list(_values(pair, names).values())


def _values(pair: Coincidence, names: Sequence[str]) -> dict[str, Any]:
    return {
        "first": names[pair.first],
        "second": names[pair.second],
        "rows": pair.rows,
        "wrong_first": pair.wrong[0],
        "wrong_second": pair.wrong[1],
        "wrong_both": pair.both,
        "expected_both": pair.expected,
        "phi": pair.phi,
        "low": pair.low,
        "high": pair.high,
    }


def _worst_rows(labelled: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """Returns the rows that are wrong in several tasks, those first that are so in most."""
    count = wrong.sum(axis=1)
    order = np.lexsort(
        [np.arange(len(count)), -count / np.maximum(labelled.sum(axis=1), 1), -count]
    )
    return order[count[order] >= SEVERAL]


def _texts(
    judged: Judged,
    names: Sequence[str],
    labelled: np.ndarray,
    wrong: np.ndarray,
    worst: np.ndarray,
) -> Details:
    shown = worst[:MOST_TEXTS]
    facts = [
        [
            ("row", judged.where[row]),
            ("wrong in", f"{_those(names, wrong[row])} (of {int(labelled[row].sum())} labelled)"),
        ]
        for row in shown
    ]
    block: Any = Table(
        [Column("row"), Column("wrong in")], [[value for _, value in pairs] for pairs in facts]
    )
    if judged.texts is not None:
        block = Texts([Text(judged.text(r), f) for r, f in zip(shown, facts, strict=True)])
    return Details(f"{plural(len(worst), 'row')} wrong in several tasks, and the first", [block])


def _those(names: Sequence[str], chosen: np.ndarray) -> str:
    return ", ".join(name for name, is_so in zip(names, chosen, strict=True) if is_so)
