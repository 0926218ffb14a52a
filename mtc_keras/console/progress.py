"""How far something is: a live bar on a terminal, a line now and then elsewhere."""

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import rich.progress
from rich.table import Column

from mtc_keras.console.log import Log

SECONDS_BETWEEN_LINES = 20.0  # without a terminal


class _Bar:
    """How far something is: a live bar on a terminal, a line now and then elsewhere.

    Args:
        log: where it is shown.
        title: what is under way.
        total: int. Of what is counted, all there is.
        first: int. What was done before.
        counter: the column of the bar that counts.
        last: optional column at the end of the bar.
        fields: what its columns show at the beginning.
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
        self.title = title
        self.total = total
        self.first = self.done = first
        self.started = self.shown = time.perf_counter()
        self.bar: rich.progress.Progress | None = None
        if log.screen.is_terminal and not log.screen.quiet:
            self.bar = rich.progress.Progress(
                rich.progress.TextColumn("{task.description}"),
                rich.progress.BarColumn(bar_width=16),
                counter,
                rich.progress.TextColumn("{task.fields[rate]}"),
                rich.progress.TimeRemainingColumn(),
                *([last] if last else []),
                expand=last is not None,
                console=log.screen,
                transient=True,
            )
            self.bar_task = self.bar.add_task(
                title, total=total, completed=first, rate="", **fields
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
    """One epoch's progress.

    Args:
        log: where it is shown.
        title: what is under way.
        steps: int. Steps of the epoch.
        rows_a_step: int. For the rate of examples.
        losses: names in the steps' logs to show: the total, then each task's.
        first: int. Steps of the epoch that were done before, in an epoch that is resumed.
    """

    def __init__(
        self,
        log: Log,
        title: str,
        steps: int,
        rows_a_step: int,
        losses: Sequence[str],
        first: int = 0,
    ) -> None:
        self.rows_a_step = rows_a_step
        self.losses = losses
        self.lock = threading.Lock()
        # On a narrow terminal the losses are cut, never the bar or the steps.
        last = rich.progress.TextColumn(
            "{task.fields[losses]}", table_column=Column(ratio=1, no_wrap=True)
        )
        counter = rich.progress.MofNCompleteColumn()
        super().__init__(log, title, steps, first, counter, last, losses="")

    def step(self, done: int, logs: Mapping[str, Any]) -> None:
        """Counts a finished step; may be called from several threads, not always in order."""
        with self.lock:
            if done > self.done:
                self._step(done, logs)

    def _step(self, done: int, logs: Mapping[str, Any]) -> None:
        self.done = done
        now = time.perf_counter()
        if now - self.shown < (0.25 if self.bar else SECONDS_BETWEEN_LINES):
            return
        self.shown = now
        if self.bar:
            self.bar.update(
                self.bar_task, completed=done, rate=self._rate(), losses=self._losses(logs)
            )
        else:
            self.log.line(
                f"{self.title}: step {done}/{self.total}, {self._rate()}, "
                f"{self._left()}, {self._losses(logs)}"
            )

    def close(self, logs: Mapping[str, Any]) -> None:
        """Ends the bar and leaves one line."""
        self._stop()
        self.log.line(
            f"{self.title}: {self.done - self.first} steps in {self._seconds():.1f} s, "
            f"{self._rate()}, {self._losses(logs)}"
        )

    def _rate(self) -> str:
        return f"{self._per_second(self.rows_a_step)} examples/s"

    def _losses(self, logs: Mapping[str, Any]) -> str:
        shown = [
            f"{name.removesuffix('_loss')} {float(logs[name]):.3f}"
            for name in self.losses
            if name in logs
        ]
        return f"{shown[0]} ({', '.join(shown[1:])})" if len(shown) > 1 else "".join(shown)


class RowProgress(_Bar):
    """How far rows are scored.

    Args:
        log: where it is shown.
        title: what is under way.
        rows: int. Rows in all.
        first: int. Rows that were done before.
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
