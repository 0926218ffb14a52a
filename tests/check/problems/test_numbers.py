"""Numbers that are none or far off, ordered classes out of order, labels that shift."""

import random

import pytest

from mtc_keras.check.problems.numbers import (
    disordered_classes,
    far_numbers,
    natural_order,
    sentinel_values,
    zero_mass,
)
from mtc_keras.check.problems.shift import shifted_labels
from tests.check.problems.planted import MOODS, clean_rows, found, places, pool, splits, where

STARS = {"stars": {"kind": "regression"}}
NUMBERS = [sentinel_values, far_numbers, zero_mass]


def numbered(seed: int = 0) -> list[dict]:
    rng = random.Random(seed)
    return [dict(row, stars=round(rng.uniform(1, 5), 2)) for row in clean_rows(200)]


@pytest.mark.parametrize("value", [-1, 99, 999, -999])
def test_a_number_that_stands_for_none_is_told(value):
    rows = numbered()
    for at in (3, 50, 90):
        rows[at]["stars"] = value
    pooled = pool({"train": rows}, STARS)
    finding = found(pooled, NUMBERS)["sentinel_values_stars"]
    assert places(finding) == where(pooled, "train", [3, 50, 90])
    assert f'tasks.stars.missing = ["{value}"]' in finding.remedy


@pytest.mark.parametrize("lowest", [-5, 0])
def test_a_number_among_others_stands_for_itself(lowest):
    rows = numbered()
    for number, row in enumerate(rows):
        row["stars"] = float(lowest + number % 106)  # -1 and 99 are among them
    assert found(pool({"train": rows}, STARS), NUMBERS) == {}


def test_many_zeros_are_a_note():
    rows = numbered()
    for row in rows[::2]:
        row["stars"] = 0
    finding = found(pool({"train": rows}, STARS), NUMBERS)["zeros_stars"]
    assert (finding.severity, finding.count) == ("note", 100)


def test_a_number_far_from_all_others_is_told_the_farthest_first():
    rows = numbered()
    rows[5]["stars"], rows[6]["stars"] = 450, 4500
    pooled = pool({"train": rows}, STARS)
    finding = found(pooled, NUMBERS)["far_numbers_stars"]
    assert places(finding) == where(pooled, "train", [6, 5])
    assert "4500" in finding.title
    assert found(pool({"train": numbered()}, STARS), NUMBERS) == {}


@pytest.mark.parametrize(
    ("classes", "right"),
    [
        (["1", "10", "2"], ["1", "2", "10"]),
        (["high", "low", "medium"], ["low", "medium", "high"]),
        (["Never", "Often", "Sometimes"], ["Never", "Sometimes", "Often"]),
        (["5 stars", "4 stars", "3 stars"], None),
        (["low", "medium", "high"], None),
        (["a", "c", "b"], None),
    ],
)
def test_ordered_classes_go_from_one_end_to_the_other(classes, right):
    rows = [dict(row, level=classes[at % 3]) for at, row in enumerate(clean_rows(60))]
    tasks = {"level": {"kind": "ordinal", "classes": classes}}
    findings = found(pool({"train": rows}, tasks), [disordered_classes])
    assert bool(findings) is (right is not None)
    if right:
        assert right == natural_order(classes)
        line = "classes = " + str(right).replace("'", '"')
        assert line in findings["disordered_classes_level"].remedy
    unordered = {"level": {"kind": "multiclass", "classes": classes}}
    assert found(pool({"train": rows}, unordered), [disordered_classes]) == {}


def test_labels_that_shift_are_told_class_by_class():
    rows = splits(400, 300, 300)
    for row in rows["test"][:150]:
        row["mood"] = "good"
    for row in rows["validation"][:100]:
        row["topics"] = ["bus"]
    findings = found(pool(rows), [shifted_labels])
    assert findings.keys() == {"shifted_mood_test", "shifted_topics_validation"}
    assert findings["shifted_mood_test"].severity == "warning"
    assert findings["shifted_mood_test"].table[0]["class"] == "good"
    assert "'good' 66.7% rather than 33.2%" in findings["shifted_mood_test"].title
    assert findings["shifted_topics_validation"].table[0]["class"] == "bus"


def test_numbers_that_shift():
    rows = {"train": numbered(), "test": numbered(1)}
    assert found(pool(rows, STARS), [shifted_labels]) == {}
    for row in rows["test"]:
        row["stars"] += 1
    assert found(pool(rows, STARS), [shifted_labels]).keys() == {"shifted_stars_test"}


@pytest.mark.parametrize("seed", range(5))
def test_chance_is_no_shift(seed):
    rng = random.Random(seed)
    rows = splits(300, 40, 60)
    for name in rows:
        for row in rows[name]:
            row["mood"] = rng.choice(MOODS)
            row["topics"] = rng.sample(["bus", "food", "work"], rng.randint(0, 2))
    assert found(pool(rows), [shifted_labels]) == {}
