"""Tables with one row per name, whole on any screen, and short however many rows there are."""

from collections.abc import Callable, Container, Iterable, Sequence
from typing import TypeVar

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderResult
from rich.table import Table
from rich.text import Text

from mtc_keras.errors import legible, plural

Item = TypeVar("Item")
Column = tuple[str, ...]  # its heading and its cells

MOST_TASKS = 20
TASKS_OF_MANY = 10
TASKS_IN_A_LINE = 4
GAP = 2  # spaces between columns
LEAST_NAME = 20  # characters in a line of a name that is folded


def shortened(
    tasks: Sequence[Item], urgency: Callable[[Item], float], show_all: bool = False
) -> list[Item]:
    """Returns the tasks that a table shows.

    Args:
        tasks: all tasks, or what stands for them.
        urgency: what is greater the more a task matters in the table; NaN comes last.
        show_all: bool. Whether none is left out.

    Returns:
        Up to `MOST_TASKS` tasks as they are; of more, the `TASKS_OF_MANY` that matter most, first
        the one that matters most.
    """
    if show_all or len(tasks) <= MOST_TASKS:
        return list(tasks)

    def least_first(task: Item) -> tuple[bool, float]:
        value = urgency(task)
        return value != value, -value

    return sorted(tasks, key=least_first)[:TASKS_OF_MANY]


def few(tasks: Sequence[Item], weight: Callable[[Item], float]) -> list[Item]:
    """Returns the tasks that a line names: all of a few, of more those of the greatest weight."""
    if len(tasks) <= TASKS_IN_A_LINE:
        return list(tasks)
    return sorted(tasks, key=weight, reverse=True)[: TASKS_IN_A_LINE - 1]


def more(shown: int, count: int, noun: str, hint: str = "") -> str:
    """Returns `… and 90 more tasks; HINT` if fewer than all are shown, else an empty string."""
    if shown == count:
        return ""
    left_out = f"… and {plural(count - shown, f'more {noun}')}"
    return f"{left_out}; {hint}" if hint else left_out


def one_line(text: str) -> str:
    """Returns a name with what cannot be seen in it as escapes, ends of lines, too."""
    return legible(text).replace("\n", "\\n")


class Listing:
    """A table with one row per name, such as a task's or a class's.

    Names and numbers are never cut. On a narrow screen cells are divided at their spaces; where
    that is not enough, columns that are the least important are left out, and names are folded.

    Args:
        title: str. The line above it.
        columns: their headings; the first is that of the names.
        note: str. The line below it, if any.
        words: headings of columns that hold words, which are aligned to the left.
        optional: headings of columns that may be left out, in the order in which they are.
    """

    def __init__(
        self,
        title: str,
        columns: Sequence[str],
        note: str = "",
        *,
        words: Iterable[str] = (),
        optional: Iterable[str] = (),
    ) -> None:
        self.title = legible(title)
        self.columns = list(map(one_line, columns))
        self.note = legible(note)
        self.words = {self.columns[0], *words}
        self.optional = list(optional)
        self.rows: list[Sequence[str]] = []

    def add_row(self, *cells: str) -> None:
        """Adds a row, one cell per column."""
        self.rows.append(list(map(one_line, cells)))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        # The console wraps no lines of text, so that paths can be copied; these may be.
        yield Text()
        if self.title:
            yield Text(self.title, style="bold", no_wrap=False, overflow="fold")
        yield self._table(options.max_width)
        if self.note:
            yield Text(self.note, no_wrap=False, overflow="fold")

    def _table(self, width: int) -> Table:
        columns = self._columns_that_fit(width)
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
        # Text, so that nothing in a name is taken for markup.
        for column, size in zip(columns, _widths(columns, self.words, width), strict=True):
            side: JustifyMethod = "left" if column[0] in self.words else "right"
            table.add_column(Text(column[0]), justify=side, width=size, overflow="fold")
        for row in zip(*[column[1:] for column in columns], strict=True):
            table.add_row(*map(Text, row))
        return table

    def _columns_that_fit(self, width: int) -> list[Column]:
        """Returns headings and cells, column by column, without those that must be left out."""
        columns = list(zip(self.columns, *self.rows, strict=True))
        for heading in self.optional:
            if _room_for_names(columns, width) >= min(_full(columns[0]), LEAST_NAME):
                break
            columns = [column for column in columns if column[0] != heading]
        return columns


def _widths(columns: Sequence[Column], words: Container[str], width: int) -> list[int]:
    """Returns the widths of columns: their cells' if all fit, else numbers are divided."""
    names, *others = map(_full, columns)
    left = width - GAP * len(others) - names - sum(others)
    if left >= 0:
        return [names, *others]
    divided = list(map(_least, columns[1:]))
    room = _room_for_names(columns, width)
    names = min(names, max(room, LEAST_NAME))
    left = room - names
    for at, column in enumerate(columns[1:]):
        if column[0] in words:  # numbers are all divided or none, which reads better
            divided[at] += max(min(others[at] - divided[at], left), 0)
            left -= divided[at] - _least(column)
    return [names, *divided]


def _room_for_names(columns: Sequence[Column], width: int) -> int:
    return width - GAP * (len(columns) - 1) - sum(map(_least, columns[1:]))


def _full(column: Column) -> int:
    return max(map(cell_len, column))


def _least(column: Column) -> int:
    """Returns the width of a column whose cells are divided at their spaces."""
    return max(cell_len(word) for cell in column for word in cell.split() or [""])
