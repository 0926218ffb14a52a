"""What tf2onnx does not know of TensorFlow is written with what ONNX has."""

import numpy as np
import pytest
import tensorflow as tf

from mtc_keras.export.onnx.operations import OPERATIONS

runtime = pytest.importorskip("onnxruntime")
tf2onnx = pytest.importorskip("tf2onnx")


def test_exact_gelu_is_the_same_in_onnx():
    signature = [tf.TensorSpec([None, 3], "float32", "x")]

    @tf.function(input_signature=signature)
    def gelu(x):
        return {"y": tf.nn.gelu(x, approximate=False)}

    model, _ = tf2onnx.convert.from_function(
        gelu, input_signature=signature, opset=18, custom_op_handlers=dict(OPERATIONS)
    )
    session = runtime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    x = np.linspace(-20, 20, 300, dtype="float32").reshape(-1, 3)
    [answer] = session.run(None, {"x": x})
    np.testing.assert_allclose(answer, gelu(x)["y"], atol=1e-6)
