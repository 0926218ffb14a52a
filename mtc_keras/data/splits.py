"""Splits rows off for validation so that every class keeps its share on both sides."""

import numpy as np

MOST_STRATIFIED = 250_000


def split(
    indicator: np.ndarray, validation: int | float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Splits rows by iterative stratification over all classes of all tasks at once.

    The method is that of Sechidis, Tsoumakas and Vlahavas (2011), "On the stratification
    of multi-label data". It balances classes at the price of sizes that are a little
    off, so the rows that are over then change sides, those first whose classes have too
    many there. A class that has rows keeps at least one in training, if any way can be
    found.

    Of more than `MOST_STRATIFIED` rows every n-th is chosen, in the order of the classes
    that they carry together, the rarest class leading, and at random among equal rows. So
    each combination of classes keeps its share up to one row, which iterative stratification
    would take minutes for.

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
    size = validation_size(validation, num_rows)
    # Classes without rows or without gaps say nothing.
    counts = indicator.sum(axis=0)
    indicator = indicator[:, (counts > 0) & (counts < num_rows)]
    choose = _stratified if num_rows <= MOST_STRATIFIED else _systematic
    chosen = choose(indicator, size, seed)
    keep_classes_in_training(indicator, chosen)
    _correct_size(indicator, chosen, size)
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def validation_size(validation: int | float, num_rows: int) -> int:
    """Returns the number of rows to split off.

    Args:
        validation: float, the fraction split off; or int, the number of rows.
        num_rows: int. Number of rows in all.

    Raises:
        ValueError: if no row would be left on one side.
    """
    size = validation
    if isinstance(validation, float):
        size = min(max(round(validation * num_rows), 1), num_rows - 1)
    size = int(size)
    if not 0 < size < num_rows:
        raise ValueError(f"{size:,} of {num_rows:,} rows leave none on one side")
    return size


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


def _systematic(indicator: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Returns bool of shape `(N,)`: `size` rows, an equal share of each combination of classes."""
    random = np.random.default_rng(seed)
    rarest_first = np.argsort(indicator.sum(axis=0), kind="stable")
    words = [
        _as_numbers(indicator[:, rarest_first[start : start + 64]])
        for start in range(0, len(rarest_first), 64)
    ]
    order = random.permutation(len(indicator))
    for word in reversed(words):  # the last sort decides
        order = order[np.argsort(word[order], kind="stable")]
    places = (np.arange(size) + random.random()) * (len(indicator) / size)
    chosen = np.zeros(len(indicator), bool)
    # A place may be rounded up to the number of rows.
    chosen[order[np.minimum(places.astype("int64"), len(indicator) - 1)]] = True
    return chosen


def _as_numbers(bits: np.ndarray) -> np.ndarray:
    """Returns uint64 of shape `(N,)` for bool of shape `(N, up to 64)`, the first bit highest."""
    numbers = np.zeros(len(bits), "uint64")
    for column in bits.T:
        numbers = (numbers << np.uint64(1)) | column.astype("uint64")
    return numbers


def keep_classes_in_training(indicator: np.ndarray, chosen: np.ndarray) -> None:
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
