"""The rows whose labels are judged: those of all splits, or so many of them."""

from dataclasses import dataclass
from itertools import chain

import numpy as np

from mtc_keras.check.checked import Checked
from mtc_keras.data.group_splits import connected_groups
from mtc_keras.data.groups import NO_GROUP
from mtc_keras.data.rows import Rows


@dataclass(frozen=True, eq=False)
class Sample:
    """N rows of all splits that carry a label.

    Args:
        texts: N strings for each text column.
        targets: by task, their encoded labels.
        where: where each stands.
        splits: the split of each.
        group: int of shape `(N,)`, equal for rows that share their text or group.
        labelled: int. How many rows carry a label in all.
    """

    texts: tuple[list[str], ...]
    targets: dict[str, np.ndarray]
    where: list[str]
    splits: list[str]
    group: np.ndarray
    labelled: int

    def __len__(self) -> int:
        return len(self.where)


def sample_rows(checked: Checked, most_rows: int) -> Sample:
    """Returns the rows with a label; of more than `most_rows`, so many by the config's seed."""
    with_label = {
        name: np.flatnonzero(
            np.any([task.labelled(rows.targets[task.name]) for task in checked.tasks], axis=0)
        )
        for name, rows in checked.splits.items()
    }
    total = sum(map(len, with_label.values()))
    chosen = np.ones(total, bool)
    if total > most_rows:
        chosen[:] = False
        random = np.random.default_rng(checked.config.seed)
        chosen[random.permutation(total)[:most_rows]] = True
    ends = np.cumsum([len(rows) for rows in with_label.values()])[:-1]
    parts = [
        checked.splits[name].take(rows[kept])
        for (name, rows), kept in zip(with_label.items(), np.split(chosen, ends), strict=True)
    ]
    return Sample(
        texts=tuple(
            list(chain.from_iterable(columns))
            for columns in zip(*(part.texts for part in parts), strict=True)
        ),
        targets={
            task.name: np.concatenate([part.targets[task.name] for part in parts])
            for task in checked.tasks
        },
        where=list(chain.from_iterable(part.where for part in parts)),
        splits=[part.name for part in parts for _ in range(len(part))],
        group=connected_groups(
            np.concatenate([part.text_keys for part in parts]),
            np.concatenate([_groups(part) for part in parts]),
            NO_GROUP,
        ),
        labelled=total,
    )


def _groups(rows: Rows) -> np.ndarray:
    return np.full(len(rows), NO_GROUP) if rows.groups is None else rows.groups
