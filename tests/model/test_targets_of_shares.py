"""What users hand to Keras as y of a task of votes or probabilities, and Keras' own losses."""

import keras
import numpy as np
import pandas as pd
import pytest

from mtc_keras.errors import DataError
from mtc_keras.model.classifier import MultiTaskClassifier
from mtc_keras.model.targets import read_targets
from mtc_keras.tasks import Multiclass, Multilabel, Ordinal
from tests.conftest import tiny_bert

AB = ["a", "b", "c"]
MOOD = Multiclass(name="mood", classes=AB, labels="votes")
TASKS = [
    MOOD,
    Ordinal(name="stars", classes=AB, labels="probabilities"),
    Multilabel(name="topics", classes=AB, labels="votes"),
]
NAN = float("nan")
SHARES = np.array([[0.5, 0.25, 0.25], [0, 1, 0], [NAN, NAN, NAN], [0.1, 0.2, 0.7]], "float32")


def read(task, y):
    return read_targets([task], {}, {task.name: y}, len(y))[task.name]


@pytest.mark.parametrize("task", TASKS)
def test_shares_are_taken_as_arrays_frames_and_lists(task):
    for y in (SHARES, SHARES.astype("float64"), pd.DataFrame(SHARES, columns=AB)):
        np.testing.assert_array_equal(read(task, y), SHARES)
    np.testing.assert_array_equal(
        read(task, pd.DataFrame(SHARES[:, ::-1], columns=AB[::-1])), SHARES
    )
    lists = [None if np.isnan(row).any() else row.tolist() for row in SHARES]
    np.testing.assert_array_equal(read(task, lists[:2]), SHARES[:2])


def test_votes_are_taken_as_a_file_has_them():
    cells = [["a", "a", "b", "c"], [{"user": 1, "label": "b"}], None, {"c": 2}]
    expected = [[0.5, 0.25, 0.25], [0, 1, 0], [NAN] * 3, [0, 0, 1]]
    np.testing.assert_array_equal(read(MOOD, cells), np.array(expected, "float32"))
    objects = [[{"user": 1, "label": "b"}], [{"user": 2, "label": "c"}]]
    assert read(MOOD, objects).tolist() == [[0, 1, 0], [0, 0, 1]]
    sets = [[["a"], ["a", "b"]], [["c"], []]]
    assert read(TASKS[2], sets).tolist() == [[1, 0.5, 0], [0, 0, 0.5]]
    stated = [{"a": 0.25, "c": 0.75}, None]
    assert read(TASKS[1], stated)[0].tolist() == [0.25, 0, 0.75]


def test_positions_and_names_are_one_vote():
    assert read(MOOD, np.array([1, 0, -1]))[:2].tolist() == [[0, 1, 0], [1, 0, 0]]
    assert np.isnan(read(MOOD, np.array([1, 0, -1]))[2]).all()
    assert read(MOOD, ["c", "a"]).tolist() == [[0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([0.5, 0.2, 0.2], "sum to 1"),
        ([1.5, -0.5, 0.0], "sum to 1"),
        ([NAN, 0.5, 0.5], "all be NaN"),
    ],
)
def test_what_are_no_shares_is_refused_with_its_row(row, message):
    with pytest.raises(ValueError, match=message) as error:
        read(MOOD, np.array([SHARES[1], row]))
    assert "in row 1" in str(error.value)
    with pytest.raises(ValueError, match=r"0 … 1"):
        read(TASKS[2], np.array([[0.5, 1.5, 0.0]]))
    with pytest.raises(DataError, match="1 label cannot be read"):
        read(MOOD, [["a", "x"]])


def model(tasks):
    backbone, preprocessor = tiny_bert(num_layers=1)
    return MultiTaskClassifier(backbone, tasks, preprocessor, dropout=0.0)


def test_keras_losses_and_metrics_read_shares():
    texts = ["good bus", "bad fee", "slow form", "kind clerk"]
    found = {}
    for name, loss in {
        "own": None,
        "crossentropy": {"mood": "crossentropy", "topics": "crossentropy"},
        "object": {"mood": keras.losses.CategoricalCrossentropy(), "topics": "binary_crossentropy"},
    }.items():
        built = model([MOOD, TASKS[2]])
        options = {} if loss is None else {"loss": loss}
        metrics = {"mood": ["accuracy", "kl_divergence"], "topics": ["accuracy", "mse"]}
        built.compile("sgd", metrics=metrics, **options)
        y = {"mood": SHARES, "topics": SHARES}
        found[name] = built.evaluate(texts, y, verbose=0, return_dict=True)
        built.fit(texts, y, epochs=1, verbose=0)
    for other in ("crossentropy", "object"):
        assert found[other] == pytest.approx(found["own"], rel=1e-4)
    probabilities = model([MOOD, TASKS[2]]).predict(texts, verbose=0)["mood"]
    known = ~np.isnan(SHARES[:, 0])
    right = probabilities[known].argmax(axis=1) == SHARES[known].argmax(axis=1)
    assert found["own"]["mood_accuracy"] == pytest.approx(right.mean())


def test_a_metric_that_compares_positions_reads_the_most_frequent_class():
    built = model([MOOD])
    built.compile("sgd", metrics=["sparse_categorical_accuracy", "accuracy"])
    found = built.evaluate(["bus", "fee", "form", "late"], SHARES, verbose=0, return_dict=True)
    assert found["sparse_categorical_accuracy"] == found["accuracy"]
