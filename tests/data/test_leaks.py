"""A text, or a group, on both sides of a split is kept from it, or told."""

from pathlib import Path

import pandas as pd
import pytest

from mtc_keras.config import check_config
from mtc_keras.data.fingerprint import text_keys
from mtc_keras.data.reading import read_splits
from mtc_keras.errors import DataError

TASKS = {"mood": {"kind": "multiclass", "classes": ["bad", "good"]}}


def read(seed=0, train=None, test=None, **data):
    config = check_config({"seed": seed, "data": data, "tasks": TASKS})
    return read_splits(config, {"train": pd.DataFrame(train), "test": test})


def row(text: str, number: int = 0, **cells) -> dict:
    return {"text": text, "mood": ["bad", "good"][number % 2], **cells}


def raters(texts: int = 30) -> list[dict]:
    """Returns three rows for each text, each rater's spelling of it another."""
    spellings = [
        lambda text: text,
        lambda text: f" {text.upper()} ",
        lambda t: t.replace(" ", "\t"),
    ]
    return [
        row(spell(f"c'est café {n}"), n + r)
        for n in range(texts)
        for r, spell in enumerate(spellings)
    ]


def test_rows_of_one_text_stay_on_one_side_whatever_their_case_and_blanks():
    for seed in range(4):
        dataset = read(seed, raters(), validation=0.2)
        sides = [
            {" ".join(text.casefold().split()) for text in rows.texts[0]}
            for rows in (dataset.train, dataset.validation)
        ]
        assert not sides[0] & sides[1]
        assert len(dataset.validation) == 18
    assert dataset.notes == [
        "validation: 18 training rows are split off; "
        "90 rows stay together in 30 groups of equal texts"
    ]
    assert read(3, raters(), validation=0.2).validation.where == dataset.validation.where


def test_a_size_that_groups_do_not_allow_is_told_with_the_largest_group():
    rows = [row("the same", n) for n in range(8)] + [row(f"text {n}", n) for n in range(6)]
    notes = read(train=rows, validation=10).notes
    assert notes == [
        "validation: 6 training rows are split off; "
        "8 rows stay together in 1 group of equal texts, so that it is not the 10 "
        "asked for; one holds 8 of all 14 rows"
    ]


def test_rows_that_all_have_one_text_cannot_be_split():
    with pytest.raises(DataError, match=r"data\.validation: all 4 rows have one text or group"):
        read(train=[row("a", n) for n in range(4)], validation=0.5)


def test_text_pairs_are_equal_if_both_texts_are():
    pairs = [["A  b", "a b", "a", "a b"], ["c", "C", "b c", "d"]]
    keys = text_keys(pairs)
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
    assert len(set(text_keys([["cafe\u0301", "CAFÉ", "\ud800", "\ud801"]]))) == 3


def test_rows_of_a_group_stay_together_and_those_without_one_stay_single():
    rows = [row(f"text {n}", n, who=n // 4 if n < 40 else None) for n in range(60)]
    rows[0]["who"] = "0"
    dataset = read(train=rows, validation=0.2, group="who")
    numbers = [[int(text.split()[1]) for text in rows.texts[0]]
               for rows in (dataset.train, dataset.validation)]  # fmt: skip
    sides = [{n // 4 for n in side if n < 40} for side in numbers]
    assert not sides[0] & sides[1]
    assert len(numbers[1]) == 12
    assert any(n >= 40 for n in numbers[1])
    assert dataset.notes == [
        "data.group: 20 rows without a cell in 'who' are in no group, first train row 40",
        "validation: 12 training rows are split off; "
        "40 rows stay together in 10 groups of equal texts or 'who'",
    ]


def test_texts_and_groups_hold_rows_together_in_turn():
    # Each text is rated by a rater and the next one: a chain of all.
    rows = [row(f"text {n // 2}", n, who=f"r{(n + 1) // 2}") for n in range(12)]
    with pytest.raises(DataError, match="all 12 rows have one text or group"):
        read(train=rows, validation=0.5, group="who")


def test_a_group_that_is_a_list_is_named():
    rows = [row("a", 0, who=[1]), row("b", 1, who=2)]
    with pytest.raises(DataError, match=r"train row 0: data.group .*must be a name or a number"):
        read(train=rows, group="who")


def test_texts_of_given_files_that_stand_in_training_are_counted_and_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("train.csv").write_text("text,mood,who\nA,bad,1\nB,good,2\nC,bad,3\n")
    Path("validation.csv").write_text("text,mood,who\nnew,bad,4\nd,good,5\n")
    Path("test.csv").write_text("text,mood,who\nnew ,bad,6\n b,good,7\nC,bad,8\nx,good,3\n")
    files = {name: f"{name}.csv" for name in ("train", "validation", "test")}
    config = check_config({"data": {**files, "group": "who"}, "tasks": TASKS})
    dataset = read_splits(config)
    assert dataset.notes == [
        "test: 2 of 4 texts stand in train, too, first test.csv:3",
        "test: 1 of 4 rows belong to groups of train, too, first test.csv:5",
        "test: 1 of 4 texts stand in validation, too, first test.csv:2",
    ]
    assert len(dataset.test) == 4  # told, and not left out


def test_rows_without_equals_are_split_as_they_always_were():
    rows = [row(f"text {n}", n % 3) for n in range(50)]
    dataset = read(train=rows, validation=0.2)
    numbers = sorted(int(text.split()[1]) for text in dataset.validation.texts[0])
    assert numbers == [0, 1, 17, 19, 21, 23, 24, 39, 40, 44]
    assert dataset.notes == ["validation: 10 training rows are split off"]
