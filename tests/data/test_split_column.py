"""One file of several splits: a column says to which one each row belongs."""

import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.config import check_config
from mtc_keras.data.reading import read_rows, read_splits
from mtc_keras.data.split_column import SPLITS
from mtc_keras.errors import ConfigError, DataError
from tests.fuzzing import tries

WORDS = ["train", "train", "Dev", "train", "test", "train ", "TEST", "dev"]


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def table(words=WORDS, first=0) -> list[dict]:
    return [
        {"text": f"text {n}", "mood": "ab"[n % 2], "split": word}
        for n, word in enumerate(words, first)
    ]


def write(name: str, rows: list[dict]) -> str:
    if name.endswith(".csv"):
        pd.DataFrame(rows).to_csv(name, index=False)
    elif name.endswith(".parquet"):
        pd.DataFrame(rows).to_parquet(name)
    else:
        Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return name


def config_of(tasks=None, **data):
    tasks = {"mood": {"kind": "multiclass"}} if tasks is None else tasks
    return check_config({"data": {"train": "x.csv", "split": "split", **data}, "tasks": tasks})


def texts(dataset) -> dict[str, list[str]]:
    found = {name: getattr(dataset, name) for name in SPLITS}
    return {name: list(rows.texts[0]) for name, rows in found.items() if rows is not None}


def problems(**data) -> list[str]:
    with pytest.raises(DataError) as caught:
        read_splits(config_of(**data))
    return caught.value.problems


EXPECTED = {
    "train": ["text 0", "text 1", "text 3", "text 5"],
    "validation": ["text 2", "text 7"],
    "test": ["text 4", "text 6"],
}
TOLD = "data.split: column 'split': 4 rows of train, 2 rows of validation ('dev'), 2 rows of test"


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.parquet"])
def test_every_row_is_in_the_split_that_its_column_names(name):
    dataset = read_splits(config_of(train=write(name, table())))
    assert texts(dataset) == EXPECTED
    assert dataset.notes == [TOLD]
    assert list(dataset.files) == [name]
    assert [str(w).split(":")[1] for w in dataset.test.where] == [
        str(w).split(":")[1]
        for w in read_rows(name, dataset.tasks, config_of().data, "t", "test").where
    ]


def test_frames_and_several_files_are_split_too():
    frame = pd.DataFrame(table())
    dataset = read_splits(config_of(train=None), {"train": frame})
    assert texts(dataset) == EXPECTED
    write("a.csv", table()[:5])
    write("b.csv", table()[5:])
    dataset = read_splits(config_of(train=["a.csv", "b.csv"]))
    assert texts(dataset) == EXPECTED


def test_the_keys_of_a_json_document_are_splits():
    parts: dict[str, list] = {"train": [], "dev": [], "test": []}
    for row in table():
        parts[row.pop("split").strip().lower()].append(row)
    Path("x.json").write_text(json.dumps({"version": 1, **parts}))
    dataset = read_splits(config_of(train="x.json"))
    assert texts(dataset) == EXPECTED
    assert "x.json: its rows are those of 'train', 'dev', 'test', which are their splits" in (
        dataset.notes
    )
    [problem] = problems(train="x.json", split=None)
    assert 'set split = "split" if these are the splits of their rows, or records = "train"' in (
        problem
    )


def test_classes_are_learned_from_training_rows_alone_though_others_come_first():
    rows = table(["test", "dev", *["train"] * 4])
    rows[0]["mood"] = "unseen"
    write("x.csv", rows)
    [problem] = problems()
    assert problem.startswith("x.csv:2: tasks.mood: class 'unseen' is unknown")
    lists = {"mood": {"kind": "multilabel", "separator": "auto"}}
    for row, cell in zip(rows, ["a;b", "b", "a;b", "b", "a", "b"], strict=True):
        row["mood"] = cell
    write("x.csv", rows)
    dataset = read_splits(config_of(lists))
    assert dataset.tasks[0].known_classes == ["a", "b"]
    assert dataset.test.targets["mood"].tolist() == [[1, 1]]


@pytest.mark.parametrize(
    "words, values",
    [
        ([0, 0, 1, 0, 2, 0, 2, 1], {"train": 0, "validation": [1], "test": ["2"]}),
        ([0.0, 0, None, 0, 2.0, 0, 2, None], {"train": "0", "test": 2, "validation": ""}),
        (["A", "A", "b", "A", "C", "a", "c", "B"],
         {"train": "a", "validation": ["b"], "test": ["c"]}),
        (["train", "extra", "val", "extra", "test", "train", "TEST", "dev"], {"train": ["extra"]}),
    ],
)  # fmt: skip
def test_other_values_are_named_in_the_config(words, values):
    write("x.csv", table(words))
    dataset = read_splits(config_of(split_values=values))
    assert texts(dataset) == EXPECTED


def test_a_column_of_true_and_false_is_two_splits():
    write("x.jsonl", table([False, False, False, True]))
    dataset = read_splits(
        config_of(train="x.jsonl", split_values={"train": False, "validation": True})
    )
    assert {name: len(found) for name, found in texts(dataset).items()} == {
        "train": 3, "validation": 1
    }  # fmt: skip


def test_blank_and_ignored_rows_are_left_out_and_told():
    write("x.csv", table(["train", "train", "", "NaN", "unsup", "unsup", "test"]))
    dataset = read_splits(config_of(split_values={"ignore": "unsup"}))
    assert dataset.notes == [
        "data.split: column 'split': 2 rows of train, 1 row of test",
        "data.split: 2 rows with a blank cell in 'split' belong to no split, first x.csv:4",
        "data.split: 2 rows with 'unsup' are left out, first x.csv:6",
    ]


