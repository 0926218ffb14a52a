"""Lines on the screen and in the run's log file."""

import sys
from pathlib import Path
from typing import Any, Self

import rich.progress
from rich.console import Console

LOG_WIDTH = 110


def plain_console(**options: Any) -> Console:
    """Returns a console that shows text as it is: names of classes and files are not markup."""
    return Console(highlight=False, markup=False, emoji=False, soft_wrap=True, **options)


class Log:
    """Prints to the screen, and into the run's log file if there is one.

    Args:
        path: the log file.
        quiet: bool. Nothing on the screen.
        append: bool. Whether lines go after those that the file holds.
    """

    def __init__(self, path: Path | None = None, quiet: bool = False, append: bool = False) -> None:
        is_terminal = sys.stdout is not None and sys.stdout.isatty()  # `None`: it was closed
        self.screen = plain_console(quiet=quiet, width=None if is_terminal else LOG_WIDTH)
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
        """Shows one line, as it is."""
        self.show(text)

    def show(self, shown: Any) -> None:
        """Shows a table or text."""
        self.screen.print(shown)
        if self._file is not None:
            self._file.print(shown)
