"""One judged split: what its rows are labelled, and what the model gave for each of them.

Shapes: N rows, C classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from mtc_keras.tasks import Decision, Task

if TYPE_CHECKING:
    from mtc_keras.data.rows import Rows
    from mtc_keras.model.classifier import MultiTaskClassifier

BETWEEN_TEXTS = " | "  # of text pairs


@dataclass(frozen=True, eq=False)
class Judged:
    """The validation or test rows of a run, and the model's logits of them.

    Args:
        name: `"validation"` or `"test"`.
        tasks: the model's tasks.
        decisions: dict from each task with probabilities to its temperature and thresholds.
        targets: dict from task to encoded labels.
        logits: dict from task to float32 logits, before the temperature.
        where: where each row stands.
        lengths: int of shape `(N,)`, tokens of the whole texts.
        max_length: int. Tokens that the backbone reads at once.
        texts: N strings per text column; `None` where they are left out.
        slices: N values of each column by which rows are judged apart.
    """

    name: str
    tasks: tuple[Task, ...]
    decisions: Mapping[str, Decision]
    targets: Mapping[str, np.ndarray]
    logits: Mapping[str, np.ndarray]
    where: Sequence[str]
    lengths: np.ndarray
    max_length: int
    texts: tuple[Sequence[str], ...] | None = None
    slices: Mapping[str, Sequence[str | None]] = field(default_factory=dict)

    @classmethod
    def of_rows(
        cls,
        rows: "Rows",
        model: "MultiTaskClassifier",
        logits: Mapping[str, np.ndarray],
        lengths: np.ndarray,
        max_length: int,
        *,
        texts: bool = False,
    ) -> "Judged":
        """Returns what a model has given for rows.

        Args:
            rows: the rows.
            model: the model, with its decisions.
            logits: as for `Judged`.
            lengths: as for `Judged`.
            max_length: as for `Judged`.
            texts: bool. Whether the texts are kept.
        """
        return cls(
            name=rows.name,
            tasks=tuple(model.tasks),
            decisions=model.decisions,
            targets=rows.targets,
            logits=logits,
            where=rows.where,
            lengths=lengths,
            max_length=max_length,
            texts=rows.texts if texts else None,
            slices=rows.slices,
        )

    def __len__(self) -> int:
        return len(self.where)

    @cached_property
    def undecided(self) -> dict[str, np.ndarray]:
        """Probabilities at temperature 1, by task."""
        from mtc_keras.scoring.decisions import activate_tasks

        return activate_tasks(self.tasks, self.logits)

    @cached_property
    def probabilities(self) -> dict[str, np.ndarray]:
        """Probabilities at the fitted temperature, as people see them, by task."""
        from mtc_keras.scoring.decisions import activate_tasks

        return activate_tasks(self.tasks, self.logits, self.decisions)

    @cached_property
    def predictions(self) -> dict[str, np.ndarray]:
        """What is predicted, in the form of targets, by task."""
        from mtc_keras.scoring.decisions import decide_tasks

        return decide_tasks(self.tasks, self.probabilities, self.decisions)

    def labelled(self, task: Task) -> np.ndarray:
        """Returns bool of shape `(N,)`: which rows carry a label of a task."""
        return task.labelled(self.targets[task.name])

    def right(self, task: Task) -> np.ndarray:
        """Returns bool of shape `(N,)`: rows whose known labels are all predicted right.

        It is `False` where none is known; asked of tasks that `has_probabilities`.
        """
        right = task.right(self.targets[task.name], self.predictions[task.name])
        return right & self.labelled(task)

    def confidence(self, task: Task) -> np.ndarray:
        """Returns float of shape `(N,)`: the probability that a row's decision is wholly right."""
        return task.confidence(self.probabilities[task.name], self.decisions.get(task.name))

    def text(self, row: int) -> str:
        """Returns the text of a row, or both of a pair; `""` where texts are left out."""
        return BETWEEN_TEXTS.join(column[row] for column in self.texts or ())
