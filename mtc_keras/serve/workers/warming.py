"""What is done before the first request, so that none waits for it.

XLA compiles a program for each shape, half a second each, and a run reads texts in few shapes:
powers of two of rows and of tokens. ONNX Runtime and TensorFlow compile nothing.
"""

import logging
import time
from collections.abc import Iterator

from mtc_keras.predict.predictor import Predictor
from mtc_keras.predict.predictors import KerasPredictor

SECONDS = 120.0  # after which the remaining shapes are compiled when they are met
WORD = "a"  # one token of most tokenizers
log = logging.getLogger("mtc_keras.serve")


def warm(predictor: Predictor, max_length: int | None) -> None:
    """Has all programs compiled that texts of a loaded predictor need.

    Args:
        predictor: the loaded `Predictor`.
        max_length: optional int. Tokens that are read of a text at once.
    """
    if not isinstance(predictor, KerasPredictor) or max_length is None:
        return
    others = [[WORD]] * (len(predictor.data.text_columns) - 1)
    end = time.monotonic() + SECONDS
    for rows, words in _shapes(max_length, predictor.batch_size):
        predictor.predict(tuple(column * rows for column in ([" ".join([WORD] * words)], *others)))
        if time.monotonic() > end:
            log.warning(
                "not all programs are compiled after %.0f s: the first texts of some lengths will "
                "wait for theirs",
                SECONDS,
            )
            return


def _shapes(max_length: int, batch_size: int | None) -> Iterator[tuple[int, int]]:
    """Yields numbers of rows, and of words, that together meet each shape; single rows first."""
    from mtc_keras.data.lengths import prediction_lengths
    from mtc_keras.devices import hardware
    from mtc_keras.model.arguments import MOST_ROWS
    from mtc_keras.model.prediction import FEW_ROWS

    *lengths, longest = prediction_lengths(max_length, 1).tolist()
    # Between two lengths, whatever the special tokens are, and beyond the longest.
    words = [*(max(length * 3 // 4 - 2, 1) for length in lengths), 2 * longest]
    # Few rows are computed by all cores; more, by each core a batch of its own.
    cores, most = hardware.cores(), batch_size or MOST_ROWS
    few = min(FEW_ROWS, most)
    together = most if cores < 2 else min(few * (cores - 1), most)
    powers = [1 << power for power in range((together - 1).bit_length() + 1)]
    apart = [size * (cores - 1) + 1 for size in (few, most)] if cores > 1 else []
    for rows in [*powers, *apart]:
        for count in words:
            yield rows, count
