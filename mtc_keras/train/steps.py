"""From a config and a dataset to a finished run: model, optimizer, fit, judgement, files."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from mtc_keras.config import Config
from mtc_keras.console.log import Log
from mtc_keras.console.tables import (
    class_weight_tables,
    coverage_table,
    epoch_table,
    loss_weight_table,
)
from mtc_keras.data.batches import TrainingBatches
from mtc_keras.data.dataset import Dataset
from mtc_keras.devices import hardware, process, processes
from mtc_keras.devices.machine import machine
from mtc_keras.errors import ConfigError
from mtc_keras.model.building import build_balancing, build_model, build_optimizer
from mtc_keras.model.classifier import MultiTaskClassifier
from mtc_keras.model.feed import fed
from mtc_keras.programs.signals import Interruption
from mtc_keras.run.checkpoints import Start, find_start
from mtc_keras.run.directory import CHECKPOINTS, Run, checkpoint_directory
from mtc_keras.scoring.epochs import best_epochs
from mtc_keras.tasks import Task
from mtc_keras.train.callbacks import (
    BestEpoch,
    EpochOrder,
    History,
    MovingAverage,
    Prepared,
    TaskMetrics,
)
from mtc_keras.train.checkpointing import Checkpointing
from mtc_keras.train.data import (
    TrainingData,
    check_needs_of_validation,
    check_weights,
    make_batches,
    prepare_data,
    rows_note,
)
from mtc_keras.train.epoch_report import EpochReport
from mtc_keras.train.finite import FiniteLosses
from mtc_keras.train.judging import decide, judge, validation_logits
from mtc_keras.train.loss_weights import resolve_loss_weights
from mtc_keras.train.making import RunInMaking, run_in_making
from mtc_keras.train.reporting import report
from mtc_keras.train.tracking.tracker import Link
from mtc_keras.train.tracking.tracking import TrackedEpochs, Tracking, tracked


def train_run(config: Config, dataset: Dataset, verbose: int = 1, resume: bool = False) -> Run:
    """Trains a model on a dataset and writes its run directory.

    Args:
        config: the `Config`.
        dataset: the encoded splits, as `data.reading.read_splits` returns.
        verbose: 0 for silence, 1 for progress and tables, 2 for every class, too.
        resume: bool. Whether to continue from the newest checkpoint, if there is one.

    Returns:
        The finished `Run`.

    Raises:
        TrainingError: if a loss is no finite number, or the run cannot be written.
    """
    directory = checkpoint_directory(config.output.directory)
    start = find_start(directory, config, dataset, process.versions(), resume)
    check_same_start(start)
    check_needs_of_validation(config, dataset)
    check_weights(dataset)
    dataset, loss_weights = resolve_loss_weights(config, dataset)

    process.setup(config.seed)  # a probe, or its cache, leaves no trace in what follows
    built = build_model(config, dataset)
    model = built.model
    dataset = replace(dataset, notes=[*dataset.notes, *built.notes])
    data = prepare_data(config, dataset, model, loss_weights)
    batches = make_batches(config, data.train, model, config.training.epochs, start.checkpoint)
    data = replace(data, notes=[*data.notes, *rows_note(config.training, batches)])
    compile_model(config, model, len(batches))

    with (
        run_in_making(config, start, verbose) as run,
        tracked(resolved(config, data.tasks), start, run) as tracking,
    ):
        describe(config, data, run)
        announce(config, data, model, start, run.log)
        epochs = train_model(config, data, model, batches, start, run, tracking=tracking)
        trained = time.perf_counter()
        logits = validation_logits(config, data, model)
        decide(config, data, model, logits, run.log)
        run.writer.write_model(model)
        found, splits = judge(config, data, model, logits, run)
        metrics = {**epochs, "constant_prediction": data.constants, **found}
        run.writer.write_json("metrics.json", metrics)
        run.writer.write_json("environment.json", environment(data, start, trained, tracking.links))
        report(config, data, model, splits, run)
        tracking.log_results(metrics)
        tracking.finish(run.writer.directory)
    finished = run.writer.finish()
    processes.wait_for_all("the run is written")
    return finished


def check_same_start(start: Start) -> None:
    """Checks that all processes of a training start at the same step.

    Raises:
        ConfigError: if this one does not see the checkpoint of the first.
    """
    position = (start.checkpoint.epoch, start.checkpoint.step) if start.checkpoint else (0, 0)
    if any(processes.of_first_process(number) != number for number in position):
        raise ConfigError(
            "output.directory: the processes see different checkpoints; to resume, it must lie on "
            "a file system that all of them share"
        )


def compile_model(config: Config, model: MultiTaskClassifier, steps: int) -> None:
    """Compiles the model for epochs of so many steps."""
    model.compile(
        optimizer=build_optimizer(config.training, model, steps),
        balancing=build_balancing(config, model),
        gradient_accumulation=config.training.gradient_accumulation,
        rematerialisation=config.training.rematerialisation,
    )


def describe(config: Config, data: TrainingData, run: RunInMaking) -> None:
    """Writes what the run is trained by: the resolved config, and the weights in its loss."""
    run.writer.write_text("config.toml", resolved(config, data.tasks).to_toml())
    run.writer.write_json("loss_weights.json", data.loss_weights)
    run.writer.write_json("class_weights.json", class_weights(data.tasks))


def resolved(config: Config, tasks: Sequence[Task]) -> Config:
    """Returns the config with what the training rows taught its tasks, such as the classes."""
    return config.model_copy(update={"tasks": {task.name: task for task in tasks}})


def class_weights(tasks: Sequence[Task]) -> dict[str, dict[str, float]]:
    """Returns the weight of each class, for each task that has class weights."""
    return {
        task.name: dict(zip(task.known_classes, weights, strict=True))
        for task in tasks
        if (weights := task.class_weight_list) is not None
    }


def announce(
    config: Config, data: TrainingData, model: MultiTaskClassifier, start: Start, log: Log
) -> None:
    """Shows what is about to be trained."""
    trainable = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    log.line(
        f"{config.model.backbone}: {model.count_params():,} parameters, {trainable:,} trained, "
        f"on {hardware.device()}"
    )
    log.show(coverage_table([split.rows for split in data.splits], data.tasks))
    if any(row["rule"] for row in data.loss_weights.values()):
        log.show(loss_weight_table(data.loss_weights))
    for table in class_weight_tables(data.tasks):
        log.show(table)
    if data.train.rows.sample_weight is not None:
        log.line(f"row weights: column {config.data.weight!r}")
    if config.training.rematerialisation and hardware.cores():
        log.line(
            "training.rematerialisation saves no memory on a CPU, where XLA merges the backward "
            "pass with the forward one; training.gradient_accumulation does"
        )
    for line in (*data.checked, *data.notes, *start.notes):
        log.line(line)


def train_model(
    config: Config,
    data: TrainingData,
    model: MultiTaskClassifier,
    batches: TrainingBatches,
    start: Start,
    run: RunInMaking,
    *,
    tracking: Tracking,
) -> dict[str, Any]:
    """Fits the model and leaves the best epoch's weights in it.

    Returns:
        `best_epoch`, the number of the epoch kept, from 1 (the last without validation), and
        with validation `epochs`: for each task its own best epoch and what the kept one costs.
    """
    training, log = config.training, run.log
    metrics = best = constant = None
    losses = FiniteLosses(config, batches, run.writer.path(CHECKPOINTS))
    callbacks: list[keras.callbacks.Callback] = [EpochOrder(batches)]
    if training.ema_momentum is not None:
        callbacks.append(MovingAverage())
    if data.validation is not None:
        metrics = TaskMetrics(
            data.validation.tokens, data.validation.rows.targets, batch_size=training.batch_size
        )
        best = BestEpoch(
            training.monitor,
            floor=training.floor,
            patience=training.patience or training.epochs,
            min_delta=training.min_delta,
        )
        constant = data.baseline(data.validation)
        callbacks += [metrics, losses, best]
    else:
        callbacks.append(losses)
    callbacks += [
        EpochReport(log, metrics, constant, best, batches, run.verbose > 1),
        History(run.writer.path("history.jsonl")),
        TrackedEpochs(tracking),
    ]
    with Interruption() as interruption, process.random_bits():
        checkpointing = Checkpointing(
            run.writer.path(CHECKPOINTS),
            training,
            batches,
            callbacks,
            start,
            losses=losses,
            interruption=interruption,
            writes=run.writer.is_kept,
        )
        model.fit(
            fed(batches, from_middle=start.checkpoint is not None),
            epochs=training.epochs,
            initial_epoch=checkpointing.initial_epoch,
            # The last knows where a resumed training begins.
            callbacks=[*callbacks, checkpointing, Prepared(batches)],
            verbose=0,
        )
        checkpointing.stop_if_asked("after the last epoch")
    if best is None or metrics is None:
        log.line("no validation split: the last epoch is kept")
        return {"best_epoch": training.epochs}
    kept = best.best_epoch
    if best.is_found:
        log.line(f"kept: epoch {kept + 1}, {best.title} {best.best:.4f}")
    else:
        kept = len(metrics.evaluations) - 1
        log.line(f"{best.title} is undefined after every epoch: the last one is kept")
    if not best.floor_reached:
        log.line("no epoch reached training.floor: the best of all is kept")
    epochs = best_epochs(data.tasks, metrics.evaluations, kept)
    if len(metrics.evaluations) > 1:
        log.show(epoch_table(epochs, kept + 1))
    return {"best_epoch": kept + 1, "epochs": epochs}


def environment(
    data: TrainingData, start: Start, trained: float, links: Mapping[str, Link]
) -> dict[str, Any]:
    """Returns what made the run: versions, machine, seconds, and hashes of the data files.

    Args:
        data: what was read.
        start: when the training started.
        trained: float. `time.perf_counter()` after the last epoch.
        links: by tracker, what finds the run in it.
    """
    return {
        "versions": process.versions(),
        "device": hardware.device(),
        "machine": machine(),
        "devices": math.prod(hardware.mesh_shape()),
        "processes": processes.count(),
        "seconds": {
            "to_last_epoch": round(trained - start.clock, 1),
            "in_all": round(time.perf_counter() - start.clock, 1),
        },
        "data_sha256": data.files,
        **({"tracking": dict(links)} if links else {}),
    }
