"""From a config and a dataset to a finished run: model, optimizer, fit, judgement, files."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from mtc_keras import runtime
from mtc_keras.backbones import freeze, layer_depths, load_backbone, num_layers
from mtc_keras.callbacks import EpochOrder, EpochReport, History, TaskMetrics
from mtc_keras.classifier import MultiTaskClassifier
from mtc_keras.config import Config, TrainingConfig
from mtc_keras.data import Dataset
from mtc_keras.data.batches import Tokens, TrainingBatches, tokenize, too_long
from mtc_keras.data.rows import Rows
from mtc_keras.errors import DataError
from mtc_keras.optimizers import LayerwiseAdamW, WarmupDecay
from mtc_keras.report import Log, coverage_table, show_scores
from mtc_keras.run import Run, RunWriter
from mtc_keras.scoring import baseline, score_rows


def train_run(config: Config, dataset: Dataset, verbose: int = 1) -> Run:
    """Trains a model on a dataset and writes its run directory.

    Args:
        config: the `Config`.
        dataset: the encoded splits, as `data.read_splits` returns.
        verbose: 0 for silence, 1 for progress and tables, 2 for every class, too.

    Returns:
        The finished `Run`.
    """
    started = time.perf_counter()
    model = build_model(config, dataset)
    train, tokens, notes = training_tokens(config, dataset.train, model)
    dataset = replace(dataset, train=train)
    batches = TrainingBatches(tokens, train, dataset.tasks, config.training.batch_size, config.seed)
    model.compile(optimizer=build_optimizer(config.training, model, len(batches)))

    constants = {
        t.name: t.constant_prediction(dataset.train.targets[t.name]) for t in dataset.tasks
    }
    run = RunWriter(config.output.directory)
    run.path("config.toml").write_text(resolved(config, dataset).to_toml(), encoding="utf-8")
    with Log(run.path("train.log"), quiet=verbose == 0) as log:
        announce(log, config, dataset, model, [*dataset.notes, *notes])
        best_epoch = train_model(config, dataset, model, batches, constants, run, log, verbose)
        fitted = time.perf_counter()
        model.save_to_preset(str(run.path("model")))
        metrics = judge(config, dataset, model, constants, run, log)
    metrics = {"best_epoch": best_epoch, "constant_prediction": constants, **metrics}
    run.write_json("metrics.json", metrics)
    run.write_json(
        "environment.json",
        {
            "versions": runtime.versions(),
            "device": runtime.device(),
            "seconds": {
                "to_last_epoch": round(fitted - started, 1),
                "in_all": round(time.perf_counter() - started, 1),
            },
            "data_sha256": dataset.files,
        },
    )
    return run.finish()


def build_model(config: Config, dataset: Dataset) -> MultiTaskClassifier:
    """Returns the model of a config: pretrained backbone, new heads, frozen parts frozen."""
    texts = [text for column in dataset.train.texts for text in column]
    backbone, preprocessor = load_backbone(config.model, texts)
    freeze(backbone, config.training.freeze)
    return MultiTaskClassifier(
        backbone=backbone,
        tasks=dataset.tasks,
        preprocessor=preprocessor,
        pooling=config.model.pooling,
        dropout=config.model.dropout,
        compile=False,
    )


def build_optimizer(
    training: TrainingConfig, model: MultiTaskClassifier, steps: int
) -> LayerwiseAdamW:
    """Returns AdamW with the schedule and the rates of a config.

    Transformer layer `d` of `n` learns at `learning_rate · layer_decay^(n - d)`, the
    embeddings being layer 0 (ULMFiT's discriminative rates, Howard & Ruder 2018, section
    3.2); heads learn at `head_learning_rate`.

    Args:
        training: the `[training]` section.
        model: the model to train.
        steps: int. Steps an epoch.
    """
    depths = layer_depths(model.backbone)
    top = num_layers(depths)
    factors = {
        variable.path: training.layer_decay ** max(top - depth, 0)
        for layer, depth in depths.items()
        for variable in layer.trainable_variables
    }
    in_backbone = {variable.path for variable in model.backbone.variables}
    if training.head_learning_rate is not None:
        ratio = training.head_learning_rate / training.learning_rate
        factors |= {v.path: ratio for v in model.trainable_variables if v.path not in in_backbone}
    total = steps * training.epochs
    return LayerwiseAdamW(
        rate_factors={path: factor for path, factor in factors.items() if factor != 1.0},
        learning_rate=WarmupDecay(
            training.learning_rate, round(training.warmup * total), total, training.schedule
        ),
        weight_decay=training.weight_decay,
        global_clipnorm=training.clip_norm or None,
    )


def training_tokens(
    config: Config, rows: Rows, model: MultiTaskClassifier
) -> tuple[Rows, Tokens, list[str]]:
    """Tokenizes the training rows; drops those that are too long if the config says so.

    Returns:
        The rows kept, their tokens, and notes for people.

    Raises:
        DataError: if a task is left without labels.
    """
    tokens = tokenize(model.preprocessor, rows.texts)
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
    return left, Tokens(tokens.take(kept), tokens.lengths[kept]), [note + "dropped"]


def resolved(config: Config, dataset: Dataset) -> Config:
    """Returns the config with what the training rows taught, such as the classes."""
    return config.model_copy(update={"tasks": {task.name: task for task in dataset.tasks}})


def announce(
    log: Log, config: Config, dataset: Dataset, model: MultiTaskClassifier, notes: Sequence[str]
) -> None:
    """Shows what is about to be trained."""
    trainable = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    log.line(
        f"{config.model.backbone}: {model.count_params():,} parameters, {trainable:,} trained, "
        f"on {runtime.device()}"
    )
    splits = [rows for rows in (dataset.train, dataset.validation, dataset.test) if rows]
    log.show(coverage_table(splits, dataset.tasks))
    if dataset.train.sample_weight is not None:
        log.line(f"row weights: column {config.data.weight!r}")
    for note in notes:
        log.line(note)
    log.line("the first steps are slow: XLA compiles one for each length of texts")


def train_model(
    config: Config,
    dataset: Dataset,
    model: MultiTaskClassifier,
    batches: TrainingBatches,
    constants: Mapping[str, np.ndarray],
    run: RunWriter,
    log: Log,
    verbose: int,
) -> int:
    """Fits the model and leaves the best epoch's weights in it.

    Returns:
        The number of the epoch kept, from 1: the last without validation.
    """
    training = config.training
    metrics = best = constant = None
    callbacks: list[keras.callbacks.Callback] = [EpochOrder(batches)]
    if dataset.validation is not None:
        tokens = tokenize(model.preprocessor, dataset.validation.texts)
        metrics = TaskMetrics(tokens, dataset.validation.targets, batch_size=training.batch_size)
        best = BestEpoch(training.monitor, training.patience or training.epochs)
        constant = baseline(dataset.tasks, constants, dataset.validation.targets)
        callbacks += [metrics, best]
    callbacks += [
        EpochReport(log, metrics, constant, best, training.batch_size, verbose > 1),
        History(run.path("history.jsonl")),
    ]
    history = model.fit(batches.dataset(), epochs=training.epochs, callbacks=callbacks, verbose=0)
    if best is None:
        log.line("no validation split: the last epoch is kept")
        return len(history.epoch)
    log.line(f"kept: epoch {best.best_epoch + 1}, {training.monitor} {best.best:.4f}")
    return best.best_epoch + 1


class BestEpoch(keras.callbacks.EarlyStopping):
    """Keras' `EarlyStopping` on a metric's name without `val_`; restores the best weights.

    Args:
        monitor: `"score"`, `"loss"` or `"<task>_<metric>"`.
        patience: int. Epochs without a better one before training stops.
    """

    def __init__(self, monitor: str, patience: int) -> None:
        smaller_is_better = monitor.endswith(("loss", "_mae", "_rmse"))
        super().__init__(
            monitor=f"val_{monitor}",
            mode="min" if smaller_is_better else "max",
            patience=patience,
            restore_best_weights=True,
        )

    def get_monitor_value(self, logs: dict[str, Any]) -> float:
        value = super().get_monitor_value(logs)
        # Keras would keep a NaN of the first epoch, as nothing is better than NaN.
        worst = np.inf if self.mode == "min" else -np.inf
        return value if value is not None and np.isfinite(value) else worst


def judge(
    config: Config,
    dataset: Dataset,
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
    for rows in (dataset.validation, dataset.test):
        if rows is None:
            continue
        scores = score_rows(model, rows, config.training.batch_size)
        constant = baseline(dataset.tasks, constants, rows.targets)
        found[rows.name] = {**scores.evaluation, "baseline": constant}
        run.write_predictions(
            rows.name, dataset.tasks, scores.probabilities, rows.targets, rows.ids
        )
        show_scores(log, rows.name, dataset.tasks, scores.evaluation, constant)
    return found
