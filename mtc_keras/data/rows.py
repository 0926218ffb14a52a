"""One split: texts, targets, weights and ids of its rows."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from mtc_keras.data.fingerprint import add_arrays, add_texts, text_keys
from mtc_keras.data.packed import take
from mtc_keras.errors import plural
from mtc_keras.tasks import Task


@dataclass(frozen=True)
class LeftOut:
    """The rows of a source that have no text and so are not rows of the split.

    Args:
        count: int. How many.
        first: where the first few of them stand.
    """

    count: int = 0
    first: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.count > 0

    def __str__(self) -> str:
        """Returns `12 rows without a text are left out, first train.jsonl:17, …`."""
        verb = "is" if self.count == 1 else "are"
        more = ", …" if self.count > len(self.first) else ""
        found = f"{plural(self.count, 'row')} without a text {verb} left out"
        return f"{found}, first {', '.join(self.first)}{more}"


@dataclass(frozen=True, eq=False)
class Rows:
    """One split, encoded: N rows.

    Args:
        name: the split's name.
        texts: N strings for each text column, `Packed` where a split was read.
        targets: encoded labels by task, in the config's order.
        sample_weight: float32 of shape `(N,)` by task; `None` without a weight column.
        ids: N values of the id column; `None` without one.
        where: where each row stands, for messages.
        left_out: rows of the source that are not among these, as they have no text.
        groups: uint64 of shape `(N,)`, a key per group; `None` without a column of groups.
        told: lines on cells that are read as something else than what stands in them.
        slices: N values of each column by which rows are judged apart, as text; `None` where a
            cell is blank.
        raters: int32 of shape `(N,)` by task that reads votes, how many annotators answered.
    """

    name: str
    texts: tuple[Sequence[str], ...]
    targets: dict[str, np.ndarray]
    sample_weight: dict[str, np.ndarray] | None
    ids: Sequence[Any] | None
    where: Sequence[str]
    left_out: LeftOut = LeftOut()
    groups: np.ndarray | None = None
    told: tuple[str, ...] = ()
    slices: dict[str, Sequence[str | None]] = field(default_factory=dict)
    raters: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.where)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of texts, targets and weights."""
        digest = hashlib.sha256()
        add_texts(digest, self.texts)
        add_arrays(digest, self.targets)
        add_arrays(digest, self.sample_weight or {})
        return digest.hexdigest()

    @cached_property
    def text_keys(self) -> np.ndarray:
        """uint64 of shape `(N,)`: equal for texts that differ in case and blanks alone."""
        return text_keys(self.texts)

    @property
    def notes(self) -> list[str]:
        """Lines for people: on rows that are left out, and on cells."""
        left_out = [f"{self.name}: {self.left_out}"] if self.left_out else []
        return [*left_out, *self.told]

    def take(self, indices: Sequence[int] | np.ndarray) -> "Rows":
        """Returns the rows at some indices, in their order."""
        weights = self.sample_weight
        return replace(
            self,
            texts=tuple(take(column, indices) for column in self.texts),
            targets={task: array[indices] for task, array in self.targets.items()},
            sample_weight=weights and {task: array[indices] for task, array in weights.items()},
            ids=None if self.ids is None else take(self.ids, indices),
            where=take(self.where, indices),
            groups=None if self.groups is None else self.groups[indices],
            slices={name: take(values, indices) for name, values in self.slices.items()},
            raters={task: array[indices] for task, array in self.raters.items()},
        )

    def coverage(self, tasks: Sequence[Task]) -> dict[str, int]:
        """Returns the number of labelled rows of each task."""
        return {task.name: int(task.labelled(self.targets[task.name]).sum()) for task in tasks}
