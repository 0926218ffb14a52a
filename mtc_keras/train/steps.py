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
from mtc_keras.console.scores import show_scores
from mtc_keras.console.tables import (
    class_weight_tables,
    coverage_table,
    decision_tables,
    epoch_table,
    loss_weight_table,
)
from mtc_keras.data.batches import TrainingBatches
from mtc_keras.data.dataset import Dataset
from mtc_keras.data.rows import Rows
from mtc_keras.data.token_cache import cached_tokens
from mtc_keras.data.tokens import Tokens, too_long
from mtc_keras.devices import hardware, process, processes
from mtc_keras.devices.distribution import share
from mtc_keras.errors import ConfigError, DataError
from mtc_keras.model.building import build_balancing, build_model, build_optimizer
from mtc_keras.model.classifier import MultiTaskClassifier
from mtc_keras.programs.signals import Interruption
from mtc_keras.run.checkpoints import Start, find_start
from mtc_keras.run.directory import CHECKPOINTS, Run, checkpoint_directory
from mtc_keras.run.writer import RunWriter
from mtc_keras.scoring.decisions import fit_decisions
from mtc_keras.scoring.judging import baseline, best_epochs, score_rows
from mtc_keras.tasks import Task
from mtc_keras.train.callbacks import (
    BestEpoch,
    EpochOrder,
    History,
    MovingAverage,
    TaskMetrics,
)
from mtc_keras.train.checkpointing import Checkpointing
from mtc_keras.train.epoch_report import EpochReport
from mtc_keras.train.loss_weights import resolve_loss_weights


def train_run(config: Config, dataset: Dataset, verbose: int = 1, resume: bool = False) -> Run:
    """Trains a model on a dataset and writes its run directory.

    Args:
        config: the `Config`.
        dataset: the encoded splits, as `data.read_splits` returns.
        verbose: 0 for silence, 1 for progress and tables, 2 for every class, too.
        resume: bool. Whether to go on from the newest checkpoint, if there is one.

    Returns:
        The finished `Run`.
    """
    directory = checkpoint_directory(config.output.directory)
    start = find_start(directory, config, dataset, process.versions(), resume)
    check_same_start(start)
    check_needs_of_validation(config, dataset)
    dataset, loss_weights = resolve_loss_weights(config, dataset)
    process.prepare_training()
    process.setup(config.seed)  # a probe, or its cache, leaves no trace in what follows
    model = build_model(config, dataset)
    tokens = {
        rows.name: split_tokens(config, model, rows)
        for rows in (dataset.train, dataset.validation, dataset.test)
        if rows
    }
    train, tokens["train"], notes = without_long(config, dataset.train, tokens["train"], model)
    dataset = replace(dataset, train=train)
    size = config.training.batch_size
    batches = TrainingBatches(tokens["train"], train, dataset.tasks, size, config.seed, share())
    model.compile(
        optimizer=build_optimizer(config.training, model, len(batches)),
        balancing=build_balancing(config, model),
        gradient_accumulation=config.training.gradient_accumulation,
        rematerialisation=config.training.rematerialisation,
    )

    constants = {
        t.name: t.constant_prediction(dataset.train.targets[t.name]) for t in dataset.tasks
    }
    resumed, first = start.checkpoint is not None, processes.process_id() == 0
    run = RunWriter(config.output.directory, resumed, is_kept=first)
    run.write_text("config.toml", resolved(config, dataset).to_toml())
    run.write_json("loss_weights.json", loss_weights)
    run.write_json("class_weights.json", class_weights(dataset.tasks))
    with Log(run.path("train.log"), quiet=verbose == 0 or not first, append=resumed) as log:
        notes = [*dataset.notes, *notes, *start.notes]
        announce(log, config, dataset, model, loss_weights, notes)
        epochs = train_model(
            config, dataset, tokens, model, batches, constants, start, run, log, verbose
        )
        fitted = time.perf_counter()
        decide(config, dataset, tokens, model, log)
        model.save_to_preset(str(run.path("model")))
        metrics = judge(config, dataset, tokens, model, constants, run, log)
    metrics = {**epochs, "constant_prediction": constants, **metrics}
    run.write_json("metrics.json", metrics)
    run.write_json(
        "environment.json",
        {
            "versions": process.versions(),
            "device": hardware.device(),
            "devices": math.prod(hardware.mesh_shape()),
            "processes": processes.count(),
            "seconds": {
                "to_last_epoch": round(fitted - start.clock, 1),
                "in_all": round(time.perf_counter() - start.clock, 1),
            },
            "data_sha256": dataset.files,
        },
    )
    finished = run.finish()
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


