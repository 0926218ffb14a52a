"""What a training shows while an epoch runs and when it has ended."""

from collections.abc import Mapping
from typing import Any

import keras

from mtc_keras.console.listing import few
from mtc_keras.console.log import Log
from mtc_keras.console.progress import Progress
from mtc_keras.console.scores import show_scores
from mtc_keras.data.batches import TrainingBatches
from mtc_keras.errors import plural
from mtc_keras.train.callbacks import BestEpoch, TaskMetrics


class EpochReport(keras.callbacks.Callback):
    """Shows one live progress bar while training and one table after each epoch.

    Args:
        log: where lines and tables go.
        metrics: the `TaskMetrics` whose numbers are shown; `None` without validation.
        baseline: metrics of the most frequent class, as `scoring.judging.baseline` returns.
        best: the `BestEpoch`; `None` without validation.
        batches: the `TrainingBatches` that `fit` reads.
        verbose: bool. Whether to show every task, however many, and the classes.
    """

    # Keras hands over a step's losses in a thread of its own, so that no step waits for them.
    async_safe = True

    def __init__(
        self,
        log: Log,
        metrics: TaskMetrics | None,
        baseline: dict[str, Any] | None,
        best: BestEpoch | None,
        batches: TrainingBatches,
        verbose: bool = False,
    ) -> None:
        super().__init__()
        self.log = log
        self.metrics = metrics
        self.baseline = baseline
        self.best = best
        self.batches = batches
        self.verbose = verbose
        self.compiled: set[tuple[int, int]] = set()  # the shapes of steps so far
        self.compiling: dict[int, int] = {}  # a shape's number, by the step of it that is first

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        title = f"epoch {epoch + 1}/{self.params['epochs']}"
        losses = ["loss", *(f"{task.name}_loss" for task in self.model.tasks)]
        first, rows_per_step = self.batches.first_batch, self.batches.rows_per_step
        self.progress = Progress(
            self.log, title, self.params["steps"], rows_per_step, losses, first
        )

        self.compiling = self._compiling_steps()

    def _compiling_steps(self) -> dict[int, int]:
        """Returns which steps of the epoch XLA compiles: the first of each shape."""
        found: dict[int, int] = {}
        if len(self.compiled) == len(self.batches.shapes):
            return found
        plan = self.batches.plan()
        for step in range(self.batches.first_batch, len(plan)):
            shape = self.batches.shape(plan[step])
            if shape not in self.compiled:
                self.compiled.add(shape)
                found[step] = len(self.compiled)
        return found

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        step = self.batches.first_batch + batch
        if step in self.compiling:
            self.progress.compile(step, self.compiling[step], len(self.batches.shapes))

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.progress.step(self.batches.first_batch + batch + 1, logs or {})

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.progress.close(logs or {})
        self._show_shares(logs or {})
        if self.metrics is None or self.best is None or self.baseline is None:
            return
        evaluation = self.metrics.evaluations[-1]
        is_best = self.best.is_found and self.best.best_epoch == epoch
        mark = " ← best so far" if is_best else ""
        title = f"validation after epoch {epoch + 1}{mark}"
        tasks = self.metrics.tasks or self.model.tasks
        show_scores(self.log, title, tasks, evaluation, self.baseline, self.verbose)

    def _show_shares(self, logs: Mapping[str, Any]) -> None:
        """Shows what each task's loss counted in the total, and by which weight."""
        shares = {
            task.name: logs[f"{task.name}_share"]
            for task in self.model.tasks
            if f"{task.name}_share" in logs
        }
        if len(shares) < 2:
            return
        shown = few(list(shares), lambda name: shares[name])
        parts = [
            f"{name} {shares[name]:.0%} (weight {logs[f'{name}_weight']:.3g})" for name in shown
        ]
        if rest := [share for name, share in shares.items() if name not in shown]:
            parts.append(f"+ {plural(len(rest), 'task')} {sum(rest):.0%}")
        self.log.line(f"shares of the loss: {', '.join(parts)}")
