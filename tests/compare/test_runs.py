"""Two finished runs judged on the same rows."""

import dataclasses
import json

import numpy as np
import pytest

import mtc_keras
from mtc_keras.compare import program
from mtc_keras.errors import ConfigError, DataError
from tests.conftest import rows, tiny_config


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """A run of two of the tasks, whose classes are in another order, hardly trained."""
    config = tiny_config(
        tmp_path_factory.mktemp("other") / "run",
        tasks={"mood": {"kind": "multiclass", "classes": ["good", "bad", "fine"]}},
        training={"epochs": 1, "learning_rate": 1e-5},
    )
    config = config.model_copy(
        update={"tasks": {name: config.tasks[name] for name in ("mood", "topics")}}
    )
    return mtc_keras.fit(config, rows(64), rows(24, 1), verbose=0)


def test_each_run_is_judged_as_it_would_be_alone(finished, other):
    frame = rows(40, 2)
    frame.loc[::4, "mood"] = None
    comparison = mtc_keras.compare_runs(finished, other, frame, resamples=50)
    assert list(comparison.tasks) == ["mood", "topics"]
    for key, run in (("a", finished), ("b", other)):
        alone = mtc_keras.evaluate_run(run, frame).metrics["tasks"]
        for name, found in comparison.tasks.items():
            assert found[key] == pytest.approx(alone[name][found["metric"]])
            assert found["rows"] == alone[name]["rows"]
    for found in comparison.tasks.values():
        assert found["difference"] == pytest.approx(found["b"] - found["a"])
        assert found["low"] <= found["difference"] <= found["high"]


def test_a_run_does_not_differ_from_itself_and_the_result_is_frozen(finished):
    comparison = mtc_keras.compare_runs(finished, finished.directory, rows(30, 2), resamples=20)
    for found in comparison.tasks.values():
        assert (found["difference"], found["low"], found["high"]) == (0.0, 0.0, 0.0)
        assert found["verdict"] == "no difference seen"
    json.dumps(comparison.to_dict(), allow_nan=False)
    with pytest.raises(dataclasses.FrozenInstanceError):
        comparison.resamples = 5


def test_rows_of_an_iterator_are_read_by_both(finished, other):
    records = rows(20, 2).to_dict("records")
    found = mtc_keras.compare_runs(finished, other, iter(records), resamples=5)
    assert found.tasks["topics"]["rows"] == 20


def test_the_verdict_is_on_the_second_run(finished, monkeypatch):
    from mtc_keras.compare import runs

    frame = rows(40, 2)
    right = {task.name: task for task in finished.model.tasks}["mood"]
    predicted = runs._predicted
    answers = iter([False, True])

    def spoiled(run, labelled):
        found = dict(predicted(run, labelled))
        one = found["mood"]
        wrong = (one.targets + 1) % len(right.classes)
        own = one.targets if next(answers) else wrong
        return {"mood": dataclasses.replace(one, predictions=own.astype(np.int32))}

    monkeypatch.setattr(runs, "_predicted", spoiled)
    found = mtc_keras.compare_runs(finished, finished, frame, resamples=20).tasks["mood"]
    assert (found["a"], found["b"], found["verdict"]) == (0.0, 1.0, "better")


def test_rows_must_be_named_for_both(finished, other, tmp_path):
    with pytest.raises(ConfigError, match="names no test file"):
        mtc_keras.compare_runs(finished, other)
    with pytest.raises(DataError, match="does not exist"):
        mtc_keras.compare_runs(finished, tmp_path / "nothing", rows(8))


def test_runs_need_a_task_in_common_that_is_the_same(finished, monkeypatch):
    config = finished.config
    strangers = mtc_keras.Run(finished.directory)
    mood, length = config.tasks["mood"], config.tasks["length"]
    renamed = mood.model_copy(update={"name": "feeling"})
    other_kind = length.model_copy(update={"name": "mood"})
    for tasks, message in (
        ({"feeling": renamed}, "no task in common"),
        ({"mood": other_kind}, "tasks.mood is multiclass in one run and regression in the other"),
    ):
        strangers.__dict__["config"] = config.model_copy(update={"tasks": tasks})
        with pytest.raises(ConfigError, match=message):
            mtc_keras.compare_runs(finished, strangers, rows(8))


def test_the_program_shows_and_writes_what_was_found(finished, other, tmp_path, capsys):
    data = tmp_path / "new.jsonl"
    rows(30, 5).to_json(data, orient="records", lines=True)
    runs = ["--runs", str(finished.directory), str(other.directory)]
    arguments = [*runs, "--data", str(data), "--out", str(tmp_path / "out.json")]
    assert program.main(arguments) == 0
    shown = capsys.readouterr().out
    assert f"B: {other.directory}" in shown and "mood" in shown and "topics" in shown
    written = json.loads((tmp_path / "out.json").read_text())
    assert written["runs"] == [str(finished.directory), str(other.directory)]
    assert written["tasks"]["mood"]["rows"] == 30


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give --config FILE to train and compare, or --runs A B"),
        (["--config", "c.toml", "--runs", "a", "b"], "or --runs A B"),
        (["--runs", "a", "b", "--seeds", "2"], "--seeds does not go with --runs"),
        (["--runs", "a", "b", "--overwrite"], "--overwrite does not go with --runs"),
        (["--config", "c.toml", "--data", "x.csv"], "--data does not go with --config"),
    ],
)
def test_options_of_the_other_comparison_are_refused(arguments, message, capsys):
    assert program.main(arguments) == 2
    assert message in capsys.readouterr().err
