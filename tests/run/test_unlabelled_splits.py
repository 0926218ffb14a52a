"""A split in which no row has a label of some task: what is known is told, the rest left out."""

import subprocess

import pytest

import mtc_keras
from mtc_keras.console.log import Log
from mtc_keras.export import writing
from tests.conftest import RANDOM, rows, tiny_config


def without(frame, *tasks):
    """Returns rows that have no label of some tasks."""
    return frame.assign(**dict.fromkeys(tasks))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run whose test rows know `mood` alone."""
    directory = tmp_path_factory.mktemp("partly") / "run"
    config = tiny_config(directory, model=RANDOM, training={"epochs": 1})
    test = without(rows(24, 2), "topics", "length")
    return mtc_keras.fit(config, rows(48), rows(24, 1), test, verbose=0)


def test_its_metrics_have_what_is_known(run):
    known = run.metrics["test"]["tasks"]
    assert known["topics"] is known["length"] is None
    assert known["mood"]["rows"] == 24


def test_its_model_card_has_what_is_known(run, tmp_path, monkeypatch):
    tested = {"texts": 1, "tolerance": 1e-4, "largest_difference": {"mood": 0.0}}
    monkeypatch.setattr(writing, "self_test", lambda *arguments: tested)
    monkeypatch.setattr(
        writing, "run_module", lambda *arguments: subprocess.CompletedProcess(arguments, 0, "", "")
    )
    exported = mtc_keras.export_model(run, tmp_path / "x")
    card = (exported.directory / "README.md").read_text(encoding="utf-8")
    judged = card.partition("## How it was judged")[2].partition("## What it was trained on")[0]
    validation, test = judged.split("On the test split:")
    for task in ("mood", "topics", "length"):
        assert f"| {task} | " in validation
        assert (f"| {task} | " in test) == (task == "mood")
    assert "No row of it has a label of `topics`, `length`." in test
    assert "No row" not in validation


def test_what_is_not_labelled_keeps_its_decisions_and_is_named(run, capsys):
    before = run.model.decisions["topics"]
    frame = without(rows(16, 3), "topics", "length")
    calibrated = mtc_keras.calibrate_run(run, frame)
    assert calibrated.decisions["topics"].to_dict() == before.to_dict()
    evaluated = mtc_keras.evaluate_run(run, frame)
    compared = mtc_keras.compare_runs(run, run, frame, resamples=10)
    assert list(compared.tasks) == ["mood"]
    for found in (calibrated, evaluated, compared):
        found.show(Log())
        notes = " ".join(found.notes)
        assert "no row has a label of topics" in notes and "no row has a label of length" in notes
    assert "nan" not in capsys.readouterr().out
