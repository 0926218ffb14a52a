"""Many heads, computed with few operations.

Shapes: B rows, D features, C units of all layers together.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, layers, ops

# Layers on the same features from which one product for all of them pays.
FEWEST_JOINED = 8
# Layers of one product: XLA's time to compile a concatenation grows with the square of its parts.
MOST_JOINED = 32
# Weights of a kernel, up to which its product takes longer to begin than its copy takes.
LARGEST_JOINED = 1 << 14


class JointDense(layers.Layer):
    """Dense layers of the same input, computed as one matrix product.

    What a step of a hundred small heads takes depends on how many operations it has, and hardly
    on their size. The layers keep their weights, and are saved and found by name as if each
    computed its own; and each does, where one of them has become more than a product.

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
        if not all(_is_plain(layer) for layer in self.dense):
            return [layer(features) for layer in self.dense]
        kernel = ops.concatenate([layer.kernel for layer in self.dense], axis=1)  # (D, C)
        bias = ops.concatenate([layer.bias for layer in self.dense])  # (C,)
        ends = list(itertools.accumulate(layer.units for layer in self.dense))
        parts = ops.split(ops.matmul(features, kernel) + bias, ends[:-1], axis=-1)
        return [
            part if layer.activation is None else layer.activation(part)
            for layer, part in zip(self.dense, parts, strict=True)
        ]


def joined(
    inputs: Any,
    features: Sequence[KerasTensor],
    outputs: Mapping[str, KerasTensor],
    graph_layers: Sequence[layers.Layer],
) -> Callable[..., dict[str, KerasTensor]] | None:
    """Returns a function that computes a graph's outputs with many heads as one product.

    Args:
        inputs: the inputs of the graph.
        features: float32 of shape `(B, D)` each: what heads read.
        outputs: dict from task to logits, made of the features.
        graph_layers: all layers of the graph.

    Returns:
        The function, which takes what a `keras.Model` of the graph takes; `None` where too few
        small heads read the same features to gain by it.
    """
    plain, joint = list(features), list(features)
    for values in features:
        first = [layer for layer in graph_layers if _is_small(layer) and layer.input is values]
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


def _is_small(layer: layers.Layer) -> bool:
    """Whether a layer is a dense one that gains by being joined."""
    return (
        type(layer) is layers.Dense
        and _is_plain(layer)
        and int(np.prod(layer.kernel.shape)) <= LARGEST_JOINED
    )


def _is_plain(layer: layers.Dense) -> bool:
    """Whether a dense layer, which its user may change, is a float32 product and nothing else."""
    return (
        layer.use_bias
        and layer.compute_dtype == "float32"
        and layer.quantization_mode is None
        and layer.activity_regularizer is None
    )
