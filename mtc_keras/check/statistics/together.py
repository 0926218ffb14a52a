"""Which classes occur together, and seldom together, within a task and between tasks.

Shapes: N rows, C classes of all tasks together.
"""

from collections import Counter
from typing import NamedTuple

import numpy as np

from mtc_keras.check.checked import Checked
from mtc_keras.check.implications import Name
from mtc_keras.check.problems.broken_rules import mined
from mtc_keras.check.problems.pooled import Pooled
from mtc_keras.check.statistics.classes import takes_several
from mtc_keras.check.statistics.implied import class_title, rule_section, rule_values, signed
from mtc_keras.pages import Block, Column, Figure, Paragraph, Part, Section, Table, figures
from mtc_keras.tasks import Task

MOST_CLASSES = 600  # compared with each other, the most frequent ones; 40 of them are drawn
ROWS_AT_ONCE = 65_536
UNLIKELY = 0.01  # that chance alone relates any two classes so
LEAST_PHI = 0.05  # what many rows prove may still be too little to matter
SHOWN = 20  # pairs on the page; the table beside it has all


class Pair(NamedTuple):
    """Two classes that occur together more often, or less, than chance explains.

    Args:
        task: str. The first one's task.
        name: str. The first class.
        other_task: str. The other one's task.
        other: str. The other class.
        rows: int. Rows of which both are known.
        first: int. Those that carry the first.
        second: int. Those that carry the other.
        both: int. Those that carry both.
        expected: float. How many would by chance.
        phi: float. The correlation of the two, from -1 to 1.
        pmi: float. Pointwise mutual information in bits, the logarithm of `both / expected`;
            minus infinity if they never occur together.
    """

    task: str
    name: str
    other_task: str
    other: str
    rows: int
    first: int
    second: int
    both: int
    expected: float
    phi: float
    pmi: float

    @property
    def classes(self) -> tuple[Name, Name]:
        """Task and class of both."""
        return (self.task, self.name), (self.other_task, self.other)


class Matrix(NamedTuple):
    """Counts of pairs of classes.

    Args:
        names: task and class of each of the C.
        groups: int of shape `(C,)`: classes of one number exclude each other.
        counts: shape `(C,)`: rows that carry each.
        both: float64 of shape `(C, C)`: rows that carry both.
        first: rows that carry the first, of which both are known.
        rows: rows of which both are known.
        left_out: int. Rarer classes that are not compared.
    """

    names: list[Name]
    groups: np.ndarray
    counts: np.ndarray
    both: np.ndarray
    first: np.ndarray
    rows: np.ndarray
    left_out: int

    @property
    def phi(self) -> np.ndarray:
        """The correlations, float64 of shape `(C, C)`; NaN where a class never or always occurs."""
        n, a, b = self.rows, self.first, self.first.T
        with np.errstate(invalid="ignore", divide="ignore"):
            return (n * self.both - a * b) / np.sqrt(a * (n - a) * b * (n - b))

    @property
    def compared(self) -> np.ndarray:
        """bool of shape `(C, C)`: each pair once, but for those that exclude each other."""
        once = np.triu(np.ones(self.both.shape, bool), k=1)
        return once & (self.groups[:, None] != self.groups[None, :])


def matrix_of(checked: Checked, split: str = "train") -> Matrix:
    """Counts how often classes of a split occur together."""
    tasks = [task for task in checked.tasks if task.has_classes]
    names = [(task.name, name) for task in tasks for name in task.shown_classes]
    groups: list[int] = []
    for task in tasks:
        start, count = len(groups), len(task.known_classes)
        # Of one class per row any two exclude each other, which says nothing of the data.
        groups += range(start, start + count) if takes_several(task) else [start] * count
    counts = np.concatenate(
        [checked.indicators[split][task.name].sum(axis=0) for task in tasks] or [np.zeros(0, int)]
    )
    kept = np.sort(np.argsort(-counts, kind="stable")[:MOST_CLASSES])
    shape = (len(kept), len(kept))
    both, first, rows = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for start in range(0, len(checked.splits[split]), ROWS_AT_ONCE):
        block = slice(start, start + ROWS_AT_ONCE)
        carried, known = _block(checked, tasks, split, block)
        carried, known = carried[:, kept], known[:, kept]
        both += carried.T @ carried
        first += carried.T @ known
        rows += known.T @ known
    return Matrix(
        [names[at] for at in kept],
        np.array(groups, int)[kept],
        counts[kept],
        both,
        first,
        rows,
        len(names) - len(kept),
    )


