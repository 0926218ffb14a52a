"""Where a run is written: by one process, whole after a power cut, and over nobody else's files."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import tomli_w

import mtc_keras
from mtc_keras.errors import ConfigError, DataError
from mtc_keras.files import held, write_sums
from mtc_keras.run.directory import TASK, Run, finished_run, unfinished
from mtc_keras.run.output import check_output, owned_output, replaced
from mtc_keras.run.writer import RunWriter
from mtc_keras.tasks import Decision
from mtc_keras.train import program as train
from tests.conftest import tiny_config, tiny_values

OLD = Path(__file__).parents[1] / "written_by_0_1"


@pytest.fixture
def directory(tmp_path) -> Path:
    return tmp_path / "run"


def write(directory, weights="new", resume=False) -> RunWriter:
    """Writes what a training writes, but for its end; the model is only said to be one."""
    writer = RunWriter(str(directory), resume)
    writer.write_text("config.toml", "seed = 1\n")
    writer.write_json("metrics.json", {})
    writer.path("model").mkdir(exist_ok=True)
    writer.write_json("model/task.json", {"config": {"tasks": [], "decisions": {}}})
    writer.write_text("model/model.weights.h5", weights)
    write_sums(writer.path("model"))
    writer.path("checkpoints").mkdir(exist_ok=True)
    writer.path("checkpoints/epoch_000001_step_000000000").mkdir(exist_ok=True)
    return writer


def weights(directory) -> str:
    return (directory / "model" / "model.weights.h5").read_text()


# === Whole ===


def test_all_is_on_the_disk_before_the_older_run_or_a_checkpoint_goes(directory, monkeypatch):
    write(directory, "old").finish()
    writer = write(directory)
    calls = []
    fsync, rename, rmtree = os.fsync, os.rename, shutil.rmtree

    def synced(descriptor):
        calls.append(("sync", os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}"))))
        fsync(descriptor)

    def renamed(source, target):
        calls.append(("rename", os.path.basename(target)))
        rename(source, target)

    def removed(path, **options):
        calls.append(("remove", os.path.basename(path)))
        rmtree(path, **options)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "rename", renamed)
    monkeypatch.setattr(shutil, "rmtree", removed)
    writer.finish()
    first_change = calls.index(("rename", "run.replaced"))
    before, after = calls[:first_change], calls[first_change:]
    names = {"config.toml", "model.weights.h5", "task.json", "model", "run.json", "metrics.json"}
    names |= {"SHA256SUMS"}
    assert {name for call, name in before if call == "sync"} >= {*names, "run.unfinished"}
    assert before[-1] == ("sync", "run.unfinished")
    parent = ("sync", directory.parent.name)
    assert after[:4] == [("rename", "run.replaced"), parent, ("rename", "run"), parent]
    assert {what for what, _ in after[4:]} == {"remove"}
    assert after[4] == ("remove", "checkpoints")
    assert weights(directory) == "new"
    assert [path.name for path in directory.parent.iterdir()] == ["run"]


@pytest.mark.parametrize("killed_at", range(5))
def test_killed_at_any_moment_of_its_end_a_run_is_there_and_can_be_finished(
    killed_at, directory, monkeypatch
):
    write(directory, "old").finish()
    writer, moments = write(directory), iter(range(5))

    class Killed(BaseException):
        pass

    def until_killed(function):
        def called(*arguments, **options):
            if next(moments) == killed_at:
                raise Killed
            return function(*arguments, **options)

        return called

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("mtc_keras.run.writer.sync_all", until_killed(lambda path: None))
        patch.setattr(os, "rename", until_killed(os.rename))
        patch.setattr(shutil, "rmtree", until_killed(shutil.rmtree))
        writer.finish()
    kept = [path for path in (directory, unfinished(directory)) if path.exists()]
    assert "new" in [weights(path) for path in kept]
    if finished_run(str(directory)) is None:
        check_output(str(directory), overwrite=False, resume=True)
        write(directory, resume=True).finish()
    assert weights(directory) == "new" and Run(directory)
    check_output(str(directory), overwrite=True)
    write(directory, "newer").finish()  # removes what is left
    assert [path.name for path in directory.parent.iterdir()] == ["run"]


def test_what_is_resumed_keeps_its_checkpoints_and_log_and_strangers_files(directory):
    writer = write(directory)
    for name in ("train.log", "history.jsonl", "notes.txt"):
        writer.write_text(name, "mine")
    again = RunWriter(str(directory), resume=True)
    names = {path.name for path in again.directory.iterdir()}
    assert names == {"run.json", "checkpoints", "train.log", "history.jsonl", "notes.txt"}
    with pytest.raises(ConfigError, match=r"is a run that holds 'notes\.txt', too, which no train"):
        RunWriter(str(directory))
    assert (again.directory / "notes.txt").read_text() == "mine"
    (again.directory / "notes.txt").unlink()
    anew = RunWriter(str(directory))
    assert [path.name for path in anew.directory.iterdir()] == ["run.json"]


# === Nobody else's files ===


@pytest.mark.parametrize("name", ["run.unfinished", "run.replaced"])
@pytest.mark.parametrize("options", [{"overwrite": True}, {"overwrite": False, "resume": True}])
def test_a_folder_that_we_did_not_write_is_never_removed(name, options, directory):
    theirs = directory.with_name(name)
    (theirs / "chapters").mkdir(parents=True)
    (theirs / "chapters" / "one.txt").write_text("mine")
    with pytest.raises(ConfigError, match=f"{name}' holds files that are not a run, and a run is"):
        check_output(str(directory), **options)
    with pytest.raises(ConfigError, match="move it away, or choose another"):
        if name == "run.unfinished":
            RunWriter(str(directory))
        else:
            write(directory).finish()
    assert (theirs / "chapters" / "one.txt").read_text() == "mine"


def test_files_that_came_while_it_was_trained_are_not_replaced(directory):
    writer = write(directory)
    directory.mkdir()
    (directory / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"the whole run is in .*run\.unfinished"):
        writer.finish()
    assert (directory / "thesis.txt").read_text() == "mine"
    (directory / "thesis.txt").unlink()
    assert weights(writer.finish().directory) == "new"


def test_what_version_0_1_left_unfinished_is_known_as_ours(directory):
    for folder in (unfinished(directory), replaced(directory)):
        (folder / "model").mkdir(parents=True)
        shutil.copy(OLD / "run" / "config.toml", folder)
    check_output(str(directory), overwrite=True)
    write(directory).finish()
    assert [path.name for path in directory.parent.iterdir()] == ["run"]


# === One owner ===


def test_a_second_training_into_a_directory_is_refused(directory, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # Before the data are read, which takes minutes where they are many: here they are not there.
    values = {**tiny_values(directory), "data": {"train": "no_such_file.jsonl"}}
    (tmp_path / "c.toml").write_text(tomli_w.dumps(values))
    first = write(directory)
    shutil.rmtree(first.path("checkpoints"))
    before = sorted(path.name for path in first.directory.rglob("*"))
    for options in ([], ["--overwrite"], ["--resume"]):
        with held(directory, "the first"):
            assert train.main(["--config", "c.toml", *options]) == 2
        error = capsys.readouterr().err
        assert error.startswith(
            f"error: output.directory: {str(directory)!r}: another process (pid"
        )
        assert "is writing it; wait until that has ended, or choose another" in error
        assert sorted(path.name for path in first.directory.rglob("*")) == before
    assert weights(first.finish().directory) == "new"


def test_a_training_that_never_began_leaves_no_directories(tmp_path):
    config = tiny_config(tmp_path / "runs" / "new" / "run", data={"train": "no_such_file.jsonl"})
    with pytest.raises(DataError, match="no_such_file"):
        mtc_keras.fit(config, verbose=0)
    assert list(tmp_path.iterdir()) == []


def test_what_another_process_finished_meanwhile_is_not_replaced(directory):
    check_output(str(directory), overwrite=False)
    write(directory).finish()  # while this one read its data
    refused = pytest.raises(ConfigError, match="already holds a run")
    with refused, owned_output(str(directory), overwrite=False):
        pytest.fail("it must not begin")
    with owned_output(str(directory), overwrite=True):
        assert (directory.parent / ".run.lock").exists()
    assert [path.name for path in directory.parent.iterdir()] == ["run"]


def test_only_the_first_of_several_processes_owns_it_and_all_of_them_hear_of_it(
    directory, monkeypatch
):
    monkeypatch.setattr("mtc_keras.devices.processes.process_id", lambda: 1)
    with owned_output(str(directory), overwrite=False):
        assert not (directory.parent / ".run.lock").exists()
    monkeypatch.setattr("mtc_keras.devices.processes.of_first_process", lambda value: 1.0)
    refused = pytest.raises(ConfigError, match="is refused to process 0")
    with refused, owned_output(str(directory), overwrite=False):
        pytest.fail("it must not begin")


def test_a_run_says_its_format_and_the_checksums_of_what_is_read_again(directory):
    write(directory).finish()
    about = json.loads((directory / "run.json").read_text())
    assert about == {"format": 2, "written_by": "mtc-keras"}
    for folder in (directory, directory / "model"):
        checked = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=folder)
        assert checked.returncode == 0
    sums = (directory / "SHA256SUMS").read_text()
    assert [line.split("  ")[1] for line in sums.splitlines()] == [
        "run.json",
        "config.toml",
        "metrics.json",
    ]


def test_a_run_that_is_read_or_trained_anew_is_not_changed(directory):
    run = write(directory).finish()
    for held_by, problem in ((run.being_read(), "reading"), (held(directory, "it"), "writing")):
        refused = pytest.raises(ConfigError, match=rf"run '.*': another process .* is {problem} it")
        with held_by, refused:
            run.save_decisions({"mood": Decision(temperature=2.0)})
        assert json.loads((directory / TASK).read_text())["config"]["decisions"] == {}
    run.save_decisions({"mood": Decision(temperature=2.0)})
    assert json.loads((directory / TASK).read_text())["config"]["decisions"]["mood"]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="/proc takes no folders, even of root")
def test_where_no_directory_can_be_made_one_message_says_so():
    refusal = pytest.raises(ConfigError, match=r"'/proc/x/y' cannot be made: No such file")
    with refusal, owned_output("/proc/x/y", overwrite=False):
        pass


def test_a_run_that_may_not_be_written_to_is_refused_before_it_is_predicted(directory, monkeypatch):
    run = write(directory).finish()
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    refused = pytest.raises(ConfigError, match=r"task\.json.* may not be written to")
    with refused, run.being_changed():
        pytest.fail("nothing is begun")
