"""Errors that a user can fix; they end a program with exit code 2.

ValueError
└── UserError
    ├── ConfigError   the config, a command-line option, a backbone's name
    ├── DataError     a data file, a row, a label, a run directory
    ├── TrainingError a training whose loss is no number any more, or whose folder is gone
    └── ExportError   an export whose answers differ from those of its model

KeyboardInterrupt
└── Stopped           a program that was asked to stop and did so in order
"""

import difflib
import re
import signal
from collections.abc import Iterable, Sequence

# What acts on a terminal instead of being seen, and lone surrogates, which it cannot be sent.
UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


class UserError(ValueError):
    """A mistake in the user's input: one headline, and under it every problem found.

    Args:
        headline: str. Where the problems are and how many there are.
        problems: strings, one per problem: what is wrong, where, what would be right.

    Both are made `legible`, as names of files and classes stand in them.
    """

    def __init__(self, headline: str, problems: Iterable[str] = ()) -> None:
        self.headline = legible(headline)
        self.problems = list(map(legible, problems))
        super().__init__("\n  ".join([self.headline, *self.problems]))


class ConfigError(UserError):
    """The config, a command-line option or a name in them cannot be used."""


class DataError(UserError):
    """A data file, one of its rows or a run directory cannot be used."""


class TrainingError(UserError):
    """A training that had to end: its loss is no finite number, or its run cannot be written."""


class ExportError(UserError):
    """An export whose answers differ from those of its model; it has been removed."""


class Stopped(KeyboardInterrupt):
    """A signal stopped the program in an orderly way; a training has saved its state.

    Args:
        received: the signal.
        message: str. Where the program stopped.
    """

    def __init__(self, received: signal.Signals, message: str) -> None:
        self.received = received
        super().__init__(message)

    @property
    def exit_code(self) -> int:
        """The exit code that shells give a process ended by the signal: 130 or 143."""
        return 128 + self.received


def legible(text: str) -> str:
    """Returns lines with what cannot be seen in them as escapes, such as `\\x1b` or `\\u202e`."""
    return "\n".join(UNSEEN.sub(_escape, line) for line in text.split("\n"))


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


def is_utf8(text: str) -> bool:
    """Whether UTF-8 can hold a text; it cannot where JSON says `"\\ud800"`, half a character."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def check_count(what: str, count: int, most: int) -> None:
    """Checks a number of things.

    Raises:
        ConfigError: if it is not from 1 to `most`.
    """
    if count < 1:
        raise ConfigError(f"{what} must be 1 or more, received {count}")
    if count > most:
        raise ConfigError(f"{what} must be {most:,} or less, received {count}")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns ` Did you mean 'x'?` for the closest known name, or an empty string.

    Names that differ in case or in blanks around them are the closest.
    """
    names = list(known)
    same = [other for other in names if other.strip().casefold() == name.strip().casefold()]
    near = same or difflib.get_close_matches(name, names, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def listed(names: Sequence[str], most: int = 12) -> str:
    """Returns names as a readable list of at most `most` names and the total count."""
    shown = ", ".join(repr(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown}, … ({len(names)} in all)"


def plural(count: int, noun: str) -> str:
    """Returns `1 row`, `2 rows`, `2 classes`."""
    ending = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{count:,} {noun}{ending}"


def first_cause(error: BaseException) -> str:
    """Returns the first line of the error at the root of a chain."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {(str(error).strip() or 'no message').splitlines()[0]}"
