"""Progress: a live bar on a terminal, a line every twenty seconds elsewhere."""

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import rich.progress
from rich.table import Column

from mtc_keras.console.listing import few
from mtc_keras.console.log import Log
from mtc_keras.errors import legible, plural

SECONDS_BETWEEN_LINES = 20.0  # without a terminal


class _Bar:
    """Progress of what can be counted: a live bar on a terminal, occasional lines elsewhere.

    Args:
        log: where it is shown.
        title: str. What is under way.
        total: int. The count at the end.
        first: int. The count at the start, of what was done earlier.
        counter: the column of the bar that counts.
        last: optional column at the end of the bar.
        fields: what the columns show at first.
    """

    def __init__(
        self,
        log: Log,
        title: str,
        total: int,
        first: int,
        counter: rich.progress.ProgressColumn,
        last: rich.progress.ProgressColumn | None = None,
        **fields: Any,
    ) -> None:
        self.log = log
        self.title = legible(title)
        self.total = total
        self.first = self.done = first
        self.started = self.shown = time.perf_counter()
        self.bar: rich.progress.Progress | None = None
        if log.screen.is_terminal and not log.screen.quiet:
            self.bar = rich.progress.Progress(
                rich.progress.TextColumn("{task.description}", markup=False),
                rich.progress.BarColumn(bar_width=16),
                counter,
                rich.progress.TextColumn("{task.fields[rate]}", markup=False),
                rich.progress.TimeRemainingColumn(),
                *([last] if last else []),
                expand=last is not None,
                console=log.screen,
                transient=True,
            )
            self.bar_task = self.bar.add_task(
                self.title, total=total, completed=first, rate="", **fields
            )
            self.bar.start()
            log.bar = self.bar

    def _stop(self) -> None:
        if self.bar:
            self.bar.stop()
            self.log.bar = None

    def _seconds(self) -> float:
        return time.perf_counter() - self.started

    def _per_second(self, times: int = 1) -> str:
        return f"{(self.done - self.first) * times / max(self._seconds(), 1e-9):.0f}"

    def _left(self) -> str:
        left = self._seconds() / (self.done - self.first) * (self.total - self.done)
        return f"{left:.0f} s left"


class Progress(_Bar):
    """Progress of one epoch.

    Args:
        log: where it is shown.
        title: str. What is under way.
        steps: int. Steps of the epoch.
        rows_per_step: int. For the rate, in rows per second.
        losses: names in the steps' logs: the total, then each task's; of many, the greatest
            are shown.
        first: int. Steps of the epoch that were done earlier, when it is resumed.
    """

    def __init__(
        self,
        log: Log,
        title: str,
        steps: int,
        rows_per_step: int,
        losses: Sequence[str],
        first: int = 0,
    ) -> None:
        self.rows_per_step = rows_per_step
        self.losses = losses
        self.compiling: tuple[int, str] | None = None  # the step being compiled, and a note
        self.lock = threading.Lock()
        # On a narrow terminal the losses are cut, never the bar or the steps.
        last = rich.progress.TextColumn(
            "{task.fields[losses]}", markup=False, table_column=Column(ratio=1, no_wrap=True)
        )
        counter = rich.progress.MofNCompleteColumn()
        super().__init__(log, title, steps, first, counter, last, losses="")

    def compile(self, step: int, number: int, of: int) -> None:
        """Says that XLA compiles a step before it runs, which takes seconds or minutes.

        Args:
            step: int. The step that begins, from 0.
            number: int. Which of the padded lengths it is the first step of, from 1.
            of: int. Number of padded lengths.
        """
        note = f"compiling {number} of {plural(of, 'length')}"
        with self.lock:
            self.compiling = step, note
            now = time.perf_counter()
            if self.bar:
                self.bar.update(self.bar_task, losses=note)
            elif step == self.first or now - self.shown >= SECONDS_BETWEEN_LINES:
                self.shown = now
                self.log.line(f"{self.title}: step {step + 1}/{self.total}, {note}")

    def step(self, done: int, logs: Mapping[str, Any]) -> None:
        """Counts a finished step; may be called from several threads, not always in order."""
        with self.lock:
            if done > self.done:
                self._step(done, logs)

    def _step(self, done: int, logs: Mapping[str, Any]) -> None:
        self.done = done
        if self.compiling is not None and done > self.compiling[0]:
            self.compiling = None
        now = time.perf_counter()
        if now - self.shown < (0.25 if self.bar else SECONDS_BETWEEN_LINES):
            return
        self.shown = now
        if self.bar:
            last = self._losses(logs) if self.compiling is None else self.compiling[1]
            self.bar.update(self.bar_task, completed=done, rate=self._rate(), losses=last)
        else:
            self.log.line(
                f"{self.title}: step {done}/{self.total}, {self._rate()}, "
                f"{self._left()}, {self._losses(logs)}"
            )

    def close(self, logs: Mapping[str, Any]) -> None:
        """Ends the bar and leaves one line."""
        self._stop()
        self.log.line(
            f"{self.title}: {plural(self.done - self.first, 'step')} in {self._seconds():.1f} s, "
            f"{self._rate()}, {self._losses(logs)}"
        )

    def _rate(self) -> str:
        return f"{self._per_second(self.rows_per_step)} rows/s"

    def _losses(self, logs: Mapping[str, Any]) -> str:
        known = [(name, float(logs[name])) for name in self.losses if name in logs]
        total, by_task = known[:1], known[1:]
        shown = few(by_task, lambda item: item[1])
        names = [f"{name.removesuffix('_loss')} {value:.3f}" for name, value in shown]
        if len(shown) < len(by_task):
            names.append(f"+ {plural(len(by_task) - len(shown), 'task')}")
        tasks = f" ({', '.join(names)})" if names else ""
        return "".join(f"{name} {value:.3f}{tasks}" for name, value in total)


class RowProgress(_Bar):
    """Progress of a prediction of many rows.

    Args:
        log: where it is shown.
        title: str. What is under way.
        rows: int. Rows in all.
        first: int. Rows that were done earlier.
    """

    def __init__(self, log: Log, title: str, rows: int, first: int = 0) -> None:
        counter = rich.progress.TextColumn("{task.completed:,.0f}/{task.total:,.0f} rows")
        super().__init__(log, title, rows, first, counter)

    def advance(self, rows: int) -> None:
        """Counts rows that are done."""
        self.done += rows
        now = time.perf_counter()
        if self.bar:
            self.bar.update(self.bar_task, completed=self.done, rate=self._rate())
        elif now - self.shown >= SECONDS_BETWEEN_LINES:
            self.shown = now
            self.log.line(
                f"{self.title}: {self.done:,}/{self.total:,} rows, {self._rate()}, {self._left()}"
            )

    def close(self) -> None:
        """Ends the bar and leaves one line."""
        self._stop()
        self.log.line(
            f"{self.title}: {self.done - self.first:,} rows in {self._seconds():.1f} s, "
            f"{self._rate()}"
        )

    def _rate(self) -> str:
        return f"{self._per_second()} rows/s"
