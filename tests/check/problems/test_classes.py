"""Classes with few rows, and classes that one split lacks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.check.problems.classes import rare_classes, unjudged_classes
from tests.check.problems.planted import MOODS, clean_rows, found, pool, splits, where
from tests.fuzzing import tries

LISTED = {"mood": {"kind": "multiclass", "classes": [*MOODS, "odd"]}}


@tries(8)
@given(st.lists(st.integers(1, 14), min_size=1, max_size=6))
def test_fuzz_classes_under_ten_rows_are_found(counts):
    rows = clean_rows(60)
    for number, count in enumerate(counts):
        rows += [dict(row, mood=f"rare {number}") for row in clean_rows(count, seed=number + 1)]
    findings = found(pool({"train": rows}), [rare_classes])
    expected = {f"rare {number}": count for number, count in enumerate(counts) if count < 10}
    assert bool(findings) == bool(expected)
    if expected:
        finding = findings["rare_classes_mood"]
        assert {line["class"]: line["train"] for line in finding.table} == expected
        assert finding.count == len(expected)
        assert finding.severity == "warning"


def test_a_class_that_is_never_trained_is_told_with_the_rows_that_have_it():
    rows = splits()
    rows["test"][4]["mood"] = "odd"
    pooled = pool(rows, LISTED)
    finding = found(pooled, [rare_classes])["untrained_classes_mood"]
    assert finding.title == "1 of 4 classes in no training row: 'odd'"
    assert list(finding.places) == where(pooled, "test", [4])
    assert finding.table == [{"class": "odd", "train": 0, "validation": 0, "test": 1}]


@pytest.mark.parametrize("split", ["validation", "test", None])
def test_a_class_that_is_judged_nowhere_or_only_in_one_split(split):
    rows = splits()
    for row in rows["train"][:12]:
        row["mood"] = "odd"
    if split:
        rows[split][0]["mood"] = "odd"
    (finding,) = found(pool(rows), [unjudged_classes]).values()
    name = "unjudged_classes_mood" if split else "classes_of_training_only_mood"
    assert (finding.name, finding.count, finding.severity) == (name, 1, "note")
    lacking = {"validation": "test lacks 1", "test": "validation lacks 1", None: "training"}[split]
    assert lacking in finding.title


def test_a_split_without_labels_or_none_at_all_says_nothing_of_classes():
    rows = splits()
    for row in rows["test"]:
        row["mood"] = None
    assert found(pool(rows), [unjudged_classes]) == {}
    assert found(pool({"train": clean_rows(60)}), [unjudged_classes]) == {}


def test_people_see_the_names_for_people():
    tasks = {"mood": {"kind": "multiclass", "class_names": {"bad": "very sad"}}}
    rows = splits()
    rows["train"] = [row for row in rows["train"] if row["mood"] != "bad"] + rows["train"][:3]
    assert "'very sad' 1" in found(pool(rows, tasks), [rare_classes])["rare_classes_mood"].title
