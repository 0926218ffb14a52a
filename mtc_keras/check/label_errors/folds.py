"""Folds of rows that leave equal texts and groups together and keep every class' share."""

import numpy as np

from mtc_keras.data.group_splits import split_groups


def row_folds(indicator: np.ndarray, group: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Returns the fold of each row.

    One fold after the other is split off from what is left, as a validation split is.

    Args:
        indicator: bool of shape `(N, C)`, which classes a row carries.
        group: int of shape `(N,)`: rows of one are in one fold.
        folds: int. Number of folds; fewer if there are fewer groups.
        seed: int. Equal seeds give equal folds.

    Returns:
        int64 of shape `(N,)`, from 0 on.
    """
    fold = np.zeros(len(group), "int64")
    left = np.arange(len(group))
    folds = min(folds, len(np.unique(group)))
    for number in range(folds - 1, 0, -1):
        names, own = np.unique(group[left], return_inverse=True)
        if len(names) <= number:  # one group each
            fold[left] = own
            break
        kept, split_off = split_groups(indicator[left], own, 1 / (number + 1), seed + number)
        fold[left[split_off]] = number
        left = left[kept]
    return fold
