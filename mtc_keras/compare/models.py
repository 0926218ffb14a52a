"""The models that a comparison trains, and what each of them gives and costs.

Three ways to predict the same tasks:

    joint     one model, one head per task
    single    one model per task, each on the rows that carry its label
    binary    one model, all classes of all tasks as sigmoids of one multilabel task
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mtc_keras.compare.all_classes import AllClasses
from mtc_keras.config import BalancingConfig, Config, TrackingConfig, TrainingConfig, monitor_names
from mtc_keras.data.dataset import Dataset, only_task
from mtc_keras.data.rows import Rows
from mtc_keras.devices.startup import start
from mtc_keras.errors import DataError
from mtc_keras.run.checkpoints import saved_checkpoints
from mtc_keras.run.directory import MODEL, Run, checkpoint_directory
from mtc_keras.run.output import owned_output
from mtc_keras.scoring.decisions import decide_tasks
from mtc_keras.tasks import Decision, Task
from mtc_keras.train.loss_weights import with_recorded_weights
from mtc_keras.train.steps import resolved, train_run

COSTS = ("training_seconds", "model_bytes", "prediction_seconds")
Arrays = Mapping[str, np.ndarray]
Decisions = Mapping[str, Decision]
ReadBack = Callable[[Arrays, Decisions], dict[str, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Training:
    """One model of a comparison.

    Args:
        approach: `"joint"`, `"single"` or `"binary"`.
        config: its own config, whose output directory is its run's.
        dataset: the rows that it sees.
        read_back: turns what the model predicts into predictions by task.
    """

    approach: str
    config: Config
    dataset: Dataset
    read_back: ReadBack

    def is_done(self) -> bool:
        """Whether its run is there, from the same config and data files; trains nothing."""
        try:
            run = Run(self.config.output.directory)
        except DataError:
            return False
        tasks = with_recorded_weights(self.dataset.tasks, run.loss_weights)
        own = resolved(self.config, tasks)
        # Read again, as a run from before lacks keys that are as they are by default; whether one
        # has a report changes nothing in it.
        same_config = run.config.model_copy(update={"report": own.report}) == own
        return same_config and run.environment["data_sha256"] == self.dataset.files

    def train(self, verbose: int, resume: bool = False) -> Run:
        """Trains it as a process of its own would: from its seed, whatever ran before."""
        start(seed=self.config.seed)
        directory = self.config.output.directory
        begun = saved_checkpoints(checkpoint_directory(directory))
        with owned_output(directory, overwrite=not resume, resume=resume):
            return train_run(self.config, self.dataset, verbose, resume and bool(begun))


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one trained model gave.

    Args:
        approach: the approach that it belongs to.
        predictions: dict from task to predictions of all test rows.
        training_seconds: up to the end of the last epoch.
        model_bytes: of the model's files.
        prediction_seconds: of one pass over the test texts, tokenizing them included; the
            shortest of three.
    """

    approach: str
    predictions: dict[str, np.ndarray]
    training_seconds: float
    model_bytes: int
    prediction_seconds: float


# === Models to train ===


def trainings(
    config: Config, dataset: Dataset, directory: Path, seeds: int, binary: bool
) -> Iterator[Training]:
    """Yields every model of a comparison, seed after seed.

    Args:
        config: the joint model's config.
        dataset: its splits. They stay the same for all seeds, so that seeds differ by
            the training alone.
        directory: where the runs go, `seed_<seed>/<name>` each.
        seeds: int. The config's seed and the ones that follow it.
        binary: bool. Whether to train the binary model, too.
    """
    for seed in range(config.seed, config.seed + seeds):
        changed = partial(_changed_config, config, seed, directory / f"seed_{seed}")
        every_task = partial(decide_tasks, dataset.tasks)
        yield Training("joint", changed("joint", config.task_list), dataset, every_task)
        for joint_task in dataset.tasks:
            # Alone it has nothing to be weighed against.
            task = joint_task.model_copy(update={"loss_weight": 1.0})
            own = only_task(dataset, task)
            name = f"single_{task.name}"
            yield Training("single", changed(name, [task]), own, partial(decide_tasks, [task]))
        if binary:
            merged = AllClasses(dataset.tasks)
            all_rows = merged.dataset(dataset)
            own = only_task(all_rows, all_rows.tasks[0])
            yield Training("binary", changed("binary", own.tasks), own, merged.read_back)


