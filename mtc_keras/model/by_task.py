"""What `compile` is given for the tasks, in any of the forms that Keras takes, read by task."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from mtc_keras.errors import did_you_mean
from mtc_keras.tasks import Task


def check_names(what: str, given: Mapping[str, Any], tasks: Sequence[Task]) -> None:
    """Raises a `ValueError` if a dict names anything but the tasks."""
    names = [task.name for task in tasks]
    strangers = sorted(map(str, set(given) - set(names)))
    if strangers:
        raise ValueError(
            f"{what} must name the model's tasks {names}. Received: {strangers}."
            f"{did_you_mean(strangers[0], names)}"
        )


def losses_by_task(given: Any, tasks: Sequence[Task]) -> dict[str, Any]:
    """Returns the losses that are given, by task; nothing for `"auto"` and `None`.

    Args:
        given: `"auto"`, `None`, a dict by task, a list with an entry for each task, or one loss
            for all of them. An entry `None` is a task that is not trained, `"auto"` its own loss.
        tasks: the tasks.

    Raises:
        ValueError: for a dict of other names, or a list of another length.
    """
    if given is None or _is_auto(given):
        return {}
    if not isinstance(given, (Mapping, list, tuple)):
        return {task.name: given for task in tasks}
    found = _of_each("loss", given, tasks)
    return {name: loss for name, loss in found.items() if not _is_auto(loss)}


def loss_weights_by_task(given: Any, tasks: Sequence[Task]) -> dict[str, float]:
    """Returns the weights that are given, by task, from a dict, a list or, of one task, a number.

    Raises:
        ValueError: for other names, another length, or what is not a finite number of 0 or more.
    """
    if given is None or _is_auto(given):
        return {}
    if len(tasks) == 1 and isinstance(given, (int, float)):
        given = [given]
    if not isinstance(given, (Mapping, list, tuple)):
        raise ValueError(f"loss_weights must be a dict by task or a list. Received: {given!r}")
    return _of_each("loss_weights", given, tasks)


def metrics_by_task(what: str, given: Any, tasks: Sequence[Task]) -> dict[str, list[Any]]:
    """Returns the metrics that are given, a list for each task that has some.

    Args:
        what: the argument's name.
        given: `None`, a dict from task to a metric or a list of such, a list with an entry for
            each task, or one metric, or a list of one, for all of them.
        tasks: the tasks.

    Raises:
        ValueError: for a dict of other names, or a list of another length.
    """
    if given is None:
        return {}
    if isinstance(given, (list, tuple)) and (len(tasks) == 1 or len(given) == 1 != len(tasks)):
        # Of one task, a list holds its metrics; of several, a list of one is for all of them.
        entries = {task.name: list(given) for task in tasks}
    elif isinstance(given, (Mapping, list, tuple)):
        entries = _of_each(what, given, tasks)
    else:
        entries = {task.name: [given] for task in tasks}
    lists = {
        name: list(entry) if isinstance(entry, (list, tuple)) else [entry]
        for name, entry in entries.items()
        if entry is not None
    }
    return _without_sharing({name: metrics for name, metrics in lists.items() if metrics})


def _without_sharing(metrics: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Copies a metric that several tasks are given, as it holds the sums of one."""
    seen: set[int] = set()
    for entry in metrics.values():
        for place, metric in enumerate(entry):
            if isinstance(metric, keras.metrics.Metric):
                if id(metric) in seen:
                    entry[place] = type(metric).from_config(metric.get_config())
                seen.add(id(metric))
    return metrics


def _of_each(what: str, given: Any, tasks: Sequence[Task]) -> dict[str, Any]:
    if isinstance(given, Mapping):
        check_names(what, given, tasks)
        return dict(given)
    if len(given) != len(tasks):
        names = [task.name for task in tasks]
        raise ValueError(
            f"{what} must be a dict by task, or have one entry for each of {names}. "
            f"Received: {len(given)} entries"
        )
    return {task.name: entry for task, entry in zip(tasks, given, strict=True)}


def _is_auto(given: Any) -> bool:
    return isinstance(given, str) and given == "auto"
