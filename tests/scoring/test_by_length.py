"""Metrics by length: every labelled row is in one range, and each range is judged by itself."""

import numpy as np

from mtc_keras.console.lengths import show_lengths
from mtc_keras.console.log import Log
from mtc_keras.scoring.judging import judge_logits
from mtc_keras.tasks import Multiclass, Regression

TASKS = [Multiclass(name="mood", classes=["bad", "good"]), Regression(name="years")]


def judged():
    # Right below 33 tokens and wrong beyond; the last row has no mood.
    lengths = np.array([3, 32, 33, 64, 128, 129, 4000])
    mood = np.array([0, 1, 0, 1, 0, 1, -1], "int32")
    right = lengths <= 32
    said = np.where(right, mood, 1 - mood)
    logits = {
        "mood": np.eye(2, dtype="float32")[said % 2] * 4,
        "years": np.zeros(7, "float32"),
    }
    targets = {"mood": mood, "years": np.full(7, np.nan, "float32")}
    return judge_logits(TASKS, targets, logits, lengths=lengths, max_length=64)["by_length"]


def test_each_range_has_its_own_metric():
    found = judged()
    assert [(b["above"], b.get("up_to"), b["rows"]) for b in found] == [
        (0, 32, 2),
        (32, 64, 2),
        (64, 128, 1),
        (128, None, 2),
    ]
    metric = TASKS[0].main_metric
    assert [b["tasks"]["mood"][metric] for b in found] == [1.0, 0.0, 0.0, 0.0]
    assert [b["tasks"]["mood"]["rows"] for b in found] == [2, 2, 1, 1]
    assert all("years" not in b["tasks"] for b in found)  # no row has a label


def test_the_table_names_the_ranges(capsys):
    show_lengths(Log(), TASKS, {"by_length": judged()})
    shown = capsys.readouterr().out
    for part in ("≤ 32", "≤ 64", "≤ 128", "> 128", "1.0000 (2)", "mood"):
        assert part in shown
    assert "years" not in shown
    show_lengths(Log(), TASKS, {"by_length": judged()[:1]})
    show_lengths(Log(), TASKS, {})
    assert capsys.readouterr().out == ""
