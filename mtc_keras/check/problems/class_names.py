"""Names of classes that look like slips: two for one thing, or none at all."""

import re
import unicodedata
from collections.abc import Iterator

import numpy as np

from mtc_keras.check.problems.pooled import Finding, Pooled
from mtc_keras.errors import listed, plural
from mtc_keras.files import json_line
from mtc_keras.tasks import Task
from mtc_keras.tasks.markers import MARKERS
from mtc_keras.tasks.spelling import likeness

LEAST_LETTERS = 5  # of names that a single letter may tell apart by mistake
RARER = 10  # times that a slip is rarer than what was meant
SHOWN = 5
# What people write where they know nothing; "none" is a class of its own as often as not.
UNKNOWN = {
    *("", "?", "??", "???", "-", "--", "---", ".", "x?", "empty", "blank", "missing", "unknown"),
    *("unlabeled", "unlabelled", "not labeled", "not labelled", "unannotated", "not annotated"),
    *("no label", "undefined", "tbd", "todo", "to do", "inconnu", "non renseigné", "unbekannt"),
    *(marker.casefold() for marker in MARKERS - {"None"}),
}
NUMBERS = re.compile(r"-?\d+")


def like_class_names(pooled: Pooled) -> Iterator[Finding]:
    """Finds classes whose names differ by case, blanks, accents or signs alone."""
    for task in pooled.tasks:
        like: dict[str, list[str]] = {}
        for name in task.known_classes:
            like.setdefault(_letters(name), []).append(name)
        several = [names for names in like.values() if len(names) > 1]
        if several:
            shown = "; ".join(listed(names) for names in several[:SHOWN])
            yield Finding(
                f"like_class_names_{task.name}",
                "warning",
                f"{plural(len(several), 'class')} with several names, which differ by case, "
                f"blanks, accents or signs alone: {shown}",
                len(several),
                "write them alike; two names are two classes",
                about=task.name,
                places=_places(pooled, task, [name for names in several for name in names[1:]]),
                table=[{"class": name, "like": names[0]} for names in several for name in names],
            )


def misspelt_class_names(pooled: Pooled) -> Iterator[Finding]:
    """Finds rare classes whose name is a letter off that of a frequent one."""
    for task in pooled.tasks:
        if not task.has_classes:
            continue
        counts = task.class_indicator(pooled.targets[task.name]).sum(axis=0)
        names = task.known_classes
        slips = [
            (name, meant)
            for name, count in zip(names, counts, strict=True)
            for meant, more in zip(names, counts, strict=True)
            if 0 < RARER * count <= more and _is_slip(name, meant)
        ]
        if slips:
            shown = ", ".join(f"{name!r} for {meant!r}" for name, meant in slips[:SHOWN])
            yield Finding(
                f"misspelt_class_names_{task.name}",
                "warning",
                f"{plural(len(slips), 'rare class')} with a name like a slip: {shown}",
                len(slips),
                "correct them in the data if they are",
                about=task.name,
                places=_places(pooled, task, [name for name, _ in slips]),
                table=[{"class": name, "perhaps": meant} for name, meant in slips],
            )


def classes_of_unknown(pooled: Pooled) -> Iterator[Finding]:
    """Finds classes that are called as people call a label that they do not know."""
    for task in pooled.tasks:
        names = [name for name in task.known_classes if _means_unknown(name, task.known_classes)]
        if names:
            yield Finding(
                f"classes_of_unknown_{task.name}",
                "note",
                f"{plural(len(names), 'class')} called as a label is that is not known: "
                f"{listed(names)}",
                len(names),
                f"if nothing is known of these rows: tasks.{task.name}.missing = "
                f"{json_line(names)}",
                about=task.name,
                places=_places(pooled, task, names),
                table=[{"class": name} for name in names],
            )


def _letters(name: str) -> str:
    """Returns the letters and digits of a name, in lower case and without accents."""
    apart = unicodedata.normalize("NFD", likeness(name))
    kept = "".join(c for c in apart if unicodedata.category(c)[0] in "LN")
    return kept or name


def _is_slip(name: str, meant: str) -> bool:
    """Whether one letter is wrong, missing, too many, or has changed places with the next one."""
    if min(len(name), len(meant)) < LEAST_LETTERS or abs(len(name) - len(meant)) > 1:
        return False
    start = next(
        (at for at, (a, b) in enumerate(zip(name, meant, strict=False)) if a != b),
        min(len(name), len(meant)),
    )
    a, b = name[start:], meant[start:]
    if any(c.isdigit() for c in a[:1] + b[:1]):
        return False  # a number is another class
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])


def _means_unknown(name: str, names: list[str]) -> bool:
    if name == "None" or name.casefold() in UNKNOWN:
        return True
    # Below 0, where all others are 0, 1, 2, …
    others = [int(other) for other in names if other != name and NUMBERS.fullmatch(other)]
    is_below = NUMBERS.fullmatch(name) and int(name) < 0 <= min(others, default=-1)
    return bool(is_below) and len(others) == len(names) - 1


def _places(pooled: Pooled, task: Task, names: list[str]) -> tuple[str, ...]:
    at = [task.known_classes.index(name) for name in names]
    has = task.class_indicator(pooled.targets[task.name])[:, at].any(axis=1)
    return pooled.places(np.flatnonzero(has))
