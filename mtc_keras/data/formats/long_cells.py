"""Lets the csv module read cells of any length while somebody reads, and leaves it as it was."""

import csv
import threading

ANY_LENGTH = 2**31 - 1  # the default, 131,072 characters, is a short book


class LongCells:
    """A context in which cells may have any length.

    The csv module has one limit for the whole process, of which other code may make use. It is
    raised while a reader is in the context, in any thread, and put back by the last one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers = 0
        self._limit = 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._readers:
                self._limit = csv.field_size_limit(ANY_LENGTH)
            self._readers += 1

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._readers -= 1
            if not self._readers:
                csv.field_size_limit(self._limit)


long_cells = LongCells()
