"""Intervals of main metrics: sums over drawn rows give what the task's own score gives."""

import numpy as np
import pytest

from mtc_keras.scoring.bootstrap import drawn_scores, main_interval
from mtc_keras.scoring.intervals import main_score, resampled_scores
from mtc_keras.tasks import Multiclass, Multilabel, Ordinal, Regression

COUNT = 40


def cases():
    random = np.random.default_rng(3)
    classes = ["a", "b", "c"]
    known = random.integers(3, size=COUNT).astype("int32")
    said = np.where(random.random(COUNT) < 0.6, known, 0).astype("int32")
    cells = (random.random((COUNT, 3)) < 0.4).astype("float32")
    chosen = np.where(random.random((COUNT, 3)) < 0.7, cells, 1 - cells).astype("float32")
    unknown = np.where(random.random((COUNT, 3)) < 0.2, np.nan, cells).astype("float32")
    numbers = random.normal(1e6, 2, COUNT).astype("float32")
    return [
        (Multiclass(name="t", classes=classes), known, said),
        (Multilabel(name="t", classes=classes), unknown, chosen),
        (Ordinal(name="t", classes=classes), known, said),
        (Regression(name="t", mean=0.0, scale=1.0), numbers, numbers + said),
    ]


@pytest.mark.parametrize("task, targets, predictions", cases(), ids=lambda case: "")
def test_each_drawing_has_the_score_of_its_rows(task, targets, predictions):
    drawn = drawn_scores(task, targets, predictions, 100, seed=5)
    rows = np.random.default_rng(5).integers(COUNT, size=(100, COUNT))
    expected = [main_score(task, targets[own], predictions[own]) for own in rows[:10]]
    np.testing.assert_allclose(drawn[:10], expected, rtol=1e-6, atol=1e-9)
    low, high = main_interval(task, targets, predictions)
    slow = resampled_scores(task, targets, [predictions], 200, 1)
    np.testing.assert_allclose([low, high], np.percentile(slow, [2.5, 97.5]), atol=0.06)


def test_rows_without_a_label_do_not_count():
    task, targets, predictions = cases()[0]
    hidden = np.where(np.arange(COUNT) < 10, -1, targets).astype("int32")
    alone = main_interval(task, targets[10:], predictions[10:])
    assert main_interval(task, hidden, predictions) == alone
    assert np.isnan(main_interval(task, np.full(COUNT, -1, "int32"), predictions)).all()


def test_a_metric_that_is_undefined_has_no_interval():
    task = Regression(name="t", mean=0.0, scale=1.0)
    equal = np.ones(COUNT, "float32")
    assert np.isnan(main_interval(task, equal, equal)).all()
    assert np.isnan(main_interval(task, equal, np.full(COUNT, np.nan, "float32"))).all()


def test_another_metric_of_the_same_name_is_the_tasks_own():
    class Odd(Multiclass):
        def score(self, targets, predictions):
            return {**super().score(targets, predictions), "accuracy": 0.25}

    _, targets, predictions = cases()[0]
    low, high = main_interval(Odd(name="t", classes=["a", "b", "c"]), targets, predictions)
    assert low == high == 0.25
