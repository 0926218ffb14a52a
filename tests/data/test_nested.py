"""Columns that the config names by a path are read alike from every format."""

import json
from pathlib import Path

import pandas as pd
import pyarrow
import pytest
from pyarrow import parquet

from mtc_keras.config import check_config
from mtc_keras.data.inputs import read_inputs
from mtc_keras.data.reading import read_splits
from mtc_keras.errors import DataError

ROWS = [
    {
        "data": {"text": f"text {n}", "key": f"k{n}", "who": "ab"[n % 2]},
        "labels": {"tone": ["sad", "glad"][n % 2], **({"topic": "bus"} if n % 3 else {})},
        "genres": [{"name": "Drama"}, {"name": "Action"}][: n % 3],
        "about": {"weight": n / 2},
    }
    for n in range(6)
]
DATA = {
    "text": "data.text",
    "id": "data.key",
    "group": "data.who",
    "weight": "about.weight",
}
TASKS = {
    "tone": {"kind": "multiclass", "column": "labels.tone"},
    "topic": {"kind": "multiclass", "column": "labels.topic", "classes": ["bus", "fee"]},
    "genres": {"kind": "multilabel", "column": "genres[].name"},
}
FORMATS = ["x.jsonl", "x.json", "x.parquet", "x.csv", "x.tsv", "frame", "dicts"]


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(name: str, rows: list[dict]) -> str:
    if name.endswith(".jsonl"):
        Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif name.endswith(".json"):
        Path(name).write_text(json.dumps(rows))
    elif name.endswith(".parquet"):
        parquet.write_table(pyarrow.Table.from_pylist(rows), name)
    else:
        is_nested = (dict, list)
        frame = pd.DataFrame(rows).map(lambda v: json.dumps(v) if isinstance(v, is_nested) else v)
        frame.to_csv(name, sep="\t" if name.endswith(".tsv") else ",", index=False)
    return name


def read(rows=None, name="x.jsonl", tasks=TASKS, **data):
    frames = None
    if name == "frame":
        frames = {"train": pd.DataFrame(rows)}
    elif name == "dicts":
        frames = {"train": rows}
    elif rows is not None:
        data["train"] = write(name, rows)
    return read_splits(check_config({"data": {**DATA, **data}, "tasks": tasks}), frames)


def problems(rows, **options) -> list[str]:
    with pytest.raises(DataError) as caught:
        read(rows, **options)
    return caught.value.problems


@pytest.mark.parametrize("name", FORMATS)
def test_every_key_that_names_a_column_takes_a_path(name):
    found = read(ROWS, name)
    assert found.train.texts == ([row["data"]["text"] for row in ROWS],)
    assert list(found.train.ids) == [row["data"]["key"] for row in ROWS]
    assert found.train.sample_weight["tone"].tolist() == [0, 0.5, 1, 1.5, 2, 2.5]
    assert len(set(found.train.groups.tolist())) == 2
    labels = {
        task.name: [task.label(target) for target in found.train.targets[task.name]]
        for task in found.tasks
    }
    assert labels["tone"] == [row["labels"]["tone"] for row in ROWS]
    assert labels["topic"] == [row["labels"].get("topic") for row in ROWS]
    named = [sorted(genre["name"] for genre in row["genres"]) for row in ROWS]
    assert labels["genres"] == named
    assert [note for note in found.notes if "data.quoting" not in note] == []


def test_a_column_that_is_called_like_the_path_wins():
    rows = [{"data.text": f"t{n}", "data": {"text": "no"}, "labels.tone": "ab"[n % 2]}
            for n in range(4)]  # fmt: skip
    tasks = {"tone": TASKS["tone"]}
    for name in ("x.jsonl", "x.csv", "x.parquet"):
        found = read(rows, name, tasks, id="id", group=None, weight="weight")
        assert found.train.texts == (["t0", "t1", "t2", "t3"],)
        assert found.tasks[0].known_classes == ["a", "b"]


@pytest.mark.parametrize("name", FORMATS)
def test_a_task_without_a_column_gets_the_line_that_names_the_nested_one(name):
    tasks = {"tone": {"kind": "multiclass"}}
    [problem] = problems(ROWS, name=name, tasks=tasks)
    assert problem.startswith("tasks.tone: no file has a column 'tone'. ")
    assert 'Set column = "labels.tone". Columns: ' in problem
    assert "'labels.topic'" in problem
    assert "'genres[].name'" in problem


def test_texts_and_weights_get_their_line_too():
    [problem] = problems(ROWS, text="text")
    assert "x.jsonl: no text column 'text' (data.text). Set text = \"data.text\"." in problem
    [problem] = problems(ROWS, weight="Weight")
    assert "data.weight: no file has a column 'Weight'. Set weight = \"about.weight\"." in problem
    [problem] = problems(ROWS, id="data.kye")
    assert "data.id: no file has a column 'data.kye'. Did you mean 'data.key'?" in problem


