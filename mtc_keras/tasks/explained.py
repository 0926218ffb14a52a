"""What of a task is explained: one class of it, or its number."""

from mtc_keras.errors import did_you_mean, listed
from mtc_keras.tasks.base import Task


def explained_class(task: Task, label: str) -> int:
    """Returns the index of the class that a label names, as the task knows it or shows it.

    Raises:
        ValueError: if there is no such class, or the task is explained as a number.
    """
    if not task.explains_classes:
        raise ValueError(
            f"task {task.name!r} is explained as a number, and not class by class; leave out "
            f"the label. Received: label={label!r}"
        )
    for names in (task.known_classes, task.shown_classes):
        if label in names:
            return names.index(label)
    known = list(dict.fromkeys([*task.shown_classes, *task.known_classes]))
    raise ValueError(
        f"label must be a class of task {task.name!r}, one of {listed(task.shown_classes)}. "
        f"Received: label={label!r}.{did_you_mean(str(label), known)}"
    )
