"""A training writes its report, `mtc-keras report` writes it again, and neither costs a run."""

import json
import re
import shutil
from pathlib import Path

import pytest

import mtc_keras
from mtc_keras import Run, fit, report_run
from mtc_keras.compare.models import trainings
from mtc_keras.files import read_sums
from mtc_keras.report import assembly, reporting
from mtc_keras.report.program import main
from mtc_keras.run.output import strangers
from tests.conftest import rows, tiny_config

OLD = Path(__file__).parents[1] / "written_by_0_1" / "run"


def rounded(value):
    """Returns a nested value whose floats have the digits that two ways of computing share."""
    if isinstance(value, dict):
        return {key: rounded(own) for key, own in value.items()}
    if isinstance(value, list):
        return [rounded(own) for own in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def numbers(folder):
    return json.loads((folder / "report.json").read_text())


@pytest.fixture
def copy(finished, tmp_path):
    shutil.copytree(finished.directory, tmp_path / "run")
    return Run(tmp_path / "run")


def test_a_training_leaves_a_report_that_a_later_one_equals(finished, tmp_path):
    folder = finished.directory
    assert strangers(folder) == []
    assert not {"report.html", "report.json"} & set(read_sums(folder))
    written = numbers(folder)
    test = finished.metrics["test"]["tasks"]
    assert written["summary"]["tasks"]["mood"]["value"] == test["mood"]["accuracy"]
    assert (
        written["learning"]["tasks"]["mood"]["cost"] == finished.metrics["epochs"]["mood"]["cost"]
    )
    assert len(written["learning"]["epochs"]) == 4
    assert {"summary.csv", "epochs.csv", "mood_classes.csv"} <= {
        path.name for path in (folder / "report").iterdir()
    }
    assert "Epochs are judged by thresholds of 0.5" in (folder / "report.html").read_text()
    again = report_run(finished, tmp_path / "again.html")
    assert again.path == tmp_path / "again.html" and again.notes == ()
    for part in ("summary", "learning", "task-mood", "task-topics", "task-length"):
        assert rounded(again.values[part]) == rounded(written[part]), part


def test_a_report_follows_decisions_that_were_changed(copy):
    before = numbers(copy.directory)["task-topics"]
    decisions = dict(copy.saved.decisions)
    decisions["topics"].thresholds = dict.fromkeys(decisions["topics"].thresholds, 1.0)
    copy.save_decisions(decisions)
    after = report_run(copy.directory).values["task-topics"]
    assert {own["threshold"] for own in after["classes"].values()} == {1.0}
    assert sum(own["predicted"] for own in after["classes"].values()) == 0
    assert after["metrics"]["f1_micro"] == 0.0 < before["metrics"]["f1_micro"]
    assert numbers(copy.directory)["task-topics"] == after


def test_an_older_run_gets_what_its_files_allow(tmp_path, capsys):
    assert main([str(OLD), "--out", str(tmp_path / "old.html")]) == 0
    printed = capsys.readouterr().out
    assert "was not kept, as by earlier versions" in printed and "old.html" in printed
    values = json.loads((tmp_path / "old.json").read_text())
    test = json.loads((OLD / "metrics.json").read_text())["test"]["tasks"]["mood"]
    assert values["task-mood"]["metrics"]["accuracy"] == test["accuracy"]
    for name, found in test["classes"].items():
        assert values["task-mood"]["classes"][name]["recall"] == found["recall"]
    assert "confusion" not in values["task-mood"]
    assert "was not kept" in (tmp_path / "old.html").read_text()


def test_none_is_written_where_the_config_says_no_and_it_can_be_written_later(tmp_path):
    config = tiny_config(
        tmp_path / "run",
        tasks={"mood": {"kind": "multiclass"}},
        report={"enabled": False},
        training={"epochs": 1},
    )
    run = fit(config, train=rows(48), validation=rows(16, 1), verbose=0)
    assert not (run.directory / "report.html").exists()
    report = report_run(run.directory)
    assert report.path == run.directory / "report.html"
    assert report.values["summary"]["split"] == "validation"
    assert strangers(run.directory) == []
    fit(config, train=rows(48), validation=rows(16, 1), overwrite=True, verbose=0)
    assert not (run.directory / "report.html").exists()


def test_a_report_that_fails_costs_no_training(tmp_path, monkeypatch):
    def broken(account):
        raise ValueError(account.judged[0].text(0))

    with_all = assembly.PARTS
    monkeypatch.setattr(assembly, "PARTS", (broken,))
    config = tiny_config(tmp_path / "run", training={"epochs": 1})
    run = fit(config, train=rows(48), validation=rows(16, 1), verbose=0)
    log = (run.directory / "train.log").read_text()
    assert re.search(r"report\.html is not written \(ValueError in test_reporting\.py:\d+\)", log)
    assert rows(16, 1)["text"][0] not in log
    assert Run(run.directory).metrics["validation"] and strangers(run.directory) == []
    assert not (run.directory / "report.html").exists()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(assembly, "PARTS", with_all)
    monkeypatch.setattr(reporting, "write_page", full)
    run = fit(config, train=rows(48), validation=rows(16, 1), overwrite=True, verbose=0)
    assert "No space left on device" in (run.directory / "train.log").read_text()


def test_a_run_without_validation_has_a_report(tmp_path):
    config = tiny_config(
        tmp_path / "run", tasks={"mood": {"kind": "multiclass"}}, training={"epochs": 1}
    )
    run = fit(config, train=rows(32), verbose=0)
    assert "nothing was judged" in (run.directory / "report.html").read_text()


def test_a_file_of_somebody_else_is_not_replaced(finished, tmp_path, capsys):
    (tmp_path / "mine.html").write_text("<p>mine</p>")
    arguments = [str(finished.directory), "--out"]
    assert main([*arguments, str(tmp_path / "mine.html")]) == 2
    assert main([*arguments, str(tmp_path / "report.txt")]) == 2
    printed = capsys.readouterr().err
    assert "has not written" in printed and "must end with .html" in printed
    assert (tmp_path / "mine.html").read_text() == "<p>mine</p>"


def test_a_run_holds_no_page_but_its_own_report(finished, copy, capsys):
    before = (copy.directory / "report.html").read_bytes()
    others = copy.directory / "report.html", copy.directory / "model" / "x.html"
    for other in others:
        assert main([str(finished.directory), "--out", str(other)]) == 2
    runs = [str(finished.directory), str(copy.directory)]
    assert main([*runs, "--out", str(copy.directory / "compare.html")]) == 2
    assert capsys.readouterr().err.count("is a run, which holds no page but its own report") == 3
    assert (copy.directory / "report.html").read_bytes() == before
    assert strangers(copy.directory) == []
    report = report_run(copy, copy.directory / "report.html")
    assert report.path == copy.directory / "report.html"


def test_the_models_of_a_comparison_write_none_each(tmp_path):
    config = tiny_config(tmp_path / "run")
    dataset = mtc_keras.data.reading.read_splits(
        config, {"train": rows(32), "validation": rows(8, 1), "test": rows(8, 2)}
    )
    planned = list(trainings(config, dataset, tmp_path, 1, binary=True))
    assert len(planned) == 5
    assert not any(training.config.report.enabled for training in planned)
