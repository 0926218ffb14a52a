"""What a newer version has written is refused with one message; `test_written_by_0_1` has older."""

import json
import shutil
from pathlib import Path

import pytest

import mtc_keras
from mtc_keras.errors import DataError
from mtc_keras.predict import program as predict
from mtc_keras.predict.bulk.manifest import MANIFEST, Manifest
from mtc_keras.predict.exports import read_about
from mtc_keras.run.checkpoints import Checkpoint
from mtc_keras.train import program as train

ROOT, OLD = Path(__file__).parents[1], Path(__file__).parent / "written_by_0_1"


@pytest.fixture
def old(tmp_path) -> Path:
    return Path(shutil.copytree(OLD, tmp_path / "old"))


def change(file: Path, **values) -> None:
    """Changes values of a JSON file, or of its table `config` if there is one."""
    content = json.loads(file.read_text()) if file.exists() else {}
    content.get("config", content).update(values)
    file.write_text(json.dumps(content))


def assert_newer(message: str, own: int = 1) -> None:
    part = f"was written by a newer mtc-keras (format 99; this one reads up to {own}): upgrade with"
    assert part in message and "pip install -U mtc-keras" in message


@pytest.mark.parametrize(
    ("model", "file", "own"),
    [
        ("run", "run/run.json", 2),
        ("run", "run/model/task.json", 1),
        ("export/1", "export/1/assets.extra/mtc_keras.json", 1),
    ],
)
def test_a_newer_run_preset_or_export_does_not_predict(model, file, own, old, capsys):
    change(old / file, format=99)
    assert predict.main(["--model", str(old / model), "--text", "good"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert_newer(error, own)


def test_a_newer_preset_does_not_load(old):
    change(old / "run" / "model" / "task.json", format=99)
    with pytest.raises(DataError) as error:
        mtc_keras.MultiTaskClassifier.from_preset(str(old / "run" / "model"))
    assert_newer(str(error.value))


def test_a_newer_checkpoint_is_not_resumed(old, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)  # where the paths of its data begin
    (checkpoint,) = (old / "stopped.unfinished" / "checkpoints").iterdir()
    change(checkpoint / "state.json", format=99)
    with pytest.raises(DataError) as error:
        _ = Checkpoint(checkpoint).state
    assert_newer(str(error.value), own=2)
    monkeypatch.setattr("mtc_keras.run.checkpoints.damage", lambda path: None)
    arguments = ["--config", str(old / "config.toml"), "--resume"]
    assert train.main([*arguments, "--set", f"output.directory={old / 'stopped'}"]) == 2
    assert_newer(capsys.readouterr().err, own=2)


def test_a_newer_folder_of_predictions_is_not_resumed(tmp_path):
    (tmp_path / MANIFEST).write_text(json.dumps({"format": 99, "shards": []}))
    with pytest.raises(DataError) as error:
        Manifest({}).take_over(tmp_path)
    assert_newer(str(error.value))


def test_what_0_1_said_of_an_export_is_read(old):
    for folder in ("export/1/assets.extra", "export_onnx/1"):
        about = json.loads((old / folder / "mtc_keras.json").read_text())
        assert about["format"] in ("saved_model", "onnx")
    tasks, decisions, data = read_about(old / "export" / "1")
    assert [task.name for task in tasks] and decisions and data.id == "id"
