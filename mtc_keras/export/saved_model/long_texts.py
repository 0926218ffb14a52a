"""From texts to logits in a SavedModel's graph, long texts by the rules of `data.long_texts`.

Tokens are ragged, of shape `(B, None)` or `(W, None)`, until they are packed. Shapes: B texts,
W windows of all of them, T tokens of the longest row.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mtc_keras.data.long_texts import HEAD

if TYPE_CHECKING:
    from mtc_keras.model.classifier import MultiTaskClassifier

Tensors = dict[str, Any]
# Tokens, padded, that a model reads at once, special tokens not counted, so that the memory of a
# call has a bound, however long the texts are that it is asked for.
MOST_TOKENS = 8192


def logits_of_texts(
    model: "MultiTaskClassifier",
    room: int,
    logits: Callable[[Tensors], Tensors],
    columns: tuple[Any, ...],
    read: Callable[[Any], Any],
) -> Tensors:
    """Returns each task's logits of texts, read as the model reads long ones.

    Args:
        model: the `MultiTaskClassifier`.
        room: int. Tokens of a text that it reads at once.
        logits: from tokens of shape `(B, T)` to logits.
        columns: strings of shape `(B,)`; two such for text pairs, which are always cut.
        read: from strings of shape `(B,)` to ragged tokens `(B, None)`.
    """
    import tensorflow as tf

    from mtc_keras.model.window_pooling import pool_windows

    if model.long_texts == "truncate":
        return logits(truncated(model, columns, read))
    [texts] = columns
    tokens = read(texts)
    if model.long_texts == "head_tail":
        head = room // HEAD
        return logits(packed(model, head_and_tail(tokens, head, room - head)))
    rows, text_of_window = windows(tokens, room, model.window_overlap or 0)
    shapes = {name: output.shape for name, output in model.output.items()}
    found = in_chunks(lambda part: logits(packed(model, part)), rows, shapes)
    return pool_windows(model.window_poolings, found, text_of_window, tf.size(texts))


def truncated(
    model: "MultiTaskClassifier", columns: tuple[Any, ...], read: Callable[[Any], Any]
) -> Tensors:
    """Returns the tokens of texts, or of text pairs, cut to the model's length, `(B, T)`."""
    if read is not model.preprocessor.tokenizer:
        return packed(model, *map(read, columns))
    # `y` is given, because a pair alone would be taken for (x, y).
    padded = model.preprocessor(columns if len(columns) > 1 else columns[0], y=None)
    return _without_padding(model, padded)


def packed(model: "MultiTaskClassifier", *tokens: Any) -> Tensors:
    """Returns rows of ragged tokens, of one text or two, between special tokens, `(B, T)`."""
    token_ids, segment_ids = model.preprocessor.packer(tokens)
    segment_ids *= getattr(model.preprocessor, "second_segment", 1)
    real = token_ids != model.preprocessor.tokenizer.pad_token_id
    padded = {"token_ids": token_ids, "padding_mask": real, "segment_ids": segment_ids}
    return _without_padding(model, padded)


def _without_padding(model: "MultiTaskClassifier", padded: Tensors) -> Tensors:
    """Returns the inputs of the backbone, no longer than the longest row."""
    import tensorflow as tf

    real = tf.cast(padded["padding_mask"], "bool")
    padding = {"token_ids": model.preprocessor.tokenizer.pad_token_id}
    return {
        name: tf.ragged.boolean_mask(padded[name], real).to_tensor(
            tf.cast(padding.get(name, 0), padded[name].dtype)
        )
        for name in model.backbone.input
    }


def head_and_tail(tokens: Any, head: int, tail: int) -> Any:
    """Returns the first and the last tokens of texts that have more than both, others whole.

    Args:
        tokens: ragged, `(B, None)`.
        head: int. Tokens from the beginning.
        tail: int. Tokens from the end.
    """
    import tensorflow as tf

    starts, limits = tokens.row_starts(), tokens.row_limits()
    is_long = limits - starts > head + tail
    until, again = (
        tf.where(is_long, starts + head, limits),
        tf.where(is_long, limits - tail, limits),
    )
    places = tf.concat([tf.ragged.range(starts, until), tf.ragged.range(again, limits)], axis=1)
    return tf.gather(tokens.flat_values, places)


def windows(tokens: Any, room: int, overlap: int) -> tuple[Any, Any]:
    """Returns the windows of texts, one after the other, and the text of each.

    Args:
        tokens: ragged, `(B, None)`.
        room: int. Tokens of a window, special tokens not counted.
        overlap: int. Tokens that neighbouring windows share.

    Returns:
        Ragged tokens `(W, None)`, and int32 of shape `(W,)`: the row of a window's text. A text
        without a token has a window without one.
    """
    import tensorflow as tf

    step = room - overlap
    beyond = tf.maximum(tokens.row_lengths() - room, 0)
    counts = 1 + (beyond + step - 1) // step  # (B,)
    text_of_window = tf.repeat(tf.range(tf.size(counts)), counts)
    firsts = tf.gather(tf.cumsum(counts, exclusive=True), text_of_window)
    number = tf.range(tf.size(text_of_window, tf.int64)) - firsts  # (W,), within its text
    starts = tf.gather(tokens.row_starts(), text_of_window) + number * step
    limits = tf.minimum(starts + room, tf.gather(tokens.row_limits(), text_of_window))
    return tf.gather(tokens.flat_values, tf.ragged.range(starts, limits)), text_of_window


def in_chunks(
    ask: Callable[[Any], Tensors],
    tokens: Any,
    outputs: Mapping[str, Sequence[int | None]],
    most_tokens: int = MOST_TOKENS,
) -> Tensors:
    """Returns a model's outputs of rows of tokens, of which it reads a few of one length at once.

    Args:
        ask: takes ragged tokens `(B, None)`, returns outputs of B rows.
        tokens: ragged, `(W, None)`.
        outputs: the shape of each output, which is float32.
        most_tokens: int. Padded tokens that are read at once, or one row.

    Returns:
        The outputs of all W rows, in their order.
    """
    import tensorflow as tf

    order = tf.argsort(tokens.row_lengths(), direction="DESCENDING", stable=True)
    ordered = tf.gather(tokens, order)
    lengths, count = tf.cast(tf.maximum(ordered.row_lengths(), 1), "int32"), tf.size(order)

    def is_left(start: Any, _: Tensors) -> Any:
        return start < count

    def ask_next(start: Any, found: Tensors) -> tuple[Any, Tensors]:
        end = tf.minimum(start + tf.maximum(most_tokens // lengths[start], 1), count)
        answers = ask(ordered[start:end])
        return end, {name: tf.concat([found[name], answers[name]], axis=0) for name in found}

    none = {name: tf.zeros([0, *shape[1:]], "float32") for name, shape in outputs.items()}
    shapes = {name: tf.TensorShape(shape) for name, shape in outputs.items()}
    _, found = tf.while_loop(
        is_left,
        ask_next,
        (tf.constant(0), none),
        (tf.TensorShape([]), shapes),
        parallel_iterations=1,
    )
    restored = tf.argsort(order)
    return {name: tf.gather(values, restored) for name, values in found.items()}
