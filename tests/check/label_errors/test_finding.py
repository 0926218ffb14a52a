"""Likely label errors of a config's data: on the page, as a problem and in a table."""

import numpy as np
import pandas as pd
import pytest

from mtc_keras import check_data
from mtc_keras.check.checked import Checked
from mtc_keras.check.label_errors.features import row_features, standardised, word_features
from mtc_keras.check.label_errors.finding import judge_data
from mtc_keras.check.label_errors.sample import sample_rows
from mtc_keras.check.label_errors.shown import findings
from mtc_keras.check.screen import label_error_tables
from mtc_keras.console.log import Log
from mtc_keras.data.reading import read_splits
from mtc_keras.files import to_json
from mtc_keras.pages import Page, write_page
from tests.conftest import labelled, tiny_config

GRADE = {"grade": {"kind": "ordinal", "classes": ["0", "1", "2", "3"]}}


def data(train, tmp_path, **sections):
    """Returns what a check looks at; the validation rows are split off by the config's seed."""
    config = tiny_config(tmp_path, **{"tasks": GRADE, "data": {"validation": 0.2}, **sections})
    return Checked(config, read_splits(config, {"train": train}))


@pytest.fixture(scope="module")
def planted():
    frame = labelled(200)
    frame.loc[7, "mood"] = "bad" if "good" in frame.loc[7, "text"].split() else "good"
    frame["topics"] = frame["topics"].astype(object)
    frame.at[21, "topics"] = ["bus", "fee", "form", "queue"]
    frame.loc[30, "length"] = 60.0
    frame.loc[40, "mood"] = None
    frame.loc[50, "text"] = frame.loc[51, "text"]
    return frame


@pytest.fixture(scope="module")
def checked(planted, tmp_path_factory):
    return data(planted, tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="module")
def errors(checked):
    return judge_data(checked)


@pytest.fixture(scope="module")
def found(errors):
    return findings(errors, texts=True)


def test_planted_errors_come_first_with_place_and_remedy(found, planted):
    rows = pd.DataFrame(found.tables["label_errors"])
    by_task = {task: own.reset_index() for task, own in rows.groupby("task")}
    assert set(by_task) == {"mood", "topics", "length", "grade"}
    assert len(by_task["mood"]) == 199 and len(by_task["topics"]) == 200
    for task, row in (("mood", 7), ("topics", 21), ("length", 30)):
        first = by_task[task][by_task[task]["text"] == planted.loc[row, "text"]]
        assert first["rank"].min() <= len(by_task[task]) / 10, task
    length = by_task["length"].loc[0]
    assert length["given"] == "60" and float(length["looks_like"]) < 30
    assert length["likely_wrong"] and np.isnan(length["probability"])
    assert by_task["mood"]["quality"].is_monotonic_increasing
    problems = {problem.about: problem for problem in found.problems}
    assert problems["length"].places[0] == length["place"]
    assert "label_errors.csv" in problems["length"].remedy
    assert problems["length"].count == by_task["length"]["likely_wrong"].sum()


def test_the_page_counts_what_the_table_holds(found, tmp_path):
    [part] = found.parts
    rows = pd.DataFrame(found.tables["label_errors"])
    for name, values in part.values["tasks"].items():
        own = rows[rows["task"] == name]
        assert values["labels"] == len(own)
        assert values["likely_wrong"] == own["likely_wrong"].sum()
        assert [row["place"] for row in values["first"]] == own[own["likely_wrong"]]["place"][
            :10
        ].tolist()
        assert all("text" not in row for row in values["first"])
    moods = {row["class"]: row for row in part.values["tasks"]["mood"]["classes"]}
    wrong = rows[(rows["task"] == "mood") & rows["likely_wrong"]]
    assert {name: row["look_wrong"] for name, row in moods.items()} == wrong[
        "given"
    ].value_counts().to_dict()
    write_page(Page("Check", [], found.parts), tmp_path / "check.html")
    page = (tmp_path / "check.html").read_text()
    assert "Likely label errors" in page and "The likeliest errors first" in page
    assert to_json(part.values)["tasks"]["mood"]["labels"] == 199


def test_texts_are_shown_only_where_they_may_be(checked, errors):
    found = findings(errors, texts=False)
    assert all("text" not in row for row in found.tables["label_errors"])
    texts = {text for rows in checked.splits.values() for text in rows.texts[0] if len(text) > 30}
    assert not any(text in str(found) for text in texts)


def test_more_rows_than_are_looked_at_are_drawn_by_the_seed_and_told(checked):
    drawn = sample_rows(checked, 60)
    assert len(drawn) == 60 and drawn.labelled == 200
    assert drawn.where == sample_rows(checked, 60).where
    assert set(drawn.splits) == {"train", "validation"}
    whole = sample_rows(checked, 1000)
    texts = np.array(whole.texts[0])
    assert len(whole) == 200
    for text in set(texts):
        assert len(set(whole.group[texts == text].tolist())) == 1


def test_few_rows_are_not_judged_and_it_is_said(tmp_path):
    config = tiny_config(tmp_path, data={"validation": 0.2})
    check = check_data(config, train=labelled(30), label_errors=True)
    part = next(part for part in check.parts if part.section.id == "label-errors")
    assert "too few" in part.section.blocks[0].text
    assert check.to_dict()["label-errors"] == {"rows": 30, "labelled_rows": 30, "tasks": {}}
    assert "label_errors" not in check.tables and "label errors" in check.seconds


def test_the_screen_shows_the_first_without_their_texts(found, checked, capsys):
    tasks = next(iter(found.parts)).values["tasks"]
    for table in label_error_tables({"tasks": tasks}):
        Log().show(table)
    shown = capsys.readouterr().out
    assert f"length: {tasks['length']['likely_wrong']} of 200 labels look wrong" in shown
    assert tasks["length"]["first"][0]["place"] in shown and "60" in shown
    assert not any(text in shown for text in checked.splits["train"].texts[0] if len(text) > 30)


def test_texts_of_several_windows_have_features_of_all_of_them(tmp_path):
    frame = labelled(60)
    frame.loc[0, "text"] = "good bad " * 40
    frame.loc[1, "text"] = "good bad " * 39 + "queue form"
    checked = data(frame, tmp_path, model={"long_texts": "windows", "max_length": 16})
    tokens = checked.tokens_of(checked.splits["train"].texts)
    assert tokens.counts.max() > 3
    features = row_features(checked.backbone.backbone, tokens, seed=0)
    assert features.shape[0] == len(checked.splits["train"]) and np.isfinite(features).all()
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-4)
    first, second = features[:2]
    assert np.abs(first - second).max() > 0.1  # they differ in their last window alone


def test_words_tell_texts_apart_and_equal_texts_are_equal(checked):
    tokens = checked.tokens_of((["good bus late"] * 2 + ["bad fee slow"] * 2 + ["kind clerk"],))
    words = word_features(tokens, seed=0)
    np.testing.assert_allclose(words[0], words[1], atol=1e-5)
    assert np.abs(words[0] - words[2]).max() > 0.5
    np.testing.assert_array_equal(words, word_features(tokens, seed=0))


def test_what_does_not_vary_is_nothing():
    features = np.array([[1.0, 2.0], [1.0, 4.0]])
    assert standardised(features).tolist() == [[0, -1], [0, 1]]
