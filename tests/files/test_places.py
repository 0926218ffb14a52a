"""Where nothing can be written is found out before anything is read or trained."""

import os
import stat
from pathlib import Path

import pytest
import tomli_w

from mtc_keras import evaluate
from mtc_keras.compare import program as compare
from mtc_keras.errors import ConfigError
from mtc_keras.export import program as export
from mtc_keras.files import check_folder, check_writable, places, resolved
from mtc_keras.predict import program as predict
from mtc_keras.train import program as train
from tests.conftest import tiny_values

LONG = "n" * 250  # fits a name, but not with what is put before and after it
on_linux = pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="as Linux has it")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty working directory, in which nothing may be left behind."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "round").symlink_to("about")
    (tmp_path / "about").symlink_to("round")
    (tmp_path / "nowhere").symlink_to("gone")
    (tmp_path / "mounted").mkdir()
    is_mount = os.path.ismount
    mounts = (tmp_path / "mounted", tmp_path / "mounted" / "1")
    monkeypatch.setattr(os.path, "ismount", lambda p: Path(p) in mounts or is_mount(p))
    before = sorted(os.listdir())
    yield tmp_path
    assert sorted(set(os.listdir()) - {"c.toml"}) == before


FOLDERS = {
    "mounted": "is a mount point, which no folder can take the place of; choose one in it, such",
    "/": "is a mount point",
    "a\0b": "a path cannot hold the character NUL",
    "~no_such_user/x": "there is no user 'no_such_user'; a folder of that name is written './~no",
    "round": "is a link that leads to itself",
    "round/x": "is a link that leads to itself",
    LONG: "File name too long; choose a shorter name",
    f"new/{LONG}/x": "File name too long; choose a shorter name",
    "file": "is a file",
    "file/x": "cannot be made in '",
}
IN_PROC = pytest.param("/proc/x", "cannot be made in '/proc': No such file", marks=on_linux)
ALL_FOLDERS = [*FOLDERS.items(), IN_PROC]


def refused(main, *arguments, capsys) -> str:
    """Runs a program that must refuse, and returns what it says."""
    assert main(list(arguments)) == 2
    out, error = capsys.readouterr()
    assert error.startswith("error: ") and "Traceback" not in error
    assert out.count("\n") <= 1  # what it is about to do
    return error


@pytest.mark.parametrize(("directory", "problem"), ALL_FOLDERS)
def test_a_run_is_refused_before_its_data_are_read(directory, problem, place, capsys):
    values = {**tiny_values(directory), "data": {"train": "absent.jsonl", "test": "absent.jsonl"}}
    Path("c.toml").write_text(tomli_w.dumps(values))
    error = refused(train.main, "--config", "c.toml", capsys=capsys)
    assert error.startswith(f"error: output.directory: {directory!r}") and problem in error
    error = refused(compare.main, "--config", "c.toml", capsys=capsys)
    if directory not in ("mounted", "file", "/"):  # it is written beside these
        assert error.startswith(f"error: output.directory: {directory!r}") and problem in error


@pytest.mark.parametrize(("directory", "problem"), ALL_FOLDERS)
def test_an_export_is_refused_before_the_model_is_loaded(
    directory, problem, finished, place, capsys, monkeypatch
):
    monkeypatch.setattr("mtc_keras.export.exporting.start", lambda: pytest.fail("it began"))
    # A version lies in the folder that is named.
    directory = {"mounted": "mounted/1"}.get(directory, directory)
    problem = {"/": "which is not a version", "file": "cannot be made in"}.get(directory, problem)
    model = str(finished.directory)
    assert problem in refused(export.main, "--model", model, "--out", directory, capsys=capsys)


FOLDERS_OF_PARTS = {
    "a\0b": "a path cannot hold the character NUL",
    "nowhere": "is a link that leads nowhere",
    "round": "is a link that leads nowhere",
    f"new/{LONG}/x": "File name too long; choose a shorter name",
    "file": "is a file",
    "file/x": "cannot be made in 'file'",
}


