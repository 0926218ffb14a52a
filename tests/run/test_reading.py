"""A run stays as it is while it is read, and belongs to the one process that changes it."""

import os
import shutil
from pathlib import Path

import pytest

import mtc_keras
from mtc_keras import calibrate, evaluate
from mtc_keras.compare import runs
from mtc_keras.config import check_config
from mtc_keras.errors import ConfigError
from mtc_keras.export import exporting
from mtc_keras.files import held
from mtc_keras.run.directory import Run
from mtc_keras.run.output import owned_output
from mtc_keras.tasks import Decision
from tests.conftest import tiny_values

OLD = Path(__file__).parents[1] / "written_by_0_1"


@pytest.fixture
def run(tmp_path) -> Run:
    return Run(shutil.copytree(OLD / "run", tmp_path / "run"))


def test_calibrate_is_refused_while_a_run_is_evaluated(run, capsys):
    before = (run.directory / "model" / "task.json").read_bytes()
    arguments = ["--model", str(run.directory), "--data", str(OLD / "validation.jsonl")]
    with run.being_read():
        assert calibrate.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: run {str(run.directory)!r}: another process (pid ")
    assert "is reading it; wait until that has ended" in error
    assert (run.directory / "model" / "task.json").read_bytes() == before
    with run.being_changed():
        pass


class Reached(Exception):
    """What is tested has been reached; the rest is left out."""


def test_evaluate_reads_a_run_until_its_end(run, monkeypatch):
    check_read(run, monkeypatch, evaluate, lambda: evaluate.evaluate_run(run.directory))


def test_compare_reads_both_runs_until_its_end(run, monkeypatch):
    check_read(run, monkeypatch, runs, lambda: mtc_keras.compare_runs(OLD / "run", run))


def test_export_reads_a_run_until_its_end(run, monkeypatch, tmp_path):
    path = tmp_path / "export"
    check_read(
        run, monkeypatch, exporting, lambda: mtc_keras.export_model(run, path), "_export_run"
    )


def check_read(run, monkeypatch, module, operation, part="labelled_rows"):
    """Checks that the run may not be changed while a part of an operation is done."""

    def while_it_is_read(*arguments, **options):
        with pytest.raises(ConfigError, match="is reading it"):
            Run(run.directory).save_decisions({"mood": Decision(temperature=2.0)})
        with run.being_read():  # two may
            raise Reached

    before = sorted(path.name for path in (OLD).iterdir())
    monkeypatch.setattr(module, part, while_it_is_read)
    with pytest.raises(Reached):
        operation()
    with run.being_changed():
        pass
    assert [path.name for path in run.directory.parent.iterdir()] == ["run"]
    assert sorted(path.name for path in (OLD).iterdir()) == before


def test_calibrate_holds_a_run_from_its_start_to_its_end(run, monkeypatch):
    """Else another model could be trained into it, and get the decisions of this one."""

    def while_it_is_calibrated(*arguments, **options):
        refused = pytest.raises(ConfigError, match=rf"another process \(pid {os.getpid()} on ")
        with refused, owned_output(str(run.directory), overwrite=True):
            pytest.fail("a training has begun")
        raise Reached

    monkeypatch.setattr(calibrate, "labelled_rows", while_it_is_calibrated)
    with pytest.raises(Reached):
        mtc_keras.calibrate_run(run.directory, str(OLD / "validation.jsonl"))
    with owned_output(str(run.directory), overwrite=True):
        pass


def test_a_second_comparison_into_a_directory_is_refused_before_the_data_are_read(tmp_path):
    values = {**tiny_values(tmp_path / "run"), "data": {"train": "no_such_file.jsonl"}}
    refused = pytest.raises(ConfigError, match=r"comparison '.*run_compare': another process")
    with held(tmp_path / "run_compare", "the first"), refused:
        mtc_keras.compare_approaches(check_config(values))
    assert list(tmp_path.iterdir()) == []
