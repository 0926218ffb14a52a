"""Texts and groups of one split in another one, and texts that are nearly so."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.check.near_duplicates import jaccard, near_duplicates, plain, shingles
from mtc_keras.check.problems.leakage import shared_groups, shared_texts
from mtc_keras.check.problems.nearly_equal import nearly_equal_texts
from tests.check.problems.planted import LETTERS, found, places, pool, splits, where, words
from tests.fuzzing import tries


def test_each_split_tells_which_of_its_rows_stand_in_earlier_ones():
    rows = splits()
    rows["validation"][5] = dict(rows["train"][1])
    rows["test"][0] = dict(rows["train"][2], text=rows["train"][2]["text"].upper())
    rows["test"][9] = dict(rows["validation"][4])
    pooled = pool(rows)
    findings = found(pooled, [shared_texts])
    assert places(findings["shared_texts_validation"]) == where(pooled, "validation", [5])
    assert places(findings["shared_texts_test"]) == where(pooled, "test", [0, 9])
    assert findings["shared_texts_test"].title == (
        "2 of 60 rows (3.3%) whose text stands in train (1) or validation (1), too"
    )
    assert findings["shared_texts_test"].severity == "warning"
    assert "--split" in findings["shared_texts_test"].remedy


@pytest.mark.parametrize(("copies", "severity"), [(1, "note"), (4, "warning"), (150, "error")])
def test_a_split_that_is_mostly_trained_is_an_error(copies, severity):
    rows = splits(240, 60, 240)
    rows["test"][:copies] = [dict(row) for row in rows["train"][:copies]]
    assert found(pool(rows), [shared_texts])["shared_texts_test"].severity == severity


def test_groups_are_kept_apart_and_rows_without_one_share_none():
    rows = splits()
    for name in rows:
        for number, row in enumerate(rows[name]):
            row["writer"] = f"{name} {number // 4}" if number % 4 else None
    rows["test"][1]["writer"] = "train 3"
    pooled = pool(rows, group="writer")
    (finding,) = found(pooled, [shared_groups]).values()
    assert (finding.name, finding.severity) == ("shared_groups_test", "warning")
    assert places(finding) == where(pooled, "test", [1])
    assert found(pool(rows), [shared_groups]) == {}


def nearly(text: str) -> str:
    """Returns a text with one word more than a long one."""
    return f"{text} indeed"


def test_near_duplicates_are_told_within_splits_and_across_them():
    rows = splits()
    long = [words(random.Random(seed), 30) for seed in range(3)]
    rows["train"][0]["text"], rows["train"][1]["text"] = long[0], nearly(long[0])
    rows["train"][2]["text"], rows["test"][3]["text"] = long[1], nearly(long[1])
    rows["train"][4]["text"], rows["test"][5]["text"] = long[2], long[2].upper()
    pooled = pool(rows)
    findings = found(pooled, [nearly_equal_texts])
    assert findings.keys() == {"near_duplicates", "nearly_shared_texts_test"}
    within, across = findings["near_duplicates"], findings["nearly_shared_texts_test"]
    assert places(within) == where(pooled, "train", [0, 1])
    assert [line["cluster"] for line in within.table] == [1, 1]
    assert places(across) == where(pooled, "test", [3])  # the same text is told as such
    (line,) = across.table
    assert [line["nearly_same_as"]] == where(pooled, "train", [2])
    assert line["similarity"] == round(jaccard(*map(shingled, (long[1], nearly(long[1])))), 3)


def shingled(text: str) -> frozenset[str]:
    return shingles(plain(text))


def test_texts_that_differ_in_signs_alone_are_near_duplicates_of_similarity_1():
    rows = splits()
    rows["train"][0]["text"], rows["train"][1]["text"] = "Thank you!", "thank you :)"
    rows["validation"][0]["text"] = "THANK YOU..."
    findings = found(pool(rows), [nearly_equal_texts])
    table = findings["near_duplicates"].table
    assert [line["similarity"] for line in table] == [1.0, 1.0]
    assert findings["nearly_shared_texts_validation"].count == 1


@pytest.mark.parametrize(
    "texts", [["😀", "😂"], ["", "!"], ["?", "??"], ["ab", "abc"], ["不", "好"]]
)
def test_short_texts_are_not_all_alike(texts):
    assert len(near_duplicates(texts).pairs) == 0
    assert len(set(near_duplicates(texts).cluster)) == 2


def test_marks_of_vowels_belong_to_words():
    assert plain("किताब, पढ़ना") == " किताब पढ़ना "


def test_three_in_a_chain_are_one_cluster():
    first = words(random.Random(1), 40)
    second = f"{first} {words(random.Random(2), 3)}"
    third = f"{second} {words(random.Random(3), 3)}"
    result = near_duplicates([first, words(random.Random(4), 40), second, third])
    assert result.cluster[0] == result.cluster[2] == result.cluster[3] != result.cluster[1]


def test_many_texts_of_one_template_take_no_quadratic_time_and_are_one_cluster():
    texts = [
        f"this is the template that texts share, and the number of it is {n}" for n in range(900)
    ]
    result = near_duplicates(texts)
    assert len(set(result.cluster)) == 1
    assert result.crowded > 0
    assert len(result.pairs) <= 900 * 150  # of 404,550


@tries(10)
@given(seed=st.integers(0, 2**32), data=st.data())
def test_fuzz_every_pair_is_true_and_all_that_are_alike_are_found(seed, data):
    rng = random.Random(seed)
    texts = [words(rng, rng.randint(1, 30)) for _ in range(60)]
    for _ in range(data.draw(st.integers(0, 20))):
        text = list(rng.choice(texts))
        for _ in range(rng.randint(0, 3)):
            text[rng.randrange(len(text))] = rng.choice(f"{LETTERS} .")
        texts.append("".join(text))
    result = near_duplicates(texts)
    told = set()
    for (a, b), similarity in zip(result.pairs, result.similarity, strict=True):
        rows = [int((result.number == number).argmax()) for number in (a, b)]
        own, other = (shingled(texts[row]) for row in rows)
        assert similarity == jaccard(own, other) >= 0.8
        told.add(frozenset((int(a), int(b))))
    sets = {int(n): shingled(text) for n, text in zip(result.number, texts, strict=True)}
    for a, own in sets.items():
        for b, other in sets.items():
            if a < b and jaccard(own, other) >= 0.9:  # missed once in a billion
                assert frozenset((a, b)) in told


def test_of_very_many_rows_those_that_are_judged_are_all_compared(monkeypatch):
    monkeypatch.setattr("mtc_keras.check.problems.nearly_equal.MOST_TEXTS", 150)
    rows = splits(240, 60, 60)
    rows["test"][0]["text"], rows["test"][1]["text"] = "Not to be missed.", "not to be missed!"
    findings = found(pool(rows), [nearly_equal_texts])
    assert findings["near_duplicates_not_looked_for"].count == 210
    assert "210 training rows of 360" in findings["near_duplicates_not_looked_for"].title
    assert findings["near_duplicates"].count == 2
