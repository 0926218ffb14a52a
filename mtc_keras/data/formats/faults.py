"""The broken lines of a file: reported together, or skipped and listed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mtc_keras.errors import DataError, plural

MOST_LINES = 5  # broken lines shown of one file


def files_error(problems: list[str]) -> DataError:
    return DataError(f"data files: {plural(len(problems), 'problem')}", problems)


@dataclass
class Faults:
    """The broken lines of a file: the first ones in full, the others as a count.

    Args:
        path: the file.

    Attributes:
        notes: lines for people on what can be read in two ways; each has a count and a place.
    """

    path: str
    shown: list[str] = field(default_factory=list)
    more: int = 0
    notes: list[str] = field(default_factory=list)

    encoding = "UTF-8"
    """What the file is read as."""
    passes_over = False
    """Whether the lines after a broken one are read."""
    undecodable = "strict"
    """What the decoder does with bytes that are not in the file's encoding."""

    def add(self, line: int | str, message: str, received: str = "", first: bool = False) -> None:
        """Notes a broken line.

        Args:
            line: its number, or what it is called, such as `row 3`.
            message: what is wrong; it quotes nothing of the line.
            received: of which kind the line is, if that helps; no word of it, as it may be a text.
            first: bool. Whether it is shown before all others.
        """
        message = f"{self.path}:{line}: {message}" + (f", received {received}" if received else "")
        self.shown.insert(0 if first else len(self.shown), message)
        if len(self.shown) > MOST_LINES:
            self.shown.pop()
            self.more += 1

    def check(self) -> None:
        """Raises one error for all broken lines."""
        if self.more:
            self.shown.append(f"{self.path}: … and {self.more:,} more broken lines")
        if self.shown:
            raise files_error(self.shown)

    def check_header(self, first: int) -> None:
        """Raises an error if rows are skipped and the header would have been one of them.

        Args:
            first: int. The line that would be taken for it.
        """

    def decoded(self, numbered: Iterable[tuple[int, Any]]) -> Iterable[tuple[int, Any]]:
        """Returns those of numbered lines, or rows of cells, that are text."""
        return numbered


@dataclass
class PassedOver(Faults):
    """The broken lines of a file that are left out, while those after them are read.

    Attributes:
        found: number and message of each line; the message quotes nothing of it.
    """

    found: list[tuple[int | str, str]] = field(default_factory=list)

    passes_over = True
    undecodable = "surrogateescape"

    def add(self, line: int | str, message: str, received: str = "", first: bool = False) -> None:
        """Notes a broken line."""
        self.found.append((line, message))

    def check(self) -> None:
        """Lets all lines pass."""

    def check_header(self, first: int) -> None:
        """Raises an error if the header is broken: the row after it would be taken for it."""
        for line, message in self.found:
            if isinstance(line, int) and line >= first:
                return
            raise DataError(f"{self.path}:{line}: the header cannot be read: {message}")

    def decoded(self, numbered: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
        """Yields the lines whose bytes are in the file's encoding."""
        for line, content in numbered:
            try:
                (content if isinstance(content, str) else "".join(content)).encode("utf-8")
            except UnicodeEncodeError as error:  # bytes stand as lone surrogates
                byte = _byte(error.object[error.start :], self.encoding)
                self.add(line, f"byte 0x{byte:02x} is not {self.encoding}")
            else:
                yield line, content


def _byte(escaped: str, encoding: str) -> int:
    """Returns the byte that lone surrogates stand for at the beginning of a text."""
    if encoding != Faults.encoding:  # it was decoded before, and its surrogate is three of them
        escaped = escaped[:3].encode("utf-8", "surrogateescape").decode("utf-8", "surrogatepass")
    return ord(escaped[0]) - 0xDC00
