"""What users hand in as `x` becomes arrays of texts or of tokens, or one error.

No error quotes a text. Shapes: N rows, T tokens.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any, TypeAlias

import keras
import keras_hub
import numpy as np
import pandas

from mtc_keras.data.blocks import plain
from mtc_keras.data.windows import Windows
from mtc_keras.errors import did_you_mean, listed, plural
from mtc_keras.tokenization.fast import readable

Texts: TypeAlias = tuple[list[str], ...]  # one list of N texts, or two for text pairs
PAIRS = "text pairs are a tuple of two lists: (firsts, seconds)"


def is_dataset(x: Any) -> bool:
    """Whether `x` yields batches that have targets and weights of their own."""
    return (
        hasattr(x, "element_spec")  # of tf.data, asked without an import of TensorFlow
        or isinstance(x, keras.utils.PyDataset)
        or type(x).__module__.split(".")[0] == "grain"
    )


def read_texts(x: Any) -> Texts:
    """Returns the texts of N rows as plain strings.

    Args:
        x: a list, array, Series or one-column DataFrame of texts, or a tuple of two such for
            text pairs.

    Raises:
        ValueError: if it is something else, holds something else than texts, or two lists of
            different lengths.
    """
    given = x if isinstance(x, tuple) else (x,)
    if len(given) not in (1, 2) or (isinstance(x, tuple) and any(map(_is_bare, given))):
        raise ValueError(
            f"x must be a list of texts; {PAIRS}. Received: a tuple of {len(given)}, "
            "the first of which is of type " + (type(given[0]).__name__ if given else "none")
        )
    columns = tuple(_column(values) for values in given)
    if len({len(column) for column in columns}) != 1:
        raise ValueError(
            f"Text pairs need two lists of one length. Received: {[len(c) for c in columns]}"
        )
    return columns


def text_arrays(texts: Texts) -> np.ndarray | tuple[np.ndarray, ...]:
    """Returns texts as Keras' pipelines take them, read as `tokenize` reads them.

    Args:
        texts: what `read_texts` returned.

    Returns:
        An array of objects of shape `(N,)`, or a tuple of two.
    """
    arrays = tuple(np.array([readable(text) for text in column], object) for column in texts)
    return arrays if len(arrays) == 2 else arrays[0]


def read_tokens(
    x: Mapping[str, Any], backbone: keras_hub.models.Backbone, windows: bool = False
) -> dict[str, np.ndarray]:
    """Returns the tokens of N rows as arrays.

    Args:
        x: dict from input of the backbone to integers of shape `(N, T)`.
        backbone: what reads them.
        windows: bool. Whether they may be those of K windows per row, of shape `(N, K, T)`.

    Raises:
        ValueError: if an input is missing, the arrays do not fit each other, or a
            token is none of the vocabulary.
    """
    names = list(backbone.input)
    strangers = [str(name) for name in x if name not in names]
    missing = [name for name in names if name not in x]
    if missing:
        raise ValueError(
            f"x is a dict of {listed([str(name) for name in x])}, but as a dict it must hold the "
            f"tokens {listed(names)}.{did_you_mean(strangers[0], names) if strangers else ''} "
            "Texts are handed in as a list, such as list(x['text'])"
        )
    arrays = {name: np.asarray(values) for name, values in x.items()}
    shapes = {name: array.shape for name, array in arrays.items()}
    ranks = (2, 3) if windows else (2,)
    if len(set(shapes.values())) > 1 or any(len(s) not in ranks for s in shapes.values()):
        known = "(N, T) or (N, K, T)" if windows else "(N, T)"
        raise ValueError(f"tokens must all have one shape {known}. Received: {shapes}")
    if wrong := [name for name, array in arrays.items() if array.dtype.kind not in "biu"]:
        raise ValueError(
            f"tokens must be integers. Received: {arrays[wrong[0]].dtype} for {wrong[0]!r}"
        )
    ids, size = arrays.get("token_ids"), getattr(backbone, "vocabulary_size", None)
    # A step would read others without an error, and answer NaN.
    if ids is not None and size and ids.size and not 0 <= ids.min() <= ids.max() < size:
        raise ValueError(
            f"token_ids must lie between 0 and {size - 1}, the last one of the backbone's "
            f"vocabulary. Received: {ids.min()} to {ids.max()}"
        )
    return arrays


def rows_of(x: Any) -> int:
    """Returns the number of rows of texts or tokens in arrays, or of `Windows`."""
    return len(x) if isinstance(x, Windows) else len(keras.tree.flatten(x)[0])


def _is_bare(value: Any) -> bool:
    return isinstance(value, (str, bytes))


def _column(values: Any) -> list[str]:
    """Returns one column of texts as a list of plain strings."""
    cells = _cells(values)
    if set(map(type, cells)) <= {str}:
        return cells
    wrong = [row for row, cell in enumerate(cells) if not isinstance(cell, str)]
    if wrong:
        cell = cells[wrong[0]]
        more = "" if len(wrong) == 1 else f" ({plural(len(wrong), 'such row')} in all)"
        raise ValueError(
            f"x must hold texts only. Received: {type(cell).__name__} in row {wrong[0]}{more}"
            + _advice(cell)
        )
    return [str(cell) for cell in cells]  # of NumPy's own type of string


def _advice(cell: Any) -> str:
    if isinstance(cell, bytes):
        return '; decode it: text.decode("utf-8")'
    if isinstance(cell, (list, tuple)):
        return f"; {PAIRS}"
    if plain(cell) is None:
        return '; a missing text is left out with its label, or read as ""'
    return ""


def _cells(values: Any) -> list[Any]:
    """Returns the cells of something that has rows in order."""
    kind = type(values).__name__
    if _is_bare(values):
        raise ValueError(
            f"x must be a list of texts, for one text [text]. Received: the text itself, a {kind}"
        )
    if isinstance(values, Set):
        raise ValueError(
            f"x must be a list of texts. Received: a {kind}, whose texts have no order; "
            "hand in sorted(x)"
        )
    if isinstance(values, list):
        return values
    if isinstance(values, pandas.DataFrame) and values.shape[1] != 1:
        raise ValueError(
            "x must be one column of texts, such as frame['text']; for text pairs "
            "(frame['first'], frame['second']). Received: a DataFrame with the columns "
            f"{listed([str(name) for name in values.columns])}"
        )
    if hasattr(values, "__array__"):
        array = np.asarray(values)
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if array.ndim != 1 or array.dtype.kind in "biufc":
            raise ValueError(
                "x must be a list of texts, or an array of shape (N,); "
                f"{PAIRS}. Received: {array.dtype} of shape {array.shape}"
            )
        cells = array.tolist()
        # TensorFlow holds a string as its bytes.
        is_tensor = type(values).__module__.split(".")[0] == "tensorflow"
        return [cell.decode("utf-8") for cell in cells] if is_tensor else cells
    if isinstance(values, Sequence):
        return list(values)
    if isinstance(values, Iterator):
        raise ValueError(
            "x must be a list of texts, as list(x) makes of an iterator, or a tf.data.Dataset of "
            f"batches. Received: a {kind}"
        )
    raise ValueError(f"x must be a list of texts. Received: {'None' if values is None else kind}")
