"""The surest mistakes of each kind of task, found by going through all rows."""

from dataclasses import replace

import numpy as np
import pytest

from mtc_keras.report.mistakes import surest_mistakes
from mtc_keras.report.wrong import wrong_rows
from tests.report.conftest import judged_rows


@pytest.fixture(scope="module")
def rows():
    return judged_rows(200)


def test_of_one_class_per_row_the_surest_wrong_class_comes_first(rows):
    mood = rows.tasks[0]
    targets, stated = rows.targets["mood"], rows.probabilities["mood"]
    by_hand = sorted(
        (-stated[row].max(), row)
        for row in range(200)
        if targets[row] >= 0 and stated[row].argmax() != targets[row]
    )
    found = surest_mistakes(rows, mood, 1000)
    assert [one.row for one in found] == [row for _, row in by_hand]
    assert found[0].sureness == pytest.approx(-by_hand[0][0])
    assert len(surest_mistakes(rows, mood, 3)) == 3


def test_of_several_classes_the_surest_wrong_cell_counts(rows):
    topics = rows.tasks[1]
    targets, stated = rows.targets["topics"], rows.probabilities["topics"]
    thresholds = rows.decisions["topics"].threshold_array
    by_hand = {}
    for row in range(200):
        for index in range(4):
            given = stated[row, index] >= thresholds[index]
            if not np.isnan(targets[row, index]) and given != (targets[row, index] == 1):
                sure = stated[row, index] if given else 1 - stated[row, index]
                by_hand[row] = max(by_hand.get(row, (0, 0)), (sure, index))
    found = surest_mistakes(rows, topics, 1000)
    assert {one.row: one.class_index for one in found} == {r: i for r, (_, i) in by_hand.items()}
    assert [one.sureness for one in found] == sorted((one.sureness for one in found), reverse=True)
    assert {one.row for one in found} == set(np.flatnonzero(wrong_rows(rows, topics)))


def test_of_numbers_the_greatest_error_comes_first(rows):
    stars = rows.tasks[3]
    errors = np.abs(rows.targets["stars"] - rows.logits["stars"])
    [worst] = surest_mistakes(rows, stars, 1)
    assert worst.row == np.nanargmax(errors)
    assert worst.sureness == pytest.approx(np.nanmax(errors), rel=1e-6)
    far = wrong_rows(rows, stars)
    labelled = int((~np.isnan(errors)).sum())
    assert far.sum() == pytest.approx(0.2 * labelled, abs=1)
    assert np.nanmin(errors[far]) > np.nanmax(errors[~far])


def test_logits_of_a_diverged_model_are_no_mistakes_that_it_was_sure_of(rows):
    diverged = {name: np.full_like(logits, np.nan) for name, logits in rows.logits.items()}
    judged = replace(rows, logits=diverged)
    assert [surest_mistakes(judged, task, 5) for task in judged.tasks] == [[], [], [], []]
    assert not wrong_rows(judged, judged.tasks[3]).any()
