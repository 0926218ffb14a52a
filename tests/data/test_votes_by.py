"""Rows of several raters become one row per text, whose labels are the shares of theirs."""

import numpy as np
import pandas as pd
import pytest

from mtc_keras.config import check_config
from mtc_keras.data.reading import read_rows, read_splits
from mtc_keras.errors import ConfigError, DataError

MOOD = {"mood": {"kind": "multiclass"}}
RATERS = pd.DataFrame(
    {
        "text": ["great", "Great ", "dull", "great", "fine", "dull"],
        "id": [7, 7, 8, 7, 9, 8],
        "mood": ["good", "bad", "bad", "good", None, "good"],
        "joy": [1, 0, 0, 1, None, 1],
        "anger": [0, 1, 0, 0, None, 1],
        "stars": [5.0, 4.0, 1.0, 3.0, None, None],
        "w": [1.0, 3.0, 1.0, 0.0, 2.0, 1.0],
        "topic": ["bus", "bus", None, None, "fee", "fee"],
        "page": [1, 1, 2, 1, 3, 2],
    }
)


def read(tasks, frame=RATERS, **data):
    config = check_config({"tasks": tasks, "data": {"votes_by": "text", **data}})
    return read_splits(config, {"train": frame})


def problem(tasks, frame=RATERS, **data):
    with pytest.raises(DataError) as error:
        read(tasks, frame, **data)
    return "\n".join(error.value.problems)


@pytest.mark.parametrize("column", ["text", "id"])
def test_rows_of_one_text_are_one_row_of_votes(column):
    dataset = read(MOOD, votes_by=column)
    assert list(dataset.train.texts[0]) == ["great", "dull", "fine"]
    assert list(dataset.train.ids) == [7, 8, 9]
    assert list(dataset.train.where) == ["train row 0", "train row 2", "train row 4"]
    targets = dataset.train.targets["mood"]  # bad, good
    assert targets[:2] == pytest.approx(np.array([[1 / 3, 2 / 3], [0.5, 0.5]]))
    assert np.isnan(targets[2]).all()
    notes = "\n".join(dataset.notes)
    assert f"train: 6 rows become 3 rows by their {column!r}, each of 1 to 3 raters" in notes
    assert "tasks.mood: 1 row has several classes with the greatest share" in notes
    assert "first train row 2" in notes


def test_flags_and_numbers_of_raters_become_shares_and_means():
    tasks = {
        "emotions": {"kind": "multilabel", "column": ["joy", "anger"]},
        "stars": {"kind": "regression"},
    }
    rows = read(tasks).train
    expected = np.array([[2 / 3, 1 / 3], [0.5, 0.5], [np.nan, np.nan]])
    assert rows.targets["emotions"] == pytest.approx(expected, nan_ok=True)
    assert rows.targets["stars"] == pytest.approx(np.array([4, 1, np.nan]), nan_ok=True)


def test_raters_count_by_their_weights_and_a_row_by_their_mean():
    rows = read(MOOD, weight="w").train
    assert rows.targets["mood"][:2] == pytest.approx(np.array([[3 / 4, 1 / 4], [1 / 2, 1 / 2]]))
    assert rows.sample_weight["mood"][:2] == pytest.approx(np.array([4 / 3, 1]))


def test_raters_of_whom_none_counts_still_say_something():
    frame = RATERS.assign(w=0.0)
    rows = read(MOOD, frame, weight="w").train
    assert rows.targets["mood"][0] == pytest.approx([1 / 3, 2 / 3])
    assert rows.sample_weight["mood"].tolist()[:2] == [0, 0]


def test_one_row_per_text_is_one_vote_and_is_told():
    dataset = read(MOOD, RATERS.drop_duplicates("id").assign(mood=["good", "bad", ""]))
    assert dataset.train.targets["mood"][:2].tolist() == [[0, 1], [1, 0]]
    assert "train: no two rows share their 'text'" in "\n".join(dataset.notes)


def test_rows_without_a_cell_stand_alone():
    frame = RATERS.assign(id=pd.Series([7, 7, None, 7, None, None]))
    dataset = read(MOOD, frame, votes_by="id")
    assert list(dataset.train.texts[0]) == ["great", "dull", "fine", "dull"]
    assert "data.votes_by: 3 rows without a cell in 'id' stand alone" in "\n".join(dataset.notes)


def test_rows_of_one_id_must_have_one_text_and_one_group():
    found = problem(MOOD, votes_by="topic")
    assert "train row 5: data.votes_by: text differs from that of train row 4" in found
    assert "name a column that differs where texts do" in found
    assert "data.group differs" in problem(MOOD, group="stars")
    assert len(read(MOOD, group="page").train) == 3


def test_a_column_that_is_not_there_is_named():
    assert "data.votes_by: no file has a column 'textid'" in problem(MOOD, votes_by="textid")


def test_a_validation_is_split_off_the_joined_rows():
    frame = pd.concat([RATERS[:4].assign(text=f"text {n}", id=n) for n in range(10)])
    dataset = read(MOOD, frame, validation=0.2, votes_by="id")
    assert (len(dataset.train), len(dataset.validation)) == (8, 2)
    assert dataset.validation.targets["mood"][0] == pytest.approx([0.5, 0.5])


def test_other_rows_of_a_trained_task_are_joined_too():
    dataset = read(MOOD)
    config = check_config({"tasks": MOOD, "data": {"votes_by": "text"}})
    rows = read_rows(RATERS[:2], dataset.tasks, config.data, "test")
    assert rows.targets["mood"].tolist() == [[0.5, 0.5]]


def test_a_task_alone_cannot_join_rows():
    with pytest.raises(ConfigError) as error:
        check_config({"tasks": {"mood": {"kind": "multiclass", "votes_by": "text"}}})
    assert "set it in [data]" in str(error.value.problems)
