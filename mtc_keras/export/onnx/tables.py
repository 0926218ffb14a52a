"""Weights of an ONNX model in 8 bits: a scale for each row of a table and column of a matrix.

ONNX Runtime's quantization has one scale for a whole table. A multilingual vocabulary has 250,000
rows, and the largest number of all decides how coarse the others are. A row's own scale costs 4
bytes.

What is gathered stays in 8 bits in memory, as only the rows of a text's tokens become float32. All
else becomes float32 when a runtime loads the model and computes its constant parts.
"""

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx

LARGEST = 127  # of 8 bits with a sign
PRODUCTS = ("MatMul", "Gemm")  # whose second input may be a matrix of weights


def quantize_tables(model: "onnx.ModelProto") -> int:
    """Replaces tables, of which an ONNX model gathers or slices rows, by int8 and a scale per row.

    Args:
        model: the model, which is changed.

    Returns:
        How many tables there were.
    """
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    uses = Counter(name for node in graph.node for name in node.input)
    tables = {
        tensor.name: tensor
        for tensor in graph.initializer
        if tensor.data_type == TensorProto.FLOAT and len(tensor.dims) == 2
    }
    found = 0
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        reads_rows = node.op_type in ("Gather", "Slice")
        table = tables.get(node.input[0]) if reads_rows else None
        if table is None or any(a.name == "axis" and a.i for a in node.attribute):
            nodes.append(node)
            continue
        if uses[table.name] > 1:  # it would be there twice
            nodes.append(node)
            continue
        found += 1
        if node.op_type == "Slice":
            nodes += [*_quantized(graph, table, axis=0), node]
            continue
        rows, scales = quantized_rows(numpy_helper.to_array(table))
        graph.initializer.remove(table)
        [ids], [output], name = node.input[1:], node.output, table.name
        for part, values in (("rows", rows), ("scales", scales)):
            graph.initializer.append(numpy_helper.from_array(values, f"{name}:{part}"))
            gather = [f"{name}:{part}", ids], [f"{output}:{part}"]
            nodes.append(helper.make_node("Gather", *gather, name=f"{node.name}:{part}", axis=0))
        whole = f"{output}:whole"
        nodes.append(helper.make_node("Cast", [f"{output}:rows"], [whole], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [whole, f"{output}:scales"], [output]))
    del graph.node[:]
    graph.node.extend(nodes)
    return found


def quantize_matrices(model: "onnx.ModelProto") -> int:
    """Replaces the matrices by which an ONNX model multiplies, by int8 and a scale per column.

    The products are those of float32.

    Args:
        model: the model, which is changed.

    Returns:
        How many matrices there were.
    """
    from onnx import TensorProto

    graph = model.graph
    uses: dict[str, list[onnx.NodeProto | None]] = {}
    for node in graph.node:
        for place, name in enumerate(node.input):
            is_factor = place == 1 and node.op_type in PRODUCTS
            uses.setdefault(name, []).append(node if is_factor else None)
    nodes: list[onnx.NodeProto] = []
    found = 0
    for tensor in list(graph.initializer):
        users = uses.get(tensor.name, [])
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) != 2 or not users:
            continue
        if any(user is None for user in users):
            continue
        axes = {_column_axis(user) for user in users}
        if len(axes) == 1:
            nodes += _quantized(graph, tensor, axis=axes.pop())
            found += 1
    nodes += graph.node
    del graph.node[:]
    graph.node.extend(nodes)
    return found


def _column_axis(node: "onnx.NodeProto") -> int:
    is_transposed = any(a.name == "transB" and a.i for a in node.attribute)
    return 0 if is_transposed else 1


def _quantized(
    graph: "onnx.GraphProto", tensor: "onnx.TensorProto", *, axis: int
) -> "list[onnx.NodeProto]":
    """Replaces a tensor by int8; returns the nodes that make float32 of it, under its name.

    Args:
        graph: the graph, which is changed.
        tensor: float32 of shape `(V, D)`, one of its initializers.
        axis: int. What has a scale each: rows (0) or columns (1).
    """
    from onnx import TensorProto, helper, numpy_helper

    name, values = tensor.name, numpy_helper.to_array(tensor)
    rows, scales = quantized_rows(values if axis == 0 else values.T)
    parts = (rows, scales) if axis == 0 else (rows.T.copy(), scales.T.copy())
    graph.initializer.remove(tensor)
    for part, stored in zip(("numbers", "scales"), parts, strict=True):
        graph.initializer.append(numpy_helper.from_array(stored, f"{name}:{part}"))
    whole = f"{name}:whole"
    return [
        helper.make_node("Cast", [f"{name}:numbers"], [whole], to=TensorProto.FLOAT),
        helper.make_node("Mul", [whole, f"{name}:scales"], [name]),
    ]


def quantized_rows(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns int8 of shape `(V, D)` and float32 scales `(V, 1)`, whose product is near a table.

    Args:
        table: float32 of shape `(V, D)`.
    """
    largest = np.abs(table).max(axis=1, keepdims=True)
    scales = (np.where(largest > 0, largest, 1) / LARGEST).astype("float32")  # (V, 1)
    return np.rint(table / scales).astype("int8"), scales
