"""Embedding tables of an ONNX model in 8 bits, each row with a scale of its own.

ONNX Runtime's quantization has one scale for a whole table. A multilingual vocabulary has 250,000
rows, and the largest number of all decides how coarse the others are. A row's own scale costs 4
bytes.
"""

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx

LARGEST = 127  # of 8 bits with a sign


def quantize_tables(model: "onnx.ModelProto") -> int:
    """Replaces the tables from which an ONNX model gathers rows, by int8 and a scale per row.

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
        table = tables.get(node.input[0]) if node.op_type == "Gather" else None
        if table is None or any(a.name == "axis" and a.i for a in node.attribute):
            nodes.append(node)
            continue
        if uses[table.name] > 1:  # it would be there twice
            nodes.append(node)
            continue
        rows, scales = quantized_rows(numpy_helper.to_array(table))
        graph.initializer.remove(table)
        found += 1
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


def quantized_rows(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns int8 of shape `(V, D)` and float32 scales `(V, 1)`, whose product is near a table.

    Args:
        table: float32 of shape `(V, D)`.
    """
    largest = np.abs(table).max(axis=1, keepdims=True)
    scales = (np.where(largest > 0, largest, 1) / LARGEST).astype("float32")  # (V, 1)
    return np.rint(table / scales).astype("int8"), scales
