"""A folder that goes or may not be written to, and a full disk: one message, and what can go on."""

import errno
import os
import resource
import shutil
from pathlib import Path

import pytest

import mtc_keras
from mtc_keras.errors import ConfigError, TrainingError
from mtc_keras.model.classifier import MultiTaskClassifier
from mtc_keras.run.checkpoints import saved_checkpoints
from mtc_keras.run.directory import Run, checkpoint_directory, unfinished
from mtc_keras.train.callbacks import EpochOrder, History
from tests.conftest import rows, tiny_config

EVERY_STEP = 1e-9  # minutes


def config_of(tmp_path, **training):
    return tiny_config(tmp_path / "run", training={"epochs": 2, **training})


def fit(config, **options):
    return mtc_keras.fit(config, train=rows(40), validation=rows(24, 1), verbose=0, **options)


def in_epoch_2(monkeypatch, happens):
    """Has something happen when the second epoch begins."""
    begin = EpochOrder.on_epoch_begin

    def on_epoch_begin(self, epoch, logs=None):
        begin(self, epoch, logs)
        if epoch == 1:
            happens()

    monkeypatch.setattr(EpochOrder, "on_epoch_begin", on_epoch_begin)


@pytest.mark.parametrize(
    ("minutes", "error", "message"),
    [(60, TrainingError, "is gone"), (EVERY_STEP, ConfigError, "no checkpoint could be saved")],
)
def test_a_folder_that_vanishes_ends_it_and_is_not_made_again(
    minutes, error, message, tmp_path, monkeypatch
):
    config = config_of(tmp_path, checkpoint_minutes=minutes)
    with monkeypatch.context() as patch, pytest.raises(error, match=message) as ended:
        in_epoch_2(patch, lambda: shutil.rmtree(unfinished(tmp_path / "run")))
        fit(config)
    assert "No such file or directory" in str(ended.value)
    assert list(tmp_path.iterdir()) == []
    assert fit(config).metrics["best_epoch"]


def test_a_folder_that_turns_read_only_ends_it_and_it_resumes(tmp_path, monkeypatch):
    folder, whole = unfinished(tmp_path / "run"), Path.open

    def read_only(path, mode="r", *arguments, **options):
        if set(mode) & set("wax+") and folder in path.parents:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return whole(path, mode, *arguments, **options)

    config = config_of(tmp_path)
    with monkeypatch.context() as patch, pytest.raises(TrainingError) as ended:
        in_epoch_2(patch, lambda: patch.setattr(Path, "open", read_only))
        fit(config)
    assert ended.value.headline.endswith("run' cannot be written: Read-only file system")
    assert ended.value.problems == ["its checkpoints are as they were (1): add --resume to go on"]
    assert len(fit(config, resume=True).history) == 2


@pytest.mark.parametrize("room", [0, 4096, 16384])
def test_a_disk_that_is_full_when_the_model_is_saved_loses_nothing(room, tmp_path, monkeypatch):
    save, limits = MultiTaskClassifier.save_to_preset, resource.getrlimit(resource.RLIMIT_FSIZE)

    def on_a_full_disk(self, path, *arguments, **options):
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
        try:
            return save(self, path, *arguments, **options)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    config = config_of(tmp_path)
    with monkeypatch.context() as patch, pytest.raises(TrainingError) as ended:
        patch.setattr(MultiTaskClassifier, "save_to_preset", on_a_full_disk)
        fit(config)
    assert "cannot be written" in ended.value.headline
    assert "--resume" in ended.value.problems[0]
    assert not (tmp_path / "run").exists()
    assert saved_checkpoints(checkpoint_directory(str(tmp_path / "run")))
    assert fit(config, resume=True).model
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("refused", ["run.replaced", "run"])
def test_a_name_that_cannot_be_given_leaves_both_runs(refused, tmp_path, monkeypatch):
    """As where a file system has been mounted meanwhile: `Device or resource busy`."""
    config, rename = config_of(tmp_path, epochs=1), os.rename
    older = fit(config)
    before = (older.directory / "metrics.json").read_bytes()

    def busy(source, target):
        if os.path.basename(target) == refused and not str(source).endswith(".replaced"):
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(source))
        rename(source, target)

    with monkeypatch.context() as patch, pytest.raises(TrainingError, match="busy") as ended:
        patch.setattr(os, "rename", busy)
        fit(config, overwrite=True)
    assert f"{unfinished(tmp_path / 'run')}': --resume finishes it" in ended.value.problems[0]
    assert (Run(older.directory).directory / "metrics.json").read_bytes() == before
    assert fit(config, resume=True).model
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_closed_pipe_is_no_full_disk(tmp_path, monkeypatch):
    def broken(self, epoch, logs=None):
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    monkeypatch.setattr(History, "on_epoch_end", broken)
    with pytest.raises(BrokenPipeError):
        fit(config_of(tmp_path, epochs=1))
