"""Rows split into files for training, validation and test: what goes where, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.check.splitting.splitting import split_config
from mtc_keras.config import check_config, load_config
from mtc_keras.data.group_splits import split_parts
from mtc_keras.data.reading import read_splits
from mtc_keras.errors import ConfigError
from tests.fuzzing import tries

TASKS = {
    "mood": {"kind": "multiclass"},
    "topics": {"kind": "multilabel"},
    "stars": {"kind": "ordinal", "classes": ["1", "2", "3"]},
    "number": {"kind": "regression"},
}


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def records(count: int, seed: int = 0) -> list[dict]:
    random = np.random.default_rng(seed)
    return [
        {
            "text": f"text {row}",
            "n": row,
            "mood": random.choice([None, "bad", "fine", "good"], p=[0.4, 0.05, 0.25, 0.3]),
            "topics": [name for name in ("bus", "fee", "queue") if random.random() < 0.2],
            "stars": str(random.integers(1, 4)),
            "number": float(random.normal()),
        }
        for row in range(count)
    ]


def write(rows: list[dict], name: str = "x.jsonl") -> str:
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return name


def config_of(rows, tasks=TASKS, **data):
    return check_config({"data": {"train": write(rows), **data}, "tasks": tasks})


def parts_of(found) -> dict[str, list[dict]]:
    return {
        name: [json.loads(line) for line in Path(file).read_text().splitlines()]
        for name, file in found.files.items()
    }


def test_each_class_of_each_task_has_its_share_of_each_part():
    found = split_config(config_of(records(1000)), "0.8,0.1,0.1", "out")
    parts = parts_of(found)
    assert {name: len(rows) for name, rows in parts.items()} == {
        "train": 800, "validation": 100, "test": 100
    }  # fmt: skip
    for rows in (parts["validation"], parts["test"]):
        for task, label in (("mood", "bad"), ("mood", "good"), ("stars", "2")):
            wanted = sum(row[task] == label for row in records(1000)) / 10
            assert abs(sum(row[task] == label for row in rows) - wanted) < 2
        wanted = sum("bus" in row["topics"] for row in records(1000)) / 10
        assert abs(sum("bus" in row["topics"] for row in rows) - wanted) < 2
        median = np.median([row["number"] for row in records(1000)])
        assert abs(sum(row["number"] < median for row in rows) - 50) < 4
        assert abs(sum(row["mood"] is not None for row in rows) - 60) < 4


def test_what_was_wanted_and_got_is_told_per_class():
    found = split_config(config_of(records(400)), "0.5,0.5", "out")
    told = json.loads(Path("out/split.json").read_text())
    assert told == json.loads(json.dumps(found.to_dict()))
    assert [part["rows"] for part in told["parts"]] == [200, 200]
    by_name = {(s["task"], s["label"]): s for s in told["strata"]}
    bad = by_name["mood", "bad"]
    parts = parts_of(found).values()
    assert bad["got"] == [sum(row["mood"] == "bad" for row in part) for part in parts]
    assert bad["wanted"] == [bad["rows"] / 2] * 2
    assert by_name["mood", None]["rows"] == sum(row["mood"] is not None for row in records(400))
    shares = {
        (s["task"], s["label"], part): abs(got / 200 - s["rows"] / 400)
        for s in told["strata"]
        for part, got in zip(("train", "validation"), s["got"], strict=True)
    }
    largest = told["largest_deviation"]
    key = largest["task"], largest["label"], largest["part"]
    assert shares[key] == pytest.approx(max(shares.values()))
    assert f"largest deviation: {largest['task']}" in found.balance.note


def test_the_config_trains_on_the_parts_and_keeps_its_other_keys():
    config = check_config({
        "seed": 5,
        "data": {"train": write(records(60)), "validation": 0.3, "missing": ["?"]},
        "tasks": {"mood": {"kind": "multiclass", "loss_weight": 2.0}},
        "training": {"epochs": 7},
    })  # fmt: skip
    found = split_config(config, "0.6,0.2,0.2", "out")
    written = load_config(found.config)
    assert written.data.validation == "out/validation.jsonl"
    assert (written.seed, written.training.epochs) == (5, 7)
    assert written.tasks["mood"].weight == 2.0
    assert written.data.missing == ["?"]
    dataset = read_splits(written)
    assert [len(part) for part in (dataset.train, dataset.validation, dataset.test)] == [36, 12, 12]


def test_rows_of_one_text_or_group_or_rater_stay_together():
    rows = records(200)
    for at, row in enumerate(rows):
        row["text"] = f"Text  {at // 2}" if at % 2 else f"text {at // 2}"
        row["rater"] = f"r{at // 10}"
        row["item"] = f"i{at // 20}"
    both = {"group": "rater", "votes_by": "item"}
    for data, keys in (({}, ["text"]), ({"group": "rater"}, ["rater"]), (both, ["rater", "item"])):
        folder = "_".join(["out", *keys])
        found = split_config(config_of(rows, {"mood": TASKS["mood"]}, **data), "0.6,0.4", folder)
        train, validation = parts_of(found).values()
        assert len(train) + len(validation) == 200
        for key in keys:
            spelled = [
                {" ".join(str(row[key]).casefold().split()) for row in part}
                for part in (train, validation)
            ]
            assert not spelled[0] & spelled[1], key
    assert any("stay together in" in note for note in found.notes)


def test_rows_that_are_near_each_other_stay_together():
    names = ["rivers", "bridges", "gardens", "markets", "stations", "libraries", "museums"]
    rows = records(70)
    for row in rows:
        name = names[row["n"] // 10]
        row["text"] = f"Of the {name} of this town: {name} were what we saw of {name} by {row['n']}"
    config = config_of(rows, {"mood": TASKS["mood"]})
    for near_duplicates in (False, True):
        folder = f"out_{near_duplicates}"
        found = split_config(config, "0.5,0.5", folder, near_duplicates=near_duplicates)
        train, validation = ({row["n"] // 10 for row in part} for part in parts_of(found).values())
        assert bool(train & validation) is not near_duplicates
        assert len(train | validation) == len(names)


def test_a_row_without_a_text_goes_to_training_and_is_told():
    rows = records(40)
    rows[3]["text"] = rows[30]["text"] = None
    found = split_config(config_of(rows), "0.5,0.5", "out")
    train = parts_of(found)["train"]
    assert {3, 30} <= {row["n"] for row in train}
    assert len(train) == 19 + 2
    assert "2 rows without a text go to train, first x.jsonl:4" in found.notes
    assert not any("left out" in note for note in found.notes)


def test_a_class_of_one_row_goes_to_training_and_is_told():
    rows = records(50)
    rows[7]["mood"] = "rare"
    found = split_config(config_of(rows), "0.2,0.4,0.4", "out")
    assert 7 in {row["n"] for row in parts_of(found)["train"]}
    [note] = [note for note in found.notes if "in train alone" in note]
    assert "'mood: rare' of 1 row" in note


def test_a_task_whose_labels_reach_no_validation_is_told():
    rows = [{**row, "mood": {4: "a", 5: "b"}.get(row["n"])} for row in records(20)]
    found = split_config(config_of(rows), "0.5,0.25,0.25", "out")
    assert (
        "tasks.mood: no row of validation has a label; training needs at least one" in found.notes
    )


def test_two_parts_leave_a_test_split_as_it_is_and_tell_what_it_shares():
    test = write([{**records(1)[0], "text": "TEXT 3"}], "t.jsonl")
    found = split_config(config_of(records(40), test=test), "30,10", "out")
    assert list(found.files) == ["train", "validation"]
    assert load_config(found.config).data.test == "t.jsonl"
    assert "test: 1 of 1 texts stand in train, too, first t.jsonl:1" in found.notes


def test_splits_that_are_there_are_pooled_only_if_asked():
    test = write([{**row, "n": row["n"] + 100} for row in records(20, 1)], "t.jsonl")
    config = config_of(records(80), test=test)
    with pytest.raises(ConfigError, match=r"data.test: there are rows already; --pool splits"):
        split_config(config, "0.5,0.25,0.25", "out")
    found = split_config(config, "50,25,25", "out", pool=True)
    dataset = read_splits(load_config(found.config))
    assert [len(part) for part in (dataset.train, dataset.validation, dataset.test)] == [50, 25, 25]
    assert found.files["test"] == ["out/test/x.jsonl", "out/test/t.jsonl"]


def test_a_column_of_splits_is_pooled_only_if_asked_and_its_other_rows_are_left_out():
    words = ["train", "dev", "test", "gold", "later", ""]
    rows = [{**row, "part": words[row["n"] % 6]} for row in records(60)]
    data = {"split": "part", "split_values": {"test": "gold", "ignore": ["later", "dev"]}}
    config = config_of(rows, {"stars": TASKS["stars"]}, **data)
    with pytest.raises(ConfigError, match=r"data.split: column 'part' .* --pool splits"):
        split_config(config, "0.5,0.5", "out")
    found = split_config(config, "20,10", "out", pool=True)
    parts = parts_of(found)
    assert [len(part) for part in parts.values()] == [20, 10]
    assert {row["part"] for part in parts.values() for row in part} == {"train", "test", "gold"}
    assert "data.split: 30 rows of no split are in no part" in found.notes
    written = load_config(found.config).data
    assert written.split is None
    assert not written.split_values


@tries(60)
@given(
    st.lists(st.integers(0, 12), min_size=4, max_size=60),
    st.lists(st.integers(1, 9), min_size=2, max_size=3),
    st.integers(0, 3),
    st.integers(0, 50),
)
def test_fuzz_each_row_is_in_one_part_and_no_group_in_two(numbers, shares, classes, seed):
    group = np.unique(numbers, return_inverse=True)[1]
    count = len(group)
    sizes = [max(1, count * share // sum(shares)) for share in shares[1:]]
    sizes.insert(0, count - sum(sizes))
    indicator = np.random.default_rng(seed).random((count, classes)) < 0.3
    try:
        parts = split_parts(indicator, group, sizes, seed)
    except ValueError:
        assert len(set(group)) < len(sizes)  # fewer groups than parts
        return
    assert len(set(group)) >= len(sizes)
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(count))
    assert all(len(part) for part in parts)
    if not classes:  # none stands in the way
        for part, size in zip(parts, sizes, strict=True):
            assert abs(len(part) - size) <= np.bincount(group).max()
    for at, part in enumerate(parts):
        for other in parts[:at]:
            assert not set(group[part]) & set(group[other])


@tries(15)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "a b", "A  b", "c", "d", "e", "ü"]), st.sampled_from("xyz?")
        ),
        min_size=12,
        max_size=50,
    ),
    st.integers(0, 9),
)
def test_fuzz_every_line_of_a_file_is_in_one_part_byte_for_byte(pairs, seed):
    lines = [
        json.dumps({"text": text or None, "mood": None if mood == "?" else mood, "n": n})
        for n, (text, mood) in enumerate(pairs)
    ]
    first = [
        json.dumps({"text": f"{word} {n}", "mood": word, "n": -n})
        for word in "xy"
        for n in range(4)
    ]
    Path("x.jsonl").write_text("\n".join([*first, *lines]))
    config = check_config(
        {"seed": seed, "data": {"train": "x.jsonl"}, "tasks": {"mood": TASKS["mood"]}}
    )
    found = split_config(config, "0.6,0.2,0.2", f"out/{len(list(Path().glob('out/*')))}")
    parts = [Path(file).read_text().splitlines() for file in found.files.values()]
    assert sorted(line for part in parts for line in part) == sorted([*first, *lines])
    texts = [
        {" ".join(text.casefold().split()) for line in part if (text := json.loads(line)["text"])}
        for part in parts
    ]
    assert not texts[0] & texts[1]
    assert not texts[0] & texts[2]
    assert not texts[1] & texts[2]
