"""Several columns that are read as one label: of names, or a 0 or 1 per class."""

import numpy as np
import pandas as pd
import pytest

from mtc_keras.config import check_config
from mtc_keras.data.reading import read_splits
from mtc_keras.errors import DataError
from mtc_keras.tasks import Multiclass, Multilabel, task_from_config

TAGS = ["tag_1", "tag_2", "tag_3"]
ROWS = [
    ["Network", "Hardware", ""],
    ["Billing", "", ""],
    ["", "", ""],
    ["", "Bug", "Network"],
    ["Bug", "Bug", ""],
]


@pytest.fixture
def read(tmp_path):
    """Returns the dataset of a csv file with rows of some columns, read as one label."""

    def read(rows, columns=TAGS, validation=None, **task):
        data = {}
        for name, cells in (("train", rows), ("validation", validation)):
            if cells:
                frame = pd.DataFrame(cells, columns=columns)
                frame.insert(0, "text", [f"{name} {row}" for row in range(len(cells))])
                data[name] = str(tmp_path / f"{name}.csv")
                frame.to_csv(data[name], index=False)
        task = {"kind": "multilabel", "column": columns, **task}
        return read_splits(check_config({"data": data, "tasks": {"label": task}}))

    return read


def notes(dataset):
    return [line for line in dataset.notes if line.startswith("tasks.")]


def shown(dataset, name="train"):
    """Returns the labels of a split as people see them."""
    targets = getattr(dataset, name).targets["label"]
    return [dataset.tasks[0].label(target) for target in targets]


@pytest.mark.parametrize("labels", [None, "names"])
def test_names_in_columns_are_one_set(read, labels):
    found = read(ROWS, validation=[["Bug", "", "Billing"]], **{"labels": labels} if labels else {})
    [task] = found.tasks
    assert task.known_classes == ["Billing", "Bug", "Hardware", "Network"]
    assert shown(found) == [["Hardware", "Network"], ["Billing"], None, ["Bug", "Network"], ["Bug"]]
    assert shown(found, "validation") == [["Billing", "Bug"]]
    assert task.labels == "names"


def test_what_is_found_is_told_once_with_its_first_place_and_kept(read, tmp_path):
    found = read([["", "", ""], *ROWS])
    assert [line.replace(f"{tmp_path}/", "") for line in notes(found)] == [
        "tasks.label: columns 'tag_1', 'tag_2', 'tag_3' hold names of classes, 4 different ones; "
        'labels = "names" says so, first train.csv:3'
    ]
    assert notes(read(ROWS, labels="names")) == []
    saved = task_from_config(found.tasks[0].model_dump())
    assert saved.encode([["Bug", None, None]])[0].tolist() == [[0, 1, 0, 0]]
    assert saved.can_encode


def test_a_row_that_is_blank_in_all_columns_has_no_class_where_the_config_says_so(read):
    found = read(ROWS, empty_cell="none")
    assert shown(found)[2] == []
    flags = read([["1", "0"], ["", ""], ["0", "1"]], ["joy", "fear"], empty_cell="none")
    assert flags.tasks[0].labels == "flags"


def test_one_name_in_columns_is_the_class_and_two_are_refused(read):
    rows = [["bus", ""], ["", "fee"], ["fee", " fee"], ["", ""]]
    found = read(rows, TAGS[:2], kind="multiclass")
    assert shown(found) == ["bus", "fee", "fee", None]
    with pytest.raises(DataError) as caught:
        read([*rows, ["bus", "fee"]], TAGS[:2], kind="multiclass")
    [problem] = caught.value.problems
    assert "train.csv:6: tasks.label: " in problem
    assert "received 2: ['bus', 'fee']; kind = \"multilabel\" takes several" in problem


def test_stars_of_which_one_column_is_filled_are_one_label(read):
    found = read([["1", ""], ["", "3"], ["2", ""]], ["a", "b"], kind="ordinal", classes=list("123"))
    assert shown(found) == ["1", "3", "2"]


@pytest.mark.parametrize("kind", ["multilabel", "multiclass"])
def test_columns_of_0_and_1_stay_a_class_each(read, kind):
    found = read([["1.0", "0"], ["0", "1"], ["", ""]], ["joy", "fear"], kind=kind)
    assert found.tasks[0].known_classes == ["joy", "fear"]
    assert found.tasks[0].labels == "flags"
    assert shown(found)[:2] == (["joy", "fear"] if kind == "multiclass" else [["joy"], ["fear"]])
    assert notes(found) == []


def test_columns_of_which_some_hold_0_and_1_and_others_names_are_refused_with_the_line(read):
    rows = [["1", "bus"], ["0", "fee"]]
    with pytest.raises(DataError, match=r"'joy' holds '1' and column 'tag' holds 'bus'.*labels = "):
        read(rows, ["joy", "tag"])
    found = read(rows, ["joy", "tag"], labels="names")
    assert shown(found) == [["1", "bus"], ["0", "fee"]]
    with pytest.raises(
        DataError, match=r"expected only 0, 1 or null, received 'bus'.*labels = \"names\""
    ):
        read(rows, ["joy", "tag"], labels="flags")


def test_listed_classes_are_those_of_the_names_in_columns(read):
    found = read(ROWS, classes=["Bug", "Network", "Hardware", "Billing"])
    assert shown(found)[0] == ["Network", "Hardware"]
    with pytest.raises(DataError, match="class 'Billing' is unknown"):
        read(ROWS, classes=["Bug", "Network", "Hardware"])


def test_cells_of_columns_may_hold_several_names(read):
    assert shown(read([["a|b", "c"], ["c", ""]], ["x", "y"])) == [["a", "b", "c"], ["c"]]
    rows = [["a, b", "c"], ["c", "a"], ["b", ""]]
    assert shown(read(rows, ["x", "y"], separator="auto"))[0] == ["a", "b", "c"]


def test_a_column_may_hold_a_vector_in_the_order_of_the_classes():
    task = Multilabel(name="label", classes=["a", "b", "c"], labels="flags")
    cells = [[0, 1, 1], "[1, 0, null]", [None, None, None], None]
    targets, mistakes = task.encode(cells)
    assert mistakes == []
    nan = np.nan
    np.testing.assert_array_equal(
        targets, [[0, 1, 1], [1, 0, nan], [nan, nan, nan], [nan, nan, nan]]
    )
    one = Multiclass(name="label", num_classes=3, labels="flags")
    assert one.encode(["[0, 0, 1]", [None, None, None]])[0].tolist() == [2, -1]
    with pytest.raises(ValueError, match=r'list them, classes = \["…", "…"\]'):
        Multilabel(name="label", labels="flags")


def test_tasks_that_version_0_1_has_trained_hold_0_and_1():
    values = {"name": "t", "kind": "multilabel", "column": ["a", "b"], "classes": ["a", "b"]}
    task = task_from_config({**values, "class_counts": [1, 1], "label_counts": [2, 2]})
    assert task.can_encode
    assert task.encode([["1", "0"]])[0].tolist() == [[1, 0]]
