"""A file or folder is whole under its name, or not there, also after a power cut."""

import os

import pytest

from mtc_keras.errors import ConfigError
from mtc_keras.files import (
    folder_written_whole,
    remove_leftovers,
    write_whole,
    written_whole,
)
from mtc_keras.files.whole import MARKER


@pytest.fixture
def recorded(monkeypatch):
    """What is forced to the disk and renamed, in order, by name."""
    calls = []
    fsync, rename, replace = os.fsync, os.rename, os.replace

    def synced(descriptor):
        calls.append(("sync", os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}"))))
        fsync(descriptor)

    def renamed(source, target, **options):
        calls.append(("rename", os.path.basename(target)))
        (rename if os.path.isdir(source) else replace)(source, target, **options)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "rename", renamed)
    monkeypatch.setattr(os, "replace", renamed)
    return calls


def test_a_file_is_on_the_disk_before_its_name_and_its_name_before_the_end(tmp_path, recorded):
    write_whole(tmp_path / "a.json", "{}")
    (first, part), *rest = recorded
    assert first == "sync" and part.startswith(".a.json.") and part.endswith(".part")
    assert rest == [("rename", "a.json"), ("sync", tmp_path.name)]
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_folder_is_on_the_disk_before_its_name(tmp_path, recorded):
    with folder_written_whole(tmp_path / "x") as part:
        (part / "inner").mkdir()
        (part / "inner" / "a").write_text("a")
        assert not (tmp_path / "x").exists()
    *synced, renamed, last = recorded
    assert {name for what, name in synced} == {"a", "inner", part.name}
    assert synced[-1] == ("sync", part.name)
    assert (renamed, last) == (("rename", "x"), ("sync", tmp_path.name))
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "inner", "x"]


def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    write_whole(tmp_path / "a", "old")
    with pytest.raises(ZeroDivisionError), written_whole(tmp_path / "a") as file:
        file.write(b"half")
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError), folder_written_whole(tmp_path / "x") as part:
        (part / "half").touch()
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_two_writers_of_one_file_do_not_mix(tmp_path):
    with written_whole(tmp_path / "a") as one, written_whole(tmp_path / "a") as other:
        one.write(b"one " * 1000)
        other.write(b"other")
    assert (tmp_path / "a").read_bytes() == b"one " * 1000


def test_a_folder_that_is_there_is_replaced_only_when_asked(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "old").touch()
    with pytest.raises(OSError), folder_written_whole(tmp_path / "x"):
        pass
    assert [path.name for path in tmp_path.rglob("*")] == ["x", "old"]
    with folder_written_whole(tmp_path / "x", replace=True) as part:
        (part / "new").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["x", "new"]


def test_leftovers_of_killed_writers_go_and_folders_of_others_stay(tmp_path):
    ours, theirs, empty = (tmp_path / f".x.9.{digit * 8}.part" for digit in "abc")
    for folder in (ours, theirs, empty):
        folder.mkdir()
    (ours / MARKER).touch()
    (theirs / "thesis").touch()
    for name in (".y.9.00000000.part", "x.part", ".x.9.part"):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path, "x")
    assert {path.name for path in tmp_path.iterdir()} == {
        theirs.name,
        ".y.9.00000000.part",
        "x.part",
        ".x.9.part",
    }
    remove_leftovers(tmp_path)
    assert not (tmp_path / ".y.9.00000000.part").exists()


def test_where_nothing_can_be_written_one_message_says_so(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="does not exist"):
        write_whole(tmp_path / "no" / "a", "")
    with pytest.raises(ConfigError, match="it is a directory"):
        write_whole(tmp_path, "")
    with pytest.raises(ConfigError, match="may not be written to"):
        monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
        write_whole(tmp_path / "a", "")
