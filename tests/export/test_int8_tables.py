"""Weights in 8 bits: each row of a table, and each column of a matrix, by a scale of its own."""

from typing import Any

import numpy as np
import pytest

from mtc_keras.export.onnx.tables import quantize_matrices, quantize_tables, quantized_rows

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")

VOCABULARY, WIDTH = 50, 8


def table() -> np.ndarray:
    """Returns rows of very different size, one of zeros among them."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(VOCABULARY, WIDTH)) * np.logspace(-3, 2, VOCABULARY)[:, None]
    rows[7] = 0
    return rows.astype("float32")


def model(*outputs: tuple[str, int]) -> Any:
    """Returns a model that gathers from one table along an axis for each output."""
    helper, types = onnx.helper, onnx.TensorProto
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["table", "ids"], [name], name=f"node_{name}", axis=axis)
            for name, axis in outputs
        ],
        "gathering",
        [helper.make_tensor_value_info("ids", types.INT32, ["texts", "tokens"])],
        [helper.make_tensor_value_info(name, types.FLOAT, [None] * 3) for name, _ in outputs],
        [onnx.numpy_helper.from_array(table(), "table")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def answer(made: Any, ids: np.ndarray) -> list[np.ndarray]:
    session = ort.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"ids": ids.astype("int32")})


def test_each_row_is_as_near_as_its_own_largest_number_allows():
    rows, scales = quantized_rows(table())
    assert rows.dtype == np.int8 and scales.shape == (VOCABULARY, 1)
    error = np.abs(rows * scales - table()).max(axis=1)
    assert (error <= np.abs(table()).max(axis=1) / 254 * 1.001).all()
    assert (rows[7] == 0).all()


def test_a_model_answers_from_int8_what_it_did_from_float32():
    made = model(("found", 0))
    size = made.ByteSize()
    assert quantize_tables(made) == 1
    assert {tensor.data_type for tensor in made.graph.initializer if tensor.dims[1] > 1} == {
        onnx.TensorProto.INT8
    }
    assert made.ByteSize() < size
    onnx.checker.check_model(made)
    ids = np.arange(VOCABULARY).reshape(2, -1)
    expected = table()[ids]
    [found] = answer(made, ids)
    assert found.shape == expected.shape
    largest = np.abs(expected).max(axis=-1, keepdims=True)
    assert (np.abs(found - expected) <= largest / 254 * 1.001).all()


@pytest.mark.parametrize("outputs", [[("columns", 1)], [("one", 0), ("two", 0)]])
def test_what_is_gathered_otherwise_stays_as_it_is(outputs):
    made = model(*outputs)
    before = made.SerializeToString()
    assert quantize_tables(made) == 0
    assert made.SerializeToString() == before


def test_of_a_table_that_is_sliced_each_row_has_its_scale():
    helper, types = onnx.helper, onnx.TensorProto
    bounds = [onnx.numpy_helper.from_array(np.array([2 * n], "int64"), f"b{n}") for n in range(9)]
    graph = helper.make_graph(
        [helper.make_node("Slice", ["table", "b0", "b8"], ["found"])],
        "slicing",
        [],
        [helper.make_tensor_value_info("found", types.FLOAT, [None] * 2)],
        [onnx.numpy_helper.from_array(table(), "table"), *bounds],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    assert quantize_tables(made) == 1
    onnx.checker.check_model(made)
    session = ort.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    [found] = session.run(None, {})
    largest = np.abs(table()[:16]).max(axis=1, keepdims=True)
    assert found.shape == (16, WIDTH)
    assert (np.abs(found - table()[:16]) <= largest / 254 * 1.001).all()
    assert "table" not in {tensor.name for tensor in made.graph.initializer}


def products(*nodes: tuple[str, bool]) -> Any:
    """Returns a model that multiplies by one matrix in each node, transposed or not."""
    helper, types = onnx.helper, onnx.TensorProto
    matrix = table().T if not nodes[0][1] else table()  # columns of very different size
    made = [
        helper.make_node(kind, ["x", "matrix"], [f"y{n}"], **({"transB": 1} if turned else {}))
        for n, (kind, turned) in enumerate(nodes)
    ]
    graph = helper.make_graph(
        made,
        "multiplying",
        [helper.make_tensor_value_info("x", types.FLOAT, [None, None])],
        [helper.make_tensor_value_info(f"y{n}", types.FLOAT, [None] * 2) for n in range(len(made))],
        [onnx.numpy_helper.from_array(np.ascontiguousarray(matrix), "matrix")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


@pytest.mark.parametrize(
    "nodes", [[("MatMul", False)], [("Gemm", False)], [("Gemm", True)], [("MatMul", False)] * 2]
)
def test_each_column_of_a_matrix_has_its_scale(nodes):
    made = products(*nodes)
    assert quantize_matrices(made) == 1
    onnx.checker.check_model(made)
    x = np.eye(WIDTH, dtype="float32")  # the product is the matrix
    session = ort.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    expected = table().T
    largest = np.abs(expected).max(axis=0, keepdims=True)
    for found in session.run(None, {"x": x}):
        assert (np.abs(found - expected) <= largest / 254 * 1.001).all()


def test_a_matrix_that_is_read_otherwise_too_stays_as_it_is():
    made = products(("MatMul", False))
    made.graph.node.append(onnx.helper.make_node("Transpose", ["matrix"], ["turned"]))
    before = made.SerializeToString()
    assert quantize_matrices(made) == 0
    assert made.SerializeToString() == before