def _changed_config(
    config: Config, seed: int, directory: Path, name: str, tasks: Sequence[Task]
) -> Config:
    changes: dict[str, Any] = {
        "seed": seed,
        "tasks": {task.name: task for task in tasks},
        "training": _known_metrics(config.training, monitor_names(tasks)),
        # One page tells of all of them; `mtc-keras report` writes one of any.
        "report": config.report.model_copy(update={"enabled": False}),
        "tracking": TrackingConfig(),  # of a comparison no single training is followed
        "output": config.output.model_copy(update={"directory": str(directory / name)}),
    }
    if len(tasks) == 1:  # there is nothing to balance
        changes["balancing"] = BalancingConfig(probe_steps=config.balancing.probe_steps)
    return config.model_copy(update=changes)


def _known_metrics(training: TrainingConfig, known: Sequence[str]) -> TrainingConfig:
    """Leaves out what a model of fewer tasks cannot be monitored by."""
    monitor = training.monitor
    if isinstance(monitor, str):
        monitor = monitor if monitor in known else "score"
    else:
        monitor = {name: weight for name, weight in monitor.items() if name in known} or "score"
    floor = {name: bound for name, bound in training.floor.items() if name in known}
    return training.model_copy(update={"monitor": monitor, "floor": floor})


# === What a model gives ===


def measure(training: Training, test: Rows) -> Outcome:
    """Predicts all test rows with a trained model, and counts what the model costs.

    Args:
        training: a training whose run is there.
        test: all test rows, labelled for the model's tasks or not: single models read
            every text, too, when they take a joint model's place.
    """
    x = test.texts if len(test.texts) > 1 else test.texts[0]
    run = Run(training.config.output.directory)
    batch_size = training.config.training.batch_size
    probabilities = run.model.predict(x, batch_size, verbose=0)  # compiles
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        run.model.predict(x, batch_size, verbose=0)
        seconds.append(time.perf_counter() - started)
    return Outcome(
        approach=training.approach,
        predictions=training.read_back(probabilities, run.model.decisions),
        training_seconds=run.environment["seconds"]["to_last_epoch"],
        model_bytes=sum(
            path.stat().st_size for path in (run.directory / MODEL).rglob("*") if path.is_file()
        ),
        prediction_seconds=min(seconds),
    )


def costs(outcomes: Sequence[Outcome], seeds: int) -> dict[str, dict[str, float]]:
    """Returns for each approach what all its models of one seed cost, as means over seeds.

    Returns:
        dict from approach to its `models` (how many), each of `COSTS`, and each as
        `<cost>_ratio`: how many times the joint model's.
    """
    found: dict[str, dict[str, float]] = {}
    for approach in dict.fromkeys(outcome.approach for outcome in outcomes):
        own = [outcome for outcome in outcomes if outcome.approach == approach]
        found[approach] = {"models": len(own) // seeds} | {
            cost: sum(getattr(outcome, cost) for outcome in own) / seeds for cost in COSTS
        }
    for values in found.values():
        for cost in COSTS:
            joint = found["joint"][cost]
            values[f"{cost}_ratio"] = values[cost] / joint if joint else math.nan
    return found


def by_approach(task: Task, outcomes: Sequence[Outcome]) -> dict[str, list[np.ndarray]]:
    """Returns a task's predictions, one array per seed, for each approach that has the task."""
    found: dict[str, list[np.ndarray]] = {}
    for outcome in outcomes:
        if task.name in outcome.predictions:
            found.setdefault(outcome.approach, []).append(outcome.predictions[task.name])
    return found
