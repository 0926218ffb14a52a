"""Names of classes, and labels that texts give away."""

import pytest

from mtc_keras.check.problems.class_names import (
    classes_of_unknown,
    like_class_names,
    misspelt_class_names,
)
from mtc_keras.check.problems.labels_in_texts import labels_in_texts
from tests.check.problems.planted import clean_rows, found, places, pool, splits, where

MOOD = {"mood": {"kind": "multiclass"}}


@pytest.mark.parametrize("other", ["Good", "g o o d", "gööd", "good!", "ｇｏｏｄ"])
def test_two_names_of_one_class_are_told(other):
    rows = splits()
    for row in rows["train"][2:40:3]:
        row["mood"] = other
    finding = found(pool(rows, MOOD), [like_class_names])["like_class_names_mood"]
    assert {line["class"] for line in finding.table} == {"good", other}
    assert (finding.count, finding.severity) == (1, "warning")


@pytest.mark.parametrize(
    ("slip", "meant", "is_one"),
    [
        ("complaimt", "complaint", True),
        ("complant", "complaint", True),
        ("compliant", "complaint", True),
        ("complnait", "complaint", False),
        ("comlpaint", "complaint", True),
        ("complaints", "complaint", True),
        ("level 12", "level 11", False),
        ("bad", "bar", False),
        ("increase", "decrease", False),
    ],
)
def test_a_rare_class_a_letter_off_a_frequent_one_is_a_slip(slip, meant, is_one):
    rows = clean_rows(120)
    for number, row in enumerate(rows):
        row["mood"] = meant if number % 2 else "other"
    rows[0]["mood"] = rows[2]["mood"] = slip
    findings = found(pool({"train": rows}, MOOD), [misspelt_class_names])
    assert bool(findings) is is_one
    if is_one:
        assert findings["misspelt_class_names_mood"].table == [{"class": slip, "perhaps": meant}]
    for number, row in enumerate(rows):  # both as frequent: two classes
        row["mood"] = meant if number % 2 else slip
    assert found(pool({"train": rows}, MOOD), [misspelt_class_names]) == {}


@pytest.mark.parametrize(("name", "is_one"), [("Unknown", True), ("?", True), ("none", False)])
def test_a_class_called_like_a_label_that_nobody_knows(name, is_one):
    rows = splits()
    for row in rows["train"][:12]:
        row["mood"] = name
    findings = found(pool(rows, MOOD), [classes_of_unknown])
    assert bool(findings) is is_one
    if is_one:
        assert f'tasks.mood.missing = ["{name}"]' in findings["classes_of_unknown_mood"].remedy


def test_minus_one_among_classes_from_zero_up_is_one_of_them():
    rows = splits()
    for name in rows:
        for number, row in enumerate(rows[name]):
            row["mood"] = number % 4 - 1
    assert found(pool(rows, MOOD), [classes_of_unknown])["classes_of_unknown_mood"].count == 1
    for name in rows:
        for number, row in enumerate(rows[name]):
            row["mood"] = number % 5 - 2
    assert found(pool(rows, MOOD), [classes_of_unknown]) == {}


def test_texts_that_are_their_label_or_state_it():
    rows = splits()
    mood = rows["train"][1]["mood"]
    rows["train"][1]["text"] = f" {mood.upper()} "
    rows["train"][2]["text"] = f"some text; mood: '{rows['train'][2]['mood']}'"
    rows["train"][3]["text"] = f"label={rows['train'][3]['mood']}, and more"
    rows["train"][4]["text"] = "mood: another one than its own"
    rows["train"][5]["text"] = f"mood: {rows['train'][5]['mood']}ish"
    pooled = pool(rows, MOOD)
    findings = found(pooled, [labels_in_texts])
    assert places(findings["texts_that_are_labels_mood"]) == where(pooled, "train", [1])
    assert places(findings["labels_in_texts_mood"]) == where(pooled, "train", [2, 3])


@pytest.mark.parametrize("kind", ["multiclass", "ordinal", "multilabel"])
def test_of_votes_the_label_in_a_table_is_what_most_say(kind):
    votes = [[row["mood"], row["mood"], "bad"] for row in splits()["train"]]
    if kind == "multilabel":  # of which each annotator names some
        votes = [[[vote] for vote in row] for row in votes]
    rows = [
        dict(row, mood=row_votes) for row, row_votes in zip(splits()["train"], votes, strict=True)
    ]
    rows[2]["text"] = "mood: good"
    tasks = {"mood": {"kind": kind, "labels": "votes"}}
    if kind == "ordinal":
        tasks["mood"]["classes"] = ["bad", "fine", "good"]
    finding = found(pool({"train": rows}, tasks), [labels_in_texts])["labels_in_texts_mood"]
    assert [line["label"] for line in finding.table] == ["good"]


def test_texts_that_nearly_all_name_their_label_are_told():
    rows = splits()
    for row in rows["train"]:
        row["text"] = f"[{row['mood']}] {row['text']}"
    findings = found(pool({"train": rows["train"]}, MOOD), [labels_in_texts])
    assert findings["texts_that_name_labels_mood"].count == 240
    half = [
        dict(row, text=row["text"][6:]) if at % 2 else row for at, row in enumerate(rows["train"])
    ]
    assert found(pool({"train": half}, MOOD), [labels_in_texts]) == {}
