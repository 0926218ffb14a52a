"""A `keras.utils.PyDataset` as the `tf.data.Dataset` that KerasHub's pipelines can map."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np


def tf_dataset_of(dataset: keras.utils.PyDataset, read: Callable[..., Any]) -> Any:
    """Returns a `tf.data.Dataset` of the batches of a `PyDataset`, in their order.

    They are read by one thread, anew in each epoch, at whose end `on_epoch_end` is called.

    Args:
        dataset: its batches are `x`, `(x, y)` or `(x, y, sample_weight)`.
        read: turns `x`, `y` and `sample_weight` of a batch into what steps take of them.
    """
    import tensorflow as tf

    def batch(number: int) -> Any:
        parts = keras.utils.unpack_x_y_sample_weight(dataset[number])
        element = keras.utils.pack_x_y_sample_weight(*read(*parts))
        return keras.tree.map_structure(_encoded, element)

    def batches() -> Iterator[Any]:
        number = 0
        while dataset.num_batches is None or number < dataset.num_batches:
            yield batch(number)
            number += 1
        dataset.on_epoch_end()

    signature = keras.tree.map_structure(
        lambda part: tf.TensorSpec([None] * part.ndim, tf.as_dtype(part.dtype)), batch(0)
    )
    found = tf.data.Dataset.from_generator(batches, output_signature=signature)
    if dataset.num_batches is None:
        return found
    return found.apply(tf.data.experimental.assert_cardinality(dataset.num_batches))


def _encoded(part: Any) -> np.ndarray:
    """Returns an array; one of texts as the bytes that TensorFlow's strings are."""
    array = np.asarray(part)
    if array.dtype.kind not in "OU":
        return array
    return np.array([text.encode("utf-8") for text in array.tolist()], object)