@pytest.mark.parametrize(("directory", "problem"), [*FOLDERS_OF_PARTS.items(), IN_PROC])
def test_a_folder_of_predictions_is_refused_before_rows_are_read(directory, problem, place, capsys):
    arguments = ["--model", "absent", "--data", "absent.jsonl", "--out", directory]
    error = refused(predict.main, *arguments, capsys=capsys)
    assert error.startswith(f"error: --out {directory!r}") and problem in error


FILES = {
    "mounted": "it is a directory",
    "a\0b.jsonl": "a path cannot hold the character NUL",
    "nowhere": "it is no ordinary file",
    "round": "it is no ordinary file",
    f"{LONG}.jsonl": "too long",
    "file/x.jsonl": "does not exist",
    "gone/x.jsonl": "does not exist",
}
DEVICE = pytest.param("/dev/null", "it is no ordinary file", marks=on_linux)


@pytest.mark.parametrize(("out", "problem"), [*FILES.items(), DEVICE])
def test_a_file_is_refused_before_anything_is_read(out, problem, finished, place, capsys):
    model = str(finished.directory)
    written = [
        (evaluate.main, ["--model", model, "--data", "absent.jsonl"]),
        (compare.main, ["--runs", model, model, "--data", "absent.jsonl"]),
    ]
    if out.endswith(".jsonl"):
        written.append((predict.main, ["--model", "absent", "--data", "absent.jsonl"]))
    for main, arguments in written:
        error = refused(main, *arguments, "--out", out, capsys=capsys)
        assert problem in error and "absent" not in error
    if Path("/dev/null").exists():
        assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_names_of_odd_characters_can_be_written(tmp_path):
    for name in ("a b", "[b]", "x\x1b[31m", "é" * 100, os.fsdecode(b"t\xff"), "\u202egnp"):
        check_folder(tmp_path / name, name)
        check_writable(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_what_a_file_system_says_only_when_asked_is_found_out(tmp_path, monkeypatch):
    def refuse(path, *arguments, **options):
        raise OSError(122, "Disk quota exceeded")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(ConfigError, match=r"cannot be made in '.*': Disk quota exceeded"):
        check_folder(tmp_path / "x", "output.directory: 'x'")
    with pytest.raises(ConfigError, match=r"cannot write '.*x': Disk quota exceeded"):
        check_writable(tmp_path / "x")


@pytest.mark.parametrize("name", ["plain", "with a space", "back\\slash"])
def test_what_is_mounted_from_the_same_device_is_seen(name, tmp_path, monkeypatch):
    mounts = tmp_path / "mountinfo"
    escaped = str(tmp_path / name).replace("\\", "\\134").replace(" ", "\\040")
    mounts.write_text(f"1 2 8:1 /from {escaped} rw,relatime - ext4 /dev/sda rw\n")
    monkeypatch.setattr(places, "MOUNTS", mounts)
    (tmp_path / name).mkdir()
    with pytest.raises(ConfigError, match="is a mount point"):
        check_folder(tmp_path / name, "--out")
    check_folder(tmp_path / name, "--out", renamed=False)
    check_folder(tmp_path / name / "x", "--out")


def test_a_home_that_is_not_there_is_not_made(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "gone"))
    with pytest.raises(ConfigError, match=r"'.*gone', the home of that user, does not exist"):
        resolved("~/runs/x", "output.directory")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolved("~/runs/x", "output.directory") == tmp_path / "runs" / "x"


@on_linux
@pytest.mark.skipif(os.geteuid() != 0, reason="mounts")
def test_a_real_mount_point(tmp_path):
    import subprocess

    code = (
        "import sys; from pathlib import Path; from mtc_keras.files import places;"
        "print(places.is_mount_point(Path(sys.argv[1])), places.is_mount_point(Path(sys.argv[2])))"
    )
    one, other = tmp_path / "one", tmp_path / "other place"
    one.mkdir(), other.mkdir()
    command = f'mount --bind "{one}" "{other}" && exec python -c "{code}" "{one}" "{other}"'
    done = subprocess.run(["unshare", "-m", "sh", "-c", command], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"nothing may be mounted: {done.stderr}")
    assert done.stdout == "False True\n"
