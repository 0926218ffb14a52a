"""Confident learning (Northcutt, Jiang & Chuang 2021, arXiv 1911.00068).

Shapes: N rows, C classes. All probabilities are of models that never saw the row.
"""

import numpy as np

UNREACHED = 2.0  # the threshold of a class that no row is labelled with
LOWEST = 2e-7  # of a threshold
NEARLY = 1e-6  # below a threshold and yet at it


def confident_classes(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Returns the class that each row confidently belongs to, its own where there is none.

    A class is confident where its probability is at least the mean that it has over the rows
    labelled with it (equation 2); of several the most probable counts. Where the label given is
    the most probable class, it is kept.

    Args:
        labels: int of shape `(N,)`, from 0 to C - 1.
        probabilities: float of shape `(N, C)`.

    Returns:
        int64 of shape `(N,)`.
    """
    labels, rows = labels.astype("int64"), np.arange(len(labels))
    counts = np.bincount(labels, minlength=probabilities.shape[1])
    own = probabilities[rows, labels]
    sums = np.bincount(labels, weights=own, minlength=probabilities.shape[1])
    thresholds = np.where(counts > 0, sums / np.maximum(counts, 1), UNREACHED)
    confident = probabilities >= np.maximum(thresholds, LOWEST) - NEARLY  # (N, C)
    best = probabilities.argmax(axis=1)
    guess = np.where(confident.sum(axis=1) > 1, best, confident.argmax(axis=1))
    keeps = ~confident.any(axis=1) | (own >= probabilities[rows, best])
    return np.where(keeps, labels, guess)


def joint_counts(labels: np.ndarray, guesses: np.ndarray, num_classes: int) -> np.ndarray:
    """Returns int64 of shape `(C, C)`: rows by the label given and the class they seem to have."""
    cells = labels.astype("int64") * num_classes + guesses
    return np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)
