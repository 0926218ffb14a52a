"""Rows that break the rules which nearly all others keep."""

from collections.abc import Iterator

import numpy as np

from mtc_keras.check.implications import Implication, implications
from mtc_keras.check.problems.determined import determined
from mtc_keras.check.problems.pooled import Finding, Pooled
from mtc_keras.errors import plural

SHOWN = 3  # rules named in a title


def broken_rules(pooled: Pooled) -> Iterator[Finding]:
    """Finds rows that have class A but not class B, where nearly all with A have B.

    Rules between two tasks of which one determines the other are left to `determined_tasks`.
    """
    told = {(one.by, one.task) for one in determined(pooled)}
    rules = [
        rule
        for rule in mined(pooled)
        if len(rule.exceptions) and (rule.antecedent[0], rule.consequent[0]) not in told
    ]
    if not rules:
        return
    rows = np.unique(np.concatenate([rule.exceptions for rule in rules]))
    shown = "; ".join(_shown(rule) for rule in rules[:SHOWN])
    yield Finding(
        "broken_rules",
        "note",
        f"{pooled.counted(rows, 'row')} against {plural(len(rules), 'rule')} that nearly all "
        f"others keep: {shown}" + ("; …" if len(rules) > SHOWN else ""),
        len(rows),
        "look at them: a label may be missing, or wrong",
        places=pooled.places(rows),
        table=[
            {"rule": str(rule), "kept_by": rule.support - len(rule.exceptions)} | line
            for rule in rules
            for line in pooled.table(rule.exceptions)
        ],
    )


def mined(pooled: Pooled) -> list[Implication]:
    """Returns the rules that the rows of all splits show."""
    tasks = [task for task in pooled.tasks if task.has_classes]
    return implications(
        {task.name: task.class_indicator(pooled.targets[task.name]) for task in tasks},
        {task.name: task.known_cells(pooled.targets[task.name]) for task in tasks},
        {task.name: task.shown_classes for task in tasks},
    )


def _shown(rule: Implication) -> str:
    return f"{rule} with {plural(len(rule.exceptions), 'exception')} (of {rule.support:,})"
