"""The few lengths to which texts are padded: each one is a shape that XLA compiles."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

MOST_LENGTHS = 16
# To find the best of more takes too long and too much memory.
MOST_CANDIDATES = 512


@dataclass(frozen=True)
class StepCosts:
    """What training costs by estimate, never by the clock: a run's batches follow from its config.

    Args:
        per_slot: float. Seconds of a training step per padded token.
        per_length: float. Seconds that one more padded length costs, once.
    """

    per_slot: float
    per_length: float


def fewest_slots(occurring: np.ndarray, counts: np.ndarray) -> Iterator[np.ndarray]:
    """Yields the padded lengths with the fewest slots: the best one, the best two, and so on.

    They are found exactly, by dynamic programming over the lengths that occur.

    Args:
        occurring: int of shape `(L,)`, ascending, the lengths that texts have.
        counts: int of shape `(L,)`, how many texts have each.

    Yields:
        int of shape `(K,)`, ascending, for K from 1 to `MOST_LENGTHS` or L; the last one is
        always the longest text's.
    """
    # slots[i, j]: slots of texts from the i-th to the j-th length, padded to the latter.
    # Shape (lengths, lengths); below the diagonal there is no such group.
    below = np.concatenate([[0], np.cumsum(counts)])
    slots = (below[None, 1:] - below[:-1, None]) * occurring[None, :]
    slots = np.where(np.tri(len(occurring), k=-1, dtype=bool), np.inf, slots)
    fewest, starts = slots[0], list[np.ndarray]()
    for _ in range(min(MOST_LENGTHS, len(occurring))):
        chosen = [len(occurring) - 1]
        for start in reversed(starts):
            chosen.append(start[chosen[-1]] - 1)
        yield occurring[chosen[::-1]]
        # The last group begins at i, those before it end at i - 1.
        candidates = np.concatenate([[np.inf], fewest[:-1]])[:, None] + slots
        starts.append(candidates.argmin(axis=0))
        fewest = candidates.min(axis=0)


def candidates(sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the lengths to which texts may be padded: those that occur, or some of very many.

    Args:
        sizes: int of shape `(N,)`, at least 1 each; N is not 0.

    Returns:
        int of shape `(L,)`, ascending, `MOST_CANDIDATES` of those that occur at most, the longest
        among them; and of the same shape, how many texts are padded to each.
    """
    occurring, counts = np.unique(sizes, return_counts=True)
    step = -(-int(occurring[-1]) // MOST_CANDIDATES)
    # Of each interval of so many lengths the longest that occurs.
    first = np.flatnonzero(np.diff(-(-occurring // step), prepend=0))
    return np.maximum.reduceat(occurring, first), np.add.reduceat(counts, first)


def prediction_lengths(max_length: int, batches: int) -> np.ndarray:
    """Returns the padded lengths of prediction, which do not depend on the texts.

    They are the powers of two for few batches, with three more lengths between each two for
    many, so that the same shapes recur from one call to the next.

    Args:
        max_length: int. Tokens that a text may have.
        batches: int. About how many batches will be read.

    Returns:
        int of shape `(K,)`, ascending; the last one is `max_length`.
    """
    return graded_lengths(max_length, 4 if batches >= 64 else 1)


def graded_lengths(max_length: int, steps: int) -> np.ndarray:
    """Returns the powers of two from 8 on, each interval between them divided into some steps.

    Args:
        max_length: int. Tokens that a text may have.
        steps: int. A power of two, 8 at most.

    Returns:
        int of shape `(K,)`, ascending; the last one is `max_length`.
    """
    lengths = {max_length}
    power = 8
    while power < max_length:
        lengths |= {power + power * step // steps for step in range(steps)}
        power *= 2
    return np.array(sorted(length for length in lengths if length <= max_length))


def padded_length(longest: int, lengths: np.ndarray) -> int:
    """Returns the shortest of some ascending lengths that holds a text."""
    return int(lengths[np.searchsorted(lengths, longest)])
