"""How a model reads texts of more tokens than its backbone reads at once.

Shapes: N texts, W windows of all of them together, B rows, K windows per row, T tokens.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from keras import ops

from mtc_keras.config.model import LongTexts
from mtc_keras.data.long_texts import AnyTokens, read_texts_as, text_lengths
from mtc_keras.data.packing import MASK
from mtc_keras.data.windows import Windows
from mtc_keras.model.window_pooling import WindowPooling, pool_windows
from mtc_keras.tasks import Task
from mtc_keras.tokenization.prefix import prefixed

if TYPE_CHECKING:
    from mtc_keras.model.steps import MultiTaskSteps

LONG_TEXTS: tuple[str, ...] = get_args(LongTexts)


def tokens_of(model: "MultiTaskSteps", texts: Sequence[Sequence[str]]) -> AnyTokens:
    """Returns the tokens of one or two columns of texts, read as the model reads long ones."""
    overlap = model.window_overlap or 0
    return read_texts_as(model.preprocessor, read_of(model, texts), model.long_texts, overlap)


def read_of(model: "MultiTaskSteps", texts: Sequence[Sequence[str]]) -> Sequence[Sequence[str]]:
    """Returns columns of texts as a model reads them: with its prefix before each."""
    return prefixed(texts, model.prefix)


def lengths_of(
    model: "MultiTaskSteps", texts: Sequence[Sequence[str]], tokens: AnyTokens
) -> np.ndarray:
    """Returns how many tokens whole texts have, special ones counted: int64 of shape `(N,)`.

    Args:
        model: the model.
        texts: one or two columns of N texts.
        tokens: what `tokens_of` returned for them.
    """
    overlap = model.window_overlap or 0
    return text_lengths(model.preprocessor, read_of(model, texts), tokens, overlap)


def of_windows(
    call: Callable[..., Any],
    poolings: Mapping[str, WindowPooling],
    inputs: Any,
    **kwargs: Any,
) -> Any:
    """Returns the logits of rows of one window or of several.

    Args:
        call: from inputs of shape `(W, T)` to logits of windows by task.
        poolings: the pooling of each task's windows.
        inputs: dict of tokens of shape `(B, T)` or `(B, K, T)`. A window that is all padding is
            none, but for the first of a row that has no other.
        **kwargs: of the call.
    """
    mask = inputs.get(MASK) if isinstance(inputs, Mapping) else None
    if mask is None or len(mask.shape) != 3:
        return call(inputs, **kwargs)
    rows, windows, length = ops.shape(mask)
    kwargs["mask"] = None
    logits = call({n: ops.reshape(v, (-1, length)) for n, v in inputs.items()}, **kwargs)
    if mask.shape[1] == 1:
        return logits
    is_window = ops.any(ops.cast(mask, "bool"), axis=-1)  # (B, K)
    has_none = ops.logical_not(ops.any(is_window, axis=-1, keepdims=True))
    is_window = ops.logical_or(is_window, ops.logical_and(has_none, ops.arange(windows) == 0))
    row = ops.where(is_window, ops.arange(rows)[:, None], rows)
    return pool_windows(poolings, logits, ops.reshape(row, (-1,)), rows)


def pooled(
    poolings: Mapping[str, WindowPooling], windows: Windows, logits: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Returns the logits of texts by task.

    Args:
        poolings: the pooling of each task's windows.
        windows: the `Windows` of N texts.
        logits: dict from task to the logits of W windows.

    Returns:
        dict from task to float32 of shape `(N, C)` or `(N,)`.
    """
    texts, count = len(windows), len(windows.tokens)
    if count == texts:  # one each
        return dict(logits)
    # Powers of two, so that few shapes are compiled.
    room = 1 << texts.bit_length()
    of = np.full(1 << (count - 1).bit_length(), room)
    of[:count] = windows.text_of_window
    padded = {
        name: np.pad(values, [(0, len(of) - count)] + [(0, 0)] * (values.ndim - 1))
        for name, values in logits.items()
    }
    found = pool_windows(poolings, padded, of, room)
    return {name: ops.convert_to_numpy(values)[:texts] for name, values in found.items()}


def check_long_texts(
    tasks: Sequence[Task], long_texts: str, overlap: int | None, training_windows: int
) -> None:
    """Raises a `ValueError` if a model cannot read long texts like that."""
    if long_texts not in LONG_TEXTS:
        raise ValueError(
            f"long_texts must be one of {list(LONG_TEXTS)}. Received: long_texts={long_texts!r}"
        )
    if overlap is not None and overlap < 0:
        raise ValueError(f"window_overlap must be at least 0. Received: window_overlap={overlap!r}")
    if training_windows < 1:
        raise ValueError(
            f"training_windows must be at least 1. Received: training_windows={training_windows!r}"
        )
    pooled = [task.name for task in tasks if task.window_pooling is not None]
    if pooled and long_texts != "windows":
        raise ValueError(
            f"window_pooling of task {pooled[0]!r} pools windows: it needs long_texts='windows'. "
            f"Received: long_texts={long_texts!r}"
        )
