"""Splits groups of rows off for validation, such as the rows of one text: none is torn apart.

Shapes: N rows, G groups, C classes.
"""

from collections.abc import Sequence

import numpy as np

from mtc_keras.data.refining import refine
from mtc_keras.data.splits import keep_classes_in_training, split, validation_size
from mtc_keras.errors import plural

EXACT_SIZES = 8  # sizes of groups that are balanced one by one, and larger ones by powers of two


def connected_groups(
    texts: np.ndarray, groups: np.ndarray | None, no_group: np.uint64
) -> np.ndarray:
    """Returns for each row the number of its group: rows share it if they share text or group.

    Two rows may be in one group through others, as in "a text of rater 1, who also rated…".

    Args:
        texts: uint64 of shape `(N,)`, a key per text.
        groups: uint64 of shape `(N,)`, a key per group; `None` without a column of groups.
        no_group: the key of rows without a group, which share none.

    Returns:
        int64 of shape `(N,)`, from 0 to G − 1.
    """
    _, text = np.unique(texts, return_inverse=True)
    if groups is None or not len(texts):
        return text
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    # A graph of texts and groups, in which each row joins its own two.
    known = groups != no_group
    num_texts = int(text.max()) + 1
    _, group = np.unique(groups[known], return_inverse=True)
    nodes = num_texts + int(group.max(initial=-1)) + 1
    edges = (np.ones(len(group), bool), (text[known], num_texts + group))
    _, component = connected_components(coo_array(edges, (nodes, nodes)), directed=False)
    return np.unique(component[text], return_inverse=True)[1]


