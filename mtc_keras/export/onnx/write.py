"""Writes a saved model as an ONNX model that takes token ids; a process of the TensorFlow backend.

`python -m mtc_keras.export.onnx.write PRESET DIRECTORY`, started by `export.writing`: tf2onnx
converts what `saved_model.write` traces, the tokenizer aside.

Shapes: B texts, T tokens.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtc_keras.export.onnx.ask import MODEL, TOKENIZER
from mtc_keras.export.onnx.tokenizer import tokenizer_json
from mtc_keras.export.saved_model.write import probabilities
from mtc_keras.files import write_whole

if TYPE_CHECKING:
    from mtc_keras.model.classifier import MultiTaskClassifier

OPSET = 18
DIMENSIONS = ("texts", "tokens")


def main(argv: Sequence[str] | None = None) -> None:
    """Loads the model, writes the ONNX model and its tokenizer."""
    parser = argparse.ArgumentParser(
        prog="python -m mtc_keras.export.onnx.write", description=__doc__
    )
    parser.add_argument("preset", help="a folder written by `save_to_preset`")
    parser.add_argument("directory", help="the folder of the export")
    args = parser.parse_args(argv)
    from mtc_keras.model.classifier import MultiTaskClassifier

    model = MultiTaskClassifier.from_preset(args.preset, dtype="float32")
    write_onnx(model, Path(args.directory) / MODEL)
    text = tokenizer_json(model.preprocessor)
    write_whole(Path(args.directory) / TOKENIZER, text)


def write_onnx(model: "MultiTaskClassifier", path: Path) -> None:
    """Writes an ONNX model.

    Its inputs are those of the backbone, int32 of shape `(B, T)`; its outputs the tasks, float32
    of shape `(B, C)`, calibrated probabilities, or `(B,)`, the numbers of a regression.

    Args:
        model: the `MultiTaskClassifier`, loaded on the TensorFlow backend.
        path: the file.
    """
    import onnx
    import tensorflow as tf
    import tf2onnx

    names = list(model.backbone.input)
    ids = [tf.TensorSpec([None, None], "int32", name) for name in names]

    @tf.function(input_signature=ids)
    def predict(*inputs: Any) -> dict[str, Any]:
        return probabilities(model, dict(zip(names, inputs, strict=True)))

    converted, _ = tf2onnx.convert.from_function(predict, input_signature=ids, opset=OPSET)
    converted = folded(converted)
    for tensor in [*converted.graph.input, *converted.graph.output]:
        dimensions = tensor.type.tensor_type.shape.dim
        for dimension, name in zip(dimensions, DIMENSIONS, strict=False):
            if not dimension.dim_value:  # tf2onnx gives it a number of its own
                dimension.dim_param = name
    onnx.save(converted, path)


def folded(model: "MultiTaskClassifier") -> Any:
    """Returns an ONNX model whose constant parts are computed, of standard operations alone.

    tf2onnx has weights of attention a second time, to ask for their shapes, and transposes
    others each time; int8 would leave those as they are.
    """
    import onnx
    import onnxruntime

    with tempfile.TemporaryDirectory(prefix="mtc_keras_") as folder:
        path = Path(folder) / MODEL
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        found = onnx.load(path)
    for node in found.graph.node:
        if node.op_type == "Gemm" and len(node.input) == 2:
            # A factor of what is not added; int8 passes over any that is not the default.
            kept = [attribute for attribute in node.attribute if attribute.name != "beta"]
            del node.attribute[:]
            node.attribute.extend(kept)
    # It names all its own sets of operations, used or not, which other runtimes do not know.
    used = {node.domain for node in found.graph.node}
    versions = [version for version in found.opset_import if version.domain in used]
    del found.opset_import[:]
    found.opset_import.extend(versions)
    return found


if __name__ == "__main__":
    main()
