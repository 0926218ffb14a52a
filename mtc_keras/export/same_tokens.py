"""Whether an export reads the tokens that the model reads.

Shapes: N texts, W windows of all of them.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mtc_keras.data.long_texts import AnyTokens, head_of, whole_texts
from mtc_keras.data.windows import Windows
from mtc_keras.export.saved_model.ask import INPUTS
from mtc_keras.model.long_texts import read_of

if TYPE_CHECKING:
    from mtc_keras.model.classifier import MultiTaskClassifier


@dataclass(frozen=True)
class OtherTokens:
    """Which of N texts have other tokens in an export than in the model.

    Args:
        tied: bool of shape `(N,)`. Of texts that have the same tokens in another order: a run of
            letters, such as "xxxxx", may be divided in several ways that a Unigram model likes
            equally well, and of a very long one rounding decides.
        wrong: bool of shape `(N,)`. Of all others that have other tokens.
    """

    tied: np.ndarray
    wrong: np.ndarray


def in_saved_model(
    model: "MultiTaskClassifier",
    columns: Sequence[Sequence[str]],
    answers: Mapping[str, np.ndarray],
) -> OtherTokens:
    """Compares whole texts, as a SavedModel's own tokenizer reads them in its graph.

    Args:
        model: the `MultiTaskClassifier`.
        columns: one sequence of N strings, or two for text pairs.
        answers: what the export answered in `agreement.ask`.
    """
    tied, wrong = np.zeros((2, len(columns[0])), bool)
    for name, texts in zip(INPUTS, columns, strict=False):
        ids, offsets = (answers[f"tokens/{name}/{part}"] for part in ("ids", "offsets"))
        found = np.split(ids, offsets[1:-1])
        for row, (own, other) in enumerate(zip(_whole(model, texts), found, strict=True)):
            if not np.array_equal(own, other):
                is_tie = np.array_equal(np.sort(own), np.sort(other))
                (tied if is_tie else wrong)[row] = True
    return OtherTokens(tied & ~wrong, wrong)


def in_onnx(
    model: "MultiTaskClassifier",
    columns: Sequence[Sequence[str]],
    answers: Mapping[str, np.ndarray],
) -> OtherTokens:
    """Compares what `tokenizer.json` makes of texts, which must be what the model reads.

    Args:
        model: the `MultiTaskClassifier`.
        columns: one sequence of N strings, or two for text pairs, of which whole ones are
            compared: the export cuts them as it answers.
        answers: what the export answered in `agreement.ask`.
    """
    expected = _rows(model.tokenize(columns[0])) if len(columns) == 1 else _pairs(model, columns)
    ids = np.split(answers["tokens/ids"], np.cumsum(answers["tokens/lengths"])[:-1])
    found: list[list[list[int]]] = [[] for _ in expected]
    for text, window in zip(answers["tokens/text_of_window"], ids, strict=True):
        found[text].append(_cut(model, window).tolist())
    wrong = np.array([one != other for one, other in zip(found, expected, strict=True)])
    return OtherTokens(np.zeros_like(wrong), wrong)


def _whole(model: "MultiTaskClassifier", texts: Sequence[str]) -> Iterator[np.ndarray]:
    """Yields the token ids of each text, special tokens left out."""
    for ids, offsets in whole_texts(model.preprocessor, read_of(model, [texts])[0]):
        yield from np.split(ids, offsets[1:-1])


def _pairs(model: "MultiTaskClassifier", columns: Sequence[Sequence[str]]) -> list[list[list[int]]]:
    """Returns the token ids of each pair, nothing cut off."""
    packer = model.preprocessor.packer
    start, between, end = (
        list(value or []) for value in (packer.start_value, packer.sep_value, packer.end_value)
    )
    texts = zip(*(_whole(model, column) for column in columns), strict=True)
    return [
        [[*start, *first.tolist(), *between, *second.tolist(), *end]] for first, second in texts
    ]


def _rows(read: AnyTokens) -> list[list[list[int]]]:
    """Returns the token ids of each text's windows, of which most texts have one."""
    tokens, offsets = (
        (read.tokens, read.offsets) if isinstance(read, Windows) else (read, range(len(read) + 1))
    )
    ids = [part.tolist() for part in np.split(tokens.flat["token_ids"], tokens.offsets[1:-1])]
    return [ids[start:end] for start, end in itertools.pairwise(offsets)]


def _cut(model: "MultiTaskClassifier", ids: np.ndarray) -> np.ndarray:
    """Returns token ids without the middle that a model of head and tail leaves out itself."""
    left_out = len(ids) - model.preprocessor.sequence_length
    if model.long_texts != "head_tail" or left_out <= 0:
        return ids
    head = head_of(model.preprocessor)
    return np.delete(ids, slice(head, head + left_out))
