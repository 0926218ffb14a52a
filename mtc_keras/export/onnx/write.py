"""Writes a saved model as an ONNX model that takes token ids; a process of the TensorFlow backend.

`python -m mtc_keras.export.onnx.write PRESET DIRECTORY [--text-pairs]`, started by
`export.writing`: tf2onnx converts what `saved_model.write` traces, the tokenizer aside.

Shapes: B texts, W windows of all of them, T tokens.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtc_keras.data.long_texts import head_of
from mtc_keras.data.packing import SEGMENTS
from mtc_keras.export.onnx.ask import LOGITS, MODEL, POOL, TEXT_OF_WINDOW, TOKENIZER
from mtc_keras.export.onnx.operations import OPERATIONS
from mtc_keras.export.onnx.pairs import PairForm, cut_pairs
from mtc_keras.export.saved_model.write import probabilities
from mtc_keras.files import write_whole
from mtc_keras.tokenization.fast import as_preprocessed

if TYPE_CHECKING:
    from mtc_keras.model.classifier import MultiTaskClassifier

OPSET = 18


def main(argv: Sequence[str] | None = None) -> None:
    """Loads the model, writes the ONNX model and its tokenizer."""
    parser = argparse.ArgumentParser(
        prog="python -m mtc_keras.export.onnx.write", description=__doc__
    )
    parser.add_argument("preset", help="a folder written by `save_to_preset`")
    parser.add_argument("directory", help="the folder of the export")
    parser.add_argument("--text-pairs", action="store_true", help="rows have two texts")
    args = parser.parse_args(argv)
    from mtc_keras.model.classifier import MultiTaskClassifier

    model = MultiTaskClassifier.from_preset(args.preset, dtype="float32")
    directory = Path(args.directory)
    if model.long_texts == "windows":
        write_model_of_windows(model, directory / MODEL)
        write_pool(model, directory / POOL)
    else:
        write_model(model, directory / MODEL, text_pairs=args.text_pairs)
    found = as_preprocessed(
        model.preprocessor,
        model.long_texts,
        model.window_overlap or 0,
        prefix=model.prefix,
        text_pairs=args.text_pairs,
    )
    if found is None:  # which `doors.check_model` has refused
        raise ValueError("the package tokenizers cannot read as the model's tokenizer does")
    write_whole(directory / TOKENIZER, found.to_str())


def write_model(model: "MultiTaskClassifier", path: Path, *, text_pairs: bool = False) -> None:
    """Writes an ONNX model of texts, or of text pairs.

    Its inputs are those of the backbone, int32 of shape `(B, T)`; its outputs the tasks, float32
    of shape `(B, C)`, calibrated probabilities, or `(B,)`, the numbers of a regression. A model
    that reads head and tail takes texts of any length, and leaves out their middle itself; one of
    text pairs cuts them itself, for which it needs `segment_ids`, whatever the backbone reads.

    Args:
        model: the `MultiTaskClassifier`, loaded on the TensorFlow backend.
        path: the file.
        text_pairs: bool. Whether a row has two texts.
    """
    head, length = head_of(model.preprocessor), model.preprocessor.sequence_length
    form = PairForm.of(model.preprocessor)

    def answer(inputs: dict[str, Any]) -> dict[str, Any]:
        if text_pairs:
            inputs = cut_pairs(inputs, form)
        if model.long_texts == "head_tail":
            inputs = without_middle(inputs, head, length)
        read = {name: inputs[name] for name in model.backbone.input}
        return probabilities(model, model(read, training=False))

    inputs = _token_ids([*dict.fromkeys([*model.backbone.input, *[SEGMENTS] * text_pairs])])
    _write(path, answer, inputs, (("texts", "tokens"), ("texts",)))


def write_model_of_windows(model: "MultiTaskClassifier", path: Path) -> None:
    """Writes an ONNX model of windows: token ids `(W, T)` to logits of shape `(W, C)` or `(W,)`.

    It knows nothing of texts, so that a client may ask for as many windows at once as it likes.

    Args:
        model: the `MultiTaskClassifier`, loaded on the TensorFlow backend.
        path: the file.
    """

    def answer(inputs: dict[str, Any]) -> dict[str, Any]:
        logits = model(inputs, training=False)
        return {f"{task.name}{LOGITS}": logits[task.name] for task in model.tasks}

    _write(path, answer, _token_ids(model.backbone.input), (("windows", "tokens"), ("windows",)))


def write_pool(model: "MultiTaskClassifier", path: Path) -> None:
    """Writes an ONNX model that takes the logits of all windows of some texts.

    Its inputs are `text_of_window`, int32 of shape `(W,)`, which counts the texts from 0, and the
    outputs of the model of windows; its outputs are those of `write_model`.

    Args:
        model: the `MultiTaskClassifier`, loaded on the TensorFlow backend.
        path: the file.
    """
    import tensorflow as tf

    from mtc_keras.model.window_pooling import pool_windows

    inputs = [tf.TensorSpec([None], "int32", TEXT_OF_WINDOW)]
    for task in model.tasks:
        shape = model.output[task.name].shape
        inputs.append(tf.TensorSpec(shape, "float32", f"{task.name}{LOGITS}"))

    def answer(given: dict[str, Any]) -> dict[str, Any]:
        of = given[TEXT_OF_WINDOW]
        logits = {task.name: given[f"{task.name}{LOGITS}"] for task in model.tasks}
        texts = tf.reduce_max(of) + 1
        return probabilities(model, pool_windows(model.window_poolings, logits, of, texts))

    _write(path, answer, inputs, (("windows",), ("texts",)))


def without_middle(inputs: dict[str, Any], head: int, length: int) -> dict[str, Any]:
    """Returns head and tail of texts of more tokens than a model reads, others as they are.

    Args:
        inputs: int32 of shape `(B, T)`; T may be any number.
        head: int. Tokens of the head, special tokens included.
        length: int. Tokens of head and tail, special tokens included.
    """
    import tensorflow as tf

    lengths = tf.reduce_sum(inputs["padding_mask"], axis=1, keepdims=True)  # (B, 1)
    places = tf.range(tf.minimum(tf.shape(inputs["padding_mask"])[1], length))  # (T,)
    left_out = tf.where(places < head, 0, tf.maximum(lengths - length, 0))  # (B, T)
    return {
        name: tf.gather(values, places + left_out, batch_dims=1) for name, values in inputs.items()
    }


def _token_ids(names: Iterable[str]) -> list[Any]:
    import tensorflow as tf

    return [tf.TensorSpec([None, None], "int32", name) for name in names]


def _write(
    path: Path,
    answer: Callable[[dict[str, Any]], dict[str, Any]],
    inputs: Sequence[Any],
    dimensions: tuple[Sequence[str], Sequence[str]],
) -> None:
    """Writes a function of tensors by name as an ONNX model.

    Args:
        path: the file.
        answer: the function.
        inputs: the `tf.TensorSpec` of each input.
        dimensions: names of the sizes that are free, of inputs and of outputs.
    """
    import onnx
    import tensorflow as tf
    import tf2onnx

    names = [tensor.name for tensor in inputs]

    @tf.function(input_signature=inputs)
    def graph(*given: Any) -> dict[str, Any]:
        return answer(dict(zip(names, given, strict=True)))

    converted, _ = tf2onnx.convert.from_function(
        graph, input_signature=inputs, opset=OPSET, custom_op_handlers=dict(OPERATIONS)
    )
    converted = folded(converted)
    tensors = (converted.graph.input, converted.graph.output)
    for several, sizes in zip(tensors, dimensions, strict=True):
        for tensor in several:
            shape = tensor.type.tensor_type.shape.dim
            for dimension, name in zip(shape, sizes, strict=False):
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
