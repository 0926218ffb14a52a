"""Runs side by side: the page and its numbers."""

import csv
import json
from dataclasses import replace

import pytest

from mtc_keras.config import check_config
from mtc_keras.errors import ConfigError, DataError
from mtc_keras.pages import write_page
from mtc_keras.report.comparing.differences import difference, pair_of, scores
from mtc_keras.report.comparing.operation import compare_reports, page_of_runs
from mtc_keras.report.comparing.rows import common_rows
from mtc_keras.report.settings import differing
from mtc_keras.tasks import Multiclass
from tests.report.accounts import account_of_rows
from tests.report.conftest import judged_rows
from tests.report.test_run_differences import other_run


def runs(count=2):
    first = judged_rows(300)
    history = [
        {"epoch": 1, "seconds": 1.0, "val_score": 0.5, "val_loss": 2.0, "val_mood_accuracy": 0.6},
        {"epoch": 2, "seconds": 1.0, "val_score": 0.6, "val_loss": 1.5, "val_mood_accuracy": 0.7},
    ]
    found = {"small": account_of_rows(first, history=history)}
    for number in range(1, count):
        account = account_of_rows(other_run(first, number, worse=3.0), history=history)
        training = account.config.training.model_copy(update={"epochs": 3})
        config = account.config.model_copy(update={"training": training})
        found[f"other_{number}"] = replace(account, config=config)
    return found


def write(found, folder):
    write_page(page_of_runs(found), folder / "compare.html")
    tables = {}
    for path in (folder / "compare").iterdir():
        with path.open() as file:
            tables[path.stem] = list(csv.DictReader(file))
    return (
        (folder / "compare.html").read_text(),
        json.loads((folder / "compare.json").read_text()),
        tables,
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write(runs(), tmp_path_factory.mktemp("compare"))


def test_differences_stand_on_the_page_and_beside_it(written):
    html, values, tables = written
    found = values["run_2_against_1"]
    assert found["rows"] == 300 and found["notes"] == []
    first, second = (account.shown for account in runs().values())
    common = common_rows([first, second])
    for task in first.tasks:
        pair = pair_of(task, first, second, common.rows)
        row = found["tasks"][task.name]
        assert (row["a"], row["b"]) == pytest.approx(scores(pair.metrics))
        assert row["low"] == pytest.approx(difference(pair.metrics).low)
        assert row["rows"] == len(pair.first[0]) and row["is_paired"]
    assert "other_1 is worse at mood" in html
    assert len(tables["run_2_against_1_tasks"]) == 4


def test_rows_classes_and_slices_are_listed(written):
    html, values, tables = written
    found = values["run_2_against_1"]["tasks"]["mood"]
    rows = [row for row in tables["run_2_against_1_rows"] if row["task"] == "mood"]
    assert sum(row["right"] == "small" for row in rows) == found["only_a"]
    assert all(row["true"] == row["a"] != row["b"] for row in rows if row["right"] == "small")
    differences = [float(row["difference"]) for row in tables["run_2_against_1_classes"]]
    assert [abs(x) for x in differences] == sorted(map(abs, differences), reverse=True)
    slices = tables["run_2_against_1_slices"]
    assert {row["slice"] for row in slices} >= {"north", "south"}
    assert all(float(row["low"]) <= float(row["difference"]) for row in slices)
    errors = [row for row in slices if row["task"] == "stars"]
    assert {row["metric"] for row in errors} == {"mae"}
    assert "f1_micro" not in html.split("</head>")[1] and "length in tokens" in html
    assert all((float(r["b"]) > float(r["a"])) == (float(r["difference"]) < 0) for r in errors)
    assert "<script>" not in html.split("</head>")[1].split("<script", 1)[0]


def test_configs_are_compared_key_by_key(written):
    html, values, _ = written
    assert values["configs"]["keys"] == {"training.epochs": {"small": "2", "other_1": "3"}}
    assert "1 key of the configs is not the same" in html
    one, two = (account.config for account in runs().values())
    assert list(differing(one, two)) == ["training.epochs"]
    three = check_config({"tasks": {"mood": {"kind": "regression"}}})
    found = differing(one, three)
    assert [row.value for row in found["tasks.mood.kind"]] == ["multiclass", "regression"]
    assert found["tasks.mood.classes"][1] is None
    assert "tasks.mood.class_weights" not in found  # unset in the one, no key of the other
    assert "tasks.topics.hidden" not in found  # at its default in the one that has the task
    assert found["tasks.topics.kind"][1] is None


def test_curves_of_all_runs_are_drawn(written):
    html, values, tables = written
    assert len(tables["epochs"]) == 4
    assert "After each epoch: score of all tasks." in html
    assert set(values["scores"]["tasks"]) == {"mood", "topics", "grade", "stars"}


def test_three_runs_are_each_compared_with_the_first(tmp_path):
    _, values, _ = write(runs(3), tmp_path)
    assert {"run_2_against_1", "run_3_against_1"} <= set(values)


def test_what_cannot_be_compared_is_told(tmp_path):
    found = runs()
    _, second = (account.shown for account in found.values())
    mood = Multiclass(name="mood", classes=["bad", "<script>", "great"])
    tasks = (mood, second.tasks[1], replace_name(second.tasks[3], "marks"))
    targets = {**second.targets, "marks": second.targets["stars"]}
    logits = {**second.logits, "marks": second.logits["stars"]}
    other = replace(second, tasks=tasks, targets=targets, logits=logits)
    found["other_1"] = replace(found["other_1"], judged=(other,), tasks=tasks)
    html, values, _ = write(found, tmp_path)
    assert values["run_2_against_1"]["notes"] == [
        "small alone has grade, stars",
        "other_1 alone has marks",
        "mood cannot be compared: its classes differ: good, great in one run alone",
    ]
    assert list(values["run_2_against_1"]["tasks"]) == ["topics"]
    assert "mood cannot be compared" in html and "Mood cannot" not in html


def test_runs_without_common_rows_are_compared_as_separate_samples(tmp_path):
    found = runs()
    other = judged_rows(200, seed=3, name="test")
    other = replace(other, where=[f"new.jsonl:{row}" for row in range(200)], texts=None)
    found["other_1"] = account_of_rows(other)
    _, values, tables = write(found, tmp_path)
    row = values["run_2_against_1"]["tasks"]["mood"]
    assert not row["is_paired"] and "only_a" not in row
    assert "share no judged rows" in values["run_2_against_1"]["notes"][0]
    assert "run_2_against_1_rows" not in tables


def test_a_run_that_kept_no_predictions_cannot_be_compared():
    found = runs()
    found["other_1"] = replace(found["other_1"], judged=())
    with pytest.raises(DataError, match=r"'other_1' has kept no predictions.*compare --runs"):
        page_of_runs(found)


@pytest.mark.parametrize("given", [[], ["a"], ["a"] * 13])
def test_too_few_or_too_many_runs_are_refused(given):
    with pytest.raises(ConfigError, match="2 to 12 runs can be compared"):
        compare_reports(given)


def replace_name(task, name):
    return task.model_copy(update={"name": name})


def test_names_of_runs_may_be_paths_and_markup(tmp_path):
    small, other = runs().values()
    html, values, tables = write({"a/run": small, "b/<script>": other}, tmp_path)
    assert values["run_2_against_1"]["runs"] == ["a/run", "b/<script>"]
    assert "b/&lt;script&gt; against a/run" in html and "b/<script>" not in html
    assert len(tables["run_2_against_1_tasks"]) == 4
