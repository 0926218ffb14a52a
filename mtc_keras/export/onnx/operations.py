"""TensorFlow's operations that tf2onnx does not know, written with those that ONNX has."""

import math
from typing import Any

import numpy as np


def _complementary_error_function(context: Any, node: Any, name: str, arguments: list[Any]) -> None:
    """Writes `erfc(x)`, of which TensorFlow's exact GELU is made, with `erf`.

    `erfc(-x / √2)` becomes `erf(x / √2) + 1`, in whose form ONNX Runtime finds GELU and computes it
    at once; any other `1 - erf(x)`.
    """
    kind = context.get_dtype(node.output[0])
    [shape], [given] = node.output_shapes, node.input
    of_gelu = _negated_over_root_of_2(node.inputs[0])
    context.remove_node(name)

    def written(operation: str, inputs: list[str], outputs: list[str] | None = None) -> str:
        made = context.make_node(
            operation, inputs, shapes=[shape], dtypes=[kind], outputs=outputs, op_name_scope=name
        )
        return str(made.output[0])

    def constant(value: float) -> str:
        return str(context.make_const(f"{name}_{value:.2f}", np.array(value, "float32")).output[0])

    one = constant(1)
    if of_gelu is None:
        written("Sub", [one, written("Erf", [given])], node.output)
        return
    ratio = written("Div", [of_gelu, constant(math.sqrt(2))])
    written("Add", [written("Erf", [ratio]), one], node.output)


def _negated_over_root_of_2(product: Any) -> str | None:
    """Returns `x` where a node computes `-x · 0.7071…`, else `None`."""
    if product.type != "Mul":
        return None
    for factor, other in (product.inputs, product.inputs[::-1]):
        if factor.type == "Neg" and other.is_const():
            value = other.get_tensor_value(as_list=False)
            if value.size == 1 and math.isclose(value.item(), math.sqrt(0.5), rel_tol=1e-6):
                return str(factor.input[0])
    return None


# As `tf2onnx.convert.from_function` takes them.
OPERATIONS: dict[str, tuple[Any, list[Any]]] = {"Erfc": (_complementary_error_function, [])}
