"""Two finished runs judged on the same rows."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mtc_keras.devices.startup import start
from mtc_keras.errors import ConfigError, DataError, listed
from mtc_keras.files import to_json
from mtc_keras.run.directory import Run
from mtc_keras.run.rows import as_run, labelled_rows, source_of_test, unlabelled_notes
from mtc_keras.tasks import Task

if TYPE_CHECKING:
    from mtc_keras.console.log import Log
    from mtc_keras.data.rows import Rows
    from mtc_keras.run.rows import Data

RESAMPLES = 1000


@dataclass(frozen=True, eq=False)
class RunComparison:
    """How far two runs differ on the same rows.

    Args:
        name: str. What the rows are called: `"test"`, or their files.
        runs: the directories of run A and run B.
        resamples: int. Drawings of the rows behind the intervals.
        tasks: for each task that both runs have and the rows label its `metric`, labelled
            `rows`, the metric of `a` and `b`, the `difference` b − a, its 95 % interval from
            `low` to `high`, and the `verdict` on B: `"better"`, `"worse"` or
            `"no difference seen"`.
        notes: lines on rows that were left out, such as those without a text, and on tasks for
            which no row has a label.
    """

    name: str
    runs: tuple[str, str]
    resamples: int
    tasks: dict[str, dict[str, Any]]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Returns the comparison as JSON values."""
        return to_json(asdict(self))

    def show(self, log: "Log") -> None:
        """Shows the comparison as a table."""
        from mtc_keras.compare.tables import run_table

        for note in self.notes:
            log.line(note)
        log.line(f"A: {self.runs[0]}\nB: {self.runs[1]}")
        log.show(run_table(self.tasks, self.name))
        log.line(f"interval: 95 % of {self.resamples:,} drawings of the rows")


def compare_runs(
    run_a: Run | str | Path,
    run_b: Run | str | Path,
    data: "Data | None" = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    reading: Mapping[str, Any] | None = None,
) -> RunComparison:
    """Judges two runs on the same rows, by the main metric of each task that both have.

    Intervals are those of a paired bootstrap: both runs are judged on the same drawings of rows
    (Efron & Tibshirani 1993). They do not cover the luck of a training.

    Args:
        run_a: a `Run`, or the path of a run directory.
        run_b: the other one.
        data: labelled rows that neither was trained on, in both runs' formats: a file, a glob,
            a list of them, a DataFrame or dicts; default: the test files, if both configs name the
            same ones.
        resamples: int. Drawings of the rows.
        seed: int. Seed of the drawings.
        reading: keys of `[data]` that say how rows are read, such as `{"delimiter": ";"}`, and
            `"tasks.NAME.column"`; default: those of each run.

    Returns:
        The `RunComparison`.

    Raises:
        ConfigError: if the runs have no task in common, or no rows are named.
        DataError: for a mistake in the data, if the runs read different rows of them or
            different labels, or if there is no such run.

    Example:

    ```python
    comparison = mtc_keras.compare_runs("runs/small", "runs/large")
    comparison.tasks["sentiment"]["difference"]
    ```
    """
    runs = as_run(run_a), as_run(run_b)
    if isinstance(data, Iterator):  # it is read twice
        data = list(data)
    _check(runs, data, resamples)
    with runs[0].being_read(), runs[1].being_read():
        for run in runs:
            run.check_model()
        rows_a, rows_b = (labelled_rows(run, data, "test", reading=reading) for run in runs)
        if list(rows_a.where) != list(rows_b.where):
            raise DataError(
                f"the runs read different rows of {rows_a.name}: {len(rows_a):,} and "
                f"{len(rows_b):,}; do their configs name the same text columns?"
            )
        first, second = _predicted(runs[0], rows_a), _predicted(runs[1], rows_b)
    found = {
        name: _compared(first[name], second[name], resamples, seed)
        for name in first
        if name in second
    }
    return RunComparison(
        name=rows_a.name,
        runs=(str(runs[0].directory), str(runs[1].directory)),
        resamples=resamples,
        tasks={name: row for name, row in found.items() if row is not None},
        notes=(*rows_a.notes, *unlabelled_notes(rows_a, [first[name].task for name in found])),
    )


@dataclass(frozen=True, eq=False)
class _Predicted:
    """One task's encoded labels of N rows, and what a run predicts them to be."""

    task: Task
    targets: np.ndarray
    predictions: np.ndarray


def _check(runs: tuple[Run, Run], data: "Data | None", resamples: int) -> None:
    """Checks what can be checked before the data are read."""
    tasks_a, tasks_b = (run.config.tasks for run in runs)
    if not set(tasks_a) & set(tasks_b):
        raise ConfigError(
            f"the runs have no task in common: {listed(list(tasks_a))}; {listed(list(tasks_b))}"
        )
    for name in tasks_a:
        if name in tasks_b and tasks_a[name].main_metric != tasks_b[name].main_metric:
            kinds = [tasks[name].kind for tasks in (tasks_a, tasks_b)]
            raise ConfigError(f"tasks.{name} is {kinds[0]} in one run and {kinds[1]} in the other")
    if data is None and source_of_test(runs[0].config.data) != source_of_test(runs[1].config.data):
        raise ConfigError("the configs of the runs name different test files: give --data FILE")
    if resamples < 1:
        raise ConfigError(f"resamples must be 1 or more, received {resamples}")


def _predicted(run: Run, rows: "Rows") -> Mapping[str, _Predicted]:
    start(run.config.distribution)
    from mtc_keras.model.long_texts import tokens_of
    from mtc_keras.scoring.decisions import decide_tasks

    model = run.model
    tokens = tokens_of(model, rows.texts)
    logits = model.predict_logits(tokens, run.config.training.batch_size)
    predictions = decide_tasks(model.tasks, model.activate(logits), model.decisions)
    return {
        task.name: _Predicted(task, rows.targets[task.name], predictions[task.name])
        for task in model.tasks
    }


def _compared(a: _Predicted, b: _Predicted, resamples: int, seed: int) -> dict[str, Any] | None:
    """Returns what is known of a task, or `None` if no row carries its label."""
    from mtc_keras.scoring.intervals import judge, main_score, resampled_scores

    labelled = a.task.labelled(a.targets)
    if not np.array_equal(labelled, b.task.labelled(b.targets)):
        raise DataError(
            f"tasks.{a.task.name}: the runs read different labels; are its column and missing "
            "values the same in both configs?"
        )
    if not labelled.any():
        return None
    scores, drawn = [], []
    for one in (a, b):
        targets, predictions = one.targets[labelled], one.predictions[labelled]
        scores.append(main_score(one.task, targets, predictions))
        drawn.append(resampled_scores(one.task, targets, [predictions], resamples, seed))
    return {
        "metric": a.task.main_metric,
        "rows": int(labelled.sum()),
        "a": scores[0],
        "b": scores[1],
        **asdict(judge(scores[1] - scores[0], drawn[1] - drawn[0])),
    }
