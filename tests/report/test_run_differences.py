"""Two runs on the same rows: which rows those are, and numbers that scikit-learn agrees with."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, f1_score

from mtc_keras.report.comparing.differences import (
    class_differences,
    difference,
    disagreement,
    pair_of,
    scores,
)
from mtc_keras.report.comparing.rows import common_rows, same_task
from mtc_keras.tasks import Multiclass
from tests.report.conftest import judged_rows


def other_run(judged, seed=1, worse=0.0):
    """Returns the same rows judged by another model."""
    random = np.random.default_rng(seed)
    logits = {
        name: (values + random.normal(scale=1 + worse, size=values.shape)).astype("float32")
        for name, values in judged.logits.items()
    }
    return replace(judged, logits=logits)


@pytest.fixture(scope="module")
def both():
    first = judged_rows(400)
    return first, other_run(first, worse=3.0)


def pairs(first, second):
    common = common_rows([first, second])
    return {task.name: pair_of(task, first, second, common.rows) for task in first.tasks}


def of_pair(pair):
    return difference(pair.metrics, is_paired=pair.is_paired)


def taken(judged, rows):
    """Returns some rows of a judged split."""
    return replace(
        judged,
        targets={name: values[rows] for name, values in judged.targets.items()},
        logits={name: values[rows] for name, values in judged.logits.items()},
        where=[judged.where[row] for row in rows],
        lengths=judged.lengths[rows],
        texts=judged.texts and tuple([column[row] for row in rows] for column in judged.texts),
        slices={name: [values[row] for row in rows] for name, values in judged.slices.items()},
    )


def test_rows_at_the_same_place_are_the_same(both):
    first, second = both
    backwards = taken(second, np.arange(400)[::-1])
    found = common_rows([first, backwards])
    assert found.rows[0].tolist() == list(range(400))
    assert found.rows[1].tolist() == list(range(400))[::-1]
    assert found.notes == ()


def test_rows_of_a_part_are_compared_on_that_part_and_it_is_told(both):
    first, second = both
    found = common_rows([first, taken(second, np.arange(100, 350))])
    assert len(found) == 250
    assert found.notes == (
        "differences are those of 250 rows that all runs have judged (of 400, 250)",
    )


def test_rows_whose_text_has_changed_are_others(both):
    first, second = both
    texts = list(second.texts[0])
    texts[7] = "another text"
    found = common_rows([first, replace(second, texts=(texts,))])
    assert len(found) == 399 and 7 not in found.rows[0]
    assert "1 row at the same place have other texts" in found.notes[0]


def test_rows_of_a_renamed_file_are_found_by_their_texts(both):
    first, second = both
    moved = replace(second, where=[place.replace("test", "moved") for place in second.where])
    found = common_rows([first, moved])
    assert len(found) == 400  # each text occurs once
    assert found.notes == ("no place is the same in all runs: rows are matched by their texts",)
    without = [replace(one, texts=None) for one in (first, moved)]
    assert len(common_rows(without)) == 0
    assert "share no judged rows" in common_rows(without).notes[0]


def test_scores_and_differences_are_those_of_scikit_learn(both):
    first, second = both
    found = pairs(first, second)
    labelled = first.labelled(first.tasks[0])
    truth = first.targets["mood"][labelled]
    expected = [accuracy_score(truth, one.predictions["mood"][labelled]) for one in both]
    assert scores(found["mood"].metrics) == pytest.approx(expected)
    mood = of_pair(found["mood"])
    assert mood.difference == pytest.approx(expected[1] - expected[0])
    assert mood.low < mood.difference < mood.high < 0
    assert mood.verdict == "worse"


def test_the_paired_interval_is_that_of_rows_drawn_by_hand_and_narrower_than_the_unpaired(both):
    first, second = both[0], other_run(both[0], worse=-0.5)
    pair = pairs(first, second)["mood"]
    right = [own[0] == own[1] for own in (pair.first, pair.second)]
    random = np.random.default_rng(5)
    drawn = []
    for _ in range(1000):
        rows = random.integers(len(right[0]), size=len(right[0]))
        drawn.append(right[1][rows].mean() - right[0][rows].mean())
    found = of_pair(pair)
    assert [found.low, found.high] == pytest.approx(np.percentile(drawn, [2.5, 97.5]), abs=0.01)
    apart = of_pair(replace(pair, is_paired=False))
    assert apart.high - apart.low > found.high - found.low


def test_rows_that_one_run_alone_gets_right_are_counted_and_tested(both):
    pair = pairs(*both)["mood"]
    right = [own[0] == own[1] for own in (pair.first, pair.second)]
    found = disagreement(pair)
    assert found.first.tolist() == np.flatnonzero(right[0] & ~right[1]).tolist()
    assert found.second.tolist() == np.flatnonzero(right[1] & ~right[0]).tolist()
    count = len(found.first), len(found.second)
    assert found.p == pytest.approx(binomtest(count[0], sum(count)).pvalue)
    numbers = disagreement(pairs(*both)["stars"])
    assert len(numbers.first) > len(numbers.second) and numbers.p < 0.01


def test_a_run_does_not_differ_from_itself(both):
    first, _ = both
    for pair in pairs(first, first).values():
        found = of_pair(pair)
        assert (found.low, found.difference, found.high) == (0, 0, 0)
        assert disagreement(pair).p == 1.0


def test_rows_that_are_labelled_otherwise_are_left_out_and_counted(both):
    first, second = both
    targets = {**second.targets, "mood": np.where(np.arange(400) < 10, 0, second.targets["mood"])}
    pair = pairs(first, replace(second, targets=targets))["mood"]
    same = (first.targets["mood"] == targets["mood"]) & (targets["mood"] >= 0)
    assert len(pair.first[0]) == same.sum()
    assert pair.unequal == ((targets["mood"] >= 0) & ~same).sum() > 0


def test_classes_are_compared_by_scikit_learns_f1(both):
    first, _ = both
    found = class_differences(pairs(*both)["topics"])
    assert [one.name for one in found] == ["bus", "fee", "form", "queue"]
    known = ~np.isnan(first.targets["topics"]).all(axis=1)
    for index, one in enumerate(found):
        truth = first.targets["topics"][known, index]
        rows = ~np.isnan(truth)
        for run, f1 in zip(both, one.f1, strict=True):
            said = run.predictions["topics"][known, index][rows] == 1
            assert f1 == pytest.approx(f1_score(truth[rows] == 1, said))


def test_tasks_of_other_classes_cannot_be_compared_row_by_row(both):
    mood = both[0].tasks[0]
    assert same_task(mood, mood)
    assert not same_task(mood, Multiclass(name="mood", classes=["bad", "good"]))
