"""Many heads, computed with few operations.

Shapes: B rows, D features, C units of all layers together.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
from keras import KerasTensor, layers, ops

# Layers on the same features from which one product for all of them pays, and of one product: a
# concatenation takes XLA the square of its operands to compile.
FEWEST_JOINED, MOST_JOINED = 8, 32


class JointDense(layers.Layer):
    """Dense layers of the same input, computed as one matrix product.

    What a step of a hundred heads takes depends on how many operations it has, and hardly on
    their size. The layers keep their weights, and are saved and found by name as if each computed
    its own.

    Args:
        dense: float32 `keras.layers.Dense` layers, built.

    Call arguments:
        features: float32 of shape `(B, D)`.

    Returns:
        A list with the output of each layer, float32 of shape `(B, units)`.
    """

    def __init__(self, dense: Sequence[layers.Dense], **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)
        self.dense = list(dense)

    def call(self, features: KerasTensor) -> list[KerasTensor]:
        if any(layer.quantization_mode is not None for layer in self.dense):
            return [layer(features) for layer in self.dense]
        kernel = ops.concatenate([layer.kernel for layer in self.dense], axis=1)  # (D, C)
        bias = ops.concatenate([layer.bias for layer in self.dense])  # (C,)
        ends = list(itertools.accumulate(layer.units for layer in self.dense))
        parts = ops.split(ops.matmul(features, kernel) + bias, ends[:-1], axis=-1)
        return [layer.activation(part) for layer, part in zip(self.dense, parts, strict=True)]


def joined(
    inputs: Any,
    features: Sequence[KerasTensor],
    outputs: Mapping[str, KerasTensor],
    heads: Sequence[layers.Layer],
) -> Callable[..., dict[str, KerasTensor]] | None:
    """Returns a function that computes a graph's outputs with many heads as one product.

    Args:
        inputs: the inputs of the graph.
        features: float32 of shape `(B, D)` each: what heads read.
        outputs: dict from task to logits, made of the features.
        heads: the graph's layers, those of the heads among them.

    Returns:
        The function, which takes what a `keras.Model` of the graph takes; `None` where too few
        heads read the same features to gain by it.
    """
    plain, joint = list(features), list(features)
    for values in features:
        first = [layer for layer in heads if _is_dense(layer) and layer.input is values]
        if len(first) < FEWEST_JOINED:
            continue
        for start in range(0, len(first), MOST_JOINED):
            dense = first[start : start + MOST_JOINED]
            plain += [layer.output for layer in dense]
            joint += JointDense(dense, name=f"joint_{dense[0].name}")(values)
    if len(joint) == len(features):
        return None
    joint_of = {id(old): new for old, new in zip(plain, joint, strict=True)}
    found = {name: joint_of.get(id(logits)) for name, logits in outputs.items()}
    if others := {name: outputs[name] for name, logits in found.items() if logits is None}:
        found |= keras.Model(plain, others, name="rest_of_heads")(joint)
    model = keras.Model(inputs, found, name="joint_heads")
    return model.__call__  # and not the model, which Keras would save within that of the graph


def _is_dense(layer: layers.Layer) -> bool:
    """Whether `JointDense` computes what a layer does."""
    return (
        type(layer) is layers.Dense
        and layer.use_bias
        and layer.compute_dtype == "float32"
        and layer.activity_regularizer is None
    )
