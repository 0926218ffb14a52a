"""The few lengths to which texts are padded: each one is a shape that XLA compiles."""

import numpy as np

MOST_LENGTHS = 16
# A shape takes seconds to compile, which only pays off over so many batches.
BATCHES_PER_LENGTH = 8
FULL = 0.96  # share of the token slots that should hold tokens


def training_lengths(lengths: np.ndarray, max_length: int, batch_size: int) -> np.ndarray:
    """Returns the padded lengths of training: as few as fill `FULL` of the slots.

    For each number of lengths the ones with the fewest slots are found exactly, by dynamic
    programming over the lengths that occur. There are at most `MOST_LENGTHS`, and at least
    `BATCHES_PER_LENGTH` batches per epoch for each.

    Args:
        lengths: int of shape `(N,)`, tokens per text.
        max_length: int. Tokens that a text may have.
        batch_size: int. Rows per batch.

    Returns:
        int of shape `(K,)`, ascending; the last one holds the longest text.
    """
    occurring, counts = np.unique(np.clip(lengths, 1, max_length), return_counts=True)
    if not len(occurring):
        return np.array([max_length])
    batches = -(-len(lengths) // batch_size)
    most = min(max(batches // BATCHES_PER_LENGTH, 1), MOST_LENGTHS, len(occurring))
    tokens = (occurring * counts).sum()
    # slots[i, j]: slots of texts from the i-th to the j-th length, padded to the latter.
    # Shape (lengths, lengths); below the diagonal there is no such group.
    below = np.concatenate([[0], np.cumsum(counts)])
    slots = (below[None, 1:] - below[:-1, None]) * occurring[None, :]
    slots = np.where(np.tri(len(occurring), k=-1, dtype=bool), np.inf, slots)
    fewest, starts = slots[0], list[np.ndarray]()
    while tokens < FULL * fewest[-1] and len(starts) + 1 < most:
        # The last group begins at i, those before it end at i - 1.
        candidates = np.concatenate([[np.inf], fewest[:-1]])[:, None] + slots
        starts.append(candidates.argmin(axis=0))
        fewest = candidates.min(axis=0)
    chosen = [len(occurring) - 1]
    for start in reversed(starts):
        chosen.append(start[chosen[-1]] - 1)
    return occurring[chosen[::-1]]


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
    steps = 4 if batches >= BATCHES_PER_LENGTH * MOST_LENGTHS / 2 else 1
    lengths = {max_length}
    power = 8
    while power < max_length:
        lengths |= {power + power * step // steps for step in range(steps)}
        power *= 2
    return np.array(sorted(length for length in lengths if length <= max_length))


def padded_length(longest: int, lengths: np.ndarray) -> int:
    """Returns the shortest of some ascending lengths that holds a text."""
    return int(lengths[np.searchsorted(lengths, longest)])
