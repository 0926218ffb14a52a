"""Labels that are likely wrong, found before any training."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtc_keras.check.checked import Checked
from mtc_keras.check.label_errors.sample import Sample, sample_rows
from mtc_keras.tasks import Task

if TYPE_CHECKING:
    from mtc_keras.check.label_errors.judging import JudgedLabels

MOST_ROWS = 10_000
FEWEST_ROWS = 50


@dataclass(frozen=True, eq=False)
class LabelErrors:
    """What is thought of the labels of a config's data.

    Args:
        sample: the rows that were looked at.
        tasks: the tasks that have labels there.
        judged: by task, what is thought of its labels.
        too_few: str. Why nothing was looked for; empty if it was.
    """

    sample: Sample
    tasks: list[Task]
    judged: "dict[str, JudgedLabels]"
    too_few: str = ""


def judge_data(checked: Checked, most_rows: int = MOST_ROWS) -> LabelErrors:
    """Judges the labels of all splits by heads on the frozen backbone that did not see the row.

    Args:
        checked: the data.
        most_rows: int. Of more rows, so many are looked at, drawn by the config's seed.
    """
    sample = sample_rows(checked, most_rows)
    tasks = [task for task in checked.tasks if task.labelled(sample.targets[task.name]).any()]
    groups = int(sample.group.max(initial=-1)) + 1
    if groups < FEWEST_ROWS:
        told = (
            f"{groups:,} different texts with a label are too few to judge any of them by the rest"
        )
        return LabelErrors(sample, tasks, {}, told)
    backbone = checked.backbone.backbone  # before the tokens, so that it is loaded once
    tokens = checked.tokens_of(sample.texts)

    # Keras is imported once the process is set up for it.
    from mtc_keras.check.label_errors.features import row_features
    from mtc_keras.check.label_errors.judging import judge_labels

    features = row_features(backbone, tokens, checked.config.seed)
    judged = judge_labels(tasks, features, sample.targets, sample.group, checked.config.seed)
    return LabelErrors(sample, tasks, judged)
