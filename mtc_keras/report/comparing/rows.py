"""The rows that several runs have judged, by their places and texts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mtc_keras.errors import plural
from mtc_keras.report.judged import Judged
from mtc_keras.tasks import Task


@dataclass(frozen=True, eq=False)
class CommonRows:
    """The M rows that all runs have judged.

    Args:
        rows: for each run int of shape `(M,)`: where they stand among its own.
        notes: lines for people: how they were found, and what was left out.
    """

    rows: tuple[np.ndarray, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows[0])


def common_rows(judged: Sequence[Judged]) -> CommonRows:
    """Returns the rows that several runs have judged; none where they share none.

    Rows are the same if they stand at the same place and, where the runs have kept their texts,
    have the same texts; where no places are the same, such as those of a file that has another
    name now, if they have the same texts, each of which occurs once.
    """
    with_texts = all(one.texts is not None for one in judged)
    notes: list[str] = []
    places = [dict(zip(one.where, range(len(one)), strict=True)) for one in judged]
    found = _shared(places)
    if with_texts and found:
        kept = [rows for rows in found if _equal_texts(judged, rows)]
        if differ := len(found) - len(kept):
            rows = plural(differ, "row")
            notes.append(f"{rows} at the same place have other texts, and are not the same")
        found = kept
    if with_texts and not found:
        found = _shared([_single_texts(one) for one in judged])
        if found:
            notes.append("no place is the same in all runs: rows are matched by their texts")
    counts = [len(one) for one in judged]
    if not found:
        notes.append("the runs share no judged rows: differences are those of separate samples")
    elif len(found) < max(counts):
        of = ", ".join(f"{count:,}" for count in counts)
        notes.append(
            f"differences are those of {plural(len(found), 'row')} that all runs have judged (of "
            f"{of})"
        )
    matrix = np.array(found, int).reshape(len(found), len(judged))
    return CommonRows(tuple(matrix.T), tuple(notes))


def equally_labelled(task: Task, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Returns bool of shape `(M,)`: rows whose label is known and the same for two runs.

    Args:
        task: the task.
        first: the encoded labels of M rows as the one run reads them.
        second: those of the other.
    """
    same = (first == second) | ((first != first) & (second != second))
    same = same.reshape(len(same), -1).all(axis=1)
    return task.labelled(first) & task.labelled(second) & same


def same_task(first: Task, second: Task) -> bool:
    """Whether what two runs predict for a task can be compared row by row."""
    return (
        first.kind == second.kind
        and first.known_classes == second.known_classes
        and first.has_shares == second.has_shares
        and first.main_metric == second.main_metric
    )


def _shared(positions: Sequence[Mapping[str, int]]) -> list[tuple[int, ...]]:
    """Returns the positions of each key that all runs have, in the order of the first."""
    first, *others = positions
    return [
        (row, *(other[key] for other in others))
        for key, row in first.items()
        if all(key in other for other in others)
    ]


def _equal_texts(judged: Sequence[Judged], rows: tuple[int, ...]) -> bool:
    return len({one.text(row) for one, row in zip(judged, rows, strict=True)}) == 1


def _single_texts(judged: Judged) -> dict[str, int]:
    """Returns the rows by their texts, but for texts that occur several times."""
    texts = [judged.text(row) for row in range(len(judged))]
    counts = Counter(texts)
    return {text: row for row, text in enumerate(texts) if counts[text] == 1}
