"""Heads that never saw a row, folds that leave equal texts together, and two witnesses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.check.label_errors.folds import row_folds
from mtc_keras.check.label_errors.heads import LinearHeads, unseen_logits
from mtc_keras.check.label_errors.judging import judge_labels
from mtc_keras.check.label_errors.opinions import TEXT_WEIGHT, as_features, combined
from mtc_keras.scoring.decisions import activate_tasks
from mtc_keras.tasks import Multiclass, Multilabel, Ordinal, Regression
from tests.fuzzing import tries

ROWS = 240
MOOD = Multiclass(name="mood", classes=["bad", "fine", "good"], class_weights={"bad": 9})
TOPICS = Multilabel(name="topics", classes=["bus", "fee", "form"], loss="focal")
GRADE = Ordinal(name="grade", classes=["1", "2", "3", "4"])
PRICE = Regression(name="price", mean=50.0, scale=20.0)
TASKS = [MOOD, TOPICS, GRADE, PRICE]
ALL = np.ones(6, bool)  # features are seen


@pytest.fixture(scope="module")
def rows():
    """Features, and labels of every kind that follow from them; some are missing."""
    random = np.random.default_rng(0)
    features = random.standard_normal((ROWS, 6)).astype("float32")
    topics = (features[:, 1:4] > 0.3).astype("float32")
    topics[::7, 1] = np.nan
    targets = {
        MOOD.name: np.digitize(features[:, 0], [-0.6, 0.6]).astype("int32"),
        "topics": topics,
        "grade": np.digitize(features[:, 4], [-0.7, 0, 0.7]).astype("int32"),
        "price": (50 + 20 * features[:, 5]).astype("float32"),
    }
    targets["grade"][::9], targets["price"][::11] = -1, np.nan
    tasks = [task.measure(targets[task.name]) for task in TASKS]
    return tasks, features, targets


def test_heads_predict_rows_that_they_never_saw(rows):
    tasks, features, targets = rows
    fold = np.arange(ROWS) % 3
    heads = LinearHeads(tasks, dict.fromkeys(targets, ALL), penalty=1.0, steps=40)
    logits = unseen_logits(heads, features, targets, fold)
    found = activate_tasks(tasks, logits)
    assert (found[MOOD.name].argmax(axis=1) == targets[MOOD.name]).mean() > 0.9
    known = ~np.isnan(targets["topics"])
    assert ((found["topics"] > 0.5) == (targets["topics"] == 1))[known].mean() > 0.9
    labelled = targets["grade"] >= 0
    assert (np.abs(found["grade"].argmax(axis=1) - targets["grade"])[labelled] <= 1).all()
    assert np.nanmax(np.abs(found["price"] - targets["price"])) < 8
    # Whatever stands in the labels of a fold, its logits are the same.
    changed = {name: labels.copy() for name, labels in targets.items()}
    for task in tasks:
        changed[task.name][fold == 1] = changed[task.name][fold == 1][::-1]
    again = unseen_logits(heads, features, changed, fold)
    for task in tasks:
        np.testing.assert_allclose(
            again[task.name][fold == 1], logits[task.name][fold == 1], atol=1e-4
        )
        assert np.abs(again[task.name][fold == 0] - logits[task.name][fold == 0]).max() > 0.01


def test_heads_state_probabilities_whatever_the_config_says_of_the_loss(rows):
    tasks, features, targets = rows
    plain = Multiclass(name=MOOD.name, classes=MOOD.classes)
    fold = np.arange(ROWS) % 3
    weighted, unweighted = (
        unseen_logits(
            LinearHeads([task.measure(targets[MOOD.name])], {MOOD.name: ALL}, 1.0, 60),
            features,
            targets,
            fold,
        )[MOOD.name]
        for task in (MOOD, plain)
    )
    assert tasks[0].class_weight_list == [9, 1, 1]
    np.testing.assert_allclose(weighted, unweighted, atol=0.05)


def test_a_head_reads_the_features_that_it_may_see_and_no_other(rows):
    tasks, features, targets = rows
    seen = {MOOD.name: np.arange(6) == 0, "grade": np.arange(6) != 4}
    two = [task for task in tasks if task.name in seen]
    fold = np.arange(ROWS) % 3
    logits = unseen_logits(LinearHeads(two, seen, 1.0, 40), features, targets, fold)
    other = features.copy()
    other[:, 1:] = other[::-1, 1:]
    again = unseen_logits(LinearHeads(two, seen, 1.0, 40), other, targets, fold)
    np.testing.assert_allclose(logits[MOOD.name], again[MOOD.name], atol=0.05)
    found = activate_tasks(two, logits)
    assert (found[MOOD.name].argmax(axis=1) == targets[MOOD.name]).mean() > 0.9
    labelled = targets["grade"] >= 0  # what it follows from is hidden from it
    assert (found["grade"].argmax(axis=1) == targets["grade"])[labelled].mean() < 0.5


@tries(15)
@given(st.integers(0, 1000), st.integers(1, 90), st.integers(2, 6))
def test_fuzz_folds_leave_groups_whole(seed, groups, folds):
    random = np.random.default_rng(seed)
    group = random.integers(groups, size=100)
    _, group = np.unique(group, return_inverse=True)
    indicator = random.random((100, 4)) < 0.3
    fold = row_folds(indicator, group, folds, seed)
    assert fold.max() + 1 == min(folds, group.max() + 1) and fold.min() == 0
    assert all(len(np.unique(fold[group == one])) == 1 for one in range(group.max() + 1))
    np.testing.assert_array_equal(fold, row_folds(indicator, group, folds, seed))


def test_folds_are_of_one_size_and_have_their_share_of_every_class():
    indicator = np.zeros((200, 3), bool)
    indicator[:100, 0], indicator[100:110, 1], indicator[50:70, 2] = True, True, True
    fold = row_folds(indicator, np.arange(200), 5, 0)
    assert np.bincount(fold).tolist() == [40] * 5
    for label, share in enumerate((20, 2, 4)):
        assert np.abs(np.bincount(fold[indicator[:, label]], minlength=5) - share).max() <= 1


def test_labels_as_features_say_what_is_missing(rows):
    _, _, targets = rows
    mood = as_features(MOOD, targets[MOOD.name])
    np.testing.assert_array_equal(mood, np.eye(3)[targets[MOOD.name]])
    grade = as_features(GRADE, targets["grade"])
    assert grade.shape == (ROWS, 5) and grade[::9].tolist() == [[0, 0, 0, 0, 1]] * 27
    topics = as_features(TOPICS, targets["topics"])
    assert topics.shape == (ROWS, 4) and (topics[::7, 3] == 1).all() and (topics[::7, 1] == 0).all()
    price = as_features(PRICE, targets["price"])
    assert price.shape == (ROWS, 2) and (price[::11] == [0, 1]).all()
    assert price[price[:, 1] == 0, 0].std() == pytest.approx(1, abs=1e-5)


def test_a_contradiction_decides_and_the_text_where_there_is_none():
    labels = np.array([0, 0, 0], "int32")
    by_text = np.array([[0.01, 0.98, 0.01], [0.6, 0.3, 0.1], [0.02, 0.97, 0.01]])
    by_labels = np.array([[0.99, 0.005, 0.005], [0.001, 0.0, 0.999], [0.98, 0.01, 0.01]])
    found = combined(MOOD, labels, by_text, by_labels)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert np.argsort(found[:, 0]).tolist() == [1, 0, 2]
    odds = 0.01 / 0.99 + TEXT_WEIGHT * 0.99 / 0.01
    assert found[0, 0] == pytest.approx(1 / (1 + odds), rel=1e-6)
    cells = combined(
        TOPICS,
        np.float32([[1, 0, np.nan]]),
        np.array([[0.01, 0.2, 0.3]]),
        np.array([[0.99, 0.01, 0.7]]),
    )
    assert cells[0, 0] == pytest.approx(1 / (1 + odds), rel=1e-6)
    assert cells[0, 1] == pytest.approx(1 - 1 / (1 + 0.01 / 0.99 + TEXT_WEIGHT * 0.25))
    assert cells[0, 2] == 0.7  # nothing is given that could be wrong


def test_errors_of_every_kind_are_found_by_text_and_by_the_other_tasks(rows):
    tasks, features, targets = rows
    planted = {name: labels.copy() for name, labels in targets.items()}
    clear = (np.abs(features[:, [0, 1, 4]]) > 0.9).all(axis=1)
    known = (targets["grade"] >= 0) & ~np.isnan(targets["price"])
    wrong = np.flatnonzero(clear & known)[:4]
    assert len(wrong) == 4
    planted[MOOD.name][wrong] = (planted[MOOD.name][wrong] + 2) % 3
    planted["topics"][wrong, 0] = 1 - planted["topics"][wrong, 0]
    planted["grade"][wrong] = 3 - planted["grade"][wrong]
    planted["price"][wrong] += 90
    found = judge_labels(tasks, features, planted, np.arange(ROWS), seed=0)
    for task in tasks:
        first = found[task.name].quality.order[:16].tolist()
        assert len({*wrong} & {*first}) >= 3, task.name
    assert {*wrong} <= {*found["price"].quality.order[:4].tolist()}


def test_what_the_other_tasks_contradict_is_found_where_the_text_says_nothing():
    random = np.random.default_rng(1)
    mood = random.integers(3, size=ROWS).astype("int32")
    other = Multiclass(name="other", classes=["x", "y", "z"])
    features = random.standard_normal((ROWS, 4)).astype("float32")
    targets = {MOOD.name: mood.copy(), "other": mood.copy()}
    targets[MOOD.name][17] = (mood[17] + 1) % 3
    tasks = [task.measure(mood) for task in (MOOD, other)]
    both = judge_labels(tasks, features, targets, np.arange(ROWS), seed=0)
    assert both[MOOD.name].quality.order[0] == 17
    assert both[MOOD.name].quality.suggested[17] == mood[17]
    assert both[MOOD.name].contradicted[17]
    alone = judge_labels(tasks[:1], features, targets, np.arange(ROWS), seed=0)
    assert alone[MOOD.name].quality.order[0] != 17
    assert not alone[MOOD.name].contradicted.any()
    np.testing.assert_array_equal(
        alone[MOOD.name].probabilities.argmax(axis=1), alone[MOOD.name].by_text.argmax(axis=1)
    )
