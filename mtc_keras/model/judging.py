"""What a model's logits of rows are worth, and how long the texts of those rows are."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mtc_keras.data.long_texts import AnyTokens, long_texts_note
from mtc_keras.data.rows import Rows
from mtc_keras.model.long_texts import lengths_of
from mtc_keras.scoring.judging import judge_logits

if TYPE_CHECKING:
    from mtc_keras.model.classifier import MultiTaskClassifier


def judge_rows(
    model: "MultiTaskClassifier",
    rows: Rows,
    tokens: AnyTokens,
    logits: Mapping[str, np.ndarray],
    name: str,
) -> tuple[dict[str, Any], np.ndarray, str | None]:
    """Judges a model on N rows, with its own decisions, losses and loss weights.

    Args:
        model: the `MultiTaskClassifier`.
        rows: the rows.
        tokens: those of their texts.
        logits: dict from task to the logits of the rows.
        name: what the rows are called in the line on long texts.

    Returns:
        What `judge_logits` returns with all details; int64 of shape `(N,)`, the tokens of the whole
        texts; and a line on those that are longer than the backbone reads at once, `None` where
        there are none.
    """
    lengths, limit = lengths_of(model, rows.texts, tokens), tokens.max_length
    evaluation = judge_logits(
        model.tasks,
        rows.targets,
        logits,
        model.decisions,
        model=model,
        details=True,
        lengths=lengths,
        max_length=limit,
    )
    note = long_texts_note(name, rows.where, lengths, limit, model.long_texts)
    return evaluation, lengths, note
