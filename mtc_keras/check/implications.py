"""Rules between classes that the rows show: who has class A has class B, with few exceptions.

Shapes: N rows, C classes of a task.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

LEAST_SUPPORT = 30  # rows with A of which B is known
MOST_EXCEPTIONS = 0.05  # of those
# How much rarer exceptions are than if A and B had nothing to do with each other.
LEAST_CONVICTION = 10.0

Name = tuple[str, str]  # of a task and of its class


@dataclass(frozen=True, eq=False)
class Implication:
    """Rows that have class A have class B, too.

    Args:
        antecedent: A, as its task and its class.
        consequent: B.
        support: int. How many rows have A, their B being known.
        exceptions: int64 of shape `(E,)`, those of them that do not have B.
        conviction: float. How many exceptions there would be by chance for each that there is
            (Brin, Motwani, Ullman and Tsur 1997); infinite where there is none.
    """

    antecedent: Name
    consequent: Name
    support: int
    exceptions: np.ndarray
    conviction: float

    @property
    def confidence(self) -> float:
        """The share of the rows with A that have B."""
        return 1 - len(self.exceptions) / self.support

    def __str__(self) -> str:
        """Returns `intent 'alarm_set' ⇒ scenario 'alarm'`."""
        sides = (f"{task} {name!r}" for task, name in (self.antecedent, self.consequent))
        return " ⇒ ".join(sides)


def implications(
    indicators: Mapping[str, np.ndarray],
    known: Mapping[str, np.ndarray],
    names: Mapping[str, Sequence[str]],
) -> list[Implication]:
    """Mines rules of one class on either side, within and between tasks.

    A rule has at least `LEAST_SUPPORT` rows, exceptions in at most `MOST_EXCEPTIONS` of them, and
    `LEAST_CONVICTION` times fewer than by chance: that a frequent class goes with all others is
    no rule.

    Args:
        indicators: by task, bool of shape `(N, C)`, which classes a row has.
        known: by task, bool of shape `(N, C)`, of which classes it is known whether it has them.
        names: by task, what its classes are called.

    Returns:
        The rules, those of the highest conviction and the most rows first.
    """
    counts = {task: np.asarray(has, "float32") for task, has in indicators.items()}
    knowns = {task: np.asarray(cells, "float32") for task, cells in known.items()}
    found = []
    for task, other in product(indicators, indicators):
        # (A, B): exact in float32 up to 16 million rows.
        support = counts[task].T @ knowns[other]
        together = counts[task].T @ counts[other]
        totals = knowns[other].sum(axis=0)
        lacking = 1 - np.divide(
            counts[other].sum(axis=0), totals, out=np.ones(len(totals)), where=totals > 0
        )
        exceptions = support - together
        is_rule = (support >= LEAST_SUPPORT) & (exceptions <= MOST_EXCEPTIONS * support)
        is_rule &= support * lacking >= LEAST_CONVICTION * np.maximum(exceptions, 1)
        if task == other:
            np.fill_diagonal(is_rule, False)
        for a, b in np.argwhere(is_rule):
            rows = indicators[task][:, a] & known[other][:, b] & ~indicators[other][:, b]
            by_chance, count = float(support[a, b] * lacking[b]), int(exceptions[a, b])
            found.append(
                Implication(
                    (task, names[task][a]),
                    (other, names[other][b]),
                    int(support[a, b]),
                    np.flatnonzero(rows),
                    by_chance / count if count else np.inf,
                )
            )
    return sorted(found, key=lambda rule: (-rule.conviction, -rule.support))
