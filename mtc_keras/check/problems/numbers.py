"""Numbers that stand for no number, or far from all others; ordered classes out of order."""

import re
from collections.abc import Iterator

import numpy as np

from mtc_keras.check.problems.pooled import Finding, Pooled
from mtc_keras.errors import listed
from mtc_keras.files import json_line
from mtc_keras.tasks import Task

# What stands for "not known" in files that have no null.
SENTINELS = (-1.0, *(sign * (10.0**n - 1) for n in (2, 3, 4, 5, 6) for sign in (-1, 1)), -9.0)
LEAST = 3  # rows with a sentinel
MASS = 0.3  # of zeros, beside numbers that are no small whole ones
FAR = 10  # times the spread of the middle half
NUMBER = re.compile(r"-?\d+")
SCALES = [
    scale.split(",")
    for scale in (
        "very low,low,medium,high,very high",
        "very low,low,moderate,high,very high",
        "very small,small,medium,large,very large",
        "very negative,negative,neutral,positive,very positive",
        "very bad,bad,neutral,good,very good",
        "terrible,bad,ok,good,great",
        "poor,fair,good,very good,excellent",
        "strongly disagree,disagree,neutral,agree,strongly agree",
        "very dissatisfied,dissatisfied,neutral,satisfied,very satisfied",
        "never,rarely,sometimes,often,always",
        "none,low,medium,high,critical",
        "none,mild,moderate,severe",
        "easy,medium,hard",
        "xs,s,m,l,xl,xxl",
        "a1,a2,b1,b2,c1,c2",
        "primary,secondary,tertiary",
        "très négatif,négatif,neutre,positif,très positif",
        "très faible,faible,moyen,fort,très fort",
        "très mauvais,mauvais,moyen,bon,très bon",
        "jamais,rarement,parfois,souvent,toujours",
        "sehr schlecht,schlecht,mittel,gut,sehr gut",
        "niedrig,mittel,hoch",
    )
]


def sentinel_values(pooled: Pooled) -> Iterator[Finding]:
    """Finds numbers that many rows share, and that stand outside of all others."""
    for task, known, numbers in _numbers(pooled):
        for value in SENTINELS:
            rows = known[numbers == value]
            others = numbers[numbers != value]
            if len(rows) < LEAST or not _is_outside(value, others):
                continue
            yield Finding(
                f"sentinel_values_{task.name}",
                "warning",
                f"{pooled.counted(rows, 'row', len(known))} with the number {value:g}, where all "
                f"others are {others.min():g} to {others.max():g}",
                len(rows),
                f"if it means that no number is known: tasks.{task.name}.missing = "
                f"{json_line([f'{value:g}'])}",
                about=task.name,
                places=pooled.places(rows),
                table=pooled.table(rows, number=[value] * len(rows)),
            )


def zero_mass(pooled: Pooled) -> Iterator[Finding]:
    """Finds numbers of which many are 0 and the others are all on one side, far from it."""
    for task, known, numbers in _numbers(pooled):
        others = np.abs(numbers[numbers != 0])
        rows = known[numbers == 0]
        if len(rows) < max(LEAST, MASS * len(known)) or len(np.unique(others)) < 10:
            continue
        yield Finding(
            f"zeros_{task.name}",
            "note",
            f"{len(rows):,} of {len(known):,} numbers ({len(rows) / len(known):.0%}) are 0",
            len(rows),
            "a mean is a poor guess for such; is 0 a number here? If not: "
            f'tasks.{task.name}.missing = ["0"]',
            about=task.name,
            places=pooled.places(rows),
            table=pooled.table(rows),
        )


def far_numbers(pooled: Pooled) -> Iterator[Finding]:
    """Finds numbers that are far from the middle half of all, by Tukey's fences set wide."""
    for task, known, numbers in _numbers(pooled):
        if not len(numbers):
            continue
        low, high = np.quantile(numbers, [0.25, 0.75])
        fence = FAR * (high - low)
        is_far = (numbers < low - fence) | (numbers > high + fence)
        is_far &= (high > low) & ~np.isin(numbers, SENTINELS)
        rows = known[is_far]
        if not len(rows):
            continue
        far = numbers[is_far]
        order = np.argsort(-np.abs(far - np.median(numbers)), kind="stable")
        yield Finding(
            f"far_numbers_{task.name}",
            "warning",
            f"{pooled.counted(rows, 'number', len(known))} far from the others, such as "
            f"{far[order[0]]:g}, where half of all are {low:g} to {high:g}",
            len(rows),
            f'correct them if they are slips; tasks.{task.name}.loss = "huber" or "mae" gives '
            "those that are right less weight",
            about=task.name,
            places=pooled.places(rows[order]),
            table=pooled.table(rows[order], number=far[order].tolist()),
        )


def disordered_classes(pooled: Pooled) -> Iterator[Finding]:
    """Finds ordinal tasks whose classes are not listed from one end to the other."""
    for task in pooled.tasks:
        if not task.has_order:
            continue
        right = natural_order(task.known_classes)
        if right is None or task.known_classes in (right, right[::-1]):
            continue
        yield Finding(
            f"disordered_classes_{task.name}",
            "warning",
            f"the classes are not in order: {listed(task.known_classes)}",
            1,
            f"list them from one end to the other: classes = {json_line(right)}",
            about=task.name,
            table=[{"class": name, "position": right.index(name)} for name in task.known_classes],
        )


def natural_order(names: list[str]) -> list[str] | None:
    """Returns ordered classes as they are usually ordered, if their names tell it."""
    numbers = {name: NUMBER.findall(name) for name in names}
    if all(len(found) == 1 for found in numbers.values()):
        values = {name: int(found[0]) for name, found in numbers.items()}
        return (
            sorted(names, key=values.__getitem__) if len({*values.values()}) == len(names) else None
        )
    words = {
        name: " ".join(name.casefold().replace("_", " ").replace("-", " ").split())
        for name in names
    }
    for scale in SCALES:
        if all(word in scale for word in words.values()):
            return sorted(names, key=lambda name: scale.index(words[name]))
    return None


def _numbers(pooled: Pooled) -> Iterator[tuple[Task, np.ndarray, np.ndarray]]:
    """Yields each task of numbers, its labelled rows and their numbers in float64."""
    for task in pooled.tasks:
        if not task.has_classes:
            known = np.flatnonzero(pooled.labelled(task))
            yield task, known, pooled.targets[task.name][known].astype("float64")


def _is_outside(value: float, others: np.ndarray) -> bool:
    """Whether a number lies apart from others: below 0 and all of them, or far above them."""
    if not len(others):
        return False
    if value < 0:
        return bool(others.min() >= 0) or value < others.min() - np.ptp(others)
    return bool(value > others.max() + np.ptp(others))
