"""What each word of a text contributes: what changes where it is left out.

It needs nothing of a model but its answers, and so can be had of an export, too.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

import regex

from mtc_keras.errors import DataError, did_you_mean, listed
from mtc_keras.model.explanation import Word
from mtc_keras.serve.served_model import Model
from mtc_keras.serve.workers.pool import Answer
from mtc_keras.tasks import Task
from mtc_keras.tokenization.words import BOUNDARY

BUDGET = 64  # texts that are computed to explain one

Asking = Callable[[Sequence[Sequence[str]]], Awaitable[Answer]]


@dataclass(frozen=True)
class Attributions:
    """By how much the words of a text change what is predicted.

    Args:
        task: str. The task's name.
        label: optional str. The class whose probability is explained; `None` of a number.
        value: float. That probability, or that number, of the whole text.
        words: the words, or groups of neighbours where there are more than can be tried; the
            attribution of each is `value` minus what it is without it.
        is_grouped: bool. Whether they are groups.
    """

    task: str
    label: str | None
    value: float
    words: tuple[Word, ...]
    is_grouped: bool


async def occluded(
    ask: Asking, model: Model, texts: Sequence[str], task: str, label: str | None
) -> Attributions:
    """Leaves out each word of a text in turn, and asks what is predicted of the rest.

    Args:
        ask: returns what is predicted of texts.
        model: the `Model` that answers.
        texts: the text, or the two of a text pair.
        task: str. The task's name.
        label: optional str. A class of it; default: the most probable one.

    Raises:
        DataError: if there is no such task or label.
    """
    asked = _task_of(model, task)
    index = None if label is None else _class_of(asked, label)
    spans = [(segment, *span) for segment, text in enumerate(texts) for span in _words(text)]
    groups = list(_grouped(spans))
    rows = [tuple(texts), *(_without(texts, *group) for group in groups)]
    answer = await ask([list(column) for column in zip(*rows, strict=True)])
    values = answer.probabilities[task]
    if asked.has_probabilities:
        index = int(values[0].argmax()) if index is None else index
        values = values[:, index]
    words = tuple(
        Word(texts[segment][start:end], start, end, float(values[0] - value), segment)
        for (segment, start, end), value in zip(groups, values[1:], strict=True)
    )
    shown = None if index is None else asked.shown_classes[index]
    return Attributions(task, shown, float(values[0]), words, len(groups) < len(spans))


def _task_of(model: Model, name: str) -> Task:
    found = {task.name: task for task in model.tasks}
    if name not in found:
        raise DataError(
            f"task must be one of {listed(list(found))}, received {name!r:.80}."
            f"{did_you_mean(name, found)}"
        )
    return found[name]


def _class_of(task: Task, label: str) -> int:
    for names in (task.known_classes, task.shown_classes) if task.has_probabilities else ():
        if label in names:
            return names.index(label)
    known = task.shown_classes if task.has_probabilities else []
    expected = f"one of {listed(known)}" if known else "left out, as the task predicts a number"
    raise DataError(
        f"label of task {task.name!r} must be {expected}, received {label!r:.80}."
        f"{did_you_mean(label, known)}"
    )


def _words(text: str) -> Iterator[tuple[int, int]]:
    """Yields where the words of a text, by Unicode's boundaries, begin and end."""
    start = 0
    for part in regex.split(BOUNDARY, text):
        end = start + len(part)
        if part.strip():
            yield start, end
        start = end


def _grouped(spans: Sequence[tuple[int, int, int]]) -> Iterator[tuple[int, int, int]]:
    """Yields segment, start and end of words, of neighbours together where there are too many."""
    size = -(-len(spans) // (BUDGET - 2)) or 1  # the texts of a pair end one group each
    segments = [[span for span in spans if span[0] == segment] for segment in (0, 1)]
    for found in segments:
        for first in range(0, len(found), size):
            group = found[first : first + size]
            yield group[0][0], group[0][1], group[-1][2]


def _without(texts: Sequence[str], segment: int, start: int, end: int) -> tuple[str, ...]:
    left = list(texts)
    left[segment] = texts[segment][:start] + texts[segment][end:]
    return tuple(left)
