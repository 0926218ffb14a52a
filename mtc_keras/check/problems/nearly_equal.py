"""Texts that are nearly those of other rows, within a split and across splits.

Shapes: N rows, S splits.
"""

from collections.abc import Iterator

import numpy as np

from mtc_keras.check.near_duplicates import MOST_COMPARED, NearDuplicates, near_duplicates
from mtc_keras.check.problems.leakage import NEARLY, leak
from mtc_keras.check.problems.pooled import Finding, Pooled
from mtc_keras.errors import plural

MOST_TEXTS = 200_000  # about a minute; of more, some training rows are left out


def nearly_equal_texts(pooled: Pooled) -> Iterator[Finding]:
    """Finds rows whose text is nearly that of another row, within splits and across them."""
    compared = _compared(pooled)
    if left_out := len(pooled) - len(compared):
        yield Finding(
            "near_duplicates_not_looked_for",
            "note",
            f"{left_out:,} training rows of {len(pooled):,} rows in which near-duplicates were "
            "not looked for, as it would take long",
            left_out,
            f"data.limit = {MOST_TEXTS} trains on as many as are compared",
        )
    found = near_duplicates([pooled.texts[row] for row in compared])
    partner, similarity, cluster = _partners(pooled, compared, found)
    for split in range(1, len(pooled.splits)):
        own = np.flatnonzero(pooled.split == split)
        # Those that stand there letter by letter are told as such.
        equal = np.isin(pooled.keys[own], pooled.keys[pooled.split < split])
        nearest = similarity[own, :split].argmax(axis=1)
        yield from leak(
            pooled,
            NEARLY,
            own,
            [(partner[own, other] >= 0) & ~equal for other in range(split)],
            nearly_same_as=_places(pooled, partner[own, nearest]),
            similarity=similarity[own, nearest].round(3),
        )
    within = partner[np.arange(len(pooled)), pooled.split]
    rows = np.flatnonzero(within >= 0)
    if len(rows):
        rows = rows[np.argsort(cluster[rows], kind="stable")]
        clusters = len(np.unique(cluster[rows]))
        crowd = ""
        if found.crowded:
            crowd = (
                f"; {plural(found.crowded, 'text')} with over {MOST_COMPARED} candidates "
                "may have more"
            )
        yield Finding(
            "near_duplicates",
            "note",
            f"{pooled.counted(rows, 'row', len(pooled))} whose text is nearly that of another row "
            f"of their split, in {plural(clusters, 'cluster')}{crowd}",
            len(rows),
            "look at the clusters: templates and copies teach less than they weigh",
            places=pooled.places(np.sort(rows)),
            table=pooled.table(
                rows,
                cluster=_numbered(cluster[rows]),
                nearly_same_as=_places(pooled, within[rows]).tolist(),
                similarity=similarity[rows, pooled.split[rows]].round(3).tolist(),
            ),
        )


def _compared(pooled: Pooled) -> np.ndarray:
    """Returns the rows whose texts are compared: all, but only some of very many training rows."""
    if len(pooled) <= MOST_TEXTS:
        return np.arange(len(pooled))
    order = np.random.default_rng(0).permutation(len(pooled))
    order = order[np.argsort(pooled.training[order], kind="stable")]  # those that are judged first
    return np.sort(order[:MOST_TEXTS])


def _partners(
    pooled: Pooled, compared: np.ndarray, found: NearDuplicates
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns for each row and split a row there whose text is nearest to it, but not the same.

    Args:
        pooled: N rows.
        compared: int64 of shape `(M,)`, those that were compared.
        found: the near-duplicates among them.

    Returns:
        int64 and float64 of shape `(N, S)`: the row, -1 if there is none, and how similar it is;
        and int64 of shape `(N,)`: the cluster, -1 of rows that were not compared.
    """
    nearest, nearness = _nearest(
        found, pooled.keys[compared], pooled.split[compared], len(pooled.names)
    )
    shape = (len(pooled), len(pooled.names))
    partner, similarity = np.full(shape, -1, "int64"), np.zeros(shape)
    partner[compared] = np.where(nearest >= 0, compared[nearest], -1)
    similarity[compared] = nearness
    cluster = np.full(len(pooled), -1, "int64")
    cluster[compared] = found.cluster
    return partner, similarity, cluster


def _nearest(
    found: NearDuplicates, key: np.ndarray, split: np.ndarray, num_splits: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns what `_partners` does, among the rows that were compared alone."""
    shape = (int(found.number.max(initial=-1)) + 1, num_splits)
    cell = found.number * num_splits + split
    every = np.arange(len(key))
    # Of each number and split the first row, and the first one whose text is not the same.
    first = _first_rows(cell, every, shape)
    second = _first_rows(cell, every[key != key[first.ravel()[cell]]], shape)
    nearest, nearness = np.full(shape, -1, "int64"), np.zeros(shape)
    own, other = np.concatenate([found.pairs, found.pairs[:, ::-1]]).T
    similarity = np.tile(found.similarity, 2)
    for place in range(num_splits):
        there = np.flatnonzero(first[other, place] >= 0)
        there = there[np.argsort(-similarity[there], kind="stable")]
        numbers, best = np.unique(own[there], return_index=True)
        nearest[numbers, place] = first[other[there[best]], place]
        nearness[numbers, place] = similarity[there[best]]
    partner, similar = nearest[found.number], nearness[found.number]
    for equal in (second[found.number], first[found.number]):
        differs = (equal >= 0) & (key[equal] != key[:, None])
        partner, similar = np.where(differs, equal, partner), np.where(differs, 1.0, similar)
    return partner, similar


def _first_rows(cell: np.ndarray, rows: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Returns int64 of a shape: of each cell the first of some ascending rows, else -1."""
    found = np.full(shape[0] * shape[1], -1, "int64")
    cells, first = np.unique(cell[rows], return_index=True)
    found[cells] = rows[first]
    return found.reshape(shape)


def _places(pooled: Pooled, rows: np.ndarray) -> np.ndarray:
    """Returns where rows stand, `""` for -1."""
    return np.array([pooled.where(row) if row >= 0 else "" for row in rows], object)


def _numbered(cluster: np.ndarray) -> list[int]:
    return (1 + np.cumsum(np.diff(cluster, prepend=cluster[:1]) != 0)).tolist()
