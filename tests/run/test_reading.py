"""A run that is evaluated stays as it is until that has ended."""

import shutil
from pathlib import Path

import pytest

from mtc_keras import calibrate, evaluate
from mtc_keras.errors import ConfigError
from mtc_keras.run.directory import Run
from mtc_keras.tasks import Decision

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
    run.check_may_change()


def test_evaluate_reads_a_run_until_its_end(run, monkeypatch):
    class Read(Exception):
        pass

    def while_it_is_evaluated(*arguments):
        with pytest.raises(ConfigError, match="is reading it"):
            Run(run.directory).save_decisions({"mood": Decision(temperature=2.0)})
        with run.being_read():  # two may
            raise Read

    monkeypatch.setattr(evaluate, "labelled_rows", while_it_is_evaluated)
    with pytest.raises(Read):
        evaluate.evaluate_run(run.directory)
    run.check_may_change()
    assert [path.name for path in run.directory.parent.iterdir()] == ["run"]
