"""Texts that were being computed when a worker died, and those that are to blame for it."""

import time
from collections.abc import Callable

from mtc_keras.serve.workers.queue import Batch, Request, Waiting

SECONDS = 600.0  # after which nothing is held against a text
MOST = 4_096  # texts that are remembered


class Suspects:
    """Remembers which rows were computed when workers died, by hashes of their texts.

    A row that was is computed by itself the next time, so that it can take no other with it. If a
    worker dies again, the row is to blame, and is refused.

    Args:
        clock: returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[int, tuple[float, bool]] = {}  # when, and whether it is to blame

    def died(self, batch: Batch[Request]) -> None:
        """Hears with which rows a worker died."""
        now = self._clock()
        for request, row in batch.rows:
            key = _key(request, row)
            is_to_blame = len(batch.rows) == 1 and key in self._seen
            self._seen.pop(key, None)
            self._seen[key] = now, is_to_blame
        self._forget_old(now)

    def computed(self, batch: Batch[Request]) -> None:
        """Hears which rows were computed, and are above suspicion."""
        for request, row in batch.rows if self._seen else ():
            self._seen.pop(_key(request, row), None)

    def is_to_blame(self, request: Waiting, row: int) -> bool:
        """Whether a row is refused."""
        return self._seen.get(_key(request, row), (0.0, False))[1] if self._seen else False

    def apart(self, batch: Batch[Request]) -> list[Batch[Request]]:
        """Returns the batch without its suspects, if it has others, and each suspect by itself."""
        if not self._seen:
            return [batch]
        self._forget_old(self._clock())
        alone = [pair for pair in batch.rows if _key(*pair) in self._seen]
        others = [pair for pair in batch.rows if _key(*pair) not in self._seen]
        parts = [batch.of(others)] if others else []
        return [*parts, *(batch.of([pair]) for pair in alone)]

    def _forget_old(self, now: float) -> None:
        for key, (seen, _) in list(self._seen.items()):
            if now - seen <= SECONDS and len(self._seen) <= MOST:
                break
            del self._seen[key]


def _key(request: Waiting, row: int) -> int:
    return hash(tuple(column[row] for column in request.texts))
