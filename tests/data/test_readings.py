"""What is read as something else than what stands there is told once, with a count and a place."""

import json

import numpy as np
import pandas as pd
import pytest

from mtc_keras.config import check_config
from mtc_keras.data.reading import read_rows, read_splits
from mtc_keras.errors import DataError


def write(path, column, cells, header="label"):
    """Writes a csv file as pandas does, one text a row."""
    frame = pd.DataFrame({"text": [f"{path.stem} {n}" for n in range(len(cells))], header: cells})
    frame.to_csv(path, index=False)
    return str(path)


@pytest.fixture
def read(tmp_path):
    """Reads splits of one task, whose column `label` has the given cells."""

    def read(train, validation=(), test=(), **task):
        data = {}
        for name, cells in (("train", train), ("validation", validation), ("test", test)):
            if len(cells):
                data[name] = write(tmp_path / f"{name}.csv", "label", cells)
        tasks = {"label": {"kind": "multiclass", **task}}
        return read_splits(check_config({"data": data, "tasks": tasks}))

    return read


def told(dataset):
    """Returns the notes, files without their folder."""
    return [
        note.replace(note[note.find("first ") + 6 : note.rfind("/") + 1], "")
        for note in dataset.notes
    ]


def test_numbers_of_a_column_with_a_gap_are_told_with_count_and_first_place(read):
    dataset = read([None, 1.0, 2.0, 3.0] * 3, [1, 2, 1])
    assert dataset.tasks[0].known_classes == ["1", "2", "3"]
    assert dataset.validation.targets["label"].tolist() == [0, 1, 0]
    assert told(dataset) == [
        "tasks.label: 9 cells such as '1.0', '2.0', '3.0' are read as '1', '2', '3', "
        "first train.csv:3"
    ]


def test_digits_are_no_positions_of_learned_classes(read):
    with pytest.raises(DataError) as caught:
        read(["bad", "good"], [0, 1])
    [first, second] = caught.value.problems
    assert "validation.csv:2: tasks.label: class '0' is unknown" in first
    assert "validation.csv:3: tasks.label: class '1' is unknown" in second


def test_digits_that_are_positions_of_listed_classes_are_told(read):
    dataset = read(["bad", "good"], ["0", "1", "1"], classes=["bad", "good"])
    assert dataset.validation.targets["label"].tolist() == [0, 1, 1]
    assert told(dataset) == [
        "tasks.label: 3 cells such as '0', '1' are read as positions in `classes`, 'bad', 'good', "
        "first validation.csv:2"
    ]


def test_a_single_cell_is_told_in_the_singular(read):
    assert told(read(["1.0", "2", "1"])) == [
        "tasks.label: 1 cell '1.0' is read as '1', first train.csv:2"
    ]


def test_rows_that_are_split_off_are_not_told_twice(read, tmp_path):
    data = {"train": write(tmp_path / "t.csv", "label", ["1.0", "2.0"] * 10), "validation": 4}
    dataset = read_splits(check_config({"data": data, "tasks": {"label": {"kind": "multiclass"}}}))
    assert len([note for note in dataset.notes if "'1.0'" in note]) == 1
    assert dataset.validation.notes == []


def test_a_trained_task_tells_the_same_of_other_rows(read, tmp_path):
    dataset = read([1, 2, 3])
    path = write(tmp_path / "new.csv", "label", ["2.0", "3"])
    config = check_config({"tasks": {"label": {"kind": "multiclass"}}})
    rows = read_rows(path, dataset.tasks, config.data, "new.csv")
    assert rows.targets["label"].tolist() == [1, 2]
    assert rows.notes == [f"tasks.label: 1 cell '2.0' is read as '2', first {path}:2"]


def test_an_accent_in_two_characters_is_told_so_that_it_can_be_seen(read):
    assert told(read(["Café", "Cafe\u0301", "bar"])) == [
        "tasks.label: 1 cell 'Cafe\\u0301' is read as 'Café', first train.csv:3"
    ]


