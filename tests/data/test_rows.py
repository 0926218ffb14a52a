"""Cells of a table become texts, targets, weights and ids."""

import datetime
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from mtc_keras.config import DataConfig
from mtc_keras.data.encoder import Encoder
from mtc_keras.data.label_cells import LabelCells, label_cells
from mtc_keras.data.rows import LeftOut
from mtc_keras.tasks import Multiclass, Multilabel, Regression
from tests.conftest import own_block

MOOD = Multiclass(name="mood", classes=["bad", "good"])
TOPICS = Multilabel(name="topics", classes=["bus", "fee"])
STARS = Regression(name="stars")
TASKS = [MOOD, TOPICS, STARS]


def block(*records):
    return own_block([{"text": "t", **record} for record in records], "train")


def encode(*records, tasks=TASKS, **data):
    problems: list[str] = []
    encoder = Encoder(tasks, DataConfig(**data), "train")
    encoder.add(block(*records))
    return encoder.rows(problems), problems


# === Texts, ids, labels ===


def test_a_row_is_encoded_for_every_task_in_the_order_of_the_config():
    rows, problems = encode(
        {"id": "a", "mood": "good", "topics": ["fee"], "stars": 3}, {"id": "b", "mood": "bad"}
    )
    assert problems == []
    assert len(rows) == 2
    assert list(rows.targets) == ["mood", "topics", "stars"]
    np.testing.assert_array_equal(rows.targets["mood"], [1, 0])
    np.testing.assert_array_equal(rows.targets["topics"], [[0, 1], [math.nan] * 2])
    np.testing.assert_array_equal(rows.targets["stars"], [3, math.nan])
    assert rows.coverage(TASKS) == {"mood": 2, "topics": 1, "stars": 1}
    assert rows.ids == ["a", "b"]
    assert rows.where == ["train row 0", "train row 1"]
    assert rows.sample_weight is None


def test_an_empty_text_is_a_text_and_a_number_is_its_digits():
    rows, problems = encode(
        {"text": ""}, {"text": " \0"}, {"text": 7}, {"text": 1.5}, {"text": Decimal("2.50")}
    )
    assert problems == []
    assert rows.texts == (["", " \0", "7", "1.5", "2.50"],)
    assert (rows.left_out, rows.notes) == (LeftOut(), [])


def test_a_row_without_a_text_is_left_out_with_its_labels_ids_and_weights():
    records = [{"id": i, "stars": i, "weight": i, "mood": "good"} for i in range(6)]
    for at, text in ((0, None), (2, math.nan), (3, pd.NA), (5, None)):
        records[at] |= {"text": text, "mood": "no class"}
    rows, problems = encode(*records)
    assert problems == []
    assert rows.ids == [1, 4]
    assert rows.where == ["train row 1", "train row 4"]
    assert rows.targets["stars"].tolist() == rows.sample_weight["stars"].tolist() == [1, 4]
    assert rows.left_out == LeftOut(4, ("train row 0", "train row 2", "train row 3"))
    assert rows.notes == [
        "train: 4 rows without a text are left out, first train row 0, train row 2, train row 3, …"
    ]
    assert rows.take([1]).left_out == rows.left_out


def test_one_row_without_a_text_is_said_in_the_singular():
    rows, _ = encode({}, {"text": None})
    assert rows.notes == ["train: 1 row without a text is left out, first train row 1"]


def test_rows_of_which_none_has_a_text_are_a_problem():
    rows, problems = encode({"text": None}, {"text": None, "mood": "?"})
    assert problems == ["train: no row has a text in 'text', first train row 0, train row 1"]
    assert len(rows) == 0


@pytest.mark.parametrize("text", [["a"], {"a": "b"}, True, datetime.date(2024, 1, 2), b"a"])
def test_a_text_that_is_none_is_a_problem_with_its_row(text):
    kind = type(text).__name__
    assert encode({"text": None}, {}, {"text": text}, {"mood": "?"}, {"text": text})[1][1:] == [
        f"train row 2 (and 1 more row): data.text: text column 'text' holds no text but {kind}"
    ]


