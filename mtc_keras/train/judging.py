"""The kept model decides and is judged: validation rows are predicted once for both."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mtc_keras.config import Config
from mtc_keras.console.lengths import show_lengths
from mtc_keras.console.log import Log
from mtc_keras.console.scores import show_scores
from mtc_keras.console.tables import decision_tables
from mtc_keras.model.classifier import MultiTaskClassifier
from mtc_keras.model.judging import judge_rows
from mtc_keras.report.judged import Judged
from mtc_keras.report.stored import write_judged
from mtc_keras.scoring.decisions import fit_decisions
from mtc_keras.train.data import TrainingData
from mtc_keras.train.making import RunInMaking


def validation_logits(
    config: Config, data: TrainingData, model: MultiTaskClassifier
) -> dict[str, np.ndarray]:
    """Returns the kept model's logits of the validation rows, by which it decides and is judged.

    Without validation rows they are of shape `(0, …)`.
    """
    if data.validation is None:
        return model.predict_logits([])
    return model.predict_logits(data.validation.tokens, config.training.batch_size)


def decide(
    config: Config,
    data: TrainingData,
    model: MultiTaskClassifier,
    logits: Mapping[str, np.ndarray],
    log: Log,
) -> None:
    """Fits temperatures and thresholds on the validation rows and puts them into the model."""
    thresholds, calibration = config.decisions.thresholds, config.decisions.calibration
    if data.validation is None:
        log.line("no validation split: temperatures are 1, thresholds are not fitted")
        thresholds, calibration = 0.5 if thresholds is None else thresholds, "none"
        targets = {task.name: data.train.rows.targets[task.name][:0] for task in data.tasks}
    else:
        targets = data.validation.rows.targets
    model.decisions = fit_decisions(
        model.tasks,
        targets,
        logits,
        "per_label" if thresholds is None else thresholds,
        calibration or "temperature",
        config.seed,
    )
    if data.validation is not None:
        for table in decision_tables(model.tasks, model.decisions):
            log.show(table)


def judge(
    config: Config,
    data: TrainingData,
    model: MultiTaskClassifier,
    logits: Mapping[str, np.ndarray],
    run: RunInMaking,
) -> tuple[dict[str, Any], list[Judged]]:
    """Judges the kept model on validation and test, shows tables, writes predictions.

    Args:
        config: the `Config`.
        data: the splits.
        model: the model, with its decisions.
        logits: what `validation_logits` returned.
        run: where tables and predictions go.

    Returns:
        For each split its metrics and those of the most frequent class; and the splits, of which
        a report is made.
    """
    found: dict[str, Any] = {}
    splits: list[Judged] = []
    for split in data.judged:
        if split is not data.validation:
            logits = model.predict_logits(split.tokens, config.training.batch_size)
        rows = split.rows
        evaluation, lengths, note = judge_rows(model, rows, split.tokens, logits, split.name)
        if note:
            run.log.line(note)
        constant = data.baseline(split)
        found[split.name] = {**evaluation, "baseline": constant}
        run.writer.write_predictions(
            split.name, model, model.activate(logits), rows.targets, rows.ids
        )
        splits.append(
            Judged.of_rows(
                rows,
                model,
                logits,
                lengths,
                split.tokens.max_length,
                texts=config.report.texts,
            )
        )
        show_scores(run.log, split.name, data.tasks, evaluation, constant)
        show_lengths(run.log, data.tasks, evaluation)
    write_judged(run.writer.directory, splits)
    return found, splits
