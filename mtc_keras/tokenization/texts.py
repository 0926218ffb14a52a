"""What a tokenizer is called with, as a list of texts."""

from typing import Any

import numpy as np


def texts_of(inputs: Any) -> tuple[list[str], bool]:
    """Returns the texts of a string or of several, and whether it was one.

    Args:
        inputs: a string, a sequence, an array or a tensor of strings.

    Raises:
        ValueError: if it is something else.
    """
    if isinstance(inputs, (str, bytes)):
        inputs = [inputs]
        is_one = True
    else:
        is_one = getattr(inputs, "ndim", 1) == 0
        if not isinstance(inputs, (list, tuple)):
            inputs = np.atleast_1d(np.asarray(inputs)).tolist()
    texts = [text.decode("utf-8") if isinstance(text, bytes) else text for text in inputs]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("The inputs must be strings, or a row of them")
    return texts, is_one
