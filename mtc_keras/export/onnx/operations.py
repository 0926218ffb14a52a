"""TensorFlow's operations that tf2onnx does not know, written with those that ONNX has."""

from typing import Any

import numpy as np


def _complementary_error_function(context: Any, node: Any, name: str, arguments: list[Any]) -> None:
    """Writes `erfc(x)`, of which TensorFlow's exact GELU is made, as `1 - erf(x)`."""
    kind = context.get_dtype(node.output[0])
    [shape], [error] = node.output_shapes, node.input
    context.remove_node(name)
    one = context.make_const(f"{name}_one", np.array(1, "float32"))
    erf = context.make_node("Erf", [error], shapes=[shape], dtypes=[kind], name=f"{name}_erf")
    context.make_node(
        "Sub", [one.output[0], erf.output[0]], shapes=[shape], dtypes=[kind], outputs=node.output
    )


# As `tf2onnx.convert.from_function` takes them.
OPERATIONS: dict[str, tuple[Any, list[Any]]] = {"Erfc": (_complementary_error_function, [])}
