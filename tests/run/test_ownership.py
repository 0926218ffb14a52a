"""What somebody else wrote is never removed or replaced, whatever its name."""

from pathlib import Path

import pytest

from mtc_keras.compare.approaches import check_compared
from mtc_keras.errors import ConfigError
from mtc_keras.predict.bulk.outputs import open_output
from mtc_keras.run.output import check_output, is_run, remove_run, replaced
from mtc_keras.run.writer import RunWriter
from tests.conftest import ROOT

THEIRS = {
    "a config of theirs": {"config.toml": "[tasks.x]\nkind = 'regression'\n"},
    "checkpoints of another program": {"checkpoints/epoch_1_step_2/weights.pt": "x"},
    "a run.json of another program": {"run.json": '{"name": "marathon", "format": 1}'},
    "a run.json that is none": {"run.json": "to do: run\n"},
    "a model of another program": {"model/task.json": "{}", "model/weights.bin": "x"},
    "files named as ours": {"metrics.json": "{}", "train.log": "choo choo", "predictions/x": "y"},
}


def put(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def contents(folder: Path) -> dict[str, str]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_text() for path in paths}


@pytest.mark.parametrize("suffix", ["", ".unfinished", ".replaced"])
@pytest.mark.parametrize("name", THEIRS)
def test_a_folder_is_ours_by_what_we_write_and_not_by_names(name, suffix, tmp_path):
    folder = tmp_path / f"run{suffix}"
    put(folder, THEIRS[name])
    assert not is_run(folder)
    for options in ({"overwrite": True}, {"overwrite": False, "resume": True}):
        with pytest.raises(ConfigError, match="holds files that are not a run"):
            check_output(str(tmp_path / "run"), **options)
    with pytest.raises(ConfigError):
        remove_run(folder)
    assert contents(folder) == THEIRS[name]


@pytest.mark.parametrize("place", ["notes.txt", "predictions/a.xlsx", "model/a.md", ".git/a"])
@pytest.mark.parametrize("suffix", ["", ".unfinished"])
def test_a_run_with_a_file_of_theirs_is_not_replaced(suffix, place, tmp_path):
    folder = tmp_path / f"run{suffix}"
    put(folder, {"run.json": '{"format": 2, "written_by": "mtc-keras"}', place: "mine"})
    found = ".git" if place == ".git/a" else place
    with pytest.raises(ConfigError, match=f"is a run that holds '{found}', too, which no training"):
        check_output(str(tmp_path / "run"), overwrite=True)
    with pytest.raises(ConfigError, match="would be removed with it; move that away"):
        remove_run(folder)
    assert contents(folder)[place] == "mine"


@pytest.mark.parametrize("is_dangling", [True, False])
def test_a_link_in_place_of_what_is_written_is_not_followed(is_dangling, tmp_path):
    theirs = tmp_path / "elsewhere"
    if not is_dangling:
        theirs.mkdir()
    for link in (tmp_path / "run.unfinished", replaced(tmp_path / "run")):
        link.symlink_to(theirs)
        with pytest.raises(ConfigError, match="move it away, or choose another"):
            check_output(str(tmp_path / "run"), overwrite=True)
        with pytest.raises(ConfigError):
            remove_run(link)
        link.unlink()
    (tmp_path / "run.unfinished").symlink_to(theirs)
    with pytest.raises(ConfigError):
        RunWriter(str(tmp_path / "run"))
    assert theirs.exists() != is_dangling


def test_what_systems_leave_in_a_run_is_no_file_of_theirs(tmp_path):
    left = (".DS_Store", ".nfs0001", "Thumbs.db", "desktop.ini", "._run.json", "model/.DS_Store")
    files = {"run.json": '{"format": 1, "sha256": {}}', **dict.fromkeys(left, "x")}
    put(tmp_path / "run", {**files, "model/task.weights.h5": "x", "model/model.weights.json": "x"})
    check_output(str(tmp_path / "run"), overwrite=True)
    remove_run(tmp_path / "run")
    assert not (tmp_path / "run").exists()


# === Other programs ===


@pytest.mark.parametrize("text", ["mine\n", "[1]\n", '{"text": "mine"}\n', "\x00\n"])
def test_a_list_of_bad_rows_takes_the_place_of_such_a_list_alone(text, tmp_path):
    bad = tmp_path / "out.bad_rows.jsonl"
    bad.write_text(text)
    with pytest.raises(ConfigError, match=r"out\.bad_rows\.jsonl', which is there and is no such"):
        open_output(tmp_path / "out.jsonl", None).check(resume=False)
    assert bad.read_text() == text
    for ours in ("", '{"file": "in.csv", "line": 3, "reason": "no text"}\n'):
        bad.write_text(ours)
        open_output(tmp_path / "out.jsonl", None).check(resume=False)


def test_parts_are_known_by_their_whole_names(tmp_path):
    parts = tmp_path / "out.jsonl.parts"
    put(parts, {"part-of-my-thesis.txt": "mine"})
    with pytest.raises(ConfigError, match="is there and was not made for that; move it away"):
        open_output(tmp_path / "out.jsonl", None).check(resume=True)
    (parts / "part-of-my-thesis.txt").unlink()
    parts.rmdir()
    (tmp_path / "theirs").mkdir()
    parts.symlink_to(tmp_path / "theirs")
    with pytest.raises(ConfigError, match="was not made for that"):
        open_output(tmp_path / "out.jsonl", None).check(resume=False)


def test_a_comparison_is_not_written_among_other_files(tmp_path):
    check_compared(tmp_path / "none")
    (tmp_path / "compare.log").touch()
    check_compared(tmp_path)  # an earlier one that was stopped as it began
    (tmp_path / "compare.json").write_text("mine")
    with pytest.raises(ConfigError, match="holds files that are none; choose another"):
        check_compared(tmp_path)
    (tmp_path / "seed_0").mkdir()
    check_compared(tmp_path)


def test_the_run_of_version_0_1_is_ours():
    old = ROOT / "tests" / "written_by_0_1"
    assert is_run(old / "run") and is_run(old / "stopped.unfinished")
