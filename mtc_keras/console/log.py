"""Lines on the screen and in the run's log file."""

import sys
from pathlib import Path
from typing import Any, Self, TextIO

import rich.progress
from rich.console import Console

from mtc_keras.errors import legible

LOG_WIDTH = 110


def plain_console(**options: Any) -> Console:
    """Returns a console that shows text as it is: names of classes and files are not markup."""
    return Console(highlight=False, markup=False, emoji=False, soft_wrap=True, **options)


class _Encodable:
    """A stream that gets what its encoding cannot hold as escapes, where it would raise an error.

    Args:
        stream: the stream, such as standard output under `LC_ALL=C`.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        encoding = self._stream.encoding
        return self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _screen(**options: Any) -> Console:
    stream = sys.stdout
    if stream is not None and (stream.encoding or "utf-8").lower() not in ("utf-8", "utf8"):
        options["file"] = _Encodable(stream)
    return plain_console(**options)


class Log:
    """Prints to the screen, and into the run's log file if there is one.

    Args:
        path: the log file.
        quiet: bool. Nothing on the screen.
        append: bool. Whether lines go after those that the file holds.
        colours: bool. `False`: none, as where the environment's `NO_COLOR` says so.
    """

    def __init__(
        self,
        path: Path | None = None,
        quiet: bool = False,
        append: bool = False,
        *,
        colours: bool = True,
    ) -> None:
        is_terminal = sys.stdout is not None and sys.stdout.isatty()  # `None`: it was closed
        width = None if is_terminal else LOG_WIDTH
        self.screen = _screen(quiet=quiet, width=width, no_color=None if colours else True)
        self.bar: rich.progress.Progress | None = None  # the one being shown
        self._file: Console | None = None
        if path is not None:
            stream = path.open("a" if append else "w", encoding="utf-8", buffering=1)
            self._file = plain_console(file=stream, width=LOG_WIDTH)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.bar is not None:  # it was interrupted, and has hidden the cursor
            self.bar.stop()
        if self._file is not None:
            self._file.file.close()

    def line(self, text: str) -> None:
        """Shows one line, as it is, but for what could not be seen in it."""
        self.show(text)

    def show(self, shown: Any) -> None:
        """Shows a table or text."""
        if isinstance(shown, str):
            shown = legible(shown)
        self.screen.print(shown)
        if self._file is not None:
            self._file.print(shown)