def split_groups(
    indicator: np.ndarray, group: np.ndarray, validation: int | float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Splits rows as `split` does, but leaves the rows of a group on one side.

    Groups are stratified over the classes that any of their rows carries and over their sizes.
    Groups then change sides until no single one brings the number of rows nearer to what is
    asked. A group of more rows than that stays in training, if there are others. A class that
    has rows keeps at least one in training, if any way can be found.

    Where each row is a group of its own, the split is that of `split`.

    Args:
        indicator: bool of shape `(N, C)`, which classes a row carries.
        group: int of shape `(N,)`, from 0 to G − 1.
        validation: float, the fraction split off; or int, the number of rows.
        seed: int. Equal seeds give equal splits.

    Returns:
        Sorted indices of the training rows and of the validation rows.

    Raises:
        ValueError: if no row would be left on one side.
    """
    sizes = np.bincount(group)
    if len(sizes) == len(indicator):
        return split(indicator, validation, seed)
    size = validation_size(validation, len(indicator))
    if len(sizes) < 2:
        raise ValueError(
            f"all {len(indicator):,} rows have one text or group and stay together, "
            "which leaves none on one side"
        )
    starts = np.cumsum(sizes) - sizes
    # (G, C): the classes that any row of a group carries.
    carried = np.logical_or.reduceat(indicator[np.argsort(group, kind="stable")], starts, axis=0)
    carried = carried[:, carried.any(axis=0)]
    chosen = _chosen(carried, sizes, size, seed)
    keep_classes_in_training(carried, chosen)
    if not chosen.any():
        chosen[sizes.argmin()] = True
    _approach_size(carried, sizes, chosen, size)
    return np.flatnonzero(~chosen[group]), np.flatnonzero(chosen[group])


def split_parts(
    indicator: np.ndarray, group: np.ndarray, sizes: Sequence[int], seed: int
) -> list[np.ndarray]:
    """Splits rows into several parts; the rows of a group stay together.

    Each part but the first, which is the one to train on, is split off by `split_groups` from what
    the parts after it have left, the last one first. Groups are swapped then until each class is as
    near to its share as swaps can bring it (`refine`).

    Args:
        indicator: bool of shape `(N, C)`, which classes a row carries.
        group: int of shape `(N,)`, the number of each row's group.
        sizes: the number of rows asked for each part, N in all.
        seed: int. Equal seeds give equal parts.

    Returns:
        For each part the sorted indices of its rows; each row is in one part.

    Raises:
        ValueError: if there are fewer groups than parts.
    """
    of_group = np.bincount(group)
    if len(of_group) < len(sizes):
        raise ValueError(
            f"{plural(len(of_group), 'group')} of rows of one text or group, which "
            f"stay together, cannot be {len(sizes)} parts"
        )
    left = np.arange(len(indicator))
    parts: list[np.ndarray] = []
    for before, size in reversed(list(enumerate(sizes[1:], 1))):
        number = np.unique(group[left], return_inverse=True)[1]
        kept, chosen = split_groups(indicator[left], number, size, seed)
        part = left[chosen]
        # The parts before it need a group each; the smallest are given back.
        lacking = before - len(np.unique(group[left[kept]]))
        if lacking > 0:
            own = np.unique(group[part])
            given = own[np.argsort(of_group[own], kind="stable")[:lacking]]
            part = part[~np.isin(group[part], given)]
        parts.append(part)
        left = np.setdiff1d(left, part)
    part_of = np.zeros(len(group), "int64")
    for at, part in enumerate(reversed(parts), 1):
        part_of[part] = at
    part_of = refine(indicator, group, part_of, np.array(sizes), seed)
    return [np.flatnonzero(part_of == at) for at in range(len(sizes))]


def _chosen(carried: np.ndarray, sizes: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Returns bool of shape `(G,)`: groups of about `size` rows; neither none nor all of them."""
    chosen = np.zeros(len(sizes), bool)
    fitting = np.flatnonzero(sizes <= size)
    if not len(fitting):
        chosen[sizes.argmin()] = True
        return chosen
    count = round(size * len(fitting) / int(sizes[fitting].sum()))
    count = min(max(count, 1), len(sizes) - 1)
    if count < len(fitting):
        bands = _bands(sizes[fitting])
        _, fitting_chosen = split(np.concatenate([carried[fitting], bands], axis=1), count, seed)
        fitting = fitting[fitting_chosen]
    chosen[fitting] = True
    return chosen


def _bands(sizes: np.ndarray) -> np.ndarray:
    """Returns bool of shape `(G, bands)`: groups of similar size."""
    wide = EXACT_SIZES + np.ceil(np.log2(np.maximum(sizes, EXACT_SIZES) / EXACT_SIZES))
    band = np.where(sizes < EXACT_SIZES, sizes, wide)
    return np.asarray(band[:, None] == np.unique(band))


def _approach_size(carried: np.ndarray, sizes: np.ndarray, chosen: np.ndarray, size: int) -> None:
    """Moves groups until none brings the rows that are chosen nearer to `size`; in place.

    Of those that bring it nearest, the one goes whose classes have too many on its side.
    """
    counts = carried.sum(axis=0)
    while (excess := int(sizes[chosen].sum()) - size) != 0:
        side = chosen if excess > 0 else ~chosen
        share = size / sizes.sum() if excess > 0 else 1 - size / sizes.sum()
        have = carried[side].sum(axis=0)
        groups = np.flatnonzero(side & (sizes < 2 * abs(excess)))
        is_last = (carried[groups] & (have == 1)).any(axis=1)
        if excess < 0 or not is_last.all():  # would leave a class without rows here
            groups = groups[~is_last]
        if not len(groups) or side.sum() == 1:
            return
        distance = np.abs(sizes[groups] - abs(excess))
        groups = groups[distance == distance.min()]
        gain = carried[groups] @ (have / counts - share)
        chosen[groups[gain.argmax()]] = excess < 0


def split_note(num_rows: int, asked: int, group: np.ndarray, column: str | None) -> str:
    """Returns the line for people on a split by groups.

    Args:
        num_rows: int. Rows that were split off.
        asked: int. Rows that were asked for.
        group: int of shape `(N,)`, what was split.
        column: the column of groups, if there is one.
    """
    sizes = np.bincount(group)
    rows_are = "row is" if num_rows == 1 else "rows are"
    note = f"validation: {num_rows:,} training {rows_are} split off"
    several = sizes[sizes > 1]
    if not len(several):
        return note
    kinds = "equal texts" + (f" or {column!r}" if column else "")
    note += f"; {several.sum():,} rows stay together in {plural(len(several), 'group')} of {kinds}"
    if num_rows != asked:
        note += f", so that it is not the {asked:,} asked for"
    if 2 * sizes.max() > len(group):
        note += f"; one holds {sizes.max():,} of all {len(group):,} rows"
    return note
