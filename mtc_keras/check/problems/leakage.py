"""Rows that are judged, and whose text or group is trained, too: what they prove is less."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mtc_keras.check.problems.pooled import Finding, Pooled
from mtc_keras.data.groups import NO_GROUP
from mtc_keras.pages.blocks import Severity

MANY = 0.01  # of the rows of a split: its scores are off by about as much
MANY_NEARLY = 0.05  # of them that only resemble others, as short texts do
MOST = 0.5  # of them: its scores say nothing


@dataclass(frozen=True)
class Leak:
    """What rows of one split may have in common with earlier ones.

    Args:
        name: str. That of its table.
        what: str. What such rows have, in words: `{others}` are the other splits.
        kept: str. What a split should leave on one side.
        many: float. The share of a split's rows that is warned of.
        option: str. The option with which a split does so.
    """

    name: str
    what: str
    kept: str
    many: float = MANY
    option: str = ""

    def severity(self, share: float) -> Severity:
        """Returns how bad it is that a share of a split's rows is so."""
        if share >= MOST:
            return "error"
        return "warning" if share >= self.many else "note"


TEXTS = Leak("shared_texts", "whose text stands in {others}, too", "equal texts")
GROUPS = Leak("shared_groups", "whose group has rows in {others}, too", "groups", 0.0)
NEARLY = Leak(
    "nearly_shared_texts",
    "whose text is nearly one of {others}",
    "near-duplicates",
    MANY_NEARLY,
    "--near-duplicates ",
)


def shared_texts(pooled: Pooled) -> Iterator[Finding]:
    """Finds rows of a split whose text stands in an earlier one."""
    for split in range(1, len(pooled.splits)):
        own = np.flatnonzero(pooled.split == split)
        shared = [
            np.isin(pooled.keys[own], pooled.keys[pooled.split == other]) for other in range(split)
        ]
        yield from leak(pooled, TEXTS, own, shared)


def shared_groups(pooled: Pooled) -> Iterator[Finding]:
    """Finds rows of a split that belong to a group of an earlier one."""
    for split in range(1, len(pooled.splits)):
        groups = pooled.splits[split].groups
        if groups is None:
            continue
        others = [rows.groups for rows in pooled.splits[:split]]
        shared = [
            np.isin(groups, () if other is None else other) & (groups != NO_GROUP)
            for other in others
        ]
        yield from leak(pooled, GROUPS, np.flatnonzero(pooled.split == split), shared)


def leak(
    pooled: Pooled, kind: Leak, own: np.ndarray, shared: Sequence[np.ndarray], **cells: np.ndarray
) -> Iterator[Finding]:
    """Yields what is told of rows of one split that have something in common with earlier ones.

    Args:
        pooled: the rows of all splits.
        kind: the `Leak`.
        own: int64 of shape `(M,)`, all rows of the split.
        shared: for each earlier split bool of shape `(M,)`, which of the rows have it in common.
        **cells: more columns of the table, of shape `(M,)`.
    """
    either = np.logical_or.reduce(shared)
    if not either.any():
        return
    counts = {other: int(found.sum()) for other, found in zip(pooled.names, shared, strict=False)}
    others = [f"{other} ({count:,})" for other, count in counts.items() if count]
    if len(others) == 1:
        others = [other for other, count in counts.items() if count]
    split, rows = pooled.names[pooled.split[own[0]]], own[either]
    share = len(rows) / len(own)
    yield Finding(
        f"{kind.name}_{split}",
        kind.severity(share),
        f"{len(rows):,} of {len(own):,} rows ({share:.1%}) {kind.what}".format(
            others=" or ".join(others)
        ),
        len(rows),
        f"mtc-keras check --config … --split 0.8,0.1,0.1 {kind.option}--pool --out-dir DIR leaves "
        f"{kind.kept} on one side",
        about=split,
        places=pooled.places(rows),
        table=pooled.table(
            rows, **{name: values[either].tolist() for name, values in cells.items()}
        ),
    )
