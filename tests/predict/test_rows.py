"""Rows in memory, predicted by a function."""

import inspect
import re

import numpy as np
import pandas as pd
import pytest

import mtc_keras
from mtc_keras.errors import ConfigError, DataError

TEXTS = ["good clerk", "", "bad queue 😀"]


@pytest.fixture(scope="module")
def expected(finished):
    return finished.model.predict(TEXTS, batch_size=16, verbose=0)


def test_a_run_its_directory_and_its_model_predict_the_same(finished, expected):
    for model in (finished, finished.directory, str(finished.directory), finished.model):
        found = mtc_keras.predict_rows(model, TEXTS)
        assert len(found) == 3
        for task, values in expected.items():
            np.testing.assert_allclose(found.probabilities[task], values, atol=1e-6)


def test_columns_are_those_of_the_rows_and_of_the_tasks(finished, expected):
    found = mtc_keras.predict_rows(finished, TEXTS)
    names = ["predicted_mood", "mood_probabilities", "predicted_topics", "topics_probabilities"]
    assert list(found.columns) == ["text", *names, "predicted_length"]
    assert found.columns["text"] == TEXTS
    moods = np.array(["bad", "fine", "good"])
    assert found.columns["predicted_mood"] == moods[expected["mood"].argmax(axis=1)].tolist()
    # The shortest decimals that mean the float32.
    lengths = np.array(found.columns["predicted_length"], "float32")
    assert lengths.tolist() == found.probabilities["length"].tolist()


def test_frames_and_dicts_keep_their_other_columns(finished):
    frame = pd.DataFrame({"key": [7, 8, 9], "text": TEXTS}, index=["a", "b", "c"])
    of_frame = mtc_keras.predict_rows(finished, frame, columns=["labels"])
    of_dicts = mtc_keras.predict_rows(finished, frame.to_dict("records"), columns=["labels"])
    assert list(of_frame.rows()) == list(of_dicts.rows())
    assert of_frame.columns["key"] == [7, 8, 9]
    ragged = [{"text": "good"}, {"text": "bad", "note": 1}]
    assert mtc_keras.predict_rows(finished, ragged).columns["note"] == [None, 1]


def test_one_column_may_be_named_by_itself(finished):
    found = mtc_keras.predict_rows(finished, TEXTS, columns="labels")
    assert found.columns == mtc_keras.predict_rows(finished, TEXTS, columns=["labels"]).columns


def test_rows_without_a_text_are_left_out_and_listed(finished):
    found = mtc_keras.predict_rows(finished, ["good", None, float("nan"), ["no", "text"]][:3])
    assert found.columns["text"] == ["good"]
    missing = "text column 'text' is missing or null"
    assert found.bad_rows == (("row 1", missing), ("row 2", missing))
    frame = pd.DataFrame({"text": [None, "bad"]}, index=["a", "b"])
    assert mtc_keras.predict_rows(finished, frame).bad_rows == (("row a", missing),)


def test_no_row_with_a_text_gives_no_prediction(finished):
    found = mtc_keras.predict_rows(finished, [{"text": None}])
    assert len(found) == 0 and list(found.rows()) == []
    assert found.probabilities["mood"].shape == (0, 3)
    assert found.probabilities["length"].shape == (0,)


def test_labels_that_are_too_unsure_are_none(finished):
    found = mtc_keras.predict_rows(
        finished, TEXTS, columns=["confidence", "labels"], abstain_below=1.0
    )
    assert found.columns["mood_abstained"] == [True] * 3
    assert found.columns["predicted_mood"] == [None] * 3
    assert all(0 < value < 1 for value in found.columns["mood_confidence"])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("good", "received a single text"),
        ([], "rows: holds no rows"),
        ([("good", "bad")], r"rows row 0: needs 1 of \['text'\], has 2"),
        ([{"txt": "good"}], r"no text column 'text'\. Did you mean 'txt'"),
        ([{"text": "good", "predicted_mood": 1}], "'predicted_mood' has the name of a column"),
    ],
)
def test_rows_that_are_none_are_refused(rows, message, finished):
    with pytest.raises(DataError, match=message):
        mtc_keras.predict_rows(finished, rows)


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(DataError, match="received dict"):
        mtc_keras.predict_rows({}, TEXTS)
    with pytest.raises(DataError, match="does not exist"):
        mtc_keras.predict_rows(tmp_path / "none", TEXTS)
    with pytest.raises(ConfigError, match="received 'label'"):
        mtc_keras.predict_rows(tmp_path / "none", TEXTS, columns=["label"])


@pytest.mark.parametrize("function", [mtc_keras.predict_rows, mtc_keras.predict_files])
def test_the_example_of_the_docstring_runs(function, finished, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "rows.csv").write_text("text\ngood\n")
    [code] = re.findall(r"```python\n(.*?)```", inspect.getdoc(function), re.DOTALL)
    code = code.replace("runs/quickstart", str(finished.directory)).replace("emotions", "topics")
    exec(code, {"mtc_keras": mtc_keras})
    printed = capsys.readouterr()
    assert printed.out == printed.err == ""
