"""A column that the config names is found, or the nearest one is named."""

from pathlib import Path

import pandas as pd
import pyarrow
import pytest
from pyarrow import parquet

from mtc_keras.config import DataConfig, check_config
from mtc_keras.data.inputs import read_inputs
from mtc_keras.data.reading import read_rows, read_splits
from mtc_keras.data.sources import file_blocks
from mtc_keras.errors import DataError, did_you_mean
from mtc_keras.tasks import Multiclass

MOOD = Multiclass(name="mood", classes=["bad", "good"])


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(name: str, content: str) -> str:
    Path(name).write_text(content)
    return name


def read(frames=None, **data):
    values = {"data": data, "tasks": {"mood": {"kind": "multiclass", "classes": ["bad", "good"]}}}
    return read_splits(check_config(values), frames)


def problems(frames=None, **data) -> list[str]:
    with pytest.raises(DataError) as caught:
        read(frames, **data)
    return caught.value.problems


@pytest.mark.parametrize("key", ["id", "weight", "group"])
def test_a_column_that_no_file_has_is_an_error_with_the_nearest_name(key):
    write("t.csv", "text,mood,Show_ID\na,good,1\nb,bad,2\n")
    assert problems(train="t.csv", **{key: "show_id"}) == [
        f"data.{key}: no file has a column 'show_id'. Did you mean 'Show_ID'? "
        "Columns: 'text', 'mood', 'Show_ID'"
    ]
    frame = pd.DataFrame({"text": ["a", "b"], "mood": ["good", "bad"], " show_id": [1, 2]})
    [problem] = problems({"train": frame}, **{key: "show_id"})
    assert "Did you mean ' show_id'?" in problem  # only headers of text formats are stripped


def test_the_default_columns_of_ids_and_weights_may_be_absent():
    write("t.csv", "text,mood\na,good\nb,bad\n")
    assert read(train="t.csv").notes == []
    # As in the config of a finished run, which states every default.
    assert read(train="t.csv", id="id", weight="weight").notes == []


def test_a_column_that_only_some_files_have_is_told():
    write("t.csv", "text,mood,w,who,key\na,good,2,x,1\nb,bad,1,y,2\n")
    write("u.csv", "text,mood,w\nc,good,2\nd,bad,1\n")
    write("v.csv", "text,mood,key\ne,good,1\nf,bad,2\n")
    found = read(train=["t.csv", "u.csv"], validation="v.csv", weight="w", group="who", id="key")
    assert found.notes == [
        "data.id: u.csv has no column 'key', whose predictions have no id",
        "data.group: u.csv has no column 'who', whose rows are in no group",
        "data.group: 2 rows without a cell in 'who' are in no group, first u.csv:2",
        "data.weight: v.csv has no column 'w', whose rows weigh 1",
        "data.group: v.csv has no column 'who', whose rows are in no group",
    ]
    assert found.train.sample_weight["mood"].tolist() == [2, 1, 2, 1]
    assert found.validation.sample_weight is None


def test_rows_for_a_trained_model_tell_what_they_lack():
    data = DataConfig(weight="w", id="key", group="who")
    rows = read_rows(write("t.csv", "text,mood\na,good\n"), [MOOD], data, "t.csv")
    assert rows.notes == [
        "data.id: t.csv has no column 'key', whose predictions have no id",
        "data.weight: t.csv has no column 'w', whose rows weigh 1",
    ]


def test_blanks_around_the_names_of_a_header_are_removed_and_told():
    write("t.csv", "show_id, text , mood,weight \n1,a,good,2\n2,b,bad,3\n")
    found = read(train="t.csv", id="show_id")
    assert found.train.ids == ["1", "2"]
    assert found.train.texts == (["a", "b"],)
    assert found.train.sample_weight["mood"].tolist() == [2, 3]
    assert found.notes == [
        "t.csv: column ' text ' is read as 'text'",
        "t.csv: column ' mood' is read as 'mood'",
        "t.csv: column 'weight ' is read as 'weight'",
    ]


