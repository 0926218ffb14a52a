"""The naive alternative to several heads: all classes of all tasks as one multilabel task."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain, pairwise

import numpy as np

from mtc_keras.data.dataset import Dataset
from mtc_keras.data.rows import Rows
from mtc_keras.tasks import Decision, Multilabel, Task

ALL_CLASSES = "all_classes"  # the name of the only task


class AllClasses:
    """The naive alternative: all classes of all tasks as sigmoids of one multilabel task.

    Windows of long texts are pooled as those of the tasks are, if all have one rule.

    Args:
        tasks: the learned tasks; those without classes are left out.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.tasks = [task for task in tasks if task.has_classes]
        names = [[f"{task.name}: {name}" for name in task.known_classes] for task in self.tasks]
        poolings = {task.window_pooling for task in self.tasks}
        self.task = Multilabel(
            name=ALL_CLASSES,
            classes=list(chain(*names)),
            labels="probabilities" if any(task.has_shares for task in self.tasks) else None,
            window_pooling=poolings.pop() if len(poolings) == 1 else None,
        )
        ends = np.cumsum([len(block) for block in names]).tolist()
        self.blocks = [slice(*block) for block in pairwise([0, *ends])]

    def targets(self, targets: Mapping[str, np.ndarray]) -> np.ndarray:
        """Returns float32 of shape `(N, all classes)`: 0, 1 or a share, NaN where not known."""
        return np.concatenate([_cells(task, targets[task.name]) for task in self.tasks], axis=1)

    def read_back(
        self, probabilities: Mapping[str, np.ndarray], decisions: Mapping[str, Decision]
    ) -> dict[str, np.ndarray]:
        """Returns each task's predictions, decided on its own columns as the task itself does."""
        merged = probabilities[ALL_CLASSES]
        thresholds = list(decisions[ALL_CLASSES].thresholds.values())
        found = {}
        for task, block in zip(self.tasks, self.blocks, strict=True):
            decision = task.decision()
            own = zip(decision.thresholds, thresholds[block], strict=False)  # some have none
            decision.thresholds = dict(own)
            stated = merged[:, block]
            if not decision.thresholds:  # of exactly one class: as if they summed to 1
                stated = stated / np.maximum(stated.sum(axis=1, keepdims=True), 1e-7)
            found[task.name] = task.decide(stated, decision)
        return found

    def dataset(self, dataset: Dataset) -> Dataset:
        """Returns the dataset with all labels merged into one task's."""
        train = self._rows(dataset.train)
        return replace(
            dataset,
            tasks=[self.task.measure(train.targets[ALL_CLASSES])],
            train=train,
            validation=dataset.validation and self._rows(dataset.validation),
            test=dataset.test and self._rows(dataset.test),
        )

    def _rows(self, rows: Rows) -> Rows:
        weights = None
        if rows.sample_weight is not None:
            # One task has one weight per row: the mean, if a row's weights differ by task.
            columns = [rows.sample_weight[task.name] for task in self.tasks]
            weights = {ALL_CLASSES: np.mean(columns, axis=0, dtype="float32")}
        return replace(
            rows, targets={ALL_CLASSES: self.targets(rows.targets)}, sample_weight=weights
        )


def _cells(task: Task, targets: np.ndarray) -> np.ndarray:
    if task.has_shares:
        return targets
    cells = task.class_indicator(targets).astype("float32")
    return np.where(task.known_cells(targets), cells, np.float32(np.nan))