def test_labels_that_are_ignored_as_unknown_are_told(read):
    dataset = read(["bad", "good"], ["good", "godo", 1, 1], unknown_classes="ignore")
    assert dataset.validation.targets["label"].tolist() == [1, -1, -1, -1]
    assert told(dataset) == [
        "tasks.label: 3 cells such as 'godo', '1' are left out, as no class is called so, "
        "first validation.csv:3"
    ]


# === Missing markers ===

MARKED = ["bus", "fee", "NaN", "N/A", "null", "None", "nan", "", "bus", "NA", "#N/A"]


def test_markers_of_csv_are_missing_labels_and_told(read):
    dataset = read(MARKED, ["fee", "n/a"])
    assert dataset.tasks[0].known_classes == ["bus", "fee"]
    assert dataset.train.targets["label"].tolist() == [0, 1, *[-1] * 6, 0, -1, -1]
    assert dataset.validation.targets["label"].tolist() == [1, -1]
    assert told(dataset) == [
        "tasks.label: 7 cells such as 'NaN', 'N/A', 'null' are read as missing, first "
        "train.csv:4; missing = [] keeps them as classes",
        "tasks.label: 1 cell 'n/a' is read as missing, first validation.csv:3; missing = [] "
        "keeps them as classes",
    ]


def test_a_listed_class_is_no_marker_while_others_are(read):
    dataset = read(["None", "some", "N/A"], classes=["None", "some"])
    assert dataset.train.targets["label"].tolist() == [0, 1, -1]
    assert len(told(dataset)) == 1


def test_missing_may_be_nothing_or_other_texts(read):
    assert read(["NA", "US", "?"], missing=[]).tasks[0].known_classes == ["?", "NA", "US"]
    dataset = read(["NA", "US", "?"], missing=["?"])
    assert dataset.train.targets["label"].tolist() == [0, 1, -1]


