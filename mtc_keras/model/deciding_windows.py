"""Which window of a text decided what is predicted of it.

Shapes: N texts, W windows of all of them together, C logits.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from keras import ops

from mtc_keras.data.long_texts import room_of
from mtc_keras.data.text_places import character_spans
from mtc_keras.data.tokens import Tokens
from mtc_keras.data.windows import Windows, window_spans
from mtc_keras.model.inputs import is_dataset, read_texts
from mtc_keras.model.long_texts import lengths_of, pooled, tokens_of
from mtc_keras.model.window_pooling import WindowPooling
from mtc_keras.tasks import Task

if TYPE_CHECKING:
    from mtc_keras.model.classifier import MultiTaskClassifier
    from mtc_keras.model.steps import MultiTaskSteps


def explained(
    model: "MultiTaskClassifier", x: Any, batch_size: int | None
) -> tuple[dict[str, np.ndarray], list[dict[str, dict[str, Any]]]]:
    """Returns what is predicted of texts, and for each text and task the window that decided.

    Args:
        model: the model.
        x: texts, or their `Windows`.
        batch_size: int. Most windows per batch; 32 by default.

    Raises:
        ValueError: if they are not read in windows.
    """
    if model.long_texts != "windows" or isinstance(x, (Tokens, Mapping)) or is_dataset(x):
        raise ValueError(
            "explain_window needs texts, or model.tokenize(texts), and a model with "
            f'long_texts="windows". Received: {type(x).__name__} and '
            f"long_texts={model.long_texts!r}"
        )
    texts = None if isinstance(x, Windows) else read_texts(x)
    windows = cast(Windows, x if texts is None else tokens_of(model, texts))
    logits = model.predict_logits(windows.tokens, batch_size=batch_size)
    probabilities = model.activate(pooled(model.window_poolings, windows, logits))
    column = None if texts is None else texts[0]
    return probabilities, deciding_windows(model, column, windows, logits, probabilities)


def deciding_windows(
    model: "MultiTaskSteps",
    texts: Sequence[str] | None,
    windows: Windows,
    logits: Mapping[str, np.ndarray],
    probabilities: Mapping[str, np.ndarray],
) -> list[dict[str, dict[str, Any]]]:
    """Returns for each text and task the window that counted most for the prediction.

    Args:
        model: the model.
        texts: the N texts, where they are at hand.
        windows: their `Windows`.
        logits: dict from task to the logits of W windows.
        probabilities: dict from task to what is predicted of the N texts.

    Returns:
        For each text a dict from task to its window: its `number` from 1 on, how many there are
        (`of`), the `tokens` of the text that it holds, as first and one after the last, special
        tokens left out, and, where they are known, the `characters` alike.
    """
    chosen = {
        task.name: _chosen(
            model.window_poolings[task.name],
            task,
            windows,
            logits[task.name],
            probabilities[task.name],
        )
        for task in model.tasks
    }
    starts, ends = _spans(model, windows)
    found = []
    for row in range(len(windows)):
        first = int(windows.offsets[row])
        own = slice(first, int(windows.offsets[row + 1]))
        places = None
        if texts is not None:
            places = character_spans(
                model.preprocessor, texts[row], starts[own], ends[own], prefix=model.prefix
            )
        described: dict[str, dict[str, Any]] = {}
        for name, numbers in chosen.items():
            number = int(numbers[row])
            span = (int(starts[first + number]), int(ends[first + number]))
            described[name] = {"number": number + 1, "of": own.stop - first, "tokens": span}
            if places is not None:
                described[name]["characters"] = places[number]
        found.append(described)
    return found


def _chosen(
    pooling: WindowPooling,
    task: Task,
    windows: Windows,
    logits: np.ndarray,
    probabilities: np.ndarray,
) -> np.ndarray:
    """Returns int of shape `(N,)`: for each text the number of the window that counted most."""
    of, texts = windows.text_of_window, len(windows)
    evidence, column = task.evidence(logits, probabilities[of])  # (W,), (W,)
    shares = ops.convert_to_numpy(pooling.shares(logits, of, texts))
    if shares.ndim > 1:
        shares = np.take_along_axis(shares, column[:, None], axis=1)[:, 0]
    if pooling.rule == "max":
        shares = np.ones_like(shares)
    least = np.minimum.reduceat(evidence, windows.offsets[:-1])
    counted = shares * (evidence - least[of])
    return np.array(
        [
            np.argmax(counted[start:end])
            for start, end in zip(windows.offsets[:-1], windows.offsets[1:], strict=True)
        ],
        int,
    )


def _spans(model: "MultiTaskSteps", windows: Windows) -> tuple[np.ndarray, np.ndarray]:
    """Returns which tokens of its text each window holds: two int of shape `(W,)`."""
    room, overlap = room_of(model.preprocessor), model.window_overlap or 0
    lengths = lengths_of(model, [], windows) - (windows.max_length - room)
    _, starts, ends = window_spans(lengths, room, overlap)
    return starts, ends
