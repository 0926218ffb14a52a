"""Batches of a dataset: whether their structure is what the model's steps take.

Only names and shapes are looked at, which a dataset tells without being read. Shapes: B rows.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from mtc_keras.model.targets import Losses, by_task, is_masked
from mtc_keras.tasks import Task


def check_dataset(tasks: Sequence[Task], losses: Losses, dataset: Any, has_targets: bool) -> None:
    """Raises an error if the batches of a dataset are not what a step takes.

    Args:
        tasks: the model's tasks.
        losses: the losses it was compiled with, by task.
        dataset: a `tf.data.Dataset` of batches of `x`, `(x, y)` or `(x, y, sample_weight)`. Any
            other tells no structure, and a step looks at its batches.
        has_targets: bool. Whether targets are needed.

    Raises:
        ValueError: if it is not batched, lacks targets, or names no task.
    """
    if not hasattr(dataset, "element_spec"):
        return
    x, y, weights = keras.utils.unpack_x_y_sample_weight(dataset.element_spec)
    _check_inputs(x)
    if not has_targets:
        if _is_text(y):
            raise ValueError(
                "a dataset of text pairs has the elements ((first, second),). "
                "Received: (first, second), the second of which would be taken for targets"
            )
        return
    if y is None:
        raise ValueError("the dataset must yield (x, y). Received: x alone")
    targets = by_task("y", tasks, y)
    if texts := [name for name, spec in targets.items() if _is_text(spec)]:
        raise ValueError(
            f"y[{texts[0]!r}] of a dataset must be encoded, as task.encode does. Received: strings"
        )
    _check_shapes(tasks, losses, targets)
    if isinstance(weights, Mapping):
        by_task("sample_weight", tasks, weights)


def yields_texts(dataset: Any) -> bool:
    """Whether the batches of a `tf.data.Dataset` are texts, and not tokens."""
    if not hasattr(dataset, "element_spec"):
        return False
    x, _, _ = keras.utils.unpack_x_y_sample_weight(dataset.element_spec)
    return any(_is_text(spec) for spec in (x if isinstance(x, tuple) else (x,)))


def batch_targets(tasks: Sequence[Task], losses: Losses, y: Any) -> dict[str, Any]:
    """Returns the targets of a batch by task.

    Args:
        tasks: the model's tasks.
        losses: the losses it was compiled with, by task. Shapes for a loss that is no
            `MaskedLoss` are its own affair.
        y: dict from task to array or tensor; of a model of one task also these targets alone.
            A column of shape `(B, 1)` is read as `(B,)`.

    Raises:
        ValueError: if it names no task, or a task's targets have another shape.
    """
    targets = by_task("y", tasks, y)
    columns = _check_shapes(tasks, losses, targets)
    return targets | {name: targets[name][:, 0] for name in columns}


def _check_shapes(tasks: Sequence[Task], losses: Losses, targets: Mapping[str, Any]) -> list[str]:
    """Returns the tasks of one target per row whose targets have the shape `(B, 1)`."""
    columns = []
    for task in tasks:
        shape = _shape(targets.get(task.name))
        if shape is None or not is_masked(losses, task):
            continue
        expected = np.shape(task.missing_target)
        if not expected and shape[1:] == (1,):
            columns.append(task.name)
        elif len(shape) != 1 + len(expected) or any(
            length not in (None, right) for length, right in zip(shape[1:], expected, strict=True)
        ):
            raise ValueError(
                f"y[{task.name!r}]: targets of a {task.kind} task have the shape "
                f"{('B', *expected)}. Received: shape {shape}"
            )
    return columns


def _check_inputs(x: Any) -> None:
    """Raises an error for texts that are not in batches; tokens tell their shapes by failing."""
    for spec in x if isinstance(x, tuple) else (x,):
        shape = _shape(spec)
        if _is_text(spec) and shape is not None and len(shape) != 1:
            raise ValueError(
                "a dataset must yield batches of texts, of shape (B,), as dataset.batch(32) "
                f"makes of single ones. Received: shape {shape}"
            )


def _shape(values: Any) -> tuple[int | None, ...] | None:
    """Returns the shape of a tensor or of its spec; `None` where it is not known."""
    shape = getattr(values, "shape", None)
    return None if shape is None or getattr(shape, "rank", 0) is None else tuple(shape)


def _is_text(spec: Any) -> bool:
    return getattr(getattr(spec, "dtype", None), "name", "") == "string"
