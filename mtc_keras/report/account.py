"""All that the report of one run is made of, whether it has just been trained or is read again."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mtc_keras.config import Config
from mtc_keras.files import to_json
from mtc_keras.report.judged import Judged
from mtc_keras.report.stored import SPLITS, read_judged
from mtc_keras.run.directory import Run
from mtc_keras.tasks import Decision, Task

if TYPE_CHECKING:
    from mtc_keras.model.classifier import MultiTaskClassifier

MOST_DRAWN = 40  # tasks; a page of a thousand sections is read by nobody


@dataclass(frozen=True, eq=False)
class Account:
    """What a run is told by.

    Args:
        name: what the run is called: its directory.
        config: its resolved config.
        tasks: the model's tasks.
        decisions: dict from each task with probabilities to its temperature and thresholds.
        metrics: what `metrics.json` holds; NaN is `None`.
        history: a dict per epoch, as in `history.jsonl`.
        environment: what `environment.json` holds.
        loss_weights: what `loss_weights.json` holds.
        judged: the judged splits; none of a run that kept no predictions.
        notes: lines for people: what is missing, and why.
        model: loads the model, for what asks it again.
        explained: int. Examples whose words are coloured, which takes seconds.
    """

    name: str
    config: Config
    tasks: Sequence[Task]
    decisions: Mapping[str, Decision]
    metrics: Mapping[str, Any]
    history: Sequence[Mapping[str, Any]]
    environment: Mapping[str, Any]
    loss_weights: Mapping[str, Mapping[str, Any]]
    judged: tuple[Judged, ...] = ()
    notes: tuple[str, ...] = ()
    model: "Callable[[], MultiTaskClassifier] | None" = None
    explained: int = 0

    @property
    def splits(self) -> list[str]:
        """The splits that have metrics."""
        return [name for name in SPLITS if self.metrics.get(name)]

    @property
    def split(self) -> str | None:
        """The split that figures are of: test if there is one, else validation."""
        return self.splits[-1] if self.splits else None

    @property
    def shown(self) -> Judged | None:
        """The rows of that split."""
        return next((judged for judged in self.judged if judged.name == self.split), None)

    @cached_property
    def drawn_tasks(self) -> Sequence[Task]:
        """The tasks that have figures and a section: all, or of very many the worst."""
        if len(self.tasks) <= MOST_DRAWN:
            return self.tasks

        def value(task: Task) -> float:
            found = (self.scores(task) or {}).get(task.main_metric)
            return math.inf if found is None else found

        worst = {task.name for task in sorted(self.tasks, key=value)[:MOST_DRAWN]}
        return [task for task in self.tasks if task.name in worst]

    def scores(self, task: Task, split: str | None = None) -> Mapping[str, Any] | None:
        """Returns the metrics of a task on a split; `None` where no row has its label.

        Args:
            task: the task.
            split: optional str; default: the split that is shown.
        """
        found = self.metrics.get(split or self.split or "") or {}
        return (found.get("tasks") or {}).get(task.name)

    def baseline(self, task: Task, split: str | None = None) -> Mapping[str, Any] | None:
        """Returns the metrics of the best constant prediction, as `scores` does."""
        found = self.metrics.get(split or self.split or "") or {}
        return ((found.get("baseline") or {}).get("tasks") or {}).get(task.name)


def account_of(run: Run) -> Account:
    """Returns what a finished run is told by.

    Raises:
        DataError: if a file of it is damaged.
    """
    judged, notes = read_judged(run), []
    metrics = run.metrics
    without = [
        name
        for name in SPLITS
        if metrics.get(name) and name not in [judged_split.name for judged_split in judged]
    ]
    if without:
        notes.append(
            f"what was predicted of each {' and '.join(without)} row was not kept, as by earlier "
            "versions: what needs it is left out. Train the run again for the whole report"
        )
    return Account(
        name=run.directory.name,
        config=run.config,
        tasks=run.saved.tasks,
        decisions=run.saved.decisions,
        metrics={
            **metrics,
            **{own.name: _judged_again(own, metrics.get(own.name) or {}) for own in judged},
        },
        history=run.history if (run.directory / "history.jsonl").exists() else [],
        environment=run.environment,
        loss_weights=run.loss_weights,
        judged=judged,
        notes=tuple(notes),
        model=lambda: run.model,
    )


def _judged_again(judged: Judged, before: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the metrics of rows by the model's decisions of now, which may have been changed."""
    from mtc_keras.scoring.judging import judge_logits

    found = judge_logits(
        judged.tasks,
        judged.targets,
        judged.logits,
        judged.decisions,
        details=True,
        lengths=judged.lengths,
        max_length=judged.max_length,
    )
    return {**before, **to_json(found)}
