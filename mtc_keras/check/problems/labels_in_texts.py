"""Texts that give their label away: they are it, or name it."""

import re
from collections.abc import Iterator

import numpy as np

from mtc_keras.check.problems.pooled import Finding, Pooled
from mtc_keras.tasks import Task
from mtc_keras.tasks.spelling import likeness

MANY = 0.01  # of a task's labelled rows
NEARLY_ALL, LEAST = 0.9, 20  # of them, and how many at least
FIELDS = ("label", "labels", "class", "category", "target", "étiquette", "classe", "catégorie")
WORD = re.compile(r"\w+")


def labels_in_texts(pooled: Pooled) -> Iterator[Finding]:
    """Finds texts that equal their label, state it as a field, or nearly all name it."""
    for task in pooled.tasks:
        if not task.has_classes:
            continue
        known = np.flatnonzero(pooled.labelled(task))
        has = task.class_indicator(pooled.targets[task.name])
        names = _names(task)
        field = re.compile(
            rf"(?<!\w)(?:{'|'.join(map(re.escape, _fields(task)))})[\"']?\s*[:=]\s*[\[\"'(]*\s*",
            re.IGNORECASE,
        )
        equal, stated, named = [], [], 0
        rows = known[has[known].any(axis=1)]
        for row in rows:
            own = [names[at] for at in np.flatnonzero(has[row])]
            text = likeness(pooled.texts[row])
            words = f" {' '.join(WORD.findall(text))} "
            if words.strip() in {one for spellings in own for one in spellings}:
                equal.append(row)
            elif any(_begins(text[match.end() :], own) for match in field.finditer(text)):
                stated.append(row)
            named += all(any(f" {one} " in words for one in spellings) for spellings in own)
        for name, found, what, remedy in (
            (
                "texts_that_are_labels",
                equal,
                "a text that is nothing but their label",
                "right for a few short texts; if they are many, is data.text the right column?",
            ),
            (
                "labels_in_texts",
                stated,
                "a text that states their label as a field, such as label: 3",
                "leave it out of the texts: what is predicted later has none",
            ),
        ):
            if found:
                yield Finding(
                    f"{name}_{task.name}",
                    "warning" if len(found) >= MANY * len(known) else "note",
                    f"{pooled.counted(found, 'row', len(known))} with {what}",
                    len(found),
                    remedy,
                    about=task.name,
                    places=pooled.places(found),
                    table=pooled.table(found, label=pooled.labels(task, found)),
                )
        if named >= max(LEAST, NEARLY_ALL * len(rows)) and has.any(axis=0).sum() > 1:
            yield Finding(
                f"texts_that_name_labels_{task.name}",
                "warning",
                f"{named:,} of {len(rows):,} texts hold the name of their own label as a word",
                named,
                "if it was written there with the label, leave it out: what is predicted later "
                "has none",
                about=task.name,
                places=pooled.places(rows),
            )


def _fields(task: Task) -> list[str]:
    return [*FIELDS, task.name, *task.path.names]


def _names(task: Task) -> list[set[str]]:
    """Returns for each class its names as `likeness` spells them, and as words alone."""
    spelt = zip(task.known_classes, task.shown_classes, strict=True)
    return [
        {form for name in {*both} for form in (likeness(name), _words(name)) if form}
        for both in spelt
    ]


def _words(name: str) -> str:
    return " ".join(WORD.findall(likeness(name).replace("_", " ")))


def _begins(text: str, own: list[set[str]]) -> bool:
    """Whether a text begins with one of some names, and not with a longer word."""
    names = {name for spellings in own for name in spellings}
    return any(
        text.startswith(name) and not re.match(r"\w", text[len(name) : len(name) + 1])
        for name in names
    )