def _block(
    checked: Checked, tasks: list[Task], split: str, rows: slice
) -> tuple[np.ndarray, np.ndarray]:
    """Returns which classes some rows carry, and of which that is known, float32 `(N, C)`."""
    targets = checked.splits[split].targets
    carried = [checked.indicators[split][task.name][rows] for task in tasks]
    known = [task.known_cells(targets[task.name][rows]) for task in tasks]
    if not tasks:
        nothing = np.zeros((0, 0), "float32")
        return nothing, nothing
    # Exact: no block has as many rows as float32 has integers.
    return np.hstack(carried).astype("float32"), np.hstack(known).astype("float32")


def pairs(matrix: Matrix) -> list[Pair]:
    """Returns the pairs whose correlation is beyond chance, the strongest one first.

    Args:
        matrix: what `matrix_of` returned.
    """
    from scipy.stats import chi2

    phi, compared = matrix.phi, matrix.compared
    # Bonferroni's correction; of a 2×2 table, chi-square is n·φ².
    least = chi2.isf(UNLIKELY / max(compared.sum(), 1), 1)
    with np.errstate(invalid="ignore"):
        found = compared & (matrix.rows * phi**2 > least) & (abs(phi) >= LEAST_PHI)
    listed = [_pair(matrix, phi, int(a), int(b)) for a, b in np.argwhere(found)]
    return sorted(listed, key=lambda pair: -abs(pair.phi))


def _pair(matrix: Matrix, phi: np.ndarray, a: int, b: int) -> Pair:
    rows, both = matrix.rows[a, b], matrix.both[a, b]
    first, second = matrix.first[a, b], matrix.first[b, a]
    expected = first * second / rows
    return Pair(
        *matrix.names[a],
        *matrix.names[b],
        rows=int(rows),
        first=int(first),
        second=int(second),
        both=int(both),
        expected=float(expected),
        phi=float(phi[a, b]),
        pmi=float(np.log2(both / expected)) if both else -np.inf,
    )


def together_part(checked: Checked) -> Part | None:
    """Returns the part on classes that occur together; `None` without any two to compare."""
    matrix = matrix_of(checked)
    if not matrix.compared.any():
        return None
    found = pairs(matrix)
    rules = mined(Pooled(checked))
    blocks: list[Block] = []
    if matrix.left_out:
        blocks.append(
            Paragraph(f"The {matrix.left_out:,} rarest classes are not compared with the others.")
        )
    blocks.append(_heatmap(matrix))
    blocks.append(rule_section(rules))
    told = {frozenset((rule.antecedent, rule.consequent)) for rule in rules}
    left = [pair for pair in found if frozenset(pair.classes) not in told]
    but = ", but for those of the rules above" if len(left) < len(found) else ""
    for often, word in ((True, "more"), (False, "less")):
        if shown := [pair for pair in left if (pair.phi > 0) == often]:
            caption = f"Classes that go together {word} often than by chance{but}."
            blocks.append(_pairs_table(shown, caption))
    values = {
        "pairs": [{**pair._asdict(), "by_rule": frozenset(pair.classes) in told} for pair in found],
        "implications": [rule_values(*signed_rule) for signed_rule in signed(rules)],
    }
    tables = {"pairs": [pair._asdict() for pair in found]}
    return Part(Section("Classes that go together", blocks, "together"), values, tables)


def _heatmap(matrix: Matrix) -> Figure:
    shown = np.where(matrix.compared | matrix.compared.T, matrix.phi, np.nan)
    often = Counter(name for _, name in matrix.names)
    # Short, as a matrix has little room for names; their tasks stand one after the other.
    names = [name if often[name] == 1 else f"{name} ({task})" for task, name in matrix.names]
    return Figure(
        figures.heatmap(shown, names, names, greatest=1.0),
        "Correlation (φ) of classes in the training rows: 1 always together, −1 never",
        "Heat map: correlation of every two classes in the training rows",
    )


def _pairs_table(found: list[Pair], caption: str) -> Table:
    rows = [
        [
            *map(class_title, pair.classes),
            pair.both,
            round(pair.expected),
            pair.first,
            pair.second,
            pair.phi,
            pair.pmi,
        ]
        for pair in found
    ]
    columns = [
        Column("class"),
        Column("class"),
        Column("together", "count"),
        Column("by chance", "count"),
        Column("rows of the first", "count"),
        Column("rows of the second", "count"),
        Column("φ", "score", help="correlation, from −1 to 1"),
        Column("PMI", "score", help="pointwise mutual information, in bits"),
    ]
    return Table(columns, rows, caption=caption, shown=SHOWN)
