"""Annotators who disagree are counted as the literature does, however their votes are written."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.check.problems.annotators import (
    class_agreement,
    disagreement,
    krippendorff_alpha,
    row_agreement,
)
from tests.check.problems.planted import clean_rows, found, places, pool
from tests.fuzzing import tries

# Krippendorff (2011), page 4: four observers of twelve units, 0 where one said nothing.
OBSERVERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
        [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
    ]
)
PUBLISHED = {"nominal": 0.743, "ordinal": 0.815}


def counted(observers: np.ndarray, classes: int) -> np.ndarray:
    counts = np.stack([(observers == name).sum(axis=0) for name in range(1, classes + 1)], axis=1)
    return counts[counts.sum(axis=1) > 1].astype(float)


@pytest.mark.parametrize("level", PUBLISHED)
def test_alpha_is_that_of_the_paper(level):
    alpha = krippendorff_alpha(counted(OBSERVERS, 5), ordered=level == "ordinal")
    assert round(alpha, 3) == PUBLISHED[level]


@tries(30)
@given(st.data())
def test_fuzz_agreement_is_what_counting_pairs_finds(data):
    answers = data.draw(
        st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=5), min_size=1, max_size=8)
    )
    counts = np.array([np.bincount(row, minlength=4) for row in answers], float)
    pairs = [[(a, b) for i, a in enumerate(r) for j, b in enumerate(r) if i != j] for r in answers]
    assert row_agreement(counts) == pytest.approx([np.mean([a == b for a, b in p]) for p in pairs])
    flat = [pair for row in pairs for pair in row]
    raters = counts.sum(axis=1)
    for name, agreement in enumerate(class_agreement(counts, raters)):
        others = [b == name for a, b in flat if a == name]
        assert np.isnan(agreement) if not others else agreement == pytest.approx(np.mean(others))


VOTES = ["bad", "bad", "bad"], ["bad", "bad", "good"], ["good", "fine", "bad"], ["good", "good"]


def of_cells() -> tuple[dict, dict, dict]:
    rows = [dict(row, mood=list(VOTES[at % 4])) for at, row in enumerate(clean_rows(40))]
    return {"train": rows}, {"mood": {"kind": "multiclass", "labels": "votes"}}, {}


def of_columns() -> tuple[dict, dict, dict]:
    rows = clean_rows(40)
    for at, row in enumerate(rows):
        votes = [*VOTES[at % 4], None][:3]
        row.update(zip(("first", "second", "third"), votes, strict=True))
    columns = ["first", "second", "third"]
    tasks = {"mood": {"kind": "multiclass", "labels": "votes", "column": columns}}
    return {"train": rows}, tasks, {}


def of_rows() -> tuple[dict, dict, dict]:
    rows = [dict(row, mood=vote) for at, row in enumerate(clean_rows(40)) for vote in VOTES[at % 4]]
    return {"train": rows}, {"mood": {"kind": "multiclass"}}, {"votes_by": "text"}


@pytest.mark.parametrize("written", [of_cells, of_columns, of_rows])
def test_rows_on_which_annotators_disagree_are_told_the_worst_first(written):
    rows, tasks, data = written()
    pooled = pool(rows, tasks, **data)
    finding = found(pooled, [disagreement])["disagreement_mood"]
    assert finding.count == 20
    assert finding.title.startswith("20 rows of 40 on which annotators disagree")
    worst = pooled.checked.splits["train"].where[2::4]
    assert places(finding)[:10] == list(worst)
    assert finding.table[0]["annotators"] == 3
    assert finding.table[0]["agreement"] == 0
    assert finding.table[0]["votes"] == "bad 1, fine 1, good 1"
    assert finding.table[-1]["agreement"] == round(1 / 3, 3)
    counts = np.array([[3, 0, 0], [2, 0, 1], [1, 1, 1], [0, 0, 2]] * 10, float)
    assert f"alpha {krippendorff_alpha(counts):.2f}" in finding.title
    assert f"agree in {row_agreement(counts).mean():.0%}" in finding.title
    assert "'fine' 0%" in finding.title


def test_several_classes_per_annotator_are_judged_class_by_class():
    rows = clean_rows(30)
    for row in rows:
        row["topics"] = [["bus"], ["bus", "food"]]
    pooled = pool({"train": rows}, {"topics": {"kind": "multilabel", "labels": "votes"}})
    finding = found(pooled, [disagreement])["disagreement_topics"]
    assert finding.count == 30
    assert "agree in 50% of all cases" in finding.title  # in one of two classes
    assert "'food' 0%, 'bus' 100%" in finding.title


def test_votes_are_counted_where_a_split_takes_some_rows():
    rows, tasks, _ = of_cells()
    pooled = pool(rows, tasks, validation=0.25)
    finding = found(pooled, [disagreement])["disagreement_mood"]
    assert finding.count == 20
    assert [len(rows) for rows in pooled.splits] == [30, 10]
    number = {f"train row {at}": at for at in range(40)}
    assert {number[place] % 4 for place in places(finding)} == {1, 2}
    assert {line["annotators"] for line in finding.table} == {3}


def test_agreement_and_single_annotators_are_no_problem():
    rows = [dict(row, mood=[row["mood"]] * (1 + at % 3)) for at, row in enumerate(clean_rows(30))]
    tasks = {"mood": {"kind": "multiclass", "labels": "votes"}}
    assert found(pool({"train": rows}, tasks), [disagreement]) == {}
    assert found(pool({"train": clean_rows(30)}), [disagreement]) == {}