def test_two_text_columns_give_two_lists_and_a_row_needs_both():
    rows, problems = encode(
        {"text": "a", "reply": "b"},
        {"text": "c"},
        {"text": None, "reply": "d"},
        {"text": 1, "reply": ""},
        {"text": ["a"]},
        text=["text", "reply"],
    )
    assert problems == []
    assert rows.texts == (["a", "1"], ["b", ""])
    assert rows.left_out.first == ("train row 1", "train row 2", "train row 4")


def test_a_missing_text_column_names_the_nearest_one_and_all():
    assert encode({"Comment": "x", "mood": "no class"}, text="comment")[1] == [
        "train: no text column 'comment' (data.text). Did you mean 'Comment'? "
        "Columns: 'text', 'Comment', 'mood'"
    ]


def test_a_column_that_is_absent_makes_every_label_missing():
    rows, problems = encode({}, {})
    assert problems == []
    assert rows.coverage(TASKS) == {"mood": 0, "topics": 0, "stars": 0}


def test_texts_for_prediction_need_no_labels_nor_weights():
    rows, problems = encode({"mood": "wrong", "weight": -1, "id": 4}, tasks=[])
    assert problems == []
    assert (rows.texts, rows.targets, rows.sample_weight, rows.ids) == ((["t"],), {}, None, [4])


def test_a_row_to_predict_whose_text_is_none_is_left_out():
    rows, problems = encode({}, {"text": ["a"]}, {"text": None}, {"text": True}, tasks=[])
    assert problems == []
    assert rows.texts == (["t"],)
    assert rows.left_out == LeftOut(3, ("train row 1", "train row 2", "train row 3"))


def test_rows_can_be_taken_in_any_order():
    rows, _ = encode(*({"id": i, "stars": i, "weight": i} for i in range(4)))
    taken = rows.take(np.array([3, 1]))
    assert taken.ids == [3, 1]
    assert taken.targets["stars"].tolist() == [3, 1]
    assert taken.sample_weight["mood"].tolist() == [3, 1]
    assert taken.where == ["train row 3", "train row 1"]
    assert len(rows.take([])) == 0
    assert rows.take([]).targets["topics"].shape == (0, 2)


# === Layouts ===


def test_positions_and_slices_of_a_list_column_are_read():
    tasks = [
        Multiclass(name="a", column="labels[0]", classes=["x", "y"]),
        Multiclass(name="b", column="labels[1:3]", classes=["u", "v"]),
        Multilabel(name="c", column="labels[1:3]", classes=["u", "v"]),
    ]
    rows, problems = encode(
        {"labels": [1, 0, 1]}, {"labels": "[0, 1, 0]"}, {"labels": " "}, {}, tasks=tasks
    )
    assert problems == []
    assert rows.targets["a"].tolist() == [1, 0, -1, -1]
    assert rows.targets["b"].tolist() == [1, 0, -1, -1]
    assert rows.targets["c"][:2].tolist() == [[0, 1], [1, 0]]
    assert np.isnan(rows.targets["c"][2:]).all()


def test_a_label_list_shorter_than_a_position_is_a_problem():
    task = Multiclass(name="a", column="labels[2]", classes=["x", "y"])
    assert encode({"labels": [0, 1, 1]}, {"labels": [0]}, tasks=[task])[1] == [
        "train row 1: tasks.a: column 'labels' holds a list of 1, but 'labels[2]' needs at least 3"
    ]


def test_a_csv_cell_that_is_no_json_list_is_a_problem():
    task = Multiclass(name="a", column="labels[0]", classes=["x", "y"])
    _, problems = encode({"labels": "[0, 1"}, {"labels": "x|y"}, tasks=[task])
    assert problems[0].startswith(
        "train row 0: tasks.a: column 'labels' holds text that is no list or object"
    )
    assert problems[1] == "train row 1: tasks.a: column 'labels' must hold a list, received text"


def test_several_columns_are_a_vector_and_missing_where_all_are():
    task = Multilabel(name="a", column=["x", "y"], labels="flags", marked_classes=[])
    records = {"x": "1", "y": "0"}, {"x": "", "y": " "}, {"x": 1}
    found = label_cells(block(*records), task)
    assert found == LabelCells([["1", "0"], None, [1, None]], mistakes=[], markers=[])
    rows, problems = encode(*records, tasks=[task])
    assert problems == []
    np.testing.assert_array_equal(rows.targets["a"], [[1, 0], [math.nan, math.nan], [1, math.nan]])


# === Weights ===


