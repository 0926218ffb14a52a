"""Prediction by a process that predicts again and again, such as a server's worker.

XLA compiles a program for each shape. Where programs are used for long, many of them pay: texts are
padded less than by `prediction.prediction_batches`, and all is compiled before the first text.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mtc_keras.data.batches import PredictionBatches
from mtc_keras.data.lengths import graded_lengths
from mtc_keras.data.tokens import Tokens
from mtc_keras.data.windows import Windows
from mtc_keras.devices import hardware
from mtc_keras.devices.distribution import share
from mtc_keras.model.arguments import MOST_ROWS
from mtc_keras.model.long_texts import pooled, tokens_of
from mtc_keras.model.prediction import forward_of, predict_batches, state_of
from mtc_keras.model.steps import MultiTaskSteps

# Of a batch for one core, at most: more would leave less to share among the cores.
ROWS, TOKENS = 16, 512
# The share of the time that may be spent on more lengths than the powers of two.
FOR_MORE = 0.25
POOLED_TEXTS, POOLED_WINDOWS = 32, 8  # prepared for texts of several windows: texts, windows each


@dataclass(frozen=True)
class LastingBatches:
    """Makes the batches in which tokens are read, of few shapes, all of which it can name.

    Each core of a CPU gets small batches, so that little of the last one is padding, and none waits
    long for another. Where there are too few for that, one after the other is computed on all
    cores, of a power of two of rows.

    Args:
        together: int. Padded lengths for each power of two, of batches for all cores.
        apart: int. The same of batches for one core.
    """

    together: int
    apart: int

    def __call__(self, tokens: Tokens, batch_size: int | None = None) -> PredictionBatches:
        """Returns the batches of some tokens, of `batch_size` rows at most, by default 32."""
        cores, most_rows = hardware.cores(), batch_size or MOST_ROWS
        if cores:
            batches = self._apart(tokens, min(ROWS, most_rows))
            if len(batches) >= max(cores, 2):
                return batches
        return self._together(tokens, most_rows)

    def shapes(self, tokens: Tokens, batch_size: int | None) -> Iterator[PredictionBatches]:
        """Yields a batch of each shape that any texts have, those for few rows first.

        Args:
            tokens: some `Tokens` of the model.
            batch_size: int. As for a call.
        """
        cores, most_rows = hardware.cores(), batch_size or MOST_ROWS
        of_one_core = min(ROWS, most_rows)
        together = min(of_one_core * max(cores - 1, 1), most_rows) if cores else most_rows
        for power in range((together - 1).bit_length() + 1):
            rows = min(1 << power, most_rows)
            for length in graded_lengths(tokens.max_length, self.together).tolist():
                yield self._together(_alike(tokens, rows, length), rows)
        if cores:
            for length in graded_lengths(tokens.max_length, self.apart).tolist():
                yield self._apart(_alike(tokens, 1, length), of_one_core)

    def _apart(self, tokens: Tokens, rows: int) -> PredictionBatches:
        lengths = graded_lengths(tokens.max_length, self.apart)
        return _Filled(tokens, rows, share(), TOKENS, lengths)

    def _together(self, tokens: Tokens, rows: int) -> PredictionBatches:
        lengths = graded_lengths(tokens.max_length, self.together)
        return PredictionBatches(tokens, rows, share(), lengths=lengths)


class _Filled(PredictionBatches):
    """Batches whose rows follow from their length alone, and not from how many texts there are."""

    @property
    def _most_rows(self) -> int:
        return self.batch_size


# A batch for all cores has one of several numbers of rows, each of which a length costs a program.
COARSE, FINE = LastingBatches(together=1, apart=1), LastingBatches(together=2, apart=8)


def prepare_to_last(model: MultiTaskSteps, batch_size: int | None, seconds: float) -> bool:
    """Has a model read texts in lasting batches, whose programs are all compiled, or read, here.

    They are `FINE` if a quarter of the time is enough for them, beyond `COARSE`. What pools the
    windows of long texts is compiled for few texts alone.

    Args:
        model: a model that reads texts.
        batch_size: int. What `predict` will be called with; 32 by default.
        seconds: float. After which the remaining programs are compiled when they are needed.

    Returns:
        Whether there was time for all.
    """
    started = time.monotonic()
    read = tokens_of(model, [[""]])
    tokens = read.tokens if isinstance(read, Windows) else read
    model.compiled_forward.make_batches = COARSE
    coarse, fine = (_by_shape(kind.shapes(tokens, batch_size)) for kind in (COARSE, FINE))
    if not _prepare(model, list(coarse.values()), seconds):
        return False
    if isinstance(read, Windows):
        _prepare_pooling(model, tokens)
    taken = time.monotonic() - started
    more = [batches for shape, batches in fine.items() if shape not in coarse]
    is_soon = taken / len(coarse) * len(more) <= FOR_MORE * seconds
    if is_soon and _prepare(model, more, seconds - taken):
        model.compiled_forward.make_batches = FINE
    return True


def _prepare(model: MultiTaskSteps, shapes: list[PredictionBatches], seconds: float) -> bool:
    """Compiles what batches need, for some seconds; returns whether that is all."""
    forward = forward_of(model)
    if forward is not None:
        state = state_of(model)
        for batches in shapes:
            forward.prepare(state, next(iter(batches)), on_one_core=batches.on_one_core)
        return forward.await_prepared(seconds)
    end = time.monotonic() + seconds
    for batches in shapes:
        if time.monotonic() > end:
            return False
        predict_batches(model, batches)
    return True


def _prepare_pooling(model: MultiTaskSteps, tokens: Tokens) -> None:
    """Pools windows of few texts once: what does that is compiled for powers of two of both."""
    one = {name: values.shape for name, values in _alike(tokens, 1, 1).inputs.items()}
    shapes = {name: shape[1:] for name, shape in model.compute_output_shape(one).items()}
    texts = 1
    while texts <= POOLED_TEXTS:
        for windows in (2 * texts, 4 * texts, POOLED_WINDOWS * texts):
            alike = _alike(tokens, windows, 1)
            offsets = np.array([0, *range(windows - texts + 1, windows + 1)])
            logits = {n: np.zeros((windows, *shape), "float32") for n, shape in shapes.items()}
            pooled(model.window_poolings, Windows(alike, offsets), logits)
        texts *= 2


def _by_shape(
    shapes: Iterator[PredictionBatches],
) -> dict[tuple[int, int, bool], PredictionBatches]:
    """Returns batches by their rows, tokens, and whether one core computes them."""
    found = {}
    for batches in shapes:
        _, rows, length = batches.plan[0]
        found[rows, length, batches.on_one_core] = batches
    return found


def _alike(tokens: Tokens, rows: int, length: int) -> Tokens:
    """Returns the tokens of some rows that have as many tokens each."""
    flat = {name: np.zeros(rows * length, values.dtype) for name, values in tokens.flat.items()}
    offsets = np.arange(rows + 1) * length
    return Tokens(flat, offsets, tokens.padding, tokens.dtypes, tokens.max_length)
