"""What the config may say of trackers, what they need, and what numbers are called there."""

import sys

import numpy as np
import pytest
import tomli_w

from mtc_keras.config import TrackingConfig, check_config
from mtc_keras.errors import ConfigError
from mtc_keras.train import program
from mtc_keras.train.tracking import packages
from mtc_keras.train.tracking.packages import check_packages
from mtc_keras.train.tracking.tracker import tracked_numbers, without_credentials
from tests.conftest import tiny_values


@pytest.mark.parametrize("name", ["tensorboard", "mlflow", "wandb"])
def test_a_package_that_is_missing_is_refused_before_the_data_are_read(
    name, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wandb").mkdir()  # as a run of W&B leaves it; it is no package
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    for module in [m for m in sys.modules if m.split(".")[0] == name]:
        monkeypatch.delitem(sys.modules, module)
    values = tiny_values("run") | {
        "data": {"train": "not_there.jsonl"},
        "tracking": {name: True if name == "tensorboard" else "x"},
    }
    (tmp_path / "c.toml").write_text(tomli_w.dumps(values))
    assert program.main(["--config", "c.toml"]) == 2
    printed = capsys.readouterr().err
    assert f"tracking.{name}: needs the package {name}" in printed
    assert f"pip install 'mtc-keras[{name}]'" in printed


def test_a_database_needs_all_of_mlflow(monkeypatch):
    monkeypatch.setattr(packages, "_is_installed", lambda name: name == "mlflow")
    check_packages(TrackingConfig(mlflow="file:mlruns"))
    with pytest.raises(
        ConfigError, match="a store of sqlite needs all of MLflow: pip install mlfl"
    ):
        check_packages(TrackingConfig(mlflow="sqlite:///x.db"))


@pytest.mark.parametrize(
    "table,problem",
    [
        ({"tensorboard": ""}, "must be true, or name a folder"),
        ({"mlflow": ""}, "tracking.mlflow"),
        ({"mlflow": "https://me:pw@host"}, "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PAS"),
        ({"wandb": "a/b/c"}, "tracking.wandb"),
        ({"neptune": "x"}, "tracking.neptune"),
    ],
)
def test_what_is_no_tracker_is_refused(table, problem):
    with pytest.raises(ConfigError, match=problem):
        check_config({"tasks": {"a": {"kind": "multiclass"}}, "tracking": table})


def test_numbers_are_named_by_task_and_those_that_are_undefined_left_out():
    logs = {
        "loss": 1,
        "val_score": np.float32(0.5),
        "mood_loss": 2.0,
        "val_mood_f1_macro": 0.25,
        "val_mood_of_day_accuracy": 0.75,
        "val_mood_r2": float("nan"),
        "note": "text",
    }
    assert tracked_numbers(logs, ["mood", "mood_of_day"]) == {
        "loss": 1.0,
        "val_score": 0.5,
        "mood/loss": 2.0,
        "mood/val_f1_macro": 0.25,
        "mood_of_day/val_accuracy": 0.75,
    }
    assert without_credentials("at https://me:pw@host/x") == "at https://host/x"
