"""Every label judged by heads that were not fitted to its row. Shapes: N rows, D features."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mtc_keras.check.label_errors.features import standardised
from mtc_keras.check.label_errors.folds import row_folds
from mtc_keras.check.label_errors.heads import LinearHeads, unseen_logits
from mtc_keras.check.label_errors.opinions import (
    LEAST,
    as_features,
    combined,
)
from mtc_keras.scoring.decisions import activate_tasks
from mtc_keras.scoring.label_quality import LabelQuality, label_quality
from mtc_keras.tasks import Task

FOLDS = 5
LABEL_SCALE = 3.0  # of labels beside standardised logits
MOST_DOUBTFUL = 20  # one of so many rows is left out at most


class Fitting(NamedTuple):
    """How heads are fitted: by what planted errors were found best."""

    penalty: float
    steps: int


# As much per feature, so that logits vary alike before any row is seen, however many these are.
TEXT_PENALTY = 0.45
TEXT_STEPS = 30  # with more they learn the wrong labels, too
LABELS = Fitting(penalty=20.0, steps=60)


@dataclass(frozen=True, eq=False)
class JudgedLabels:
    """What is thought of the labels of one task.

    Args:
        quality: the `LabelQuality`.
        probabilities: those by which it was judged, in the shape of `Task.activate`.
        by_text: the same by the text alone.
        contradicted: bool of shape `(N,)`: rows whose label looks worse beside the labels of the
            other tasks than beside the text alone.
    """

    quality: LabelQuality
    probabilities: np.ndarray
    by_text: np.ndarray
    contradicted: np.ndarray


def judge_labels(
    tasks: Sequence[Task],
    features: np.ndarray,
    targets: Mapping[str, np.ndarray],
    group: np.ndarray,
    seed: int,
) -> dict[str, JudgedLabels]:
    """Judges the labels of all tasks, each by the text and by the labels of the others.

    Heads are fitted to four folds and asked about the fifth. A second layer of heads reads their
    logits and the other tasks' labels, and is fitted once more without the rows that it doubts
    most, as confident learning prunes them.

    Args:
        tasks: the tasks, measured; each with a label at least.
        features: float32 of shape `(N, D)`, standardised.
        targets: by task, encoded labels of the rows.
        group: int of shape `(N,)`, from 0 on: rows of one are in one fold.
        seed: int. Of the folds.

    Returns:
        dict from task to what is thought of its labels.
    """
    indicators = [task.class_indicator(targets[task.name]) for task in tasks]
    indicators += [task.labelled(targets[task.name])[:, None] for task in tasks]
    fold = row_folds(np.concatenate(indicators, axis=1), group, FOLDS, seed)
    text = Fitting(TEXT_PENALTY * features.shape[1], TEXT_STEPS)
    all_seen = dict.fromkeys(targets, np.ones(features.shape[1], bool))
    by_text, logits = _unseen(tasks, features, all_seen, targets, fold=fold, fitting=text)
    by_labels = by_text
    if len(tasks) > 1:
        both, seen = _both(tasks, logits, targets)
        first, _ = _unseen(tasks, both, seen, targets, fold=fold, fitting=LABELS)
        kept = {
            task.name: _without_doubtful(
                task,
                targets[task.name],
                combined(task, targets[task.name], by_text[task.name], first[task.name]),
            )
            for task in tasks
        }
        by_labels, _ = _unseen(tasks, both, seen, kept, fold=fold, fitting=LABELS)
    return {
        task.name: _judged(task, targets[task.name], by_text[task.name], by_labels[task.name])
        for task in tasks
    }


def _both(
    tasks: Sequence[Task], logits: Mapping[str, np.ndarray], targets: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Returns the features of the second layer, and which of them each task's head reads.

    These are its own logits and the labels of all other tasks.
    """
    blocks, owners, is_label = [], [], []
    for number, task in enumerate(tasks):
        own = standardised(logits[task.name].reshape(len(logits[task.name]), -1))
        labels = LABEL_SCALE * as_features(task, targets[task.name])
        blocks += [own, labels]
        owners += [number] * (own.shape[1] + labels.shape[1])
        is_label += [False] * own.shape[1] + [True] * labels.shape[1]
    owner, label = np.array(owners), np.array(is_label)
    seen = {task.name: (owner == number) != label for number, task in enumerate(tasks)}
    return np.concatenate(blocks, axis=1), seen


def _unseen(
    tasks: Sequence[Task],
    features: np.ndarray,
    seen: Mapping[str, np.ndarray],
    targets: Mapping[str, np.ndarray],
    *,
    fold: np.ndarray,
    fitting: Fitting,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Returns probabilities and logits of every row by heads fitted without its fold."""
    logits = unseen_logits(LinearHeads(tasks, seen, *fitting), features, targets, fold)
    return activate_tasks(tasks, logits), logits


def _without_doubtful(task: Task, targets: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Returns targets of which the worst are missing: those that are rather wrong than right."""
    found = label_quality(task, targets, probabilities)
    worst = found.order[: len(found.order) // MOST_DOUBTFUL]
    kept = targets.copy()
    kept[worst[found.quality[worst] < 0.5]] = task.missing_target
    return kept


def _judged(
    task: Task, targets: np.ndarray, by_text: np.ndarray, by_labels: np.ndarray
) -> JudgedLabels:
    """Returns what both witnesses together think, and where the labels' word decides."""
    probabilities, contradicted = by_text, np.zeros(len(targets), bool)
    if by_labels is not by_text:
        probabilities = combined(task, targets, by_text, by_labels)
        against_labels, against_text = (
            1 / np.maximum(label_quality(task, targets, seen).quality, LEAST) - 1
            for seen in (by_labels, by_text)
        )
        contradicted = against_labels > against_text
    quality = label_quality(task, targets, probabilities)
    return JudgedLabels(quality, probabilities, by_text, contradicted)
