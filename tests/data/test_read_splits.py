"""From a config to encoded splits, and everything that can be wrong with the data."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mtc_keras.config import check_config
from mtc_keras.data.dataset import Dataset
from mtc_keras.data.reading import read_rows, read_splits
from mtc_keras.errors import ConfigError, DataError

TASKS = {"mood": {"kind": "multiclass"}, "topics": {"kind": "multilabel"}}
TRAIN = [
    {"text": "a", "mood": "good", "topics": ["bus"]},
    {"text": "b", "mood": "bad", "topics": []},
    {"text": "c", "mood": None, "topics": ["bus", "fee"]},
    {"text": "d", "mood": "good"},
]


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def twenty() -> list[dict]:
    """Returns the rows of `TRAIN` five times, each with a text of its own."""
    return [{**row, "text": f"{row['text']} {n}"} for n, row in enumerate(TRAIN * 5)]


def write(name: str, *records: dict) -> str:
    Path(name).write_text("".join(json.dumps(record) + "\n" for record in records))
    return name


def make_config(tasks=TASKS, seed=0, **data):
    return check_config({"seed": seed, "data": data, "tasks": tasks})


def read(records=TRAIN, tasks=TASKS, seed=0, frames=None, **data) -> Dataset:
    write("train.jsonl", *records)
    for name in ("validation", "test"):
        if isinstance(data.get(name), list):
            data[name] = write(f"{name}.jsonl", *data[name])
    return read_splits(make_config(tasks, seed, train="train.jsonl", **data), frames)


def problems(*args, **kwargs) -> list[str]:
    with pytest.raises(DataError) as caught:
        read(*args, **kwargs)
    count = len(caught.value.problems)
    assert caught.value.headline == f"data: {count} problem{'s' * (count > 1)}"
    return caught.value.problems


def labels(dataset: Dataset, split: str = "train") -> dict[str, list]:
    targets = getattr(dataset, split).targets
    return {task.name: [task.label(t) for t in targets[task.name]] for task in dataset.tasks}


# === What is read ===


def test_splits_are_read_and_classes_learned_from_training_rows():
    dataset = read(validation=TRAIN[:2], test=TRAIN[2:])
    assert [task.classes for task in dataset.tasks] == [["bad", "good"], ["bus", "fee"]]
    assert labels(dataset) == {
        "mood": ["good", "bad", None, "good"],
        "topics": [["bus"], [], ["bus", "fee"], None],
    }
    splits = [dataset.train, dataset.validation, dataset.test]
    assert [(rows.name, len(rows)) for rows in splits] == [
        ("train", 4),
        ("validation", 2),
        ("test", 2),
    ]
    assert dataset.train.where[1] == "train.jsonl:2"
    assert list(dataset.files) == ["train.jsonl", "validation.jsonl", "test.jsonl"]
    assert dataset.notes == [
        "validation: 2 of 2 texts stand in train, too, first validation.jsonl:1",
        "test: 2 of 2 texts stand in train, too, first test.jsonl:1",
    ]


def test_validation_and_test_may_be_absent():
    dataset = read()
    assert (dataset.validation, dataset.test) == (None, None)


def test_a_fraction_is_split_off_after_classes_are_learned_from_all_rows():
    records = [{"text": str(i), "mood": f"c{i % 5}", "topics": [f"t{i % 3}"]} for i in range(50)]
    records[7]["mood"] = "only once"
    dataset = read(records, validation=0.2)
    assert (len(dataset.train), len(dataset.validation)) == (40, 10)
    assert dataset.tasks[0].classes == ["c0", "c1", "c2", "c3", "c4", "only once"]
    assert "only once" in labels(dataset)["mood"]
    assert set(labels(dataset, "validation")["mood"]) == {f"c{i}" for i in range(5)}
    texts = [*dataset.train.texts[0], *dataset.validation.texts[0]]
    assert sorted(texts, key=int) == [str(i) for i in range(50)]
    assert dataset.validation.name == "validation"
    assert dataset.notes == ["validation: 10 training rows are split off"]
    again = read(records, validation=0.2)
    assert again.validation.texts == dataset.validation.texts
    assert read(records, validation=0.2, seed=1).validation.texts != dataset.validation.texts


def test_a_sparsely_labelled_task_keeps_labels_on_both_sides_of_the_split():
    records = [{"text": str(i), "mood": "ab"[i % 2]} for i in range(60)]
    for i in range(0, 60, 12):
        records[i]["topics"] = []
    records[0]["topics"] = records[12]["topics"] = ["bus"]
    records[24]["topics"] = ["fee"]
    dataset = read(records, validation=0.4)
    assert dataset.train.coverage(dataset.tasks)["topics"] >= 2
    assert dataset.validation.coverage(dataset.tasks)["topics"] >= 1


def test_limit_keeps_that_many_rows_of_a_seeded_shuffle_and_all_classes():
    records = [{"text": str(i), "mood": f"c{i}", "topics": ["bus", "fee"]} for i in range(30)]
    dataset = read(records, limit=10)
    assert len(dataset.train) == 10
    assert len(dataset.tasks[0].classes) == 30
    assert dataset.train.texts[0] != [str(i) for i in range(10)]
    assert dataset.train.texts == read(records, limit=10).train.texts
    assert dataset.train.texts != read(records, limit=10, seed=1).train.texts
    assert dataset.notes == ["data.limit: 10 of 30 training rows are kept"]
    assert len(read(records, limit=10, validation=3).train) == 7
    assert read(records, limit=30).notes == []


def test_columns_are_renamed_before_anything_is_read():
    records = [{"body": "a", "m": "x", "topics": []}, {"body": "b", "m": "y", "topics": ["u", "v"]}]
    dataset = read(records, rename={"body": "text", "m": "mood"}, test=[{"body": "c", "m": "x"}])
    assert dataset.train.texts == (["a", "b"],)
    assert labels(dataset, "test")["mood"] == ["x"]


def test_frames_replace_files_split_by_split():
    frame = pd.DataFrame(TRAIN[:2])
    dataset = read(test=TRAIN, frames={"test": frame, "validation": frame.iloc[:1]})
    assert [len(dataset.train), len(dataset.validation), len(dataset.test)] == [4, 1, 2]
    assert dataset.test.where == ["test row 0", "test row 1"]
    assert list(dataset.files) == ["train.jsonl"]
    alone = read_splits(make_config(), {"train": pd.DataFrame(TRAIN)})
    assert labels(alone) == labels(read())
    assert alone.files == {}


def test_csv_and_jsonl_of_the_same_rows_give_the_same_targets():
    Path("train.csv").write_text("text,mood,topics\na,good,bus\nb,bad,\nc,,bus|fee\nd,good,\n")
    tasks = {**TASKS, "topics": {"kind": "multilabel", "empty_cell": "none"}}
    dataset = read_splits(make_config(tasks, train="train.csv"))
    jsonl = [{**record, "topics": record.get("topics", [])} for record in TRAIN]
    assert labels(dataset) == labels(read(jsonl))


def test_an_integer_column_of_csv_with_gaps_names_its_classes_as_written():
    Path("train.csv").write_text("text,stars\na,1\nb,\nc,2\n")
    dataset = read_splits(make_config({"stars": {"kind": "multiclass"}}, train="train.csv"))
    assert dataset.tasks[0].classes == ["1", "2"]
    assert labels(dataset) == {"stars": ["1", None, "2"]}


# Every layout of labels, each for two rows that say: good with bus and fee, bad with none.
LAYOUTS = {
    "names": (
        {"mood": {"kind": "multiclass"}, "topics": {"kind": "multilabel"}},
        [
            {"mood": "good", "topics": ["bus", "fee"]},
            {"mood": "bad", "topics": []},
        ],
    ),
    "class_names": (
        {
            "mood": {"kind": "multiclass", "class_names": {"S1": "good", "S5": "bad"}},
            "topics": {
                "kind": "multilabel",
                "classes": ["b", "f"],
                "class_names": {"b": "bus", "f": "fee"},
            },
        },
        [{"mood": "S1", "topics": ["b", "f"]}, {"mood": "S5", "topics": []}],
    ),
    "separator": (
        {
            "mood": {"kind": "multiclass"},
            "topics": {"kind": "multilabel", "separator": ", ", "empty_cell": "none"},
        },
        [{"mood": "good", "topics": "bus, fee"}, {"mood": "bad", "topics": ""}],
    ),
    "columns": (
        {
            "mood": {"kind": "multiclass", "column": ["good", "bad"]},
            "topics": {"kind": "multilabel", "column": ["bus", "fee"]},
        },
        [
            {"good": 1, "bad": 0, "bus": "1", "fee": "1"},
            {"good": 0, "bad": 1, "bus": "0", "fee": "0"},
        ],
    ),
    "positions": (
        {
            "mood": {"kind": "multiclass", "column": "labels[0]", "classes": ["good", "bad"]},
            "topics": {"kind": "multilabel", "column": "labels[1]"},
        },
        [{"labels": [0, ["bus", "fee"]]}, {"labels": [1, []]}],
    ),
    "strings at positions": (
        {
            "mood": {"kind": "multiclass", "column": "labels[1]"},
            "topics": {"kind": "multilabel", "column": "labels[0]", "empty_cell": "none"},
        },
        [{"labels": ["bus|fee", "good"]}, {"labels": ["", "bad"]}],
    ),
    "slices": (
        {
            "mood": {"kind": "multiclass", "column": "y[0:2]", "classes": ["good", "bad"]},
            "topics": {"kind": "multilabel", "column": "y[2:4]", "classes": ["bus", "fee"]},
        },
        [{"y": [1, 0, 1, 1]}, {"y": "[0, 1, 0, 0]"}],
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_of_labels_says_the_same(layout):
    tasks, records = LAYOUTS[layout]
    records = [{"text": "t", **record} for record in records]
    dataset = read([*records, {"text": "no label"}], tasks)
    assert labels(dataset) == {
        "mood": ["good", "bad", None],
        "topics": [["bus", "fee"], [], None],
    }
    frames = {"train": pd.DataFrame(records)}
    assert labels(read_splits(make_config(tasks), frames))["mood"] == ["good", "bad"]


def test_num_classes_declares_classes_that_training_need_not_show():
    tasks = {"a": {"kind": "multiclass", "column": "labels[0]", "num_classes": 3}}
    dataset = read([{"text": "t", "labels": [2]}], tasks)
    assert dataset.tasks[0].classes == ["0", "1", "2"]
    assert labels(dataset) == {"a": ["2"]}


def test_unknown_classes_of_validation_and_test_are_missing_if_ignored():
    tasks = {"mood": {"kind": "multiclass", "unknown_classes": "ignore"}}
    dataset = read(tasks=tasks, test=[{"text": "x", "mood": "new"}, {"text": "y", "mood": "bad"}])
    assert labels(dataset, "test") == {"mood": [None, "bad"]}


def test_a_test_split_without_labels_for_one_task_is_noted():
    dataset = read(test=[{"text": "x", "mood": "bad"}])
    assert dataset.notes == ["test: no row has a label for task 'topics'"]


# === Rows without a text ===


def test_rows_without_a_text_are_left_out_and_noted_split_by_split():
    rows = [{"mood": "only here", "topics": ["bus"]}, *TRAIN, {**TRAIN[0], "text": None}]
    dataset = read(rows, validation=[*TRAIN[:2], {"topics": []}], test=TRAIN)
    assert dataset.train.texts == (["a", "b", "c", "d"],)
    assert dataset.tasks[0].classes == ["bad", "good"]  # nor are classes learned from them
    assert [rows.left_out.count for rows in (dataset.train, dataset.validation, dataset.test)] == [
        2, 1, 0
    ]  # fmt: skip
    assert dataset.notes == [
        "train: 2 rows without a text are left out, first train.jsonl:1, train.jsonl:6",
        "validation: 1 row without a text is left out, first validation.jsonl:3",
        "validation: 2 of 2 texts stand in train, too, first validation.jsonl:1",
        "test: 4 of 4 texts stand in train, too, first test.jsonl:1",
        "test: 2 of 4 texts stand in validation, too, first test.jsonl:1",
    ]


def test_rows_left_out_are_counted_once_where_validation_is_split_off():
    dataset = read([*twenty(), {}], validation=5)
    assert (len(dataset.train), len(dataset.validation)) == (15, 5)
    assert (dataset.train.left_out.count, dataset.validation.left_out.count) == (1, 0)


def test_a_limit_counts_rows_with_texts():
    assert read([{}, *TRAIN], limit=4).notes == [
        "train: 1 row without a text is left out, first train.jsonl:1"
    ]


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_split_of_which_no_row_has_a_text_is_named(split):
    rows = {"train": TRAIN, "validation": TRAIN, "test": TRAIN}
    rows[split] = [{**record, "text": None} for record in TRAIN]
    train = rows.pop("train")
    assert problems(train, **rows) == [
        f"{split}: no row has a text in 'text', "
        f"first {split}.jsonl:1, {split}.jsonl:2, {split}.jsonl:3"
    ]


def test_of_a_wrong_name_of_the_text_column_nothing_follows():
    found = problems(validation=[{"text": "x", "mood": "new"}], text="texts")
    assert [problem.split(". ")[0] for problem in found] == [
        "train.jsonl: no text column 'texts' (data.text)",
        "validation.jsonl: no text column 'texts' (data.text)",
    ]


# === A user's reader ===


def write_reader(code: str) -> None:
    Path("my_reader.py").write_text(code)


@pytest.fixture
def importable(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("my_reader", None)


def read_from(reader: str, **data) -> Dataset:
    return read_splits(make_config(reader=reader, **data))


def test_a_reader_takes_the_place_of_files(importable):
    write_reader(
        "import pandas\n"
        f"rows = {TRAIN!r}\n"
        "def read(split):\n"
        "    if split == 'train': return (row for row in rows)\n"
        "    if split == 'test': return pandas.DataFrame(rows[:2])\n"
    )
    dataset = read_from("my_reader:read")
    assert labels(dataset) == labels(read())
    assert (len(dataset.test), dataset.validation, dataset.files) == (2, None, {})
    assert dataset.train.where[0] == "train row 0"


def test_a_reader_is_not_asked_for_a_validation_that_is_split_off(importable):
    write_reader(f"def read(split):\n    return {{'train': {twenty()!r}, 'test': None}}[split]\n")
    assert len(read_from("my_reader:read", validation=5).validation) == 5


@pytest.mark.parametrize(
    ("reader", "message"),
    [
        ("no_such_module:read", "data.reader: .*cannot be imported: No module named 'no_such_mod"),
        ("my_reader:raed", "my_reader has no function 'raed'. Did you mean 'read'?"),
        ("my_reader:number", "my_reader has no function 'number'"),
    ],
)
def test_a_reader_that_cannot_be_imported_is_a_config_error(importable, reader, message):
    write_reader("number = 3\ndef read(split): return None\n")
    with pytest.raises(ConfigError, match=message):
        read_from(reader)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("None", "data.reader 'my_reader:read': returned None for 'train'"),
        ("5", "data.reader 'my_reader:read': train: expected a DataFrame or an iterator of dicts"),
    ],
)
def test_a_reader_that_returns_no_rows_is_a_problem(importable, returned, message):
    write_reader(f"def read(split):\n    return {returned}\n")
    with pytest.raises(DataError, match=message):
        read_from("my_reader:read")


# === Bad input ===


def test_no_training_data_is_a_config_error():
    with pytest.raises(ConfigError, match=r"data.train: is required: name a file"):
        read_splits(make_config())


def test_missing_files_of_all_splits_are_told_at_once_with_their_keys():
    write("train.jsonl", *TRAIN)
    config = make_config(train="train.jsn", validation="*.csv", test="train.jsonl")
    with pytest.raises(DataError) as caught:
        read_splits(config)
    assert caught.value.problems == [
        "data.train: train.jsn: file does not exist. Did you mean 'train.jsonl'?",
        "data.validation: *.csv: no file matches this glob",
    ]


def test_a_file_without_the_text_column_is_named_even_beside_one_that_has_it():
    write("a.jsonl", *TRAIN)
    write("b.jsonl", {"txet": "x", "mood": "bad"})
    with pytest.raises(DataError) as caught:
        read_splits(make_config(train=["a.jsonl", "b.jsonl"]))
    assert caught.value.problems == [
        "b.jsonl: no text column 'text' (data.text). Did you mean 'txet'? Columns: 'txet', 'mood'"
    ]


def test_a_column_in_no_file_is_named_with_the_nearest_one():
    [problem] = problems(tasks={**TASKS, "moods": {"kind": "multiclass"}})
    assert problem == (
        "tasks.moods: no file has a column 'moods'. Did you mean 'mood'? "
        "Columns: 'text', 'mood', 'topics'"
    )


def test_one_of_several_columns_in_no_file_is_named():
    tasks = {"t": {"kind": "multilabel", "column": ["mood", "topic"]}}
    assert problems(tasks=tasks)[0].startswith("tasks.t: no file has a column 'topic'. Did you")


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_class_that_training_lacks_is_named_with_file_row_and_count(split):
    rows = [{"text": "x", "mood": mood, "topics": ["bus"]} for mood in ("good", "great", "great")]
    [problem] = problems(**{split: rows})
    assert problem.startswith(
        f"{split}.jsonl:2 (and 1 more row): tasks.mood: class 'great' is unknown; "
        "training knows 'bad', 'good'."
    )


def test_two_labels_in_a_single_label_cell_are_named():
    [problem] = problems([*TRAIN, {"text": "x", "mood": ["good", "bad"]}])
    assert problem.startswith("train.jsonl:5: tasks.mood: expected one label, received 2")


def test_a_task_whose_labels_are_all_missing_is_named():
    records = [{**record, "mood": None} for record in TRAIN]
    assert problems(records) == ["tasks.mood: every label is missing in train (column 'mood')"]


def test_a_task_whose_column_only_the_test_file_has_is_named():
    records = [{"text": "a", "topics": ["bus", "fee"]}]
    assert problems(records, test=TRAIN) == [
        "tasks.mood: every label is missing in train (column 'mood')"
    ]


def test_a_label_list_shorter_than_its_position_is_named():
    tasks = {"a": {"kind": "multiclass", "column": "y[1]", "num_classes": 2}}
    rows = [{"text": "x", "y": [0]}]
    expected = "tasks.a: column 'y' holds a list of 1, but 'y[1]' needs at least 2"
    assert problems(rows, tasks) == [f"train.jsonl:1: {expected}"]
    assert problems([{"text": "x", "y": [0, 1]}, *rows], tasks) == [f"train.jsonl:2: {expected}"]


def test_an_index_outside_num_classes_is_named():
    tasks = {"a": {"kind": "multiclass", "column": "y[0]", "num_classes": 2}}
    rows = [{"text": "x", "y": [index]} for index in (0, 1, 2)]
    [problem] = problems(rows, tasks)
    assert problem.startswith("train.jsonl:3: tasks.a: ")
    assert "'2' is unknown" in problem


@pytest.mark.parametrize("weight", [-1, "heavy", [1], [1, -2]])
def test_a_wrong_weight_is_named(weight):
    [problem] = problems([*TRAIN, {"text": "x", "weight": weight}])
    assert problem.startswith("train.jsonl:5: data.weight (column 'weight'): ")


def test_a_rename_of_a_column_in_no_file_is_named():
    assert problems(rename={"mod": "mode"}) == [
        "data.rename: no file has a column 'mod'. Did you mean 'mood'? "
        "Columns: 'text', 'mood', 'topics'"
    ]


def test_a_validation_split_that_leaves_a_task_without_labels_is_named():
    expected = ["tasks.topics: no row of validation has a label; at least one must"]
    assert problems(validation=[{"text": "x", "mood": "bad"}]) == expected


def test_a_limit_that_leaves_a_task_without_labels_is_named():
    records = [*({"text": "x", "topics": ["bus", "fee"]} for _ in range(50)), *TRAIN[:2]]
    assert problems(records, limit=3) == [
        "tasks.mood: no row of train has a label; at least one must"
    ]


def test_a_test_split_without_any_label_is_named():
    assert len(problems(test=[{"text": "x"}])) == 2


@pytest.mark.parametrize("count", [4, 5])
def test_a_validation_count_that_takes_every_row_is_named(count):
    [first, *_] = problems(validation=count)
    assert first == f"data.validation: {count} of 4 rows leave none on one side"


def test_class_names_of_no_class_are_named():
    tasks = {**TASKS, "mood": {"kind": "multiclass", "class_names": {"god": "fine"}}}
    assert problems(tasks=tasks) == [
        "tasks.mood: class_names gives 'god', which is none of the classes. Did you mean 'good'?"
    ]


def test_problems_of_all_tasks_and_splits_are_told_at_once():
    tasks = {**TASKS, "gone": {"kind": "regression"}, "stars": {"kind": "regression"}}
    records = [{**record, "stars": None, "weight": 1} for record in TRAIN]
    test = [{"text": ["x"], "mood": "new", "topics": ["tram"], "weight": [1, 2, 3]}]
    found = problems(records, tasks, test=test)
    assert [problem.split(": ")[:2] for problem in found] == [
        ["tasks.gone", "no file has a column 'gone'. Columns"],
        ["tasks.stars", "every label is missing in train (column 'stars')"],
        ["test.jsonl:1", "tasks.mood"],
        ["test.jsonl:1", "tasks.topics"],
        ["test.jsonl:1", "data.weight (column 'weight')"],
        ["test.jsonl:1", "data.text"],
    ]
    assert "a list of 4, one per task" in found[4]


# === Rows for a trained model ===


def test_rows_are_read_for_a_trained_model():
    tasks = read().tasks
    data = make_config(rename={"body": "text"}).data
    write("new.jsonl", {"body": "x", "mood": "good", "id": 7})
    rows = read_rows("new.jsonl", tasks, data, "test")
    assert (rows.name, rows.texts, rows.ids) == ("test", (["x"],), [7])
    assert rows.coverage(tasks) == {"mood": 1, "topics": 0}
    assert read_rows(pd.DataFrame({"text": ["x"]}), [], data, "predict").texts == (["x"],)
    assert read_rows(["new.jsonl"] * 2, [], data, "predict").targets == {}
    assert len(read_rows([{"text": "x", "mood": "bad"}], tasks, data, "test")) == 1


def test_rows_without_any_label_cannot_be_judged():
    tasks = read().tasks
    with pytest.raises(DataError, match="test: no row has a label for any task; expected columns"):
        read_rows(pd.DataFrame({"text": ["x"], "mod": ["bad"]}), tasks, make_config().data, "test")


def test_problems_of_rows_are_told_at_once():
    tasks = read().tasks
    write("new.jsonl", {"text": ["x"], "mood": "new", "topics": ["tram"]})
    with pytest.raises(DataError) as caught:
        read_rows("new.jsonl", tasks, make_config().data, "test")
    assert len(caught.value.problems) == 3
    assert "holds no text but list" in caught.value.problems[2]


def test_of_rows_without_the_text_column_nothing_else_is_said():
    tasks = read().tasks
    write("new.jsonl", {"txt": "x", "mood": "new", "topics": ["tram"]})
    with pytest.raises(DataError) as caught:
        read_rows("new.jsonl", tasks, make_config().data, "test")
    [problem] = caught.value.problems
    assert "no text column 'text'" in problem


def test_odd_texts_are_read_as_they_are():
    texts = ["", " \t", "🎉👩‍👩‍👧", "שלום", "x" * 100_000, "a\0b", "\u2028"]
    records = [{"text": text, "mood": "ab"[i % 2]} for i, text in enumerate(texts)]
    dataset = read(records, {"mood": {"kind": "multiclass"}})
    assert dataset.train.texts == (texts,)
    assert np.bincount(dataset.train.targets["mood"]).tolist() == [4, 3]
