"""What users hand to `fit`, `evaluate`, `predict` and their kin becomes what Keras' steps take.

Everything is checked once, before a step: an error inside one comes late, and says little.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras

from mtc_keras.data.long_texts import AnyTokens
from mtc_keras.data.windows import Windows
from mtc_keras.errors import listed
from mtc_keras.model.datasets import check_dataset, yields_texts
from mtc_keras.model.feed import Feed
from mtc_keras.model.inputs import is_dataset, read_texts, read_tokens, rows_of, text_arrays
from mtc_keras.model.long_texts import tokens_of
from mtc_keras.model.py_datasets import tf_dataset_of
from mtc_keras.model.targets import read_sample_weight, read_targets

if TYPE_CHECKING:
    from mtc_keras.model.steps import MultiTaskSteps

Arguments = tuple[Any, Any, Any]
MOST_ROWS = 32  # per batch, as in Keras
_INSTEAD = "Hand in a list of texts, or batches of tokens (model.tokenize(texts).inputs)"


def checked(model: "MultiTaskSteps", x: Any, y: Any = None, sample_weight: Any = None) -> Arguments:
    """Returns `x`, `y` and `sample_weight` of a training or an evaluation.

    Args:
        model: the model.
        x: N texts, text pairs or tokens, or a dataset of batches.
        y: targets of N rows by task; `None` with a dataset.
        sample_weight: optional weights of N rows, or a dict of such by task.

    Returns:
        The texts as an array of objects of shape `(N,)`, or two, or the tokens as a dict of
        arrays, or, of a model that reads long texts in windows, their `Windows`; a dict from task
        to targets, as `Task.encode` returns them; and the weights as float32 of shape `(N,)`, or
        a dict of such by task, or `None`. A dataset is returned as
        it is, a `PyDataset` as one of TensorFlow.

    Raises:
        ValueError: that says what is wrong with them, and quotes no text, or that the model is
            not compiled.
    """
    if not model.compiled:
        raise ValueError(
            "the model is not compiled, so that it has no losses yet: call model.compile() first"
        )
    losses = model.task_losses
    if isinstance(x, keras.utils.PyDataset) and not isinstance(x, Feed):
        x = tf_dataset_of(x, lambda *batch: _arrays(model, *checked(model, *batch)))
    if is_dataset(x):
        check_dataset(model.tasks, losses, x, has_targets=True)
        refuse_cut_texts(model.long_texts, x)
        return x, y, sample_weight
    inputs = read_rows(model, x)
    rows = rows_of(inputs)
    if not rows:
        raise ValueError("x holds no rows")
    targets = read_targets(model.tasks, losses, y, rows)
    return inputs, targets, read_sample_weight(model.tasks, sample_weight, rows)


def read_rows(model: "MultiTaskSteps", x: Any) -> Any:
    """Returns texts or tokens as arrays of N rows, or, read in windows, as `Windows`.

    Args:
        model: the model.
        x: texts, as `read_texts` takes them; `Tokens`, `Windows`, or a dict of tokens.

    Returns:
        An array of objects of shape `(N,)`, a tuple of two, a dict of arrays `(N, T)`, or
        `(N, K, T)` of windows, or `Windows`.

    Raises:
        ValueError: if it is none of these.
    """
    if isinstance(x, Mapping):
        return read_tokens(x, model.backbone, windows=model.long_texts == "windows")
    if not isinstance(x, AnyTokens):
        if model.preprocessor is None:
            raise ValueError(
                "the model has no preprocessor: x must be a dict of the tokens "
                f"{listed(list(model.backbone.input))}. "
                f"Received: {type(x).__name__}"
            )
        texts = read_texts(x)
        if model.long_texts == "truncate":
            return text_arrays(texts)  # Keras' pipeline has the preprocessor truncate them
        x = tokens_of(model, texts)
    is_drawn_from = model.preprocessor is not None and model.long_texts != "truncate"
    return x if isinstance(x, Windows) and is_drawn_from else x.inputs


def refuse_cut_texts(long_texts: str, dataset: Any) -> None:
    """Raises an error for a dataset of texts that a preprocessor would truncate unasked.

    Args:
        long_texts: how the model reads long texts.
        dataset: a `tf.data.Dataset`.

    Raises:
        ValueError: if its texts are to be read otherwise.
    """
    if long_texts != "truncate" and yields_texts(dataset):
        raise ValueError(
            f"a dataset of texts cannot be read with long_texts={long_texts!r}: its batches go to "
            f"the preprocessor, which truncates. {_INSTEAD}"
        )


def batches_of(model: "MultiTaskSteps", dataset: keras.utils.PyDataset) -> Any:
    """Returns a `PyDataset` as a `tf.data.Dataset` of what a prediction takes of its batches.

    Raises:
        ValueError: if a model that reads windows is given texts, or what `read_rows` refuses.
    """
    return tf_dataset_of(dataset, lambda x, *_: _arrays(model, read_rows(model, x)))


def _arrays(model: "MultiTaskSteps", x: Any, *others: Any) -> Arguments | tuple[Any]:
    """Returns a batch of a `PyDataset`, if it can be one of a `tf.data.Dataset`."""
    if isinstance(x, Windows):
        raise ValueError(
            f"a dataset of texts cannot be read with long_texts={model.long_texts!r}: a text may "
            f"have any number of windows. {_INSTEAD}"
        )
    return (x, *others)


def checked_validation(model: "MultiTaskSteps", data: Any) -> Any:
    """Returns the `validation_data` of `fit`: a dataset, or `(x, y)`, or these and weights.

    Raises:
        ValueError: that says what is wrong with them.
    """
    if data is None:
        return None
    if not is_dataset(data) and not (isinstance(data, (tuple, list)) and len(data) in (2, 3)):
        raise ValueError(
            "validation_data must be (x, y), (x, y, sample_weight) or a dataset. "
            f"Received: {type(data).__name__}"
        )
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    try:
        x, y, sample_weight = checked(model, x, y, sample_weight)
    except ValueError as error:
        raise ValueError(f"validation_data: {error}") from error
    return x if is_dataset(x) else keras.utils.pack_x_y_sample_weight(x, y, sample_weight)


def refuse_class_weight(class_weight: Any) -> None:
    """Raises an error that says where the weights of classes belong."""
    if class_weight is not None:
        raise ValueError(
            "class_weight is of one output; each task has its own: "
            'Multiclass(…, class_weights={"good": 2.0}), or class_weights = "balanced" in a config'
        )
