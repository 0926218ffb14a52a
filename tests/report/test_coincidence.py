"""Errors that fall on the same rows, judged by scikit-learn and by hand."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, matthews_corrcoef

from mtc_keras.report.coincidence import coincidences, wrong_in_several


def errors(count=400, tasks=3, seed=0, missing=0.3):
    random = np.random.default_rng(seed)
    hard = random.random(count) < 0.3  # rows that are hard in the first two tasks
    rates = np.full((count, tasks), 0.2)
    rates[hard, :2] = 0.8
    labelled = random.random((count, tasks)) >= missing
    return labelled, (random.random((count, tasks)) < rates) & labelled


def test_phi_is_scikit_learns_on_the_rows_labelled_in_both():
    labelled, wrong = errors()
    found, count = coincidences(labelled, wrong)
    assert count == 3
    assert [(one.first, one.second) for one in found] == [(0, 1), (0, 2), (1, 2)]
    for one in found:
        rows = labelled[:, one.first] & labelled[:, one.second]
        a, b = wrong[rows, one.first], wrong[rows, one.second]
        assert one.phi == pytest.approx(matthews_corrcoef(a, b))
        assert one.both == confusion_matrix(a, b)[1, 1]
        assert one.wrong == (a.sum(), b.sum())
        assert one.rows == rows.sum()
        assert one.expected == pytest.approx(rows.sum() * a.mean() * b.mean())
        assert one.low < one.phi < one.high
    together, *apart = found
    assert together.low > 0  # planted
    assert all(one.low < 0 < one.high for one in apart)


def test_the_interval_is_that_of_rows_drawn_by_hand():
    labelled, wrong = errors(missing=0)
    [one, *_], _ = coincidences(labelled, wrong)
    random = np.random.default_rng(1)
    drawn = []
    for _ in range(500):
        rows = random.integers(len(wrong), size=len(wrong))
        drawn.append(matthews_corrcoef(wrong[rows, 0], wrong[rows, 1]))
    assert [one.low, one.high] == pytest.approx(np.percentile(drawn, [2.5, 97.5]), abs=0.02)


def test_a_task_that_never_errs_has_no_correlation():
    labelled = np.ones((10, 2), bool)
    wrong = np.zeros((10, 2), bool)
    wrong[:5, 1] = True
    [one], _ = coincidences(labelled, wrong)
    assert np.isnan([one.phi, one.low, one.high]).all()
    assert (one.both, one.expected) == (0, 0)


def test_tasks_without_a_row_in_common_are_left_out():
    labelled = np.array([[True, False], [False, True]])
    assert coincidences(labelled, ~labelled & labelled) == ([], 0)


def test_chance_is_counted_as_if_all_outcomes_were_listed():
    labelled, wrong = errors(count=60)
    observed, expected = wrong_in_several(labelled, wrong)
    rows = labelled.any(axis=1)
    assert observed.tolist() == [(wrong[rows].sum(axis=1) == k).sum() for k in range(4)]
    rates = wrong.sum(axis=0) / labelled.sum(axis=0)
    by_hand = np.zeros(4)
    for own in labelled[rows]:
        for outcome in itertools.product([0, 1], repeat=3):
            chance = [r if o else 1 - r for r, o in zip(rates, outcome, strict=True)]
            if all(known or not o for known, o in zip(own, outcome, strict=True)):
                by_hand[sum(outcome)] += np.prod(np.where(own, chance, 1))
    assert expected == pytest.approx(by_hand)
    assert expected.sum() == pytest.approx(rows.sum())


def test_of_many_pairs_those_whose_errors_coincide_most_are_kept():
    labelled, wrong = errors(tasks=6)
    every, count = coincidences(labelled, wrong)
    kept, same = coincidences(labelled, wrong, most=4)
    assert (count, same, len(every), len(kept)) == (15, 15, 15, 4)
    strongest = sorted(every, key=lambda one: -abs(one.phi))[:4]
    assert set(kept) == set(strongest)
    assert kept == sorted(kept, key=lambda one: (one.first, one.second))


def test_a_thousand_tasks_take_seconds():
    labelled, wrong = errors(count=300, tasks=1000)
    found, count = coincidences(labelled, wrong)
    assert (len(found), count) == (1000, 499_500)
    observed, expected = wrong_in_several(labelled, wrong)
    assert observed.sum() == pytest.approx(expected.sum()) == 300
