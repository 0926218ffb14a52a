"""Rows of one split whose text, or group, stands in another one, too: what they prove is less."""

from collections.abc import Sequence

import numpy as np

from mtc_keras.data.groups import NO_GROUP
from mtc_keras.data.rows import Rows


def leak_notes(splits: Sequence[Rows]) -> list[str]:
    """Returns lines for people, for each two splits that share texts or groups.

    Args:
        splits: the rows of each, those that are trained first.
    """
    notes = []
    for rows, other in ((b, a) for at, b in enumerate(splits) for a in splits[:at]):
        shared = np.isin(rows.text_keys, other.text_keys)
        notes += _note(rows, shared, f"texts stand in {other.name}, too")
        if rows.groups is not None and other.groups is not None:
            shared = np.isin(rows.groups, other.groups) & (rows.groups != NO_GROUP)
            notes += _note(rows, shared, f"rows belong to groups of {other.name}, too")
    return notes


def _note(rows: Rows, shared: np.ndarray, what: str) -> list[str]:
    """Returns `test: 12 of 300 texts stand in train, too, first test.csv:7`, if there are any."""
    count = int(shared.sum())
    if not count:
        return []
    first = rows.where[int(shared.argmax())]
    return [f"{rows.name}: {count:,} of {len(rows):,} {what}, first {first}"]