def weights(*cells, tasks=TASKS):
    rows, problems = encode(*({"weight": cell} for cell in cells), tasks=tasks)
    return rows.sample_weight, problems


def test_one_weight_counts_for_every_task():
    found, problems = weights(2, "0.5", None, "", 0)
    assert problems == []
    assert list(found) == ["mood", "topics", "stars"]
    for array in found.values():
        assert array.dtype == "float32"
        assert array.tolist() == [2, 0.5, 1, 1, 0]


def test_rows_without_a_weight_are_told_with_count_and_first_place():
    rows, _ = encode({"weight": 2}, {"weight": None}, {"weight": " "}, {"weight": 0})
    assert rows.notes == [
        "data.weight: 2 rows without a cell in 'weight' weigh 1, first train row 1"
    ]
    assert encode({"weight": 2}, {"weight": 1})[0].notes == []


def test_a_list_of_weights_has_one_a_task_in_the_order_of_the_config():
    found, problems = weights([1, 2, 3], "[4, 5, null]")
    assert problems == []
    assert [array.tolist() for array in found.values()] == [[1, 4], [2, 5], [3, 1]]


@pytest.mark.parametrize("cell", [-1, "heavy", math.inf, True, "1e39", "nan", [1, 2, -3], {}])
def test_a_weight_that_is_no_number_of_0_or_more_is_a_problem(cell):
    [problem] = weights(1, cell)[1]
    assert problem.startswith("train row 1: data.weight (column 'weight'): a weight must be a num")


@pytest.mark.parametrize("cell", [[1, 2], [], "[1, 2, 3, 4]"])
def test_a_list_of_weights_of_another_length_is_a_problem(cell):
    [problem] = weights(cell)[1]
    assert "a list of 3, one per task in the order 'mood', 'topics', 'stars'; received" in problem


def test_the_weight_column_may_have_another_name():
    rows, problems = encode({"w": 3, "weight": "not read"}, weight="w")
    assert problems == []
    assert rows.sample_weight["mood"].tolist() == [3]


# === Messages ===


def test_equal_problems_are_one_message_with_the_first_row_and_the_count():
    problems = encode(*({"mood": mood} for mood in ("good", "x", "x", "y", "x")))[1]
    assert [problem.split("; ")[0] for problem in problems] == [
        "train row 1 (and 2 more rows): tasks.mood: class 'x' is unknown",
        "train row 3: tasks.mood: class 'y' is unknown",
    ]


def test_five_different_problems_of_a_task_are_shown_and_the_rest_counted():
    moods = [f"x{index}" for index in range(7)]
    problems = encode(*({"mood": mood, "stars": "?"} for mood in [*moods, "x6"]))[1]
    assert len(problems) == 7
    assert problems[5] == "tasks.mood: … and 2 more messages on 3 rows"
    assert problems[6].startswith("train row 0 (and 7 more rows): tasks.stars: expected a number")


def test_a_message_on_a_very_long_cell_leaves_out_its_middle():
    [problem] = encode({"stars": "x" * 100_000})[1]
    assert len(problem) < 600
    assert "expected a number, received 'xxx" in problem


# === Renaming ===


def renaming_encoder(names, *records):
    encoder = Encoder([], DataConfig(rename=names), "train")
    encoder.add(block(*records))
    return encoder


def test_columns_are_renamed_also_crosswise():
    names = {"id": "stars", "stars": "id", "absent": "c"}
    encoder = renaming_encoder(names, {"id": 1, "stars": 2})
    assert encoder.rename_problem() is None
    assert encoder.renamed_columns() == {"train": ["text", "stars", "id"]}
    rows, problems = encode({"id": 1, "stars": 2}, rename=names)
    assert problems == []
    assert (rows.ids, rows.targets["stars"].tolist()) == ([2], [1])


@pytest.mark.parametrize("names", [{"a": "text"}, {"a": "c", "b": "c"}])
def test_two_columns_cannot_get_one_name(names):
    encoder = renaming_encoder(names, {"a": 1, "b": 2})
    [new] = set(names.values())
    assert encoder.rename_problem() == (
        f"data.rename: gives two columns of train the name {new!r}; rename or drop the other one"
    )
    problems = []
    encoder.rows(problems)
    assert problems == []  # what else is wrong depends on it
    assert encoder.renamed_columns() == {"train": ["text", "a", "b"]}
