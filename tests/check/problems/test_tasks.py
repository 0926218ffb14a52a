"""Tasks that are constant, unlabelled or determined by another one, and rules that are broken."""

import random

import numpy as np
import pytest

from mtc_keras.check.implications import implications
from mtc_keras.check.problems.broken_rules import broken_rules
from mtc_keras.check.problems.determined import determined_tasks
from mtc_keras.check.problems.tasks import constant_tasks, unlabelled_tasks
from tests.check.problems.planted import MOODS, clean_rows, found, places, pool, splits, where

STARS = {"stars": {"kind": "regression"}}
CITIES = {f"city {number}": f"country {number // 3}" for number in range(9)}
PLACES = {"city": {"kind": "multiclass"}, "country": {"kind": "multiclass"}}


def test_a_task_without_labels_in_the_test_rows_is_told():
    rows = splits()
    for row in rows["test"]:
        row["topics"] = None
    finding = found(pool(rows), [unlabelled_tasks])["unlabelled_topics_test"]
    assert (finding.about, finding.count) == ("topics", 60)


def test_a_task_whose_training_rows_are_all_of_one_class_is_an_error():
    rows = splits()
    for row in rows["train"]:
        row["mood"] = "fine"
    tasks = {"mood": {"kind": "multiclass", "classes": list(MOODS)}}
    finding = found(pool(rows, tasks), [constant_tasks])["constant_mood"]
    assert (finding.severity, finding.count) == ("error", 240)
    assert "'fine'" in finding.title


def test_a_number_that_never_changes_is_an_error():
    rows = [dict(row, stars=4.5) for row in clean_rows(30)]
    assert found(pool({"train": rows}, STARS))["constant_stars"].severity == "error"


def test_a_multilabel_task_in_which_all_rows_are_alike_is_constant():
    rows = splits()
    for row in rows["train"]:
        row["topics"] = ["bus"]
    tasks = {"topics": {"kind": "multilabel", "classes": ["bus", "food", "work"]}}
    assert "constant_topics" in found(pool(rows, tasks), [constant_tasks])


def test_a_class_that_is_never_known_to_be_absent_is_told():
    rows = splits()
    for row in rows["train"]:
        row["topics"] = {"bus": random.Random(row["text"]).random() > 0.5, "food": 1}
        row["topics"] = {name: int(value) for name, value in row["topics"].items()}
    finding = found(pool({"train": rows["train"]}), [constant_tasks])["constant_classes_topics"]
    assert [line["class"] for line in finding.table] == ["food"]


def of_cities(count: int = 300) -> list[dict]:
    rng = random.Random(0)
    rows = clean_rows(count)
    for row in rows:
        row["city"] = rng.choice(list(CITIES))
        row["country"] = CITIES[row["city"]]
    return rows


def test_a_task_that_another_one_determines_is_told_one_way():
    findings = found(pool({"train": of_cities()}, PLACES), [determined_tasks])
    (finding,) = findings.values()
    assert finding.name == "determined_country_by_city"
    assert finding.title == "the label of city fixes that of country in all 300 rows"
    assert "[tasks.country]" in finding.remedy


def test_exceptions_are_told_with_what_they_should_be():
    rows = of_cities()
    right, rows[7]["country"] = rows[7]["country"], "country 2"
    if right == "country 2":
        rows[7]["country"] = "country 1"
    pooled = pool({"train": rows}, PLACES)
    (finding,) = found(pooled, [determined_tasks]).values()
    assert finding.title.endswith("in 299 of 300 rows, 1 exception")
    (line,) = finding.table
    assert line["place"] == where(pooled, "train", [7])[0]
    assert line["expected"] == right


def test_two_names_for_one_label_are_told_once():
    rows = of_cities()
    for row in rows:
        row["country"] = row["city"].replace("city", "Ort")
    (finding,) = found(pool({"train": rows}, PLACES), [determined_tasks]).values()
    assert "fix each other" in finding.title


def test_of_nested_labels_each_is_fixed_by_the_next_finer_one_alone():
    rows = of_cities()
    for row in rows:
        row["continent"] = "north" if row["country"] == "country 0" else "south"
    tasks = PLACES | {"continent": {"kind": "multiclass"}}
    findings = found(pool({"train": rows}, tasks), [determined_tasks])
    assert findings.keys() == {"determined_country_by_city", "determined_continent_by_country"}


def test_a_set_of_classes_fixes_a_coarser_set():
    rng = random.Random(1)
    rows = clean_rows(400)
    coarse = {"joy": "plus", "love": "plus", "fear": "minus", "anger": "minus"}
    for row in rows:
        row["fine"] = [name for name in coarse if rng.random() < 0.3]
        row["coarse"] = sorted({coarse[name] for name in row["fine"]})
    tasks = {name: {"kind": "multilabel"} for name in ("fine", "coarse")}
    findings = found(pool({"train": rows}, tasks), [determined_tasks])
    assert findings.keys() == {"determined_coarse_by_fine"}


@pytest.mark.parametrize("case", ["one row for each class", "nearly always one class", "by chance"])
def test_what_fixes_a_label_by_chance_is_no_problem(case):
    rows = clean_rows(300)
    rng = random.Random(2)
    for number, row in enumerate(rows):
        row["city"] = f"city {number}" if case == "one row for each class" else rng.choice("abc")
        row["country"] = rng.choice("xyz")
        if case == "nearly always one class":
            row["country"] = "y" if number == 5 else "x"
    assert found(pool({"train": rows}, PLACES), [determined_tasks]) == {}


def test_rows_that_break_a_rule_are_told():
    rng = random.Random(3)
    rows = clean_rows(400)
    for row in rows:
        row["mood"] = rng.choice(MOODS)
        row["topics"] = ["food"] if row["mood"] == "good" else rng.sample(["bus", "work"], 1)
        row["topics"] += ["night"] if rng.random() < 0.3 else []
    good = [number for number, row in enumerate(rows) if row["mood"] == "good"]
    broken = good[3:5]
    for number in broken:
        rows[number]["topics"] = ["bus"]
    pooled = pool({"train": rows})
    finding = found(pooled, [broken_rules])["broken_rules"]
    rule = "mood 'good' ⇒ topics 'food'"
    assert f"{rule} with 2 exceptions (of {len(good)})" in finding.title
    told = [line["place"] for line in finding.table if line["rule"] == rule]
    assert told == where(pooled, "train", broken)
    assert finding.count == len(set(places(finding)))


def test_rules_are_those_that_counting_finds():
    rng = np.random.default_rng(0)
    a = rng.random((500, 4)) < 0.3
    b = rng.random((500, 3)) < [0.1, 0.5, 0.97]
    b[:, 0] |= a[:, 1]
    b[np.flatnonzero(a[:, 1])[:2], 0] = False
    known = np.ones((500, 3), bool)
    known[np.flatnonzero(a[:, 1])[2:7], 0] = False
    b &= known
    rules = implications(
        {"a": a, "b": b}, {"a": np.ones_like(a), "b": known}, {"a": "wxyz", "b": "pqr"}
    )
    (rule,) = rules
    assert str(rule) == "a 'x' ⇒ b 'p'"
    assert rule.support == a[:, 1].sum() - 5  # of which it is known
    assert rule.exceptions.tolist() == np.flatnonzero(a[:, 1])[:2].tolist()
    lacking = 1 - b[:, 0].sum() / known[:, 0].sum()
    assert rule.confidence == 1 - 2 / rule.support
    assert rule.conviction == pytest.approx(lacking / (1 - rule.confidence), rel=1e-5)