def test_missing_of_data_holds_for_tasks_that_set_none(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text,a,b\nx,?,?\ny,NA,v\nz,u,w\n")
    tasks = {"a": {"kind": "multiclass"}, "b": {"kind": "multiclass", "missing": []}}
    config = check_config({"data": {"train": str(path), "missing": ["?"]}, "tasks": tasks})
    found = read_splits(config)
    assert [task.known_classes for task in found.tasks] == [["NA", "u"], ["?", "v", "w"]]


def test_numbers_and_flags_take_markers_too(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text,score,toxic,insult\nx,1.5,0.0,1.0\ny,NA,1.0,nan\nz,n/a,NULL,\n")
    tasks = {
        "score": {"kind": "regression"},
        "flags": {"kind": "multilabel", "column": ["toxic", "insult"]},
    }
    found = read_splits(check_config({"data": {"train": str(path)}, "tasks": tasks}))
    np.testing.assert_array_equal(found.train.targets["score"], [1.5, np.nan, np.nan])
    np.testing.assert_array_equal(
        found.train.targets["flags"], [[0, 1], [1, np.nan], [np.nan, np.nan]]
    )
    assert told(found) == [
        "tasks.score: 2 cells such as 'NA', 'n/a' are read as missing, first t.csv:3",
        "tasks.flags: 2 cells such as 'nan', 'NULL' are read as missing, first t.csv:3",
    ]


def test_formats_with_null_take_a_marker_for_a_class_and_say_so(tmp_path):
    path = tmp_path / "t.jsonl"
    labels = ["bus", "None", "fee", None]
    lines = [json.dumps({"text": "x", "label": label}) for label in labels]
    path.write_text("\n".join(lines))
    other = write(tmp_path / "v.csv", "label", ["None", "NA", "fee"])
    data = {"train": str(path), "validation": other}
    found = read_splits(check_config({"data": data, "tasks": {"label": {"kind": "multiclass"}}}))
    assert found.tasks[0].known_classes == ["None", "bus", "fee"]
    assert found.validation.targets["label"].tolist() == [0, -1, 2]
    assert told(found)[0] == (
        "tasks.label: class 'None' may mean that no label is known; "
        'missing = ["None"] reads it so'
    )
    data["train"] = [write(tmp_path / "u.csv", "label", ["None", "NA", "bus"]), str(path)]
    both = read_splits(check_config({"data": data, "tasks": {"label": {"kind": "multiclass"}}}))
    assert both.train.targets["label"].tolist() == [0, -1, 1, 1, 0, 2, -1]


def test_labels_that_are_all_markers_are_an_error_that_names_them(read):
    with pytest.raises(DataError, match=r"every label is missing in train .*'NA' is read as miss"):
        read(["NA", "NA", ""])
    with pytest.raises(DataError, match=r"found 1 class in .*'NA' is read as missing, missing = "):
        read(["NA", "US"])
    with pytest.raises(DataError, match=r"every label is missing in train .*; 'NA' is read as mis"):
        read(["NA", "NA", ""], kind="regression")
    with pytest.raises(DataError, match=r"'NA' is read as missing, missing = \[\] reads it as"):
        read(["NA", "NA", ""], classes=["US", "CH"])


def test_texts_weights_and_ids_have_no_markers(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text,id,label\nN/A,NA,a\nnull,None,b\n")
    tasks = {"label": {"kind": "multiclass"}}
    found = read_splits(check_config({"data": {"train": str(path)}, "tasks": tasks}))
    assert found.train.texts == (["N/A", "null"],)
    assert found.train.ids == ["NA", "None"]
    path.write_text("text,weight,label\nx,NaN,a\ny,1,b\n")
    with pytest.raises(DataError, match="a weight must be a number of 0 or more, received 'NaN'"):
        read_splits(check_config({"data": {"train": str(path)}, "tasks": tasks}))


# === Separators and classes ===


def test_another_separator_is_proposed_and_auto_takes_it(read):
    cells = ["Action, Adventure", "Comedy, Family", "Drama", "Action, Drama"] * 2
    asked = read(cells, kind="multilabel")
    assert len(asked.tasks[0].known_classes) == 4
    assert told(asked) == [
        "tasks.label: 3 of 4 classes such as 'Action, Adventure' read as lists with separator = "
        '","; set it, or separator = "auto"'
    ]
    auto = read(cells, ["Family, Drama"], kind="multilabel", separator="auto")
    assert auto.tasks[0].known_classes == ["Action", "Adventure", "Comedy", "Drama", "Family"]
    assert auto.validation.targets["label"].tolist() == [[0, 0, 0, 1, 1]]
    assert len(told(auto)) == 1


def test_classes_that_differ_in_case_are_told_once(read):
    notes = told(read(["Bus", "bus", "fee"], ["bus", "Bus"]))
    assert notes == ["tasks.label: classes 'Bus', 'bus' differ only in case or blanks"]


def test_cells_that_are_lists_do_not_fill_the_memory_before_that_is_told(read, monkeypatch):
    names = [f"name{n}" for n in range(30)]
    cells = [f"{a}, {b}" for a in names for b in names if a < b] + names
    monkeypatch.setattr("mtc_keras.data.labels.total_memory", lambda: 1_000_000)
    with pytest.raises(DataError) as caught:
        read(cells, kind="multilabel")
    [problem] = caught.value.problems
    assert problem.startswith(
        "tasks.label: found 465 classes in 465 rows, which need 0.0 GB, more "
    )
    assert "435 of 465 classes such as 'name0, name1' read as lists" in problem
    assert len(read(cells, kind="multilabel", separator=",").tasks[0].known_classes) == 30
    monkeypatch.setattr("mtc_keras.data.labels.total_memory", lambda: None)
    assert len(read(cells, kind="multilabel").tasks[0].known_classes) == 465
