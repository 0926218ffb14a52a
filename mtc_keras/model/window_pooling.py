"""From the logits of a text's windows to those of the text.

Shapes: N texts, W windows of all of them together, B rows, K windows per row, C logits.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import KerasTensor, layers, ops

from mtc_keras.tasks import Task
from mtc_keras.tasks.base import WindowPoolingRule

DEFAULT: WindowPoolingRule = "mean"


@keras.saving.register_keras_serializable("mtc_keras")
class WindowPooling(layers.Layer):
    """Pools the logits of the windows of each text; those of a single window stay as they are.

    Args:
        rule: `"max"`, `"mean"`, or `"attention"`, a mean whose weights are the softmax, over a
            text's windows, of `α · logit`. Each logit has an `α` of its own, learned from 1 on:
            0 is the mean, and the larger, the more of the maximum (auto-pooling, McFee, Salamon &
            Bello 2018, arXiv 1804.10070, section III).
        whole: bool. Whether a window has one weight, by the mean of its logits, and not one for
            each of them.
        unit: float. Spread of the logits, in whose unit `α` weighs them.

    Call arguments:
        logits: float32 of shape `(W, C)`, or `(W,)`.
        text_of_window: int of shape `(W,)`, from 0; `texts` for what is no window.
        texts: int, `N`, or a scalar of TensorFlow.

    Returns:
        float32 of shape `(N, C)`, or `(N,)`.
    """

    def __init__(
        self,
        rule: WindowPoolingRule = DEFAULT,
        whole: bool = False,
        unit: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(dtype="float32", **{k: v for k, v in kwargs.items() if k != "dtype"})
        self.rule, self.whole, self.unit = rule, whole, unit

    def build(self, logits_shape: tuple[int | None, ...]) -> None:
        if self.rule == "attention":
            alphas = () if self.whole else logits_shape[1:]
            self.alpha = self.add_weight(alphas, initializer="ones", name="alpha")
        self.built = True

    def call(self, logits: KerasTensor, text_of_window: KerasTensor, texts: Any) -> KerasTensor:
        # One more text takes what is no window, and is left out.
        found = _Texts(ops.convert_to_tensor(text_of_window, "int32"), texts + 1)
        if self.rule == "max":
            return found.max(logits)[:texts]
        if self.rule == "mean":
            ones = ops.ones_like(logits)
            return (found.sum(logits) / ops.maximum(found.sum(ones), 1.0))[:texts]
        weights = found.softmax(self.scores(logits))
        return found.sum(weights * logits)[:texts]

    def scores(self, logits: KerasTensor) -> KerasTensor:
        """Returns what the weights of `"attention"` are the softmax of: float32 like the logits."""
        scores = logits * (self.alpha / self.unit)
        if self.whole and len(logits.shape) > 1:
            return ops.zeros_like(scores) + ops.mean(scores, axis=-1, keepdims=True)
        return scores

    def shares(self, logits: KerasTensor, text_of_window: KerasTensor, texts: Any) -> KerasTensor:
        """Returns the share that each window's logits have in its text's.

        With `"max"` it is 1 for the first of the largest and 0 for the others. Arguments as for a
        call; float32 of the logits' shape.
        """
        found = _Texts(ops.convert_to_tensor(text_of_window, "int32"), texts + 1)
        if self.rule == "attention":
            return found.softmax(self.scores(logits))
        if self.rule == "mean":
            ones = ops.ones_like(logits)
            return ones / found.of_window(found.sum(ones))
        return ops.cast(logits == found.of_window(found.max(logits)), "float32")

    def get_config(self) -> dict[str, Any]:
        own = {"rule": self.rule, "whole": self.whole, "unit": self.unit}
        return {**super().get_config(), **own}


class _Texts:
    """Sums and maxima over the windows of each text.

    Args:
        of: int32 of shape `(W,)`, the text of each window.
        count: int, `N`.
    """

    def __init__(self, of: KerasTensor, count: Any) -> None:
        self.of, self.count = of, count

    def sum(self, values: KerasTensor) -> KerasTensor:
        return ops.segment_sum(values, self.of, num_segments=self.count)

    def max(self, values: KerasTensor) -> KerasTensor:
        return ops.segment_max(values, self.of, num_segments=self.count)

    def of_window(self, values: KerasTensor) -> KerasTensor:
        return ops.take(values, self.of, axis=0)

    def softmax(self, scores: KerasTensor) -> KerasTensor:
        shifted = ops.exp(scores - ops.stop_gradient(self.of_window(self.max(scores))))
        return shifted / self.of_window(self.sum(shifted))


def make_poolings(
    tasks: Sequence[Task], shapes: Mapping[str, tuple[int | None, ...]]
) -> dict[str, WindowPooling]:
    """Returns the pooling of each task's windows, built.

    Args:
        tasks: the tasks.
        shapes: the shape of a batch of each one's logits.
    """
    found = {}
    for task in tasks:
        name = f"window_pooling_{task.name}"
        rule = task.window_pooling or DEFAULT
        layer = WindowPooling(rule, task.weighs_windows_whole, task.logit_unit, name=name)
        layer.build(tuple(shapes[task.name]))
        found[task.name] = layer
    return found


def pool_windows(
    poolings: Mapping[str, WindowPooling],
    logits: Mapping[str, KerasTensor],
    text_of_window: KerasTensor,
    texts: Any,
) -> dict[str, KerasTensor]:
    """Returns the logits of texts by task, each pooled by the rule of its task.

    Training, prediction and exports all pool by this function, which JAX and TensorFlow trace.

    Args:
        poolings: `MultiTaskClassifier.window_poolings`.
        logits: dict from task to float32 of shape `(W, C)` or `(W,)`.
        text_of_window: int of shape `(W,)`, from 0; `texts` for what is no window.
        texts: int, or a scalar of TensorFlow, `N`.

    Returns:
        dict from task to float32 of shape `(N, C)` or `(N,)`.
    """
    return {
        name: poolings[name](values, text_of_window, texts=texts) for name, values in logits.items()
    }
