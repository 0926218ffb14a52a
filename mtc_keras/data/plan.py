"""Which rows are trained on together: padded lengths, rows per batch, and the order of an epoch.

Shapes: N rows, K padded lengths.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtc_keras.data.lengths import StepCosts, candidates, fewest_slots, padded_length

# Version 0.1 took as few lengths as fill this share of the slots, and no more than one for so
# many batches.
FULL_IN_0_1 = 0.96
BATCHES_PER_LENGTH_IN_0_1 = 8


@dataclass(frozen=True)
class BatchPlan:
    """The shapes of a training's batches, and how an epoch's rows are cut into them.

    Args:
        lengths: the K padded lengths, ascending; the last one holds the longest row.
        rows: rows per batch of each length.
        longest_first: bool. Whether rows that fill no batch of their length are joined from the
            longest on, so that the one short batch is of short rows; version 0.1 began with the
            shortest.
    """

    lengths: tuple[int, ...]
    rows: tuple[int, ...]
    longest_first: bool = True

    def batches(self, sizes: np.ndarray, seed: int, epoch: int) -> list[np.ndarray]:
        """Returns the batches of one epoch, a function of seed and epoch alone.

        All rows are shuffled, and those of one padded length are cut into batches. What is left
        of each length, less than a batch, is cut into batches in order of length. Finally, the
        batches are shuffled.

        Args:
            sizes: int of shape `(N,)`, tokens per row.
            seed: int. The run's seed.
            epoch: int. Number of the epoch, from 0.

        Returns:
            Arrays of row indices; together each row once. Only one may be short. How many there
            are of each length does not depend on seed and epoch.
        """
        random = np.random.default_rng([seed, epoch])
        order = random.permutation(len(sizes))
        group = self._groups(sizes[order])
        # Stable, so that the rows of one length stay shuffled.
        by_length = np.argsort(group, kind="stable")
        order, group = order[by_length], group[by_length]
        batches: list[np.ndarray] = []
        left = []
        ends = np.cumsum(np.bincount(group, minlength=len(self.lengths)))  # (K,)
        for start, end, size in zip([0, *ends[:-1]], ends, self.rows, strict=True):
            whole = start + (end - start) // size * size
            batches += [order[at : at + size] for at in range(start, whole, size)]
            left.append(np.arange(whole, end))
        if self.longest_first:
            left.reverse()
        rest = np.concatenate(left)
        batches += [order[rest[start:stop]] for start, stop in self._cut(group[rest])]
        return [batches[index] for index in random.permutation(len(batches))]

    def shapes(self, sizes: np.ndarray) -> dict[tuple[int, int], int]:
        """Returns how many batches of each shape, rows and padded length, an epoch has.

        Args:
            sizes: int of shape `(N,)`, tokens per row.

        Returns:
            dict from shape to number; the most frequent one first.
        """
        counts = np.bincount(self._groups(sizes), minlength=len(self.lengths))
        whole, left = np.divmod(counts, self.rows)
        places = np.repeat(np.arange(len(self.lengths)), left)
        if self.longest_first:
            places = places[::-1]
        for start, stop in self._cut(places):
            whole[places[start:stop].max()] += 1
        met = [place for place in np.argsort(-whole, kind="stable") if whole[place]]
        return {(self.rows[place], self.lengths[place]): int(whole[place]) for place in met}

    def shape(self, longest: int) -> tuple[int, int]:
        """Returns rows and padded length of a batch whose longest row has so many tokens."""
        length = padded_length(longest, np.array(self.lengths))
        return self.rows[self.lengths.index(length)], length

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values from which `from_dict` makes the plan again."""
        lengths, rows = list(self.lengths), list(self.rows)
        return {"lengths": lengths, "rows": rows, "longest_first": self.longest_first}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "BatchPlan":
        """Returns the plan of `to_dict`."""
        return cls(tuple(values["lengths"]), tuple(values["rows"]), values["longest_first"])

    def _groups(self, sizes: np.ndarray) -> np.ndarray:
        """Returns the position of each row's padded length; int8 sorts fastest."""
        return np.searchsorted(np.array(self.lengths), sizes).astype("int8")

    def _cut(self, places: np.ndarray) -> Iterator[tuple[int, int]]:
        """Yields where the batches begin and end of rows in order of their padded length.

        Args:
            places: int of shape `(N,)`, the position of each row's padded length.
        """
        start = 0
        while start < len(places):
            # From the longest on, a batch's first row decides; else all batches have one size.
            stop = start + self.rows[places[start]]
            yield start, min(stop, len(places))
            start = stop


def batch_plan(
    sizes: np.ndarray, rows_of: Callable[[int], int], costs: StepCosts, epochs: float
) -> BatchPlan:
    """Returns the plan of the least cost: epochs × slots × seconds, and seconds per length.

    More lengths have less padding and more to compile. Rows that fill no batch of their length
    count with the length that they are padded to.

    Args:
        sizes: int of shape `(N,)`, tokens per row.
        rows_of: function from a padded length to the rows of its batches.
        costs: the estimates by which lengths are chosen.
        epochs: float. Times that the rows are read.
    """
    if not len(sizes):
        return BatchPlan((1,), (rows_of(1),))
    sizes = np.maximum(sizes, 1)
    cheapest, least = None, math.inf
    for lengths in fewest_slots(*candidates(sizes)):
        plan = BatchPlan(tuple(map(int, lengths)), tuple(rows_of(int(n)) for n in lengths))
        shapes = plan.shapes(sizes)
        slots = sum(rows * length * number for (rows, length), number in shapes.items())
        seconds = epochs * slots * costs.per_slot + len(shapes) * costs.per_length
        if seconds < least:
            cheapest, least = plan, seconds
    assert cheapest is not None
    return cheapest


def rows_of_tokens(length: int, batch_tokens: int, divisor: int, most: int) -> int:
    """Returns the rows of a batch of about so many tokens, a multiple of eight where they allow.

    Args:
        length: int. Padded tokens per row.
        batch_tokens: int. Tokens that the batch should hold at most; more only where `divisor`
            rows do.
        divisor: int. The number of rows is a multiple of it.
        most: int. Rows that there are; no batch is longer than it takes to hold them.
    """
    rows, multiple = batch_tokens // length, math.lcm(divisor, 8)
    if rows < multiple:
        multiple = divisor
    return min(max(rows // multiple, 1), -(-most // multiple)) * multiple


def plan_of_0_1(sizes: np.ndarray, batch_size: int) -> BatchPlan:
    """Returns the plan of version 0.1, whose checkpoints hold none.

    Args:
        sizes: int of shape `(N,)`, tokens per row.
        batch_size: int. Rows per batch.
    """
    occurring, counts = np.unique(np.maximum(sizes, 1), return_counts=True)
    most = max(-(-len(sizes) // batch_size) // BATCHES_PER_LENGTH_IN_0_1, 1)
    lengths = occurring[-1:]
    for number, lengths in enumerate(fewest_slots(occurring, counts), 1):
        padded = lengths[np.searchsorted(lengths, occurring)]
        if (occurring * counts).sum() >= FULL_IN_0_1 * (padded * counts).sum() or number == most:
            break
    return BatchPlan(tuple(map(int, lengths)), (batch_size,) * len(lengths), longest_first=False)