def class_weights(tasks: Sequence[Task]) -> dict[str, dict[str, float]]:
    """Returns the weight of each class, for each task that has class weights."""
    return {
        task.name: dict(zip(task.known_classes, weights, strict=True))
        for task in tasks
        if (weights := task.class_weight_list) is not None
    }


def check_needs_of_validation(config: Config, dataset: Dataset) -> None:
    """Checks that what is measured on a validation split has one.

    Raises:
        ConfigError: with every setting that needs it.
    """
    if dataset.validation is not None:
        return
    needs = {
        f"tasks.{task.name}.loss_weight": task.loss_weight == "probe" for task in dataset.tasks
    }
    needs["decisions.thresholds"] = isinstance(config.decisions.thresholds, str)
    needs["decisions.calibration"] = config.decisions.calibration == "temperature"
    needs["training.floor"] = bool(config.training.floor)
    needs["training.monitor"] = config.training.monitor != "score"
    needs["training.patience"] = config.training.patience is not None
    needs["training.min_delta"] = config.training.min_delta > 0
    problems = [f"{key}: is measured on validation rows" for key, asked in needs.items() if asked]
    if problems:
        raise ConfigError(
            "there is no validation split: give data.validation files or a share such as 0.1, "
            "or remove these settings",
            problems,
        )


def split_tokens(config: Config, model: MultiTaskClassifier, rows: Rows) -> Tokens:
    """Returns the tokens of a split's rows, from the user's cache directory if they are there."""
    directory = process.cache_directory() / "tokens" if config.data.cache else None
    return cached_tokens(model.preprocessor, rows.texts, directory)


def without_long(
    config: Config, rows: Rows, tokens: Tokens, model: MultiTaskClassifier
) -> tuple[Rows, Tokens, list[str]]:
    """Drops the training rows that are too long if the config says so.

    Returns:
        The rows kept, their tokens, and notes for people.

    Raises:
        DataError: if a task is left without labels.
    """
    long = too_long(model.preprocessor, rows.texts, tokens)
    if not len(long):
        return rows, tokens, []
    note = f"of {len(rows):,} training rows, {len(long):,} exceed max_length = "
    note += f"{config.model.max_length} tokens and are "
    if config.data.too_long == "truncate":
        return rows, tokens, [note + "truncated"]
    kept = np.setdiff1d(np.arange(len(rows)), long)
    left = rows.take(kept)
    problems = [
        f"tasks.{name}: no row of at most {config.model.max_length} tokens has a label"
        for name, known in left.coverage(model.tasks).items()
        if not known
    ]
    if problems:
        raise DataError('data.too_long = "drop" leaves too few training rows', problems)
    return left, tokens.select(kept), [note + "dropped"]


def resolved(config: Config, dataset: Dataset) -> Config:
    """Returns the config with what the training rows taught, such as the classes."""
    return config.model_copy(update={"tasks": {task.name: task for task in dataset.tasks}})


def announce(
    log: Log,
    config: Config,
    dataset: Dataset,
    model: MultiTaskClassifier,
    loss_weights: Mapping[str, Any],
    notes: Sequence[str],
) -> None:
    """Shows what is about to be trained."""
    trainable = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    log.line(
        f"{config.model.backbone}: {model.count_params():,} parameters, {trainable:,} trained, "
        f"on {hardware.device()}"
    )
    splits = [rows for rows in (dataset.train, dataset.validation, dataset.test) if rows]
    log.show(coverage_table(splits, dataset.tasks))
    if any(row["rule"] for row in loss_weights.values()):
        log.show(loss_weight_table(loss_weights))
    for table in class_weight_tables(dataset.tasks):
        log.show(table)
    if dataset.train.sample_weight is not None:
        log.line(f"row weights: column {config.data.weight!r}")
    for note in notes:
        log.line(note)


