"""What an epoch shows: compilations by length, and each task's share of the loss."""

from types import SimpleNamespace

import numpy as np

from mtc_keras.console.log import Log
from mtc_keras.train.epoch_report import EpochReport


class Batches:
    """Batches of one row each, whose padded lengths are another way round every epoch."""

    rows_per_step = 4
    shapes = ((4, 3), (4, 6), (4, 9))
    first_batch = 0
    of_epoch = (6, 6, 3, 6, 3)

    def plan(self):
        return [np.array([length]) for length in self.of_epoch]

    def shape(self, rows):
        return self.rows_per_step, int(rows[0])


def report(batches, tasks):
    shown = EpochReport(Log(), None, None, None, batches)
    shown.set_model(SimpleNamespace(tasks=[SimpleNamespace(name=name) for name in tasks]))
    shown.set_params({"epochs": 2, "steps": len(batches.of_epoch)})
    return shown


def run_epoch(shown, monkeypatch, logs=None):
    """Returns which compilations an epoch announces: step, number and of how many."""
    found = []
    shown.on_epoch_begin(0)
    monkeypatch.setattr(shown.progress, "compile", lambda *told: found.append(told))
    for batch in range(shown.batches.first_batch, len(shown.batches.of_epoch)):
        shown.on_train_batch_begin(batch - shown.batches.first_batch)
    shown.on_epoch_end(0, logs or {"loss": 1.0})
    return found


def test_the_first_step_of_each_length_is_announced_once(monkeypatch):
    batches = Batches()
    shown = report(batches, ["a"])
    assert run_epoch(shown, monkeypatch) == [(0, 1, 3), (2, 2, 3)]
    assert run_epoch(shown, monkeypatch) == []
    batches.of_epoch = (3, 9, 9)
    assert run_epoch(shown, monkeypatch) == [(1, 3, 3)]


def test_an_epoch_that_is_resumed_announces_the_steps_that_are_left(monkeypatch):
    batches = Batches()
    batches.first_batch = 3
    assert run_epoch(report(batches, ["a"]), monkeypatch) == [(3, 1, 3), (4, 2, 3)]


def test_shares_of_the_loss_name_the_greatest_of_many_tasks(monkeypatch, capsys):
    names = [f"task_{number}" for number in range(10)]
    shares = {f"task_{number}_share": number / 45 for number in range(10)}
    weights = {f"{name}_weight": 1.0 for name in names}
    run_epoch(report(Batches(), names), monkeypatch, {"loss": 1.0, **shares, **weights})
    assert capsys.readouterr().out.splitlines()[-1] == (
        "shares of the loss: task_9 20% (weight 1), task_8 18% (weight 1), task_7 16% (weight 1), "
        "+ 7 tasks 47%"
    )


def test_shares_of_a_few_tasks_stand_in_their_order(monkeypatch, capsys):
    logs = {"loss": 1.0, "a_share": 0.25, "b_share": 0.75, "a_weight": 2.0, "b_weight": 0.5}
    run_epoch(report(Batches(), ["a", "b"]), monkeypatch, logs)
    expected = "shares of the loss: a 25% (weight 2), b 75% (weight 0.5)"
    assert capsys.readouterr().out.splitlines()[-1] == expected