def test_a_path_that_leads_nowhere_is_told_with_its_place_and_never_quotes():
    rows = [*ROWS, {"data": "a secret", "labels": "b secret", "genres": 7, "about": {"weight": 1}}]
    found = problems(rows)
    assert "data.train: " not in found[0]
    text = "\n".join(found)
    assert "x.jsonl:7: tasks.tone: column 'labels' must hold an object, received text" in text
    assert "x.jsonl:7: tasks.genres: column 'genres' must hold a list, received a number" in text
    assert "x.jsonl:7: data.text: text column 'data' must hold an object, received text" in text
    assert "x.jsonl:7: data.group: " not in text or "secret" not in text
    assert "secret" not in text


def test_a_key_that_only_later_rows_have_is_found():
    rows = [{**ROWS[n % 6], "labels": {"tone": "ab"[n % 2]}} for n in range(60)]
    rows += [{**ROWS[0], "labels": {"tone": "a", "late": word}} for word in "xyxy"]
    found = read(rows, tasks={"late": {"kind": "multiclass", "column": "labels.late"}})
    assert found.train.coverage(found.tasks) == {"late": 4}
    [problem] = problems(rows, tasks={"late": {"kind": "multiclass", "column": "labels.lat"}})
    assert "no file has a column 'labels.lat'" in problem


def test_paths_are_read_after_renaming():
    tasks = {"tone": {"kind": "multiclass", "column": "l.tone"}}
    named = {"text": "d.text", "id": "d.key", "group": "d.who"}
    found = read(ROWS, rename={"data": "d", "labels": "l"}, tasks=tasks, **named)
    assert found.train.texts[0][0] == "text 0"
    [problem] = problems(ROWS, rename={"labels": "l"}, tasks={"tone": {"kind": "multiclass"}})
    assert 'Set column = "l.tone".' in problem


def test_a_parquet_column_that_no_path_leads_to_is_not_read():
    far = pyarrow.array([2932897], pyarrow.int32()).cast(pyarrow.date32())  # 10000-01-01
    odd = pyarrow.StructArray.from_arrays([far], ["far"])
    table = {"data": [{"text": "one"}], "odd": odd}
    parquet.write_table(pyarrow.table(table), "x.parquet")
    config = check_config({"data": {"text": "data.text"}, "tasks": TASKS})
    [(inputs, bad)] = read_inputs("x.parquet", config.data, 10)
    assert (inputs.texts, bad) == ((["one"],), [])
    assert "odd.far" in inputs.names


def test_rows_to_predict_have_nested_texts_and_keep_their_columns():
    rows = [*ROWS[:2], {"data": {}}, {"data": [1]}]
    config = check_config({"data": DATA, "tasks": TASKS})
    [(inputs, bad)] = read_inputs(write("x.jsonl", rows), config.data, 10)
    assert inputs.texts == (["text 0", "text 1"],)
    assert inputs.columns["data"] == [row["data"] for row in ROWS[:2]]
    assert [place for place, _ in bad] == [3, 4]
    assert bad[0][1] == "text column 'data.text' is missing or null"
    assert "must hold an object, received a list of 1" in bad[1][1]


def test_rows_that_teach_no_class_say_what_is_wrong_with_their_cells():
    rows = [{**row, "genres": [] if n else "Drama"} for n, row in enumerate(ROWS)]
    tasks = {"genres": TASKS["genres"]}
    assert problems(rows, tasks=tasks) == [
        "tasks.genres: found 0 classes in column 'genres[].name'; a task needs two or more",
        "x.jsonl:1: tasks.genres: column 'genres' must hold a list, received text",
    ]


def test_cells_of_objects_that_are_read_as_labels_get_the_line_that_goes_into_them():
    [problem, *_] = problems(ROWS, tasks={"genres": {"kind": "multilabel"}})
    assert problem.startswith("tasks.genres: found 0 classes in column 'genres'")
    assert ", first x.jsonl:" in problem
    assert 'column = "genres[].name"' in problem
    mood = {"mood": {"kind": "multiclass", "column": "labels", "classes": ["sad", "glad"]}}
    [problem, *_] = problems(ROWS, tasks=mood)
    assert 'column = "labels.tone" reads one of its values' in problem
    python = [{"text": f"t{n}", "genres": str(row["genres"])} for n, row in enumerate(ROWS)]
    pd.DataFrame(python).to_csv("x.csv", index=False)  # as Kaggle's tables of films have them
    config = check_config({"data": {"train": "x.csv"}, "tasks": {"genres": TASKS["genres"]}})
    assert read_splits(config).tasks[0].known_classes == ["Action", "Drama"]
