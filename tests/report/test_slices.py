"""Slices of the judged rows: how they are cut, and that each is judged as scikit-learn judges."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, strategies
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, f1_score, mean_absolute_error

from mtc_keras.report.slice_scores import judged_slices, slice_metric, slice_scores
from mtc_keras.report.slicing import slices_of_column, slices_of_labels, slices_of_lengths
from tests.fuzzing import tries
from tests.report.conftest import judged_rows


def cut(values):
    slices, notes = slices_of_column("x", values)
    rows = np.sum([one.rows for one in slices], axis=0)
    assert (rows == 1).all()  # each row is in one of them
    return {one.name: int(one.rows.sum()) for one in slices}, notes


def test_names_are_slices_and_blanks_one_of_their_own():
    found, notes = cut(["north"] * 30 + ["south"] * 25 + [None] * 4)
    assert found == {"north": 30, "south": 25, "(no value)": 4}
    assert notes == []


def test_values_of_few_rows_stand_together_and_it_is_said():
    found, notes = cut(["a"] * 30 + ["b"] * 19 + ["c"])
    assert found == {"a": 30, "(2 other values)": 20}
    assert notes == ["x: 2 values stand together: 2 of fewer than 20 rows each"]


def test_of_many_names_the_most_frequent_are_slices():
    values = [f"site {number:02d}" for number in range(20) for _ in range(40 - number)]
    found, notes = cut([*values, "rare"])
    assert list(found) == [*(f"site {number:02d}" for number in range(12)), "(9 other values)"]
    assert notes == [
        "x: 9 values stand together: 1 of fewer than 20 rows each and 8 beyond the 12 most frequent"
    ]


def test_many_numbers_become_bins_of_as_many_rows():
    found, notes = cut([str(number) for number in range(1000)])
    assert found == {
        "0 to 199": 200,
        "200 to 399": 200,
        "400 to 599": 200,
        "600 to 799": 200,
        "800 to 999": 200,
    }
    assert notes == ["x: 1,000 different numbers are cut into 5 bins of about as many rows"]


def test_equal_numbers_are_in_one_bin_and_words_among_numbers_in_one_of_their_own():
    values = [*["0"] * 600, *(str(number / 4) for number in range(1, 401)), "many"]
    found, _ = cut(values)
    assert found["0"] == 600 and found["(no number)"] == 1


def test_few_numbers_are_in_their_order():
    found, _ = cut(["10"] * 20 + ["9"] * 30 + ["2.5"] * 20)
    assert list(found) == ["2.5", "9", "10"]


def test_a_column_without_values_is_told():
    assert slices_of_column("x", [None, None]) == ([], ["x: no judged row has a value"])


@pytest.mark.parametrize("values", [["north"] * 50, [f"row {row}" for row in range(50)]])
def test_a_column_that_parts_nothing_has_no_slice_that_is_all_rows(values):
    slices, notes = slices_of_column("x", values)
    assert slices == [] and notes[-1] == "x: all rows are in one slice, so that it tells nothing"


def test_cut_texts_are_a_slice_of_lengths():
    slices = slices_of_lengths(np.array([3, 4, 5, 6, 7, 8, 9, 10, 200]), 128)
    assert {one.name: int(one.rows.sum()) for one in slices} == {
        "3 to 4": 2,
        "5 to 6": 2,
        "7 to 8": 2,
        "9 to 10": 2,
        "over 128": 1,
    }
    assert slices_of_lengths(np.full(9, 7), 128) == []  # all texts are as long


def test_rows_that_lack_a_label_are_a_slice_if_both_are_many():
    labelled = np.ones((50, 2), bool)
    assert slices_of_labels(labelled) == []
    labelled[:25, 1] = False
    assert [int(one.rows.sum()) for one in slices_of_labels(labelled)] == [25, 25]


def test_scores_of_slices_are_scikit_learns():
    judged = judged_rows(400)
    slices, _ = judged_slices(judged)
    assert {one.by for one in slices} == {"tokens", "region", "labels"}
    by_name = {(one.by, one.name): one.rows for one in slices}
    mood, topics, grade, stars = judged.tasks
    assert [slice_metric(task) for task in judged.tasks] == ["accuracy", "f1_micro", "mae", "mae"]
    for task in judged.tasks:
        scores, _ = slice_scores(judged, task, slices)
        assert [one.gain[0] for one in scores] == sorted(one.gain[0] for one in scores)
        sign = -1 if task in (grade, stars) else 1
        assert scores[0].score * sign == min(one.score * sign for one in scores)
        for one in scores:
            rows = by_name[one.by, one.name] & judged.labelled(task)
            truth = judged.targets[task.name][rows]
            predicted = judged.predictions[task.name][rows]
            assert one.rows == rows.sum()
            if task is mood:
                expected = accuracy_score(truth, predicted)
                interval = binomtest(int((truth == predicted).sum()), len(truth))
                ends = interval.proportion_ci(method="wilson")
                assert (one.low, one.high) == (ends.low, ends.high)
            elif task is topics:
                known = ~np.isnan(truth)
                expected = f1_score(truth[known] == 1, predicted[known] == 1)
            else:
                expected = mean_absolute_error(truth, predicted)
            assert one.score == pytest.approx(expected, abs=1e-6)
            assert one.low <= one.score <= one.high


def test_a_slice_on_which_the_model_fails_is_worst_and_stands_out():
    judged = judged_rows(600)
    [mood, *_] = judged.tasks
    bad = np.arange(600) % 4 == 0
    logits = dict(judged.logits)
    logits["mood"] = np.where(bad[:, None], -logits["mood"], logits["mood"])
    regions = ["west" if is_bad else "east" for is_bad in bad]
    judged = replace(judged, logits=logits, slices={"region": regions})
    slices, _ = judged_slices(judged)
    scores, small = slice_scores(judged, mood, slices)
    assert (scores[0].name, scores[0].is_worse, small) == ("west", True, 0)
    assert not any(one.is_worse for one in scores if one.name == "east")


def test_a_slice_with_hardly_a_label_is_not_judged():
    judged = judged_rows(400)
    targets = dict(judged.targets)
    north = np.array([value == "north" for value in judged.slices["region"]])
    targets["mood"] = np.where(north, -1, targets["mood"]).astype("int32")
    judged = replace(judged, targets=targets)
    scores, small = slice_scores(judged, judged.tasks[0], judged_slices(judged)[0])
    assert "north" not in [one.name for one in scores] and small >= 1


def test_rows_that_are_alike_are_not_worse_for_that():
    judged = judged_rows(600)
    stars = judged.tasks[3]
    random = np.random.default_rng(4)
    targets = {**judged.targets, "stars": random.normal(0, 5, 600).astype("float32")}
    alike = np.abs(targets["stars"]) < 1  # their R² would be below 0
    error = random.normal(0, 1, 600).astype("float32")
    logits = {**judged.logits, "stars": targets["stars"] + error}
    regions = ["alike" if one else "far apart" for one in alike]
    judged = replace(judged, targets=targets, logits=logits, slices={"region": regions})
    scores, _ = slice_scores(judged, stars, judged_slices(judged)[0])
    assert not any(one.is_worse for one in scores if one.by == "region")


@tries(60)
@given(
    strategies.lists(
        strategies.one_of(
            strategies.none(),
            strategies.text(max_size=3),
            strategies.integers(-5, 5).map(str),
            strategies.floats().map(str),
        ),
        min_size=1,
        max_size=300,
    ),
    strategies.integers(1, 40),
)
def test_fuzz_every_row_is_in_one_slice_of_a_column(values, times):
    values = values * times
    slices, notes = slices_of_column("x", values)
    if slices:
        assert (np.sum([one.rows for one in slices], axis=0) == 1).all()
    else:
        told = "no judged row has a value", "all rows are in one slice, so that it tells nothing"
        assert notes[-1] in [f"x: {said}" for said in told]
    assert all(one.rows.any() for one in slices)


@tries(40)
@given(strategies.lists(strategies.integers(0, 600), min_size=1, max_size=200))
def test_fuzz_every_text_is_in_one_slice_of_lengths(lengths):
    slices = slices_of_lengths(np.array(lengths), 128)
    if slices:
        assert (np.sum([one.rows for one in slices], axis=0) == 1).all()
