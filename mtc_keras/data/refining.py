"""Swaps groups of rows between the parts of a split, so that each class comes nearer to its share.

Shapes: N rows, G groups, C classes, P parts.
"""

from itertools import combinations

import numpy as np

MOST_SWAPS = 1000
_SLIGHT = 0.01  # by which a swap makes the sum smaller that is worth it
_GIVEN = 8  # groups of the smaller part that are tried
_PARTNERS = 20_000  # groups of the greater part that are looked at, at random where there are more


def refine(
    indicator: np.ndarray, group: np.ndarray, part: np.ndarray, sizes: np.ndarray, seed: int
) -> np.ndarray:
    """Returns the part of each row after swaps of groups of equally many rows.

    Each swap makes the sum over classes and parts of `(got − wanted)² / wanted` smaller, which is
    Pearson's chi-square of the split. The numbers of rows stay as they are, and a class that the
    first part has stays there, too.

    Args:
        indicator: bool of shape `(N, C)`, which classes a row carries.
        group: int of shape `(N,)`, from 0 to G − 1.
        part: int of shape `(N,)`, from 0 to P − 1; equal within a group.
        sizes: int of shape `(P,)`: the rows that were asked for.
        seed: int. Equal seeds give equal parts.
    """
    indicator = indicator[:, indicator.any(axis=0)]
    order = np.argsort(group, kind="stable")
    rows = np.bincount(group)
    starts = np.cumsum(rows) - rows
    counts = np.add.reduceat(indicator[order].astype("float32"), starts, axis=0)  # (G, C)
    own = part[order][starts]
    if not counts.size:
        return part
    wanted = np.outer(sizes / sizes.sum(), counts.sum(axis=0))  # (P, C)
    got = np.stack([counts[own == at].sum(axis=0) for at in range(len(sizes))])
    random = np.random.default_rng(seed)
    swaps = 0
    is_better = True
    while is_better and swaps < MOST_SWAPS:
        is_better = False
        for pair in combinations(range(len(sizes)), 2):
            found = _best_swap(counts, rows, own, (got - wanted, wanted), pair, random)
            if found is None:
                continue
            one, other = found
            moved = counts[one] - counts[other]
            got[own[one]] -= moved
            got[own[other]] += moved
            own[one], own[other] = own[other], own[one]
            is_better, swaps = True, swaps + 1
    return own[group]


def _best_swap(
    counts: np.ndarray,
    rows: np.ndarray,
    own: np.ndarray,
    shares: tuple[np.ndarray, np.ndarray],
    pair: tuple[int, int],
    random: np.random.Generator,
) -> tuple[int, int] | None:
    """Returns two groups, one of either part, whose swap is worth it; `None` if none is.

    Args:
        counts: `(G, C)`, the rows of each class in a group.
        rows: `(G,)`, the rows of a group.
        own: `(G,)`, the part of each group.
        shares: two of `(P, C)`: how far each part is off, and what it wants.
        pair: the parts.
        random: chooses among very many groups.
    """
    off, wanted = shares
    members = {at: _leaving(counts, own, off[at] + wanted[at], at) for at in pair}
    small, large = sorted(pair, key=lambda at: len(members[at]))
    given, partners = members[small], members[large]
    if not len(given) or not len(partners):
        return None
    if len(partners) > _PARTNERS:
        partners = np.sort(random.choice(partners, _PARTNERS, replace=False))
    # What moving counts v from the small part to the large one adds: v · slope + v² · bend.
    slope = 2 * (off[large] / wanted[large] - off[small] / wanted[small])
    bend = 1 / wanted[large] + 1 / wanted[small]
    alone = counts[given] @ slope + counts[given] ** 2 @ bend
    given = given[np.argsort(alone, kind="stable")[:_GIVEN]]
    back = counts[partners]
    added = (
        (counts[given] @ slope + counts[given] ** 2 @ bend)[:, None]
        + (back**2 @ bend - back @ slope)[None]
        - 2 * (counts[given] * bend) @ back.T
    )
    added[rows[given][:, None] != rows[partners][None]] = np.inf
    best = int(added.argmin())
    if added.flat[best] > -_SLIGHT:
        return None
    one, other = np.unravel_index(best, added.shape)
    return int(given[one]), int(partners[other])


def _leaving(counts: np.ndarray, own: np.ndarray, have: np.ndarray, part: int) -> np.ndarray:
    """Returns the groups of a part that may leave it: all, but the first part keeps its classes."""
    groups = np.flatnonzero(own == part)
    if part == 0:
        rare = np.flatnonzero(have <= counts.max(initial=0))  # no single group has all of others
        carried = counts[groups][:, rare]
        groups = groups[~((carried > 0) & (carried >= have[rare])).any(axis=1)]
    return groups
