"""How fast workers compute, by which batches are made that keep nobody waiting for long."""

MOMENT = 0.5  # seconds that a batch takes at most, if its texts allow
FIRST_TOKENS = 1_024  # of a batch, before a speed is known: BERT large takes seconds for them
KEPT = 0.8  # of what is known, when another batch is computed


class Pace:
    """What was computed lately, and in how much time.

    A slow model is given small batches, so that a text that arrives does not wait for seconds and
    no worker is taken for one that hangs.

    Args:
        max_tokens: int. The tokens of a batch at most, however fast workers are.
    """

    def __init__(self, max_tokens: int) -> None:
        self._max_tokens = max_tokens
        self._rows = self._tokens = self._seconds = 0.0

    def computed(self, rows: int, tokens: int, seconds: float) -> None:
        """Hears of a batch: its rows, their tokens with padding, and the seconds that it took."""
        self._rows = KEPT * self._rows + rows
        self._tokens = KEPT * self._tokens + tokens
        self._seconds = KEPT * self._seconds + seconds

    @property
    def batch_tokens(self) -> int:
        """The tokens of a batch that is computed in a moment; 1 or more."""
        if not self._seconds:
            return min(FIRST_TOKENS, self._max_tokens)
        return max(min(int(MOMENT * self._tokens / self._seconds), self._max_tokens), 1)

    @property
    def seconds_per_row(self) -> float:
        """The seconds of a worker for a row, so far as is known."""
        return self._seconds / self._rows if self._rows else 0.01