def train_model(
    config: Config,
    dataset: Dataset,
    tokens: Mapping[str, Tokens],
    model: MultiTaskClassifier,
    batches: TrainingBatches,
    constants: Mapping[str, np.ndarray],
    start: Start,
    run: RunWriter,
    log: Log,
    verbose: int,
) -> dict[str, Any]:
    """Fits the model and leaves the best epoch's weights in it.

    Returns:
        `best_epoch`, the number of the epoch kept, from 1 (the last without validation), and
        with validation `epochs`: for each task its own best epoch and what the kept one costs.
    """
    training = config.training
    metrics = best = constant = None
    callbacks: list[keras.callbacks.Callback] = [EpochOrder(batches)]
    if training.ema_momentum is not None:
        callbacks.append(MovingAverage())
    if dataset.validation is not None:
        metrics = TaskMetrics(
            tokens["validation"], dataset.validation.targets, batch_size=training.batch_size
        )
        best = BestEpoch(
            training.monitor,
            floor=training.floor,
            patience=training.patience or training.epochs,
            min_delta=training.min_delta,
        )
        constant = baseline(dataset.tasks, constants, dataset.validation.targets)
        callbacks += [metrics, best]
    callbacks += [
        EpochReport(log, metrics, constant, best, batches, verbose > 1),
        History(run.path("history.jsonl")),
    ]
    with Interruption() as interruption:
        checkpointing = Checkpointing(
            run.path(CHECKPOINTS), training, batches, callbacks, start, interruption, run.is_kept
        )
        model.fit(
            batches.dataset(),
            epochs=training.epochs,
            initial_epoch=checkpointing.initial_epoch,
            callbacks=[*callbacks, checkpointing],
            verbose=0,
        )
        checkpointing.stop_if_asked("after the last epoch")
    if best is None or metrics is None:
        log.line("no validation split: the last epoch is kept")
        return {"best_epoch": training.epochs}
    log.line(f"kept: epoch {best.best_epoch + 1}, {best.title} {best.best:.4f}")
    if not best.floor_reached:
        log.line("no epoch reached training.floor: the best of all is kept")
    epochs = best_epochs(dataset.tasks, metrics.evaluations, best.best_epoch)
    log.show(epoch_table(epochs, best.best_epoch + 1))
    return {"best_epoch": best.best_epoch + 1, "epochs": epochs}


def decide(
    config: Config,
    dataset: Dataset,
    tokens: Mapping[str, Tokens],
    model: MultiTaskClassifier,
    log: Log,
) -> None:
    """Fits temperatures and thresholds on the validation split and puts them into the model."""
    settings, rows = config.decisions, dataset.validation
    thresholds, calibration = settings.thresholds, settings.calibration
    if rows is None:
        log.line("no validation split: temperatures are 1, thresholds are not fitted")
        thresholds, calibration = 0.5 if thresholds is None else thresholds, "none"
        targets = {task.name: dataset.train.targets[task.name][:0] for task in model.tasks}
        logits = model.predict_logits([])
    else:
        targets = rows.targets
        logits = model.predict_logits(tokens[rows.name], config.training.batch_size)
    model.decisions = fit_decisions(
        model.tasks,
        targets,
        logits,
        "per_label" if thresholds is None else thresholds,
        calibration or "temperature",
        config.seed,
    )
    if rows is not None:
        for table in decision_tables(model.tasks, model.decisions):
            log.show(table)


def judge(
    config: Config,
    dataset: Dataset,
    tokens: Mapping[str, Tokens],
    model: MultiTaskClassifier,
    constants: Mapping[str, np.ndarray],
    run: RunWriter,
    log: Log,
) -> dict[str, Any]:
    """Judges the kept model on validation and test, shows tables, writes predictions.

    Returns:
        For each split its metrics and those of the most frequent class.
    """
    found: dict[str, Any] = {}
    size = config.training.batch_size
    for rows in (dataset.validation, dataset.test):
        if rows is None:
            continue
        scores = score_rows(model, rows, size, details=True, tokens=tokens[rows.name])
        constant = baseline(dataset.tasks, constants, rows.targets)
        found[rows.name] = {**scores.evaluation, "baseline": constant}
        run.write_predictions(rows.name, model, scores.probabilities, rows.targets, rows.ids)
        show_scores(log, rows.name, dataset.tasks, scores.evaluation, constant)
    return found
