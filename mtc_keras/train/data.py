"""What one training reads: splits of rows and tokens, and what the training rows taught."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtc_keras.check.short import short_check
from mtc_keras.config import Config, TrainingConfig
from mtc_keras.data.batches import TrainingBatches, training_sizes
from mtc_keras.data.dataset import Dataset, Split
from mtc_keras.data.long_texts import long_texts_note
from mtc_keras.data.plan import BatchPlan, batch_plan, plan_of_0_1, rows_of_tokens
from mtc_keras.data.rows import Rows
from mtc_keras.data.token_cache import cached_tokens
from mtc_keras.data.windows import Windows
from mtc_keras.devices import hardware, process
from mtc_keras.devices.distribution import share
from mtc_keras.errors import ConfigError, DataError
from mtc_keras.model.classifier import MultiTaskClassifier
from mtc_keras.model.costs import step_costs
from mtc_keras.model.long_texts import lengths_of, read_of
from mtc_keras.run.checkpoints import Checkpoint
from mtc_keras.scoring.judging import baseline
from mtc_keras.tasks import Task


@dataclass(frozen=True, eq=False)
class TrainingData:
    """The tokenized splits of one training, and what was learned from its training rows.

    Args:
        tasks: the tasks in the config's order, their loss weights numbers.
        train: the rows that the model is trained on.
        validation: the validation rows, or `None`.
        test: the test rows, or `None`.
        constants: dict from task to `Task.constant_prediction` of the training rows.
        loss_weights: for each task the `rule` of its loss weight, the `loss` measured and the
            `weight`, as `resolve_loss_weights` returns.
        files: SHA-256 of each data file, by path.
        notes: lines for people, such as how many rows were left out.
        checked: what `check.short.short_check` says of the training rows.
    """

    tasks: list[Task]
    train: Split
    validation: Split | None
    test: Split | None
    constants: dict[str, np.ndarray]
    loss_weights: dict[str, dict[str, Any]]
    files: dict[str, str]
    notes: list[str]
    checked: list[str]

    @property
    def splits(self) -> list[Split]:
        """The splits that there are, training first."""
        return [self.train, *self.judged]

    @property
    def judged(self) -> list[Split]:
        """The splits on which the kept model is judged."""
        return [split for split in (self.validation, self.test) if split is not None]

    def baseline(self, split: Split) -> dict[str, Any]:
        """Returns the metrics of a split when the constants are predicted."""
        return baseline(self.tasks, self.constants, split.rows.targets)


def prepare_data(
    config: Config,
    dataset: Dataset,
    model: MultiTaskClassifier,
    loss_weights: Mapping[str, dict[str, Any]],
) -> TrainingData:
    """Tokenizes the splits, and leaves out training rows that are too long if the config says so.

    Args:
        config: the `Config`.
        dataset: the encoded splits, with tasks whose loss weights are numbers.
        model: the model that reads the tokens.
        loss_weights: the second value of `resolve_loss_weights`.

    Raises:
        DataError: if a task is left without labels.
    """
    train = _tokenized(config, model, dataset.train)
    validation, test = (
        None if rows is None else _tokenized(config, model, rows)
        for rows in (dataset.validation, dataset.test)
    )
    lengths = lengths_of(model, train.rows.texts, train.tokens)
    checked = short_check(dataset.tasks, train.rows, lengths)
    train, notes = _without_long(config, train, model, lengths)
    return TrainingData(
        tasks=dataset.tasks,
        train=train,
        validation=validation,
        test=test,
        constants={
            task.name: task.constant_prediction(train.rows.targets[task.name])
            for task in dataset.tasks
        },
        loss_weights=dict(loss_weights),
        files=dataset.files,
        notes=[*dataset.notes, *notes],
        checked=checked,
    )


def make_batches(
    config: Config,
    train: Split,
    model: MultiTaskClassifier,
    epochs: float,
    begun: Checkpoint | None = None,
) -> TrainingBatches:
    """Returns the batches of training rows, whose order follows from seed and epoch.

    Args:
        config: the `Config`.
        train: the training rows.
        model: the model to train.
        epochs: float. Times that the rows are read.
        begun: the checkpoint of a training that goes on with the batches that it had.
    """
    training, windows = config.training, model.training_windows
    sizes, shared = training_sizes(train.tokens, windows), share()
    if begun is None:
        divisor = math.lcm(shared.divisor, training.gradient_accumulation)

        def rows_of(length: int) -> int:
            if training.batch_tokens is None:
                return training.batch_size
            return rows_of_tokens(length, training.batch_tokens, divisor, len(sizes))

        costs = step_costs(model.backbone, hardware.accelerated())
        plan = batch_plan(sizes, rows_of, costs, epochs)
    elif begun.batch_plan is None:
        plan = plan_of_0_1(sizes, training.batch_size)
    else:
        plan = BatchPlan.from_dict(begun.batch_plan)
    if any(shared.rows_to_fill(rows) for rows in plan.rows):
        shown = ", ".join(map(str, sorted(set(plan.rows))))
        raise ConfigError(
            f"the training began with batches of {shown} rows, which cannot be divided among "
            f"{shared.divisor} devices; go on with as many devices as it began with"
        )
    return TrainingBatches(
        train.tokens, train.rows, model.tasks, plan, config.seed, shared, most_windows=windows
    )


def rows_note(training: TrainingConfig, batches: TrainingBatches) -> list[str]:
    """Returns what `batch_tokens` comes to, as a line for people; none without it."""
    if training.batch_tokens is None:
        return []
    shapes = sorted(batches.shapes, key=lambda shape: shape[1])
    shown = ", ".join(f"{rows:,} of up to {length:,} tokens" for rows, length in shapes)
    note = f"rows per batch, by training.batch_tokens = {training.batch_tokens:,}: {shown}"
    if over := [shape for shape in shapes if math.prod(shape) > training.batch_tokens]:
        rows, length = over[-1]
        least = "fewer rows cannot be divided among parts and devices"
        note += f"; {rows:,} × {length:,} tokens are more, as {least}"
    return [note]


def _tokenized(config: Config, model: MultiTaskClassifier, rows: Rows) -> Split:
    """Returns rows with their tokens, from the user's cache directory if they are there."""
    directory = process.cache_directory() / "tokens" if config.data.cache else None
    overlap = model.window_overlap or 0
    texts = read_of(model, rows.texts)
    tokens = cached_tokens(model.preprocessor, texts, directory, model.long_texts, overlap)
    return Split(rows, tokens)


