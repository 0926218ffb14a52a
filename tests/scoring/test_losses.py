"""Losses outside a training: those of each task, compiled together."""

import numpy as np
import pytest

from mtc_keras.scoring.losses import MOST_AT_ONCE, mean_losses
from mtc_keras.tasks import Multiclass, Multilabel, Regression

TASKS = [
    Multiclass(name="topic", classes=["a", "b", "c"]),
    Multilabel(name="tags", classes=["d", "e"]),
    Regression(name="price").learn([0.0, 1.0]),
]
RANDOM = np.random.default_rng(0)
TARGETS = {
    "topic": RANDOM.integers(-1, 3, 9).astype("int32"),
    "tags": RANDOM.integers(0, 2, (9, 2)).astype("float32"),
    "price": np.array([np.nan, *RANDOM.normal(size=8)], "float32"),
}
LOGITS = {
    "topic": RANDOM.normal(size=(9, 3)).astype("float32"),
    "tags": RANDOM.normal(size=(9, 2)).astype("float32"),
    "price": RANDOM.normal(size=9).astype("float32"),
}


def test_losses_are_those_of_each_task_alone():
    losses = {task.name: task.make_loss() for task in TASKS}
    found = mean_losses(losses, TARGETS, LOGITS)
    alone = {name: float(loss(TARGETS[name], LOGITS[name])) for name, loss in losses.items()}
    assert found == pytest.approx(alone, rel=1e-6)
    assert list(found) == list(losses)


def test_many_tasks_have_the_same_losses():
    losses = {f"topic_{i}": TASKS[0].make_loss() for i in range(MOST_AT_ONCE + 1)}
    targets, logits = (dict.fromkeys(losses, values["topic"]) for values in (TARGETS, LOGITS))
    expected = mean_losses({"topic": TASKS[0].make_loss()}, TARGETS, LOGITS)["topic"]
    found = mean_losses(losses, targets, logits)
    assert found == pytest.approx(dict.fromkeys(losses, expected), rel=1e-6)


def test_few_tasks_are_one_program(programs):
    losses = {task.name: task.make_loss() for task in TASKS}
    for _ in range(2):  # the second time, nothing
        mean_losses(losses, TARGETS, LOGITS)
    assert len(programs) == 1