def test_unknown_words_are_refused_with_count_place_and_the_line():
    write("x.csv", table(["train", "train", "extra", "test", "extra", "a" * 60]))
    [problem] = problems()
    assert problem == (
        "data.train: x.csv:4: data.split (column 'split'): 3 rows with 'extra', which are no "
        'split; say what they are, such as split_values = { train = ["extra"] }, or leave them '
        'out: split_values = { ignore = ["extra"] }'
    )
    write("x.csv", table([f"word {n}" for n in range(300)]))
    [problem] = problems()
    assert "300 rows with 'word 0', 'word 1', 'word 2', 'word 3', 'word 4', … (" in problem
    write("x.csv", table(["dev", "dev", "test"]))
    [problem] = problems()
    assert problem == (
        "data.train: data.split (column 'split'): no row belongs to train; found 2 rows of "
        "validation ('dev'), 1 row of test"
    )
    write("x.jsonl", table(["train", ["test"], {"a": 1}]))
    [problem] = problems(train="x.jsonl")
    assert "x.jsonl:2 (and 1 more row): data.split (column 'split'): must hold a word" in problem


def test_files_without_the_column_are_refused():
    write("x.csv", table())
    write("y.csv", [{"text": "a", "mood": "a", "Split": "train"}])
    assert problems(train=["x.csv", "y.csv"]) == [
        "data.train: y.csv: no column 'split' (data.split). Did you mean 'Split'? "
        "Columns: 'text', 'mood', 'Split'"
    ]
    write("x.jsonl", [{"meta": {"split": row.pop("split")}, **row} for row in table()])
    [problem] = problems(train="x.jsonl")
    assert 'Set split = "meta.split".' in problem
    assert texts(read_splits(config_of(train="x.jsonl", split="meta.split"))) == EXPECTED


def test_a_number_of_validation_rows_is_split_off_only_where_the_column_has_none():
    write("x.csv", table(["train"] * 20 + ["test"] * 2))
    dataset = read_splits(config_of(validation=0.2))
    assert {name: len(found) for name, found in texts(dataset).items()} == {
        "train": 16, "validation": 4, "test": 2
    }  # fmt: skip
    write("x.csv", table())
    dataset = read_splits(config_of(validation=0.2))
    assert texts(dataset) == EXPECTED
    assert dataset.notes[1] == (
        "data.validation: 0.2 splits off no rows, as 2 rows belong to validation by column 'split'"
    )


def test_files_of_a_split_that_the_column_has_too_are_refused():
    write("x.csv", table())
    write("t.csv", table(["whatever"] * 2, 100))
    [problem] = problems(test="t.csv")
    assert "data.test: rows of data.train belong to test by column 'split', too" in problem
    write("x.csv", [row for row in table() if "test" not in row["split"].lower()])
    dataset = read_splits(config_of(test="t.csv"))  # its rows are test rows, whatever it says
    assert texts(dataset)["test"] == ["text 100", "text 101"]


def test_rows_for_a_trained_model_are_those_of_the_split_that_is_asked():
    write("x.csv", table())
    dataset = read_splits(config_of())
    rows = read_rows("x.csv", dataset.tasks, config_of().data, "test", "test")
    assert list(rows.texts[0]) == EXPECTED["test"]
    assert rows.notes == ["data.split: 2 rows of test by column 'split'; 6 other rows are not read"]
    assert len(read_rows("x.csv", [], config_of().data, "all")) == 8  # to predict
    frame = pd.DataFrame(table()).drop(columns="split")
    rows = read_rows(frame, dataset.tasks, config_of().data, "new", "test")
    assert (len(rows), rows.notes) == (8, [])
    with pytest.raises(DataError, match="no row belongs to validation"):
        read_rows(
            pd.DataFrame(table(["train"])), dataset.tasks, config_of().data, "x", "validation"
        )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"split": "text"}, "is read as text and as data.split"),
        ({"split": "mood"}, "is read by task 'mood' and as split"),
        ({"split": None, "split_values": {"train": "a"}}, "split_values are those of a column"),
        ({"split_values": {"train": "1", "test": 1}}, "names '1' for several splits"),
        ({"split_values": {"trian": "a"}}, "trian"),
        ({"train": None, "reader": "a:b"}, "a reader is asked for each split"),
    ],
)
def test_what_does_not_go_together_is_refused(data, message):
    with pytest.raises(ConfigError, match=message):
        config_of(**data)


@tries(80)
@given(st.lists(st.sampled_from(["train", "DEV", "test", "", " val "]), min_size=1, max_size=30))
def test_fuzz_each_row_is_in_one_split_in_its_order(words):
    rows = [{**row, "mood": "ab"[n % 2]} for n, row in enumerate(table(words))]
    expected: dict[str, list[str]] = {name: [] for name in SPLITS}
    of = {"train": "train", "dev": "validation", "val": "validation", "test": "test"}
    for row in rows:
        if row["split"].strip():
            expected[of[row["split"].strip().lower()]].append(row["text"])
    task = {"mood": {"kind": "multiclass", "classes": ["a", "b"]}}
    try:
        found = texts(read_splits(config_of(task, train=None), {"train": rows}))
    except DataError as error:
        assert not expected["train"]
        assert "no row belongs to train" in error.problems[0]
    else:
        assert found == {name: rows for name, rows in expected.items() if rows}