def _without_long(
    config: Config, train: Split, model: MultiTaskClassifier, lengths: np.ndarray
) -> tuple[Split, list[str]]:
    """Returns the training rows that are kept, and notes on those whose tokens are too many."""
    limit = train.tokens.max_length
    done = "drop" if config.data.too_long == "drop" else model.long_texts
    note = long_texts_note("training", train.rows.where, lengths, limit, done)
    if note is None:
        return train, []
    if isinstance(train.tokens, Windows):
        most, drawn = int(train.tokens.counts.max()), model.training_windows
        note += f"; a text has up to {most:,}"
        return train, [f"{note}, of which a step draws {drawn:,}" if most > drawn else note]
    if done != "drop":
        return train, [note]
    kept = train.take(np.flatnonzero(lengths <= limit))
    problems = [
        f"tasks.{name}: no row of at most {config.model.max_length} tokens has a label"
        for name, known in kept.rows.coverage(model.tasks).items()
        if not known
    ]
    if problems:
        raise DataError('data.too_long = "drop" leaves too few training rows', problems)
    return kept, [note]


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


def check_weights(dataset: Dataset) -> None:
    """Checks that every task has a training row that counts.

    Raises:
        DataError: with every task whose labelled rows all have the weight 0.
    """
    rows = dataset.train
    if rows.sample_weight is None:
        return
    problems = [
        f"tasks.{task.name}: every training row with a label of it has the weight 0"
        for task in dataset.tasks
        if not rows.sample_weight[task.name][task.labelled(rows.targets[task.name])].any()
    ]
    if problems:
        raise DataError("data.weight leaves nothing to train on", problems)
