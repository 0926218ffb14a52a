"""The mean loss of each task over many rows, outside a training."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mtc_keras.devices.executables import Executable

# More tasks are often alike, and then share what is compiled for each single operation.
MOST_AT_ONCE = 16


def mean_losses(
    losses: Mapping[str, Any], targets: Mapping[str, np.ndarray], logits: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """Returns the loss of each task over N rows.

    Losses are in `keras.ops`. Outside a graph Keras compiles each operation by itself, some
    twenty per task, which takes ten times as long as to compile all of them together.

    Args:
        losses: dict from task to a `keras.losses.Loss`.
        targets: dict from task to encoded labels.
        logits: dict from task to float32 logits.
    """
    names = tuple(losses)
    arrays = [(targets[name], np.asarray(logits[name])) for name in names]
    if len(names) <= MOST_AT_ONCE and _can_compile():
        found: Sequence[Any] = _compiled(tuple(losses.values()))(arrays)
    else:
        found = [loss(*pair) for loss, pair in zip(losses.values(), arrays, strict=True)]
    return {name: float(value) for name, value in zip(names, found, strict=True)}


def _can_compile() -> bool:
    import keras

    return bool(keras.backend.backend() == "jax") and not keras.config.is_nnx_enabled()


@functools.lru_cache(maxsize=4)
def _compiled(losses: Sequence[Any]) -> Executable:
    """Returns a function of `[(targets, logits), …]`; a model keeps its losses."""

    def of_tasks(arrays: Any) -> list[Any]:
        return [loss(*pair) for loss, pair in zip(losses, arrays, strict=True)]

    return Executable(of_tasks, "mean_losses")
