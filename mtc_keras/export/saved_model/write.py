"""Writes a saved model as a SavedModel that takes text; a process of the TensorFlow backend.

`python -m mtc_keras.export.saved_model.write PRESET DIRECTORY [--text-pairs]`, started by
`export.writing`, as a process has one backend: what JAX exports has a fixed length, what
TensorFlow traces has none.

Shapes: B texts, T tokens of the longest of them.
"""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtc_keras.data.long_texts import room_of
from mtc_keras.export.doors import BYTE_PAIRS, TOKENIZER_JSON, kind_of
from mtc_keras.export.folder import WARM_UP
from mtc_keras.export.saved_model.ask import INPUTS
from mtc_keras.export.saved_model.byte_pairs import BytePairs
from mtc_keras.export.saved_model.long_texts import logits_of_texts, packed
from mtc_keras.tokenization.fast import fast_tokenizer
from mtc_keras.tokenization.prefix import with_prefix

if TYPE_CHECKING:
    import keras_hub

    from mtc_keras.model.classifier import MultiTaskClassifier

WARM_UP_TEXTS = (["a short text"], ["a text of some more words " * 8] * 8, ["longer " * 600] * 8)
SIGNATURES = ("serving_default", "classify")


def main(argv: Sequence[str] | None = None) -> None:
    """Loads the model, writes the SavedModel and, where it can, the warm-up requests."""
    parser = argparse.ArgumentParser(
        prog="python -m mtc_keras.export.saved_model.write", description=__doc__
    )
    parser.add_argument("preset", help="a folder written by `save_to_preset`")
    parser.add_argument("directory", help="the folder of the SavedModel")
    parser.add_argument("--text-pairs", action="store_true", help="rows have two texts")
    args = parser.parse_args(argv)
    from mtc_keras.model.classifier import MultiTaskClassifier

    model = MultiTaskClassifier.from_preset(args.preset, dtype="float32")
    names = INPUTS if args.text_pairs else INPUTS[:1]
    write_saved_model(model, args.directory, names)
    write_warm_up(Path(args.directory), names)


def write_saved_model(model: "MultiTaskClassifier", directory: str, names: Sequence[str]) -> None:
    """Writes the three signatures, and what reads texts, with one copy of the weights.

    Args:
        model: the `MultiTaskClassifier`, loaded on the TensorFlow backend.
        directory: the folder of the SavedModel.
        names: the names of the text inputs, one or two.
    """
    import tensorflow as tf

    room = room_of(model.preprocessor)  # which makes what packs tokens, outside of any graph
    texts = [tf.TensorSpec([None], tf.string, name) for name in names]
    rows = tf.RaggedTensorSpec([None, None], tf.int32)
    read_texts = reader(model.preprocessor.tokenizer)
    read = tf.function(partial(packed, model), input_signature=[rows])
    ids = {
        name: tf.TensorSpec([None, None], tensor.dtype, name)
        for name, tensor in read.get_concrete_function().structured_outputs.items()
    }

    # `logits` and `predict` are traced once: the signatures call them.
    @tf.function(input_signature=[ids])
    def logits(inputs: dict[str, Any]) -> dict[str, Any]:
        return dict(model(inputs, training=False))

    @tf.function(input_signature=texts)
    def predict(*columns: Any) -> dict[str, Any]:
        return probabilities(
            model,
            logits_of_texts(model, room, logits, readable(columns, model.prefix), read_texts),
        )

    @tf.function(input_signature=texts)
    def serving_default(*columns: Any) -> dict[str, Any]:
        return predict(*columns)

    @tf.function(input_signature=texts)
    def classify(*columns: Any) -> dict[str, Any]:
        return answers(model, predict(*columns))

    @tf.function(input_signature=[ids])
    def tokens(inputs: dict[str, Any]) -> dict[str, Any]:
        return probabilities(model, logits(inputs))

    # No signature, as its output is ragged: for the self-test, which compares tokens.
    @tf.function(input_signature=texts)
    def whole_texts(*columns: Any) -> list[Any]:
        return [read_texts(column) for column in readable(columns, model.prefix)]

    functions = {"serving_default": serving_default, "classify": classify, "tokens": tokens}
    signatures = {name: call.get_concrete_function() for name, call in functions.items()}
    module = tf.Module()
    # The model itself would bring each weight a second time, and its metrics.
    module.weights = list(signatures["serving_default"].graph.variables)
    module.whole_texts = whole_texts
    module.tokenizer = _resources(read_texts)
    tf.saved_model.save(module, directory, signatures=signatures)


def reader(tokenizer: "keras_hub.tokenizers.Tokenizer") -> Callable[[Any], Any]:
    """Returns what reads texts in a graph as a tokenizer does: itself, unless it has byte pairs."""
    if kind_of(tokenizer) not in (BYTE_PAIRS, TOKENIZER_JSON):
        return tokenizer
    fast = fast_tokenizer(tokenizer)
    if fast is None:  # which `doors.check_model` has refused
        raise ValueError("the package tokenizers cannot read as the model's tokenizer does")
    return BytePairs(fast)


def readable(columns: Sequence[Any], prefix: str = "") -> tuple[Any, ...]:
    """Returns texts as `tokenization.fast` cleans them: NUL removed, what is not UTF-8 a `?`.

    Args:
        columns: strings of shape `(B,)`; two such for text pairs.
        prefix: str. Put before each text that is not empty.
    """
    import tensorflow as tf

    decoded = (
        tf.strings.unicode_transcode(
            column, "UTF-8", "UTF-8", errors="replace", replacement_char=ord("?")
        )
        for column in columns
    )
    return tuple(
        with_prefix(tf.strings.regex_replace(column, r"\x00", ""), prefix) for column in decoded
    )


def probabilities(model: "MultiTaskClassifier", logits: dict[str, Any]) -> dict[str, Any]:
    """Returns each task's calibrated probabilities, or its numbers, for logits of texts."""
    from mtc_keras.scoring.decisions import calibrated

    return {
        task.name: calibrated(task, logits[task.name], model.decisions.get(task.name))
        for task in model.tasks
    }


def answers(model: "MultiTaskClassifier", found: dict[str, Any]) -> dict[str, Any]:
    """Returns each task's labels, such as `mood__labels`, for its probabilities."""
    return {
        f"{task.name}__{key}": value
        for task in model.tasks
        for key, value in task.serve(found[task.name], model.decisions.get(task.name)).items()
    }


def _resources(reader: Any) -> list[Any]:
    """Returns what is kept outside of the graph to read texts, such as a SentencePiece model."""
    import tensorflow as tf

    kinds = (tf.Module, tf.saved_model.experimental.TrackableResource)
    return [value for value in vars(reader).values() if isinstance(value, kinds)]


def write_warm_up(directory: Path, names: Sequence[str]) -> None:
    """Writes the requests that TensorFlow Serving answers before it takes any other.

    They need the package tensorflow-serving-api; without it there are none.

    Args:
        directory: the folder of the SavedModel.
        names: the names of the text inputs, one or two.
    """
    try:
        from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2
    except ImportError:
        return
    import tensorflow as tf

    path = directory / WARM_UP
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature in SIGNATURES:
            for texts in WARM_UP_TEXTS:
                request = predict_pb2.PredictRequest(
                    model_spec=model_pb2.ModelSpec(signature_name=signature),
                    inputs={name: tf.make_tensor_proto(texts) for name in names},
                )
                log = prediction_log_pb2.PredictLog(request=request)
                record = prediction_log_pb2.PredictionLog(predict_log=log)
                writer.write(record.SerializeToString())


if __name__ == "__main__":
    main()