def test_a_column_that_the_config_names_with_its_blanks_keeps_them():
    write("t.tsv", "text\t mood\tmood\na\tgood\tx\nb\tbad\ty\n")
    tasks = {"mood": {"kind": "multiclass", "column": " mood"}}
    found = read_splits(check_config({"data": {"train": "t.tsv"}, "tasks": tasks}))
    assert found.tasks[0].known_classes == ["bad", "good"]
    assert found.notes == []


def test_two_columns_that_differ_in_blanks_alone_are_refused_if_one_is_asked_for():
    write("t.csv", " text,text ,mood\na,b,good\nc,d,bad\n")
    assert "t.csv:1: two columns are called 'text'" in problems(train="t.csv")[0]
    write("t.csv", "text, other,other ,mood\na,b,c,good\nd,e,f,bad\n")
    assert read(train="t.csv").notes == []


def test_renamed_columns_and_rows_to_predict_are_found_too():
    write("t.csv", " body,mood, extra\na,good,1\nb,bad,2\n")
    assert read(train="t.csv", rename={"body": "text"}).train.texts == (["a", "b"],)
    notes: list[str] = []
    data = DataConfig(rename={"body": "text"})
    [(inputs, bad)] = read_inputs("t.csv", data, 10, notes=notes)
    assert (inputs.texts, bad) == ((["a", "b"],), [])
    assert list(inputs.columns) == ["body", "mood", " extra"]
    assert notes == ["t.csv: column ' body' is read as 'body'"]


def test_a_text_column_of_another_case_is_the_nearest():
    write("t.csv", "TEXT,mood,texts\na,good,x\n")
    assert "no text column 'text' (data.text). Did you mean 'TEXT'?" in problems(train="t.csv")[0]
    assert did_you_mean("Label", ["labels", " LABEL"]) == " Did you mean ' LABEL'?"


def test_columns_without_a_name_are_nobodys_in_tables_too():
    table = pyarrow.table([["a", "b"], ["good", "bad"], [1, 2], [3, 4]],
                          names=["text", "mood", "", " "])  # fmt: skip
    parquet.write_table(table, "x.parquet")
    found = read(train="x.parquet")
    assert found.notes == ["x.parquet: 2 columns have no name and are not read"]
    [(inputs, _)] = read_inputs("x.parquet", DataConfig(), 10)
    assert list(inputs.columns) == ["text", "mood"]
    frame = table.to_pandas()
    for names in (["text", "mood", "", ""], ["text", "mood", float("nan"), None]):
        frame.columns = names
        assert read({"train": frame}).notes == ["train: 2 columns have no name and are not read"]
    frame.columns = ["text", "mood", "n", "n"]
    assert problems({"train": frame}) == ["data.train: train: several columns are called 'n'"]


def test_the_columns_that_pandas_adds_do_no_harm():
    frame = pd.DataFrame({"text": ["a", "b"], "mood": ["good", "bad"]}, index=[7, 8])
    frame.to_parquet("x.parquet")  # with __index_level_0__
    assert read(train="x.parquet").notes == []
    frame.to_csv("x.csv")  # with one column without a name
    pd.read_csv("x.csv").to_csv("y.csv")  # and with `Unnamed: 0`
    assert read(train=["x.csv", "y.csv"]).notes == []


def test_columns_of_several_levels_are_called_by_what_they_say():
    names = pd.MultiIndex.from_tuples([("text", ""), ("labels", "mood"), ("labels", "other")])
    frame = pd.DataFrame([["a", "good", 1], ["b", "bad", 2]], columns=names)
    [problem] = problems({"train": frame})
    assert "Set column = \"labels.mood\". Columns: 'text', 'labels.mood'" in problem
    tasks = {"mood": {"kind": "multiclass", "column": "labels.mood"}}
    assert len(read_splits(check_config({"tasks": tasks}), {"train": frame}).train) == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [("x.jsonl", '"a secret text"\n["a secret text"]'), ("x.json", '["a secret text"]')],
)
def test_no_error_quotes_a_text(name, content):
    with pytest.raises(DataError) as caught:
        list(file_blocks(write(name, content)))
    assert "must be an object" in str(caught.value)
    assert "secret" not in str(caught.value)
    with pytest.raises(DataError, match="must be a dict, received str") as caught:
        read({"train": ["a secret text"]})
    assert "secret" not in str(caught.value)
