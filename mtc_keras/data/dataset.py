"""The encoded splits of one training."""

from dataclasses import dataclass, replace

import numpy as np

from mtc_keras.data.long_texts import AnyTokens
from mtc_keras.data.rows import Rows
from mtc_keras.tasks import Task


@dataclass(frozen=True, eq=False)
class Dataset:
    """What one training reads.

    Args:
        tasks: the tasks in the config's order, their classes known.
        train: the training rows.
        validation: the validation rows, or `None`.
        test: the test rows, or `None`.
        files: SHA-256 of each data file, by path.
        notes: lines for people, such as how many rows were left out.
    """

    tasks: list[Task]
    train: Rows
    validation: Rows | None
    test: Rows | None
    files: dict[str, str]
    notes: list[str]


@dataclass(frozen=True, eq=False)
class Split:
    """Rows and their tokens.

    Args:
        rows: N `Rows`.
        tokens: the `Tokens` or `Windows` of their texts.
    """

    rows: Rows
    tokens: AnyTokens

    @property
    def name(self) -> str:
        """The split's name."""
        return self.rows.name

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, indices: np.ndarray) -> "Split":
        """Returns the rows at some indices, in their order."""
        return Split(self.rows.take(indices), self.tokens.select(indices))


def only_task(dataset: Dataset, task: Task) -> Dataset:
    """Returns a dataset of one task: the rows that carry its label, and its label alone."""

    def own(rows: Rows) -> Rows:
        kept = rows.take(np.flatnonzero(task.labelled(rows.targets[task.name])))
        weights = kept.sample_weight
        return replace(
            kept,
            targets={task.name: kept.targets[task.name]},
            sample_weight=weights and {task.name: weights[task.name]},
            raters={name: found for name, found in kept.raters.items() if name == task.name},
        )

    validation = own(dataset.validation) if dataset.validation else None
    test = own(dataset.test) if dataset.test else None
    # Only a test split may lack a task's labels: it is as if there were none.
    return replace(
        dataset, tasks=[task], train=own(dataset.train), validation=validation, test=test or None
    )
