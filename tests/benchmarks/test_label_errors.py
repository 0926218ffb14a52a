"""Wrong labels that a benchmark plants, and what it measures of a ranking."""

import numpy as np
import pytest

from benchmarks.label_errors import average_precision, bars, cleanlab_quality
from benchmarks.planting import plant
from mtc_keras.scoring.label_quality import label_quality
from mtc_keras.tasks import Multiclass, Multilabel, Regression

TASKS = [
    Multiclass(name="mood", classes=["a", "b", "c"]),
    Multilabel(name="topics", classes=["x", "y", "z"]),
    Regression(name="price"),
]


@pytest.fixture
def targets():
    random = np.random.default_rng(0)
    mood = random.integers(3, size=400).astype("int32")
    topics = (random.random((400, 3)) < 0.4).astype("float32")
    price = random.random(400).astype("float32")
    mood[:40], topics[:80], price[:20] = -1, np.nan, np.nan
    return {"mood": mood, "topics": topics, "price": price}


def test_a_share_of_each_tasks_labels_is_made_wrong(targets):
    planted, wrong = plant(TASKS, targets, 0.05, "each", np.random.default_rng(1))
    assert [int(wrong[task.name].sum()) for task in TASKS] == [18, 16, 19]
    for task in TASKS:
        before, after = targets[task.name], planted[task.name]
        np.testing.assert_array_equal(task.labelled(before), task.labelled(after))
        np.testing.assert_array_equal(before[~wrong[task.name]], after[~wrong[task.name]])
    changed = np.nansum(np.abs(targets["topics"] - planted["topics"]), axis=1)[wrong["topics"]]
    assert set(changed) == {1, 2}  # dropped or added, replaced


def test_rows_that_get_the_labels_of_another_are_wrong_where_these_differ(targets):
    planted, wrong = plant(TASKS, targets, 0.1, "row", np.random.default_rng(1))
    assert wrong["price"].sum() in range(36, 41)
    assert wrong["mood"].sum() < wrong["price"].sum()
    assert not (wrong["mood"] & ~wrong["price"] & ~np.isnan(targets["price"])).any()
    assert np.sort(planted["price"]) == pytest.approx(np.sort(targets["price"]), nan_ok=True)


def test_a_perfect_ranking_has_an_average_precision_of_1():
    wrong = np.array([True, False, False, True])
    assert average_precision(wrong, np.array([0.1, 0.9, np.nan, 0.2])) == 1
    assert average_precision(wrong, np.array([0.9, 0.1, 0.2, 0.8])) < 0.6


def test_cleanlab_ranks_what_it_can_read(targets):
    random = np.random.default_rng(2)
    stated = random.dirichlet(np.ones(3), 400)
    quality = cleanlab_quality(TASKS[0], targets["mood"], stated)
    np.testing.assert_allclose(quality, label_quality(TASKS[0], targets["mood"], stated).quality)
    sets = cleanlab_quality(TASKS[1], targets["topics"], random.random((400, 3)))
    assert np.isnan(sets[:80]).all() and not np.isnan(sets[80:]).any()
    numbers = cleanlab_quality(TASKS[2], targets["price"], np.zeros(400))
    assert np.nanmin(numbers) == pytest.approx(np.exp(-np.nanmax(targets["price"])))


def test_bars_tell_what_is_met():
    tasks = {"mood": {"ours": 0.5, "cleanlab": 0.25}, "topics": {"ours": 0.1, "cleanlab": 0.2}}
    found = bars({"each": {"rows": 10, "seconds": {"judging": 91.0}, "tasks": tasks}})
    assert [bar["met"] for bar in found] == [True, False, False]
    assert found[0]["measured"] == 2
