"""Splits rows off for validation so that every class keeps its share on both sides."""

import numpy as np


def split(
    indicator: np.ndarray, validation: int | float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Splits rows by iterative stratification over all classes of all tasks at once.

    The method is that of Sechidis, Tsoumakas and Vlahavas (2011), "On the stratification
    of multi-label data". It balances classes at the price of sizes that are a little
    off, so the rows that are over then change sides, those first whose classes have too
    many there. A class that has rows keeps at least one in training, if any way can be
    found.

    Args:
        indicator: bool of shape `(N, C)`, which classes a row carries.
        validation: float, the fraction split off; or int, the number of rows.
        seed: int. Equal seeds give equal splits.

    Returns:
        Sorted indices of the training rows and of the validation rows. There are exactly
        `round(validation * N)`, but at least one and not all, or `validation` of the latter.

    Raises:
        ValueError: if no row would be left on one side.
    """
    num_rows = len(indicator)
    size = validation
    if isinstance(validation, float):
        size = min(max(round(validation * num_rows), 1), num_rows - 1)
    size = int(size)
    if not 0 < size < num_rows:
        raise ValueError(f"{size:,} of {num_rows:,} rows leave none on one side")
    # Classes without rows or without gaps say nothing.
    counts = indicator.sum(axis=0)
    indicator = indicator[:, (counts > 0) & (counts < num_rows)]
    chosen = _stratified(indicator, size, seed)
    _keep_classes_in_training(indicator, chosen)
    _correct_size(indicator, chosen, size)
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def _stratified(indicator: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Returns bool of shape `(N,)`: about `size` rows chosen for validation."""
    from iterstrat.ml_stratifiers import MultilabelStratifiedShuffleSplit

    # The library wants two columns or more; empty ones change nothing.
    padded = np.pad(indicator, ((0, 0), (0, 2)))
    stratifier = MultilabelStratifiedShuffleSplit(n_splits=1, test_size=size, random_state=seed)
    _, rows = next(stratifier.split(padded, padded))
    chosen = np.zeros(len(indicator), bool)
    chosen[rows] = True
    return chosen


def _keep_classes_in_training(indicator: np.ndarray, chosen: np.ndarray) -> None:
    """Moves a row of each class that training lacks, the rarest class first; in place."""
    for label in np.argsort(indicator.sum(axis=0), kind="stable"):
        rows = np.flatnonzero(indicator[:, label])
        if chosen[rows].all():
            chosen[rows[0]] = False


def _correct_size(indicator: np.ndarray, chosen: np.ndarray, size: int) -> None:
    """Moves rows until `size` are chosen, from classes that have too many; in place."""
    counts = indicator.sum(axis=0)
    while (excess := int(chosen.sum()) - size) != 0:
        side = chosen if excess > 0 else ~chosen
        share = size / len(chosen) if excess > 0 else 1 - size / len(chosen)
        rows = np.flatnonzero(side)
        carried = indicator[rows]
        have = carried.sum(axis=0)
        gain = carried @ (have / counts - share)
        is_last = (carried & (have == 1)).any(axis=1)  # would leave a class without rows here
        if not is_last.all():
            gain[is_last] = -np.inf
        chosen[rows[gain.argmax()]] = excess < 0
