"""The models that a comparison trains, and what each of them gives and costs.

Three ways to predict the same tasks:

    joint     one model, a head a task
    single    one model a task, each on the rows that carry its label
    binary    one model, all classes of all tasks as sigmoids of one multilabel task
"""

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from mtc_keras.config import BalancingConfig, Config, TrainingConfig, monitor_names
from mtc_keras.data.dataset import Dataset, only_task
from mtc_keras.data.rows import Rows
from mtc_keras.devices.startup import start
from mtc_keras.errors import DataError
from mtc_keras.run.checkpoints import saved_checkpoints
from mtc_keras.run.directory import MODEL, Run, checkpoint_directory
from mtc_keras.run.output import owned_output
from mtc_keras.tasks import Decision, Multilabel, Task
from mtc_keras.train.loss_weights import resolve_loss_weights
from mtc_keras.train.steps import resolved, train_run

ALL_CLASSES = "all_classes"  # the binary model's only task
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

    @property
    def is_done(self) -> bool:
        """Whether its run is there, from the same config and data files."""
        try:
            run = Run(self.config.output.directory)
        except DataError:
            return False
        written = (run.directory / "config.toml").read_text(encoding="utf-8")
        dataset, _ = resolve_loss_weights(self.config, self.dataset)
        same_config = written == resolved(self.config, dataset).to_toml()
        return same_config and _environment(run)["data_sha256"] == self.dataset.files

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
        every_task = partial(decide_each, dataset.tasks)
        yield Training("joint", changed("joint", config.task_list), dataset, every_task)
        for joint_task in dataset.tasks:
            # Alone it has nothing to be weighed against.
            task = joint_task.model_copy(update={"loss_weight": 1.0})
            own = only_task(dataset, task)
            name = f"single_{task.name}"
            yield Training("single", changed(name, [task]), own, partial(decide_each, [task]))
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


def decide_each(
    tasks: Sequence[Task], probabilities: Arrays, decisions: Decisions
) -> dict[str, np.ndarray]:
    """Returns every task's predictions from its own output."""
    return {
        task.name: task.decide(probabilities[task.name], decisions.get(task.name)) for task in tasks
    }


# === All classes of all tasks as one multilabel task ===


class AllClasses:
    """The naive alternative: all classes of all tasks as sigmoids of one multilabel task.

    Args:
        tasks: the learned tasks; those without classes are left out.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.tasks = [task for task in tasks if task.has_classes]
        names = [[f"{task.name}: {name}" for name in task.known_classes] for task in self.tasks]
        self.task = Multilabel(name=ALL_CLASSES, classes=list(chain(*names)))
        ends = np.cumsum([len(block) for block in names]).tolist()
        self.blocks = [slice(*block) for block in pairwise([0, *ends])]

    def targets(self, targets: Arrays) -> np.ndarray:
        """Returns float32 of shape `(N, all classes)`: 0, 1, and NaN where a label is missing."""
        return np.concatenate([_cells(task, targets[task.name]) for task in self.tasks], axis=1)

    def read_back(self, probabilities: Arrays, decisions: Decisions) -> dict[str, np.ndarray]:
        """Returns each task's predictions, decided on its own columns as the task itself does."""
        merged = probabilities[ALL_CLASSES]
        thresholds = list(decisions[ALL_CLASSES].thresholds.values())
        found = {}
        for task, block in zip(self.tasks, self.blocks, strict=True):
            decision = task.decision()
            own = zip(decision.thresholds, thresholds[block], strict=False)  # some have none
            decision.thresholds = dict(own)
            stated = merged[:, block]
            if not decision.thresholds:  # of exactly one class: as if they summed to 1
                stated = stated / np.maximum(stated.sum(axis=1, keepdims=True), 1e-7)
            found[task.name] = task.decide(stated, decision)
        return found

    def dataset(self, dataset: Dataset) -> Dataset:
        """Returns the dataset with all labels merged into one task's."""
        train = self._rows(dataset.train)
        return replace(
            dataset,
            tasks=[self.task.measure(train.targets[ALL_CLASSES])],
            train=train,
            validation=dataset.validation and self._rows(dataset.validation),
            test=dataset.test and self._rows(dataset.test),
        )

    def _rows(self, rows: Rows) -> Rows:
        weights = None
        if rows.sample_weight is not None:
            # One task has one weight a row: where a row weighs differently by task, their mean.
            columns = [rows.sample_weight[task.name] for task in self.tasks]
            weights = {ALL_CLASSES: np.mean(columns, axis=0, dtype="float32")}
        return replace(
            rows, targets={ALL_CLASSES: self.targets(rows.targets)}, sample_weight=weights
        )


def _cells(task: Task, targets: np.ndarray) -> np.ndarray:
    cells = task.class_indicator(targets).astype("float32")
    return np.where(task.known_cells(targets), cells, np.float32(np.nan))


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
        training_seconds=_environment(run)["seconds"]["to_last_epoch"],
        model_bytes=sum(
            path.stat().st_size for path in (run.directory / MODEL).rglob("*") if path.is_file()
        ),
        prediction_seconds=min(seconds),
    )


def _environment(run: Run) -> dict[str, Any]:
    return json.loads((run.directory / "environment.json").read_text(encoding="utf-8"))


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
    """Returns a task's predictions by approach, an array a seed; not of one that leaves it out."""
    found: dict[str, list[np.ndarray]] = {}
    for outcome in outcomes:
        if task.name in outcome.predictions:
            found.setdefault(outcome.approach, []).append(outcome.predictions[task.name])
    return found
