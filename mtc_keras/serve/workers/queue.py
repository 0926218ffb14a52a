"""The texts that wait for a worker, and which of them it takes when it is free.

Nothing waits for a timer: a free worker takes what is there. It takes the oldest first, and of each
request in turn no more than `TURN` rows, so that a long one holds up nobody.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

TURN = 32  # rows; as many are computed together at best


@dataclass(eq=False)
class Waiting:
    """A request whose rows wait.

    Args:
        texts: N strings for each text column.
        tokens: N ints, the tokens of each row, 1 or more.
        raw: bool. Whether its probabilities are wanted without temperatures.
    """

    texts: Sequence[Sequence[str]]
    tokens: Sequence[int]
    raw: bool = False
    order: list[int] = field(init=False)  # the rows that wait, the next one last
    turn: int = field(default=TURN, init=False)  # rows that are left of its turn

    def __post_init__(self) -> None:
        # Neighbours are of similar length, as a batch is as wide as its longest row.
        self.order = sorted(range(len(self.tokens)), key=self.tokens.__getitem__)

    @property
    def next_tokens(self) -> int:
        """The tokens of the row that is next."""
        return self.tokens[self.order[-1]]


Request = TypeVar("Request", bound=Waiting)


@dataclass(frozen=True)
class Batch(Generic[Request]):
    """Rows that a worker computes together.

    Args:
        rows: for each its request, and its number there.
        tokens: int. The tokens of its longest row.
    """

    rows: Sequence[tuple[Request, int]]
    tokens: int

    @property
    def raw(self) -> bool:
        """Whether probabilities are wanted without temperatures, alike for all rows."""
        return self.rows[0][0].raw

    @property
    def texts(self) -> list[list[str]]:
        """The texts of the rows, by text column."""
        columns = range(len(self.rows[0][0].texts))
        return [[request.texts[c][row] for request, row in self.rows] for c in columns]

    def of(self, rows: Sequence[tuple[Request, int]]) -> "Batch[Request]":
        """Returns a batch of some of the rows, one or more."""
        return Batch(rows, max(request.tokens[row] for request, row in rows))

    @property
    def padded_tokens(self) -> int:
        """The tokens of all rows, each being as long as the longest."""
        return self.tokens * len(self.rows)


class Queue(Generic[Request]):
    """The requests whose rows wait, in the order of their turns."""

    def __init__(self) -> None:
        self._requests: deque[Request] = deque()
        self.rows = 0
        self.characters = 0

    def add(self, request: Request) -> None:
        """Takes a request of N ≥ 1 rows."""
        self._requests.append(request)
        self.rows += len(request.order)
        self.characters += _characters(request, request.order)

    def remove(self, request: Request) -> None:
        """Drops the rows of a request that still wait, if there are any."""
        if request.order:
            self._requests.remove(request)
            self._forget(request, request.order)
            request.order = []

    def take(self, max_tokens: int) -> Batch[Request] | None:
        """Returns the next batch, or `None` where nothing waits.

        Args:
            max_tokens: int. The tokens of its longest row times its rows are no more than this,
                unless it is a single row.
        """
        if not self._requests:
            return None
        raw = self._requests[0].raw
        taken: list[tuple[Request, int]] = []
        longest = 0
        passed: list[Request] = []  # of the other kind, whose turn does not change
        later: list[Request] = []  # had their turn
        while self._requests:
            request = self._requests.popleft()
            if request.raw != raw:
                passed.append(request)
                continue
            rows: list[int] = []
            while request.order and len(rows) < request.turn:
                widest = max(longest, request.next_tokens)
                if taken and widest * (len(taken) + 1) > max_tokens:
                    break
                longest = widest
                rows.append(request.order.pop())
                taken.append((request, rows[-1]))
            self._forget(request, rows)
            request.turn -= len(rows)
            if request.order and request.turn:  # it goes on with the next batch
                self._requests.appendleft(request)
                break
            if request.order:
                request.turn = TURN
                later.append(request)
        self._requests.extendleft(reversed(passed))
        self._requests.extend(later)
        return Batch(taken, longest)

    def _forget(self, request: Request, rows: Sequence[int]) -> None:
        self.rows -= len(rows)
        self.characters -= _characters(request, rows)


def _characters(request: Waiting, rows: Sequence[int]) -> int:
    return sum(len(column[row]) for column in request.texts for row in rows)
