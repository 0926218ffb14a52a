"""What tf2onnx does not know of TensorFlow is written with what ONNX has."""

import numpy as np
import pytest
import tensorflow as tf

from mtc_keras.export.onnx.operations import OPERATIONS

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
tf2onnx = pytest.importorskip("tf2onnx")


def gelu(x):
    return tf.nn.gelu(x, approximate=False)


def converted(function, path):
    """Returns a session of a function of `x`, and the operations that ONNX Runtime made of it."""
    signature = [tf.TensorSpec([None, 3], "float32", "x")]

    @tf.function(input_signature=signature)
    def graph(x):
        return {"y": function(x)}

    model, _ = tf2onnx.convert.from_function(
        graph, input_signature=signature, opset=18, custom_op_handlers=dict(OPERATIONS)
    )
    options = runtime.SessionOptions()
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 3  # it warns that such a file suits this processor alone
    session = runtime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session, [node.op_type for node in onnx.load(path).graph.node]


@pytest.mark.parametrize(
    ("function", "is_gelu"),
    [
        (gelu, True),
        (tf.math.erfc, False),
        (lambda x: x * tf.math.erfc(-0.5 * x), False),
        (lambda x: x * tf.math.erfc(0.5**0.5 * -x), True),
        (lambda x: x * tf.math.erfc(0.5**0.5 * x), False),
    ],
)
def test_what_exact_gelu_is_made_of_is_the_same_in_onnx(function, is_gelu, tmp_path):
    session, operations = converted(function, tmp_path / "made.onnx")
    x = np.linspace(-20, 20, 300, dtype="float32").reshape(-1, 3)
    [answer] = session.run(None, {"x": x})
    np.testing.assert_allclose(answer, function(tf.constant(x)), atol=2e-6)
    assert ("Sub" in operations) != is_gelu


def test_onnx_runtime_computes_exact_gelu_at_once(tmp_path):
    _, operations = converted(gelu, tmp_path / "made.onnx")
    assert operations == ["Gelu"]
