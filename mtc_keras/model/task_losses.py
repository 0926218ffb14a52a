"""Each task's loss over its labelled rows: computed in a step, averaged over an epoch, logged.

Shapes: B rows, T tasks.
"""

from collections.abc import Collection, Mapping
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import KerasTensor, ops

from mtc_keras.files import json_line
from mtc_keras.tasks.losses import MaskedLoss

Targets: TypeAlias = Mapping[str, KerasTensor]
SampleWeight: TypeAlias = KerasTensor | Mapping[str, KerasTensor] | None
# Tasks with the same computation from which it pays to stack them.
FEWEST_STACKED = 8
OURS = MaskedLoss.__module__.rpartition(".")[0]


class TaskMeans(keras.metrics.Metric):
    """The weighted mean of a number for each task.

    One variable for all tasks: a step hands every variable in and out, which takes longer than
    the arithmetic where each task has some of its own.

    Args:
        tasks: int. Number of tasks `T`.
    """

    def __init__(self, tasks: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.total = self.add_variable((tasks,), "zeros", name="total")
        self.count = self.add_variable((tasks,), "zeros", name="count")

    def update_state(self, values: KerasTensor, sample_weight: KerasTensor) -> None:
        """Adds float32 `values` and their weights, both of shape `(T,)`."""
        self.total.assign_add(values * sample_weight)
        self.count.assign_add(sample_weight)

    def result(self) -> KerasTensor:
        """Returns float32 of shape `(T,)`; 0 for a task that has had no weight."""
        return ops.divide_no_nan(self.total, self.count)


def losses_and_counts(
    losses: Mapping[str, MaskedLoss | None],
    targets: Targets,
    logits: Targets,
    sample_weight: SampleWeight,
) -> tuple[KerasTensor, KerasTensor]:
    """Computes the losses of all tasks over a batch.

    Args:
        losses: each task's loss, in the order of the tasks; `None` for one that is not trained.
        targets: by task; tasks may be left out.
        logits: by task.
        sample_weight: `None`, float32 of shape `(B,)`, or a dict of such by task.

    Returns:
        Two float32 of shape `(T,)`: each task's mean loss over its labelled rows, and the
        weight of these rows. Both are 0 for a task that was left out or is not trained.
    """
    totals, counts = sums_and_counts(losses, targets, logits, sample_weight)
    return ops.divide_no_nan(totals, counts), counts


def sums_and_counts(
    losses: Mapping[str, MaskedLoss | None],
    targets: Targets,
    logits: Targets,
    sample_weight: SampleWeight,
) -> tuple[KerasTensor, KerasTensor]:
    """Computes the sum of each task's losses over its labelled rows.

    Args:
        losses: as for `losses_and_counts`.
        targets: by task; tasks may be left out.
        logits: by task.
        sample_weight: as for `losses_and_counts`.

    Returns:
        Two float32 of shape `(T,)`: the sums, and the weight of these rows, which is known from
        targets and weights alone.
    """
    order: list[str] = []
    totals, counts = [], []
    for names in _alike(losses, targets, logits, sample_weight):
        loss, weights = losses[names[0]], [weight_of(sample_weight, name) for name in names]
        total = count = ops.zeros(len(names))
        if loss is not None and names[0] in targets:
            values = [[targets[name] for name in names], [logits[name] for name in names]]
            values += [] if weights[0] is None else [weights]
            if len(names) == 1:
                total, count = (ops.stack([sum_]) for sum_ in loss.sums(*(v[0] for v in values)))
            else:
                stacked = tuple(ops.stack(each) for each in values)
                total, count = ops.vectorized_map(lambda one, loss=loss: loss.sums(*one), stacked)
        order += names
        totals.append(total)
        counts.append(count)
    place = {name: index for index, name in enumerate(order)}
    places = [place[name] for name in losses]
    return ops.take(ops.concatenate(totals), places), ops.take(ops.concatenate(counts), places)


def _alike(
    losses: Mapping[str, MaskedLoss | None],
    targets: Targets,
    logits: Targets,
    sample_weight: SampleWeight,
) -> Collection[list[str]]:
    """Returns the tasks, those together that can be computed at once.

    What a program of a hundred tasks takes to compile, and to run, depends on how many operations
    it has, and hardly on their size.
    """
    groups: dict[Any, list[str]] = {}
    for name, loss in losses.items():
        key: Any = name
        if loss is None or name not in targets:
            key = None
        elif type(loss).__module__.startswith(OURS):  # one of a user's may be anything
            weight, target = weight_of(sample_weight, name), targets[name]
            # What our losses compute follows from their configs, the name apart.
            config = json_line({**loss.get_config(), "name": None})
            key = (type(loss), config, target.shape, str(target.dtype))
            key = (*key, logits[name].shape, weight is None)
        groups.setdefault(key, []).append(name)
    # A few are left as they are, each fused with its head.
    return [
        part
        for names in groups.values()
        for part in ([names] if len(names) >= FEWEST_STACKED else [[name] for name in names])
    ]


def weight_of(sample_weight: SampleWeight, task: str) -> KerasTensor | None:
    """Returns a task's row weights, of shape `(B,)`."""
    return sample_weight.get(task) if isinstance(sample_weight, Mapping) else sample_weight


class TaskWeights(keras.callbacks.Callback):
    """Logs each task's weight and share of the loss, and updates `balancing` at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.of_training: tuple[list[float], list[float]] | None = None

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.of_training = self._means()  # before validation resets them

    def _means(self) -> tuple[list[float], list[float]]:
        """Returns the tasks' mean losses and weights since the metrics were reset."""
        means = self.model.mean_losses, self.model.mean_weights
        losses, weights = (np.asarray(mean.result()).tolist() for mean in means)
        return losses, weights

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        losses, weights = self.of_training or self._means()
        self.of_training = None
        parts = [weight * loss for weight, loss in zip(weights, losses, strict=True)]
        total = sum(parts)
        if logs is not None:
            for task, weight, part in zip(self.model.tasks, weights, parts, strict=True):
                logs[f"{task.name}_weight"] = weight
                logs[f"{task.name}_share"] = part / total if total else 0.0
        self.model.balancing.on_epoch_end(losses)
