"""Texts in several rows, and rows of one text whose labels differ."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.check.problems.duplicates import contradictions, duplicates
from tests.check.problems.planted import clean_rows, found, places, pool, splits, where
from tests.fuzzing import tries


@tries(15)
@given(data=st.data(), copies=st.integers(0, 12))
def test_fuzz_as_many_duplicates_are_found_as_are_planted(data, copies):
    rows = splits(60, 20, 20)
    planted = {name: [] for name in rows}
    for _ in range(copies):
        name = data.draw(st.sampled_from(list(rows)))
        original = data.draw(st.sampled_from(rows[name]))
        case = data.draw(st.sampled_from([str.upper, str.title, lambda text: f"  {text}\t"]))
        planted[name].append(len(rows[name]))
        rows[name].append(dict(original, text=case(original["text"]).replace(" ", "  ", 1)))
    pooled = pool(rows)
    findings = found(pooled, [duplicates])
    expected = [place for name, at in planted.items() for place in where(pooled, name, at)]
    assert bool(findings) == bool(expected)
    if expected:
        assert places(findings["duplicates"]) == expected
        assert findings["duplicates"].count == len(expected)
        assert list(findings["duplicates"].places) == expected[:3]


def test_a_duplicate_names_the_row_it_repeats():
    rows = splits()
    rows["train"].append(dict(rows["train"][3]))
    pooled = pool(rows)
    (line,) = found(pooled, [duplicates])["duplicates"].table
    assert [line["same_text_as"]] == where(pooled, "train", [3])
    assert line["split"] == "train"


def test_one_text_in_many_rows_is_a_warning():
    rows = splits()
    rows["train"] += [dict(rows["train"][0]) for _ in range(40)]
    few = splits()
    few["train"].append(dict(few["train"][0]))
    assert found(pool(rows))["duplicates"].severity == "warning"
    assert found(pool(few))["duplicates"].severity == "note"


def test_rows_of_one_text_differ_in_the_tasks_in_which_they_do():
    rows = splits()
    other = dict(rows["train"][0], mood="good", topics=rows["train"][0]["topics"])
    assert rows["train"][0]["mood"] == "bad"
    rows["train"].append(other)
    findings = found(pool(rows), [contradictions])
    assert findings.keys() == {"contradictions_mood"}
    finding = findings["contradictions_mood"]
    assert finding.count == 1
    assert [(line["number"], line["label"]) for line in finding.table] == [(1, "bad"), (1, "good")]
    assert 'data.votes_by = "text"' in finding.remedy


def test_a_missing_label_contradicts_none():
    rows = splits()
    rows["train"].append(dict(rows["train"][0], mood=None, topics=None))
    assert found(pool(rows), [contradictions]) == {}


def test_multilabel_cells_are_compared_where_both_are_known():
    def rows_with(*cells):
        rows = clean_rows(40)
        for row in rows:
            row["topics"] = {"bus": 1, "food": 0, "work": rows.index(row) % 2}
        rows += [dict(rows[0], text="one text of two rows", topics=cell) for cell in cells]
        return {"train": rows}

    apart = pool(rows_with({"bus": 1, "food": None}, {"bus": None, "food": 0, "work": 1}))
    assert found(apart, [contradictions]) == {}
    both = pool(rows_with({"bus": 1, "food": None}, {"bus": 0, "food": 1}))
    assert found(both, [contradictions])["contradictions_topics"].count == 1


@pytest.mark.parametrize(("second", "differs"), [(3.1, False), (5.0, True)])
def test_numbers_of_one_text_may_differ_a_little(second, differs):
    rng = random.Random(0)
    rows = [dict(row, stars=rng.uniform(1, 5)) for row in clean_rows(60)]
    rows += [dict(rows[0], text="two readers of one text", stars=stars) for stars in (3.0, second)]
    pooled = pool({"train": rows}, {"stars": {"kind": "regression"}})
    assert (found(pooled, [contradictions]).keys() == {"contradictions_stars"}) is differs


@tries(10)
@given(st.lists(st.integers(0, 59), unique=True, max_size=9))
def test_fuzz_as_many_contradictions_are_found_as_are_planted(chosen):
    rows = clean_rows(60)
    for row in chosen:
        other = {"bad": "fine", "fine": "good", "good": "bad"}[rows[row]["mood"]]
        rows.append(dict(rows[row], mood=other))
    findings = found(pool({"train": rows}), [contradictions])
    assert sum(finding.count for finding in findings.values()) == len(chosen)
