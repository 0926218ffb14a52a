"""Loss weights by a rule: from the labels' frequencies, or from a short training of each task."""

import contextlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mtc_keras.config import Config
from mtc_keras.data.dataset import Dataset, Split, only_task
from mtc_keras.devices import process, processes
from mtc_keras.errors import ConfigError, DataError, TrainingError
from mtc_keras.files import json_digest, json_line, write_whole
from mtc_keras.model.building import build_model, build_optimizer
from mtc_keras.model.long_texts import tokens_of
from mtc_keras.tasks import Task
from mtc_keras.train.callbacks import EpochOrder, TaskMetrics
from mtc_keras.train.data import make_batches
from mtc_keras.train.finite import FiniteLosses

PARTS_OF_A_PROBE = 4  # it is judged after each
CHECKPOINT_KEYS = {"checkpoint_minutes", "keep_checkpoints"}
NOT_IN_A_PROBE = {"epochs", "monitor", "floor", "patience"} | CHECKPOINT_KEYS  # change nothing


def resolve_loss_weights(
    config: Config, dataset: Dataset
) -> tuple[Dataset, dict[str, dict[str, Any]]]:
    """Turns the rules for loss weights into numbers.

    `"prior"` is 1 / the plain loss (cross-entropy, squared error; no class weights) of the best
    constant prediction: the entropy of the classes, or the variance of the (standardised)
    numbers, so that every task with such a loss starts near 1. `"probe"` is
    1 / the lowest validation loss of the task trained alone for `balancing.probe_steps`.

    Args:
        config: the `Config`.
        dataset: the encoded splits, with validation rows where a task is probed.

    Returns:
        The dataset with tasks whose weights are numbers, and for each task its `rule`
        (`None` for a number), the `loss` measured and its `weight`.

    Raises:
        DataError: if a rule's loss is 0, because the labels do not vary.
        TrainingError: if a probe's loss is not finite.
    """
    table: dict[str, dict[str, Any]] = {}
    tasks = []
    for task in dataset.tasks:
        rule = task.loss_weight if isinstance(task.loss_weight, str) else None
        loss = weight = None
        if rule is None:
            weight = task.weight
        else:
            loss = task.constant_loss() if rule == "prior" else _probed(config, dataset, task)
            if not 0 < loss < math.inf:
                raise DataError(
                    f"tasks.{task.name}.loss_weight: {rule!r} found a loss of {loss}, so 1 / loss "
                    "is not a weight; do its labels vary? Give a number"
                )
            weight = 1 / loss
        table[task.name] = {"rule": rule, "loss": loss, "weight": weight}
        tasks.append(task.model_copy(update={"loss_weight": weight}))
    return replace(dataset, tasks=tasks), table


def with_recorded_weights(
    tasks: Sequence[Task], recorded: Mapping[str, Mapping[str, Any]]
) -> list[Task]:
    """Returns the tasks with the loss weights that the same rules found in an earlier training.

    A task keeps its rule if another one is recorded, or none.

    Args:
        tasks: the tasks.
        recorded: the second value of `resolve_loss_weights`, in that training.
    """

    def weight(task: Task) -> float | str:
        if not isinstance(task.loss_weight, str):
            return task.weight
        row = recorded.get(task.name, {})
        return row["weight"] if row.get("rule") == task.loss_weight else task.loss_weight

    return [task.model_copy(update={"loss_weight": weight(task)}) for task in tasks]


def _probed(config: Config, dataset: Dataset, task: Task) -> float:
    """Returns the lowest validation loss of a task trained alone, from the cache if it is there."""
    # With weight 1: under a limit of the gradient's norm it would matter.
    alone = only_task(dataset, task.model_copy(update={"loss_weight": 1.0}))
    file = process.cache_directory() / "probe" / f"{_key(config, alone)}.json"
    # Several processes probe together or not at all, so the first one's cache decides.
    if math.isfinite(loss := processes.of_first_process(_read(file))):
        return loss
    try:
        loss = probe(config, alone)
    except TrainingError as error:
        raise TrainingError(
            f"tasks.{task.name}.loss_weight: the probe diverged; give a number, or: "
            f"{error.headline}",
            error.problems,
        ) from None
    with contextlib.suppress(OSError, ConfigError):  # a cache that is not written costs only time
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, json_line({"task": task.name, "loss": loss}))
    return loss


def _read(file: Path) -> float:
    """Returns the loss that an earlier probe left, NaN if there is none."""
    try:
        return float(json.loads(file.read_text(encoding="utf-8"))["loss"])
    except (OSError, ValueError, KeyError):  # not there, or not whole
        return math.nan


def probe(config: Config, dataset: Dataset) -> float:
    """Trains a dataset of one task for `balancing.probe_steps` steps.

    Args:
        config: the `Config`.
        dataset: a dataset with one task, each row of it labelled.

    Returns:
        float. The lowest of the validation losses after each quarter of the steps.
    """
    assert dataset.validation is not None  # checked before any training
    process.setup(config.seed)  # whatever was probed before
    (task,) = dataset.tasks
    model = build_model(config, dataset).model
    train = Split(dataset.train, tokens_of(model, dataset.train.texts))
    judged = tokens_of(model, dataset.validation.texts)
    steps = config.balancing.probe_steps
    # About, where a number of tokens decides how many rows a step has.
    epochs = steps * config.training.batch_size / len(train)
    batches = make_batches(config, train, model, epochs)
    # No moving average: after a fit Keras (3.15) leaves it and the weights in one buffer, which
    # the next fit cannot give away twice.
    training = config.training.model_copy(update={"epochs": 1, "ema_momentum": None})
    model.compile(
        build_optimizer(training, model, steps),
        gradient_accumulation=training.gradient_accumulation,
        rematerialisation=training.rematerialisation,
    )
    metrics = TaskMetrics(judged, dataset.validation.targets, batch_size=config.training.batch_size)
    losses = FiniteLosses(config, batches)
    data = batches.dataset().repeat()
    parts = [len(part) for part in np.array_split(np.arange(steps), PARTS_OF_A_PROBE) if len(part)]
    with process.random_bits():
        for epoch, part in enumerate(parts):
            model.fit(
                data,
                epochs=epoch + 1,
                initial_epoch=epoch,
                steps_per_epoch=part,
                callbacks=[EpochOrder(batches), metrics, losses],
                verbose=0,
            )
    return min(evaluation["tasks"][task.name]["loss"] for evaluation in metrics.evaluations)


def _key(config: Config, dataset: Dataset) -> str:
    """Returns a hash of all that decides what a probe finds."""
    assert dataset.validation is not None
    settings = {
        "versions": process.versions(),
        "seed": config.seed,
        "task": dataset.tasks[0].model_dump(),
        "model": config.model.model_dump(),
        "training": config.training.model_dump(exclude=NOT_IN_A_PROBE),
        "steps": config.balancing.probe_steps,
        "rows": [rows.fingerprint for rows in (dataset.train, dataset.validation)],
    }
    return json_digest(settings)
