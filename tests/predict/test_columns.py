"""Predictions as columns, one schema for every output."""

import numpy as np

from mtc_keras.predict.bulk.columns import csv_columns, prediction_types
from mtc_keras.tasks import Multiclass, Multilabel, Ordinal, Regression
from mtc_keras.tasks.predictions import Shown, prediction_columns
from tests.predict.conftest import predict_to

PROBABILITIES = {
    "mood": np.array([[0.2, 0.8], [0.6, 0.4]], "float32"),
    "stars": np.array([[0.1, 0.3, 0.6], [0.4, 0.4, 0.2]], "float32"),
    "topics": np.array([[0.9, 0.1], [0.5, 0.2]], "float32"),
    "price": np.array([1.5, np.nan], "float32"),
}
TASKS = [
    Multiclass(name="mood", classes=["bad", "good"], class_names={"good": "Good!"}),
    Ordinal(name="stars", classes=["1", "2", "3"]),
    Multilabel(name="topics", classes=["bus", "fee"]),
    Regression(name="price", mean=0.0, scale=1.0),
]


def columns_of(tasks=TASKS, is_csv=False, **options) -> dict[str, list]:
    decisions = {task.name: task.decision() for task in tasks if task.has_probabilities}
    if "topics" in decisions:
        decisions["topics"].thresholds[tasks[2].classes[0]] = 0.6
    shown = Shown(**options)
    found = prediction_columns(tasks, PROBABILITIES, decisions, shown)
    assert list(found) == list(prediction_types(tasks, shown))
    return csv_columns(tasks, found) if is_csv else found


def test_labels_follow_the_decisions_of_every_kind():
    assert columns_of(columns=("labels",)) == {
        "predicted_mood": ["Good!", "bad"],
        "predicted_stars": ["3", "2"],
        "predicted_topics": [["bus"], []],
        "predicted_price": [1.5, None],
    }


def test_probabilities_are_shortest_decimals_by_class():
    found = columns_of(columns=("probabilities",))
    assert found["mood_probabilities"][0] == {"bad": 0.2, "Good!": 0.8}
    assert "predicted_mood" not in found
    assert found["predicted_price"] == [1.5, None]  # a number is all that there is of it


def test_rows_that_the_model_is_less_sure_of_have_no_label():
    found = columns_of(columns=("labels", "confidence"), abstain_below=0.7, is_csv=True)
    assert found["predicted_mood"] == ["Good!", None]
    assert found["mood_abstained"] == [False, True]
    assert found["mood_confidence"] == [0.8, 0.6]
    assert found["predicted_topics"] == ["bus", None]
    assert "price_abstained" not in found


def test_csv_writes_labels_as_json_where_a_class_holds_the_separator():
    tasks = [*TASKS[:2], Multilabel(name="topics", classes=["bus|tram", "fee"]), TASKS[3]]
    assert columns_of(tasks, is_csv=True)["predicted_topics"] == ['["bus|tram"]', "[]"]
    assert columns_of(is_csv=True)["predicted_topics"] == ["bus", ""]


def test_a_column_that_predictions_would_overwrite_is_an_error(finished, tmp_path, capsys):
    (tmp_path / "in.csv").write_text("text,predicted_mood\ngood,bad\n")
    assert predict_to(finished, tmp_path / "in.csv", tmp_path / "out") == 2
    assert "column 'predicted_mood' of the input" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert (
        predict_to(finished, tmp_path / "in.csv", tmp_path / "out", "--columns", "confidence") == 0
    )
