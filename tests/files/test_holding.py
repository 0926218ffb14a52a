"""One process writes a folder; none changes it while another reads it."""

import errno
import os
import subprocess
import sys
from contextlib import contextmanager

import pytest

from mtc_keras.errors import ConfigError
from mtc_keras.files import being_read, check_not_read, held

OTHER = """
import sys, time
from pathlib import Path
from mtc_keras.files import being_read, held
with eval(sys.argv[2])(Path(sys.argv[1]), *sys.argv[3:]):
    print("there", flush=True)
    time.sleep(100)
"""


@contextmanager
def another_process(folder, what, *arguments):
    command = [sys.executable, "-c", OTHER, str(folder), what, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "there\n"
        try:
            yield process
        finally:
            process.kill()


def test_what_another_process_writes_is_refused_until_it_is_killed(tmp_path):
    folder = tmp_path / "x"
    with another_process(folder, "held", "there") as process:
        refused = rf"^here: another process \(pid {process.pid} on .*\) is writing it; wait"
        with pytest.raises(ConfigError, match=refused), held(folder, "here"):
            pass
        with held(tmp_path / "y", "here"):
            pass
    # A lock file that a crash has left stands in nobody's way.
    assert [path.name for path in tmp_path.iterdir()] == [".x.lock"]
    with held(folder, "here"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_held_once_also_within_a_process_and_again_later(tmp_path):
    for inside in (False, True):
        with held(tmp_path, "one", inside):
            with pytest.raises(ConfigError, match="another process"), held(tmp_path, "two", inside):
                pass
            with pytest.raises(ConfigError, match="another process"), held(tmp_path, "two", inside):
                pass
        with held(tmp_path, "two", inside):
            pass
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_goes_as_it_is_opened_is_taken_anew(tmp_path, monkeypatch):
    """Between an open and a lock the holder may have ended and removed the file."""
    opened = os.open

    def open_late(path, *arguments):
        descriptor = opened(path, *arguments)
        monkeypatch.undo()
        os.unlink(path)
        return descriptor

    monkeypatch.setattr(os, "open", open_late)
    with held(tmp_path / "x", "one"):
        assert (tmp_path / ".x.lock").read_text().startswith(f"pid {os.getpid()} on ")
        with pytest.raises(ConfigError), held(tmp_path / "x", "two"):
            pass


def test_any_number_may_read_and_nobody_changes_meanwhile(tmp_path):
    folder = tmp_path / "run[1]"  # no pattern
    folder.mkdir()
    with being_read(tmp_path / "run"):  # another one
        check_not_read(folder, "run")
    with being_read(folder), another_process(folder, "being_read") as process:
        with pytest.raises(ConfigError, match=r"run: another process \(pid \d+ .*is reading it"):
            check_not_read(folder, "run")
        process.kill()
        process.wait()
        with pytest.raises(ConfigError, match=rf"pid {os.getpid()} "):
            check_not_read(folder, "run")
    check_not_read(folder, "run")  # and what the killed one left is gone
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_the_next_reader_removes_what_a_killed_one_left(tmp_path):
    with being_read(tmp_path / "x"):
        with another_process(tmp_path / "x", "being_read") as process:
            process.kill()
            process.wait()
        assert len(list(tmp_path.iterdir())) == 2
        with being_read(tmp_path / "x"):  # the dead one's, not that of the living one
            assert len(list(tmp_path.iterdir())) == 2
    assert not list(tmp_path.iterdir())


def test_where_nothing_can_be_written_reading_goes_on(tmp_path, monkeypatch):
    def read_only(path, *arguments):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "open", read_only)
    with being_read(tmp_path / "x"):
        check_not_read(tmp_path / "x", "run")


def test_a_file_system_without_locks_holds_nobody_up_and_is_told(tmp_path, monkeypatch, capsys):
    def no_locks(descriptor, blocking):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("filelock.lock_descriptor", no_locks)
    with held(tmp_path / "x", "one"), held(tmp_path / "x", "two"), being_read(tmp_path / "x"):
        check_not_read(tmp_path / "x", "run")
    told = capsys.readouterr().err.splitlines()
    assert told == [
        f"note: {where}: no lock file can be made (Function not implemented); start nothing else "
        "that writes it"
        for where in ("one", "two")
    ]
