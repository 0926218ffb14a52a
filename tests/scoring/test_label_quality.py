"""Which labels look wrong to a model that never saw them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.scoring.confident_learning import confident_classes
from mtc_keras.scoring.label_quality import label_quality
from mtc_keras.tasks import Multiclass, Multilabel, Ordinal, Regression
from tests.fuzzing import tries

CLASSES = ["a", "b", "c", "d"]


def noisy_classes(seed: int, rows: int = 400, classes: int = 4):
    """Returns labels, and probabilities that mostly agree with them."""
    random = np.random.default_rng(seed)
    truth = random.integers(classes, size=rows)
    logits = random.standard_normal((rows, classes)) + 2.5 * np.eye(classes)[truth]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    wrong = random.random(rows) < 0.1
    labels = np.where(wrong, random.integers(classes, size=rows), truth)
    return labels.astype("int32"), probabilities


def noisy_sets(seed: int, rows: int = 300, classes: int = 5):
    random = np.random.default_rng(seed)
    truth = random.random((rows, classes)) < 0.3
    stated = 1 / (1 + np.exp(-(random.standard_normal(truth.shape) + np.where(truth, 2, -2))))
    labels = truth ^ (random.random(truth.shape) < 0.05)
    return labels.astype("float32"), stated


def multiclass(classes=CLASSES):
    return Multiclass(name="task", classes=classes)


def multilabel(count: int = 5):
    return Multilabel(name="task", classes=[f"label {i}" for i in range(count)])


@tries(10)
@given(st.integers(0, 10_000))
def test_fuzz_one_class_per_row_is_judged_as_by_cleanlab(seed):
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    labels, probabilities = noisy_classes(seed)
    found = label_quality(multiclass(), labels, probabilities)
    np.testing.assert_allclose(
        found.quality, get_label_quality_scores(labels, probabilities), atol=1e-12
    )
    issues = find_label_issues(labels, probabilities, filter_by="confident_learning", n_jobs=1)
    np.testing.assert_array_equal(found.suspect, issues)
    assert found.count == issues.sum() > 0


@tries(10)
@given(st.integers(0, 10_000))
def test_fuzz_cells_of_sets_are_judged_as_by_cleanlab(seed):
    from cleanlab.multilabel_classification.filter import find_multilabel_issues_per_class
    from cleanlab.multilabel_classification.rank import get_label_quality_scores_per_class

    labels, probabilities = noisy_sets(seed)
    lists = [np.flatnonzero(row).tolist() for row in labels]
    found = label_quality(multilabel(), labels, probabilities)
    np.testing.assert_allclose(
        found.cells, get_label_quality_scores_per_class(lists, probabilities), atol=1e-12
    )
    issues = find_multilabel_issues_per_class(
        lists, probabilities, filter_by="confident_learning", n_jobs=1
    )
    flipped = found.suspect[:, None] & (found.suggested != labels)
    np.testing.assert_array_equal(flipped, issues)


def test_a_planted_error_comes_first_with_the_class_it_should_have():
    labels, probabilities = np.repeat(np.arange(4), 10).astype("int32"), np.full((40, 4), 0.1)
    probabilities[np.arange(40), labels] = 0.7
    probabilities[3] = [0.02, 0.03, 0.9, 0.05]  # labelled a
    labels[20] = -1
    found = label_quality(multiclass(), labels, probabilities)
    assert found.order[0] == 3 and len(found.order) == 39
    assert found.suspect.nonzero()[0].tolist() == [3] and found.count == 1
    assert found.suggested[3] == 2 and found.probability[3] == pytest.approx(0.9)
    assert found.confused[0].tolist() == [9, 0, 1, 0]
    assert np.isnan(found.quality[20]) and not found.suspect[20] and found.suggested[20] == -1


def test_missing_cells_change_nothing_about_the_others():
    labels, probabilities = noisy_sets(1)
    labels[::3, 1], labels[5] = np.nan, np.nan
    found = label_quality(multilabel(), labels, probabilities)
    kept = np.array([0, 2, 3, 4])
    without = label_quality(multilabel(4), labels[::3][:, kept], probabilities[::3][:, kept])
    np.testing.assert_allclose(found.quality[::3], without.quality)
    assert np.isnan(found.quality[5]) and not found.suspect[5] and np.isnan(found.probability[5])
    assert np.isnan(found.suggested[::3, 1]).all()
    assert 5 not in found.order and len(found.order) == 299
    rows = ~np.isnan(labels[:, 1])
    alone = label_quality(multilabel(2), labels[rows][:, :2], probabilities[rows][:, :2])
    np.testing.assert_array_equal(found.confused[1], alone.confused[1])


def test_the_cell_that_is_suspected_is_the_one_that_is_suggested():
    labels = np.tile(np.float32([[1, 0, 0], [0, 1, 0]]), (10, 1))
    probabilities = np.where(labels == 1, 0.8, 0.1)
    labels[4, 2] = 1  # stated 0.1
    labels[7, 1] = 0  # stated 0.8
    found = label_quality(multilabel(3), labels, probabilities)
    assert sorted(found.order[:2]) == [4, 7]
    assert found.suggested[4].tolist() == [1, 0, 0]
    assert found.suggested[7].tolist() == [0, 1, 0]
    assert found.probability[[4, 7]] == pytest.approx([0.9, 0.8])


def test_a_far_step_of_a_scale_is_worse_than_the_next():
    task = Ordinal(name="stars", classes=CLASSES)
    given_labels = np.array([0, 0, 0, 3], "int32")
    probabilities = np.array([[0, 1, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0], [0, 0, 0, 1.0]])
    found = label_quality(task, given_labels, probabilities)
    assert found.quality == pytest.approx([2 / 3, 0, 1, 1])
    unordered = label_quality(multiclass(), given_labels, probabilities)
    assert unordered.quality == pytest.approx([0, 0, 1, 1])


@pytest.mark.parametrize("task", [multiclass(), Ordinal(name="task", classes=CLASSES)])
def test_shares_of_one_class_are_judged_as_that_class(task):
    labels, probabilities = noisy_classes(2)
    of_votes = type(task)(name="task", classes=CLASSES, labels="votes")
    labels[3] = -1
    shares = of_votes.one_hot(labels)
    plain, voted = (
        label_quality(task, labels, probabilities),
        label_quality(of_votes, shares, probabilities),
    )
    np.testing.assert_allclose(plain.quality, voted.quality, atol=1e-7)
    np.testing.assert_array_equal(plain.suggested, voted.suggested)


def test_agreement_with_divided_annotators_is_good():
    task = Multiclass(name="task", classes=["a", "b"], labels="votes")
    shares = np.float32([[0.5, 0.5], [1, 0], [0, 1]])
    found = label_quality(task, shares, np.array([[0.5, 0.5], [0.5, 0.5], [0.1, 0.9]]))
    assert found.quality == pytest.approx([1, 0.5, 0.9])


def test_numbers_far_from_what_was_expected_are_outliers_in_any_unit():
    random = np.random.default_rng(0)
    targets = random.normal(50, 20, 200).astype("float32")
    predictions = targets + random.normal(0, 2, 200)
    targets[7], targets[11] = targets[7] + 60, np.nan
    task = Regression(name="price")
    found = label_quality(task, targets, predictions)
    assert found.order[0] == 7 and found.suspect[7] and found.count < 6
    assert 11 not in found.order and np.isnan(found.quality[11]) and found.confused is None
    scaled = label_quality(task, targets * 1000, predictions * 1000)
    np.testing.assert_allclose(scaled.quality, found.quality, rtol=1e-3)


def test_rows_without_a_finite_probability_are_not_judged():
    labels, probabilities = noisy_classes(3)
    probabilities[9, 1] = np.nan
    found = label_quality(multiclass(), labels, probabilities)
    assert 9 not in found.order and not found.suspect[9] and len(found.order) == len(labels) - 1


def test_a_class_without_rows_and_a_task_without_labels_are_no_obstacle():
    labels, probabilities = noisy_classes(4)
    found = label_quality(multiclass(), np.where(labels == 2, -1, labels), probabilities)
    assert (found.confused[2] == 0).all() and (found.confused[:, 2] == 0).all()
    nothing = label_quality(multiclass(), np.full(len(labels), -1, "int32"), probabilities)
    assert nothing.count == 0 and not len(nothing.order)
    empty = label_quality(multilabel(), np.full((3, 5), np.nan, "float32"), np.full((3, 5), 0.5))
    assert empty.count == 0 and not len(empty.order)
    nothing = label_quality(Regression(name="n"), np.full(3, np.nan, "float32"), np.zeros(3))
    assert nothing.count == 0 and not len(nothing.order)


def test_one_cell_that_is_surely_wrong_comes_before_many_that_are_doubtful():
    labels = np.zeros((3, 4), "float32")
    stated = np.array([[0.95, 0.05, 0.05, 0.05], [0.8, 0.8, 0.05, 0.05], [0.05] * 4])
    found = label_quality(multilabel(4), labels, stated)
    assert found.order.tolist() == [0, 1, 2]
    # 1 / (1 + the sum of the odds that a cell is wrong)
    assert found.quality[1] == pytest.approx(1 / (1 + 2 * 0.8 / 0.2 + 2 * 0.05 / 0.95))


def test_the_label_given_is_kept_where_it_is_the_likeliest():
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.45, 0.55]])
    # Above the mean of its own class, b is confident in the second row, and yet a is likelier.
    assert confident_classes(np.array([0, 0, 1]), probabilities).tolist() == [0, 0, 1]
