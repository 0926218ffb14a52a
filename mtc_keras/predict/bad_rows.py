"""Rows that are left out of what is predicted: the first few are named, then all are counted."""

from collections.abc import Callable

from mtc_keras.errors import DataError, plural

MOST_SHOWN = 5


class BadRows:
    """Counts bad rows as they come.

    Args:
        strict: bool. Whether the first one is an error.
        tell: takes a line for people on each of the first few.
    """

    def __init__(self, strict: bool, tell: Callable[[str], None]) -> None:
        self.strict, self.count = strict, 0
        self._tell = tell

    def add(self, problem: str) -> None:
        """Takes a row that is left out.

        Raises:
            DataError: if it is an error.
        """
        if self.strict:
            raise DataError(f"{problem} (--strict)")
        self.count += 1
        if self.count <= MOST_SHOWN:
            self._tell(f"bad row left out: {problem}")


def in_all(count: int) -> list[str]:
    """Returns a line on how many rows were left out, none where each of them has been named."""
    return [f"{plural(count, 'bad row')} left out"] if count > MOST_SHOWN else []
