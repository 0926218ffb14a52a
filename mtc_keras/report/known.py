"""What is known of a task in a split: its labelled rows alone, so that missing labels do not count.

Shapes: N labelled rows, C classes.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mtc_keras.report.judged import Judged
from mtc_keras.tasks import Decision, Task


@dataclass(frozen=True, eq=False)
class Known:
    """The labelled rows of a task.

    Args:
        task: the task.
        targets: their encoded labels.
        undecided: their probabilities at temperature 1.
        probabilities: those at the fitted temperature.
        predictions: what was decided.
        decision: temperature and thresholds; `None` of a task without probabilities.
    """

    task: Task
    targets: np.ndarray
    undecided: np.ndarray
    probabilities: np.ndarray
    predictions: np.ndarray
    decision: Decision | None

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def is_finite(self) -> bool:
        """Whether the model answered by numbers; after a training that diverged it does not."""
        return bool(np.isfinite(self.probabilities).all())

    @cached_property
    def cells(self) -> np.ndarray:
        """Bool of shape `(N, C)`: of which classes it is known whether a row has them."""
        return self.task.known_cells(self.targets)

    @cached_property
    def truth(self) -> np.ndarray:
        """Bool of shape `(N, C)`: the classes that a row has; where unknown, none."""
        return self.task.class_indicator(self.targets) & self.cells

    @cached_property
    def predicted(self) -> np.ndarray:
        """Bool of shape `(N, C)`: the classes predicted, where the label is known."""
        return self.task.predicted_indicator(self.targets, self.predictions)


def known_of(judged: Judged, task: Task) -> Known:
    """Returns the labelled rows of a task in a split."""
    rows, name = judged.labelled(task), task.name
    return Known(
        task=task,
        targets=judged.targets[name][rows],
        undecided=judged.undecided[name][rows],
        probabilities=judged.probabilities[name][rows],
        predictions=judged.predictions[name][rows],
        decision=judged.decisions.get(name),
    )
