"""A comparison to be looked at: every number of it stands on the page and beside it."""

import csv
import json

import pytest

from mtc_keras.compare.page import comparison_page
from mtc_keras.pages import write_page

NAN = float("nan")


def against(difference, low, high, verdict):
    return {"difference": difference, "low": low, "high": high, "verdict": verdict}


def found(**changes):
    costs = {"models": 1, "training_seconds": 2.0, "model_bytes": 4e6, "prediction_seconds": 0.5}
    ratios = {f"{name}_ratio": 1.0 for name in ("training_seconds", "model_bytes")}
    costs |= {**ratios, "prediction_seconds_ratio": 1.0}
    scores = {
        "joint": {"mean": 0.75, "by_seed": [0.7, 0.8]},
        "single": {"mean": 0.5, "by_seed": [0.4, 0.6]},
    }
    task = {"metric": "f1_micro", "rows": 1234, "scores": scores}
    tasks = {
        "mood": task | {"joint_against": {"single": against(0.25, 0.125, 0.375, "better")}},
        "<script>alert(1)</script>": task
        | {"joint_against": {"single": against(-0.03, -0.1, 0.04, "no difference seen")}},
        "flat": task | {"joint_against": {"single": against(NAN, NAN, NAN, "undefined")}},
        "unlabelled": {"metric": "r2", "rows": 0, "scores": {}, "joint_against": {}},
    }
    values = {
        "seeds": [3, 4],
        "resamples": 1000,
        "test_rows": 2000,
        "tasks": tasks,
        "costs": {"joint": costs, "single": {**costs, "models": 3, "training_seconds": 6.0}},
    }
    return values | changes


@pytest.fixture
def written(tmp_path):
    write_page(comparison_page(found()), tmp_path / "comparison.html")
    return tmp_path


def test_every_difference_has_a_place_in_the_figure_and_a_row(written):
    html = (written / "comparison.html").read_text()
    for shown in ("+0.250 [+0.125, +0.375]", "mood (f1 micro)", "better on 1 task", "6.0000"):
        assert shown in html
    assert "not to be told apart on 1 task" in html
    assert "unlabelled" not in html
    assert "<script>alert" not in html


def test_numbers_stand_beside_the_page(written):
    values = json.loads((written / "comparison.json").read_text())
    assert values["against_single"]["mood"] == {
        **against(0.25, 0.125, 0.375, "better"),
        "metric": "f1_micro",
    }
    assert values["against_single"]["flat"]["difference"] is None
    with (written / "comparison/joint_against_single.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["task"] for row in rows] == ["mood", "<script>alert(1)</script>", "flat"]
    assert (rows[0]["joint"], rows[0]["other"], rows[0]["low"]) == ("0.75", "0.5", "0.125")


def test_scores_of_seeds_are_shown_where_there_are_several(written, tmp_path):
    assert "seed 4" in (written / "comparison.html").read_text()
    one = found(seeds=[3])
    write_page(comparison_page(one), tmp_path / "one.html")
    assert "The scores of each seed" not in (tmp_path / "one.html").read_text()


def test_without_a_labelled_row_nothing_is_drawn(tmp_path):
    tasks = {"mood": {"metric": "accuracy", "rows": 0, "scores": {}, "joint_against": {}}}
    write_page(comparison_page(found(tasks=tasks)), tmp_path / "none.html")
    html = (tmp_path / "none.html").read_text()
    assert "No test row has a label of a task that single has, too." in html
