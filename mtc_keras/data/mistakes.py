"""Mistakes of a column, gathered while its rows are read: a few are shown, the others counted."""

from collections.abc import Sequence

from mtc_keras.errors import plural

MOST_MESSAGES = 5  # different ones shown per task or column
MOST_CHARACTERS = 500  # of a message that quotes a cell


class Mistakes:
    """What is wrong with the cells of one column.

    Args:
        key: the config's key to blame, such as `tasks.intent`.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        self._shown: dict[str, list[int]] = {}  # message: first row, number of rows
        self._others: set[int] = set()  # hashes, as millions of texts may be wrong
        self._rows_of_others = 0

    def __bool__(self) -> bool:
        return bool(self._shown)

    def add(self, row: int, message: str, rows: int = 1) -> None:
        """Notes a mistake; messages are reported in the order of their first rows.

        Args:
            row: int. Where it stands, or the first of several such rows.
            message: what is wrong and what would be right.
            rows: int. How many rows it is in.
        """
        if message in self._shown:
            self._shown[message][1] += rows
        elif len(self._shown) < MOST_MESSAGES:
            self._shown[message] = [row, rows]
        else:
            self._others.add(hash(message))
            self._rows_of_others += rows

    def report(self, where: Sequence[str]) -> list[str]:
        """Returns one message for each kind of mistake, with its first row and the count.

        Args:
            where: where each row stands.
        """
        messages = []
        for message, (row, rows) in self._shown.items():
            more = f" (and {plural(rows - 1, 'more row')})" if rows > 1 else ""
            messages.append(f"{where[row]}{more}: {self.key}: {_cut(message)}")
        if self._others:
            rest = plural(self._rows_of_others, "row")
            messages.append(f"{self.key}: … and {len(self._others):,} more messages on {rest}")
        return messages


def _cut(message: str) -> str:
    """Leaves out the middle of a message that quotes a long cell."""
    half = MOST_CHARACTERS // 2
    if len(message) <= MOST_CHARACTERS:
        return message
    return f"{message[:half]} … {message[-half:]}"
