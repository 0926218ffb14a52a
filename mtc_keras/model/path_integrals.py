"""Integrals along paths, halved where they are not exact enough yet.

Shapes: P points of a stretch of a path, W words.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

# Of a stretch. Of logits of a real model along real texts 16 leave a gap of 2 % (median), 32 one
# of 0.03 %: what costs least is to take enough for most texts at once.
POINTS = 24
MOST_STEPS = 512  # points of a path, all of its stretches together
TOLERANCE = 0.01  # of the difference between the two ends of a path


class Stretch(NamedTuple):
    """A part of a path, which runs from 0 to 1."""

    path: int
    start: float
    end: float


class Measured(NamedTuple):
    """What is known of a stretch.

    Args:
        first: float. The function's value where it starts.
        last: float. The value where it ends.
        parts: float of shape `(W,)`, the integral, as it is divided among the words.
    """

    first: float
    last: float
    parts: np.ndarray

    @property
    def gap(self) -> float:
        """What the integral misses of the difference of the values."""
        return self.last - self.first - float(self.parts.sum())


@dataclass
class PathIntegral:
    """The integral of a gradient along one path.

    Args:
        least: float. A gap that is always small enough.
    """

    least: float
    stretches: dict[Stretch, Measured] = field(default_factory=dict)
    steps: int = 0

    @property
    def first(self) -> float:
        """The function's value where the path starts."""
        return next(value.first for stretch, value in self.stretches.items() if not stretch.start)

    @property
    def last(self) -> float:
        """The value where it ends."""
        return next(value.last for stretch, value in self.stretches.items() if stretch.end == 1)

    @property
    def parts(self) -> np.ndarray:
        """The integral, as it is divided among the words: float64 of shape `(W,)`."""
        return np.sum([value.parts for value in self.stretches.values()], axis=0, dtype="float64")

    @property
    def is_exact(self) -> bool:
        """Whether the gaps are small enough, together and each by itself."""
        gaps = np.array([value.gap for value in self.stretches.values()])
        together = max(TOLERANCE * abs(self.last - self.first), self.least)
        apart = max(TOLERANCE * float(np.abs(self.parts).sum()), self.least)
        return bool(abs(gaps.sum()) <= together and np.abs(gaps).sum() <= apart)

    def add(self, stretch: Stretch, measured: Measured) -> None:
        """Takes a stretch that was measured."""
        self.stretches[stretch] = measured
        self.steps += POINTS

    def take_halves(self) -> list[Stretch]:
        """Gives up stretches whose gaps are too large, and returns their halves.

        Returns:
            None where all gaps together are small enough, or the path has its most points.
        """
        if self.is_exact or self.steps >= MOST_STEPS:
            return []
        gaps = {stretch: abs(value.gap) for stretch, value in self.stretches.items()}
        large = max(gaps.values()) / 2
        halves = []
        for stretch in [stretch for stretch, gap in gaps.items() if gap >= large]:
            del self.stretches[stretch]
            middle = (stretch.start + stretch.end) / 2
            halves += [stretch._replace(end=middle), stretch._replace(start=middle)]
        return halves


def integrate(
    measure: Callable[[Sequence[Stretch]], Iterable[Measured]], least: Sequence[float]
) -> list[PathIntegral]:
    """Integrates gradients along paths, by Lobatto's rule on stretches that become shorter.

    By the fundamental theorem of calculus the integral along a stretch is the difference of the
    function's values at its ends, which that rule has among its points: so each stretch tells how
    exact it is, and only those that are not exact enough are halved.

    Args:
        measure: from stretches to what is `Measured` of each, by `nodes_and_weights`.
        least: for each of N paths a gap that is always small enough.

    Returns:
        The N `PathIntegral`s. The gaps of one add up to at most `TOLERANCE` of the difference
        between its two ends, and, whatever their signs, to at most `TOLERANCE` of what its parts
        add up to, or to `least`, unless that would take more than `MOST_STEPS` points.
    """
    found = [PathIntegral(value) for value in least]
    pending = [Stretch(path, 0.0, 1.0) for path in range(len(found))]
    while pending:
        for stretch, measured in zip(pending, measure(pending), strict=True):
            found[stretch.path].add(stretch, measured)
        paths = dict.fromkeys(stretch.path for stretch in pending)
        pending = [half for path in paths for half in found[path].take_halves()]
    return found


def nodes_and_weights() -> tuple[np.ndarray, np.ndarray]:
    """Returns Lobatto's rule of `POINTS` points on 0 … 1: two float64 of shape `(P,)`.

    It is exact for polynomials of up to degree `2 P - 3`, and its first and last points are the
    ends (Abramowitz & Stegun 1964, 25.4.32).
    """
    polynomial = np.polynomial.legendre.Legendre.basis(POINTS - 1)
    nodes = np.concatenate([[-1.0], np.sort(polynomial.deriv().roots().real), [1.0]])
    weights = 2 / (POINTS * (POINTS - 1) * polynomial(nodes) ** 2)
    return (nodes + 1) / 2, weights / 2
