"""Trackers get the numbers of a training, and none that fails ends it."""

import json
import os
import struct
import subprocess
import sys

import pytest

import mtc_keras
from mtc_keras.config import TrackingConfig
from mtc_keras.console.log import Log
from mtc_keras.run.checkpoints import Start
from mtc_keras.run.directory import Run
from mtc_keras.run.writer import RunWriter
from mtc_keras.train.checkpointing import Checkpointing
from mtc_keras.train.making import RunInMaking
from mtc_keras.train.tracking.tracker import tracked_numbers
from mtc_keras.train.tracking.tracking import tracked
from tests.conftest import ROOT, rows, tiny_config


@pytest.fixture(autouse=True)
def nothing_leaves_this_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    for name in ("MLFLOW_EXPERIMENT_NAME", "MLFLOW_TRACKING_URI", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)


def trained(directory, tracking, **options) -> Run:
    config = tiny_config(
        directory, tracking=tracking, training={"epochs": 3, "keep_checkpoints": 1}
    )
    data = {"train": rows(40), "validation": rows(24, 1), "test": rows(24, 2)}
    return mtc_keras.fit(config, **data, overwrite=not options.get("resume"), verbose=0, **options)


def events(folder):
    """Returns what TensorBoard's own reader finds in a folder: scalars by name, and the reader."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    reader = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    reader.Reload()
    scalars = {}
    for name in reader.summary_metadata:
        if reader.SummaryMetadata(name).plugin_data.plugin_name == "scalars":
            scalars[name] = {e.step: e.tensor_proto.float_val[0] for e in reader.Tensors(name)}
    return scalars, reader


def mlflow_run(uri):
    """Returns what MLflow's client finds: the run, its metrics by step, and its files."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("mtc_keras")
    [run] = client.search_runs([experiment.experiment_id])
    metrics = {
        name: {
            metric.step: metric.value for metric in client.get_metric_history(run.info.run_id, name)
        }
        for name in run.data.metrics
    }
    return run, metrics, {file.path for file in client.list_artifacts(run.info.run_id)}


def wandb_records(folder):
    """Returns the records of the only offline run of Weights & Biases.

    The file is a log as LevelDB writes it: after seven bytes, blocks of 32 KiB, in which each part
    of a record has four bytes of checksum, two of length, and one that says which part it is.
    """
    from wandb.proto.wandb_internal_pb2 import Record

    [file] = folder.glob("wandb/offline-run-*/run-*.wandb")
    content, at, records, parts = file.read_bytes(), 7, [], b""
    while at + 7 <= len(content):
        if 2**15 - at % 2**15 < 7:  # the end of a block has no room for a part
            at += 2**15 - at % 2**15
            continue
        length, kind = struct.unpack("<HB", content[at + 4 : at + 7])
        parts += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # the whole, or its last part
            record = Record()
            record.ParseFromString(parts)
            records.append(record)
            parts = b""
    return records


def history_of(run) -> dict[str, dict[int, float]]:
    lines = (run.directory / "history.jsonl").read_text().splitlines()
    found: dict[str, dict[int, float]] = {}
    for line in map(json.loads, lines):
        for name, number in tracked_numbers(line, ["mood", "topics", "length"]).items():
            found.setdefault(name, {})[line["epoch"]] = number
    del found["epoch"], found["seconds"]
    return found


def test_all_trackers_get_every_number_of_every_epoch_and_those_of_the_kept_model(tmp_path):
    uri = f"file:{tmp_path}/mlruns"
    run = trained(tmp_path / "run", {"tensorboard": True, "mlflow": uri, "wandb": "project"})
    history = history_of(run)
    best, test = run.metrics["best_epoch"], run.metrics["test"]
    assert set(history) >= {"loss", "val_score", "mood/loss", "mood/val_accuracy", "length/val_mae"}

    scalars, reader = events(run.directory / "tensorboard")
    found, metrics, files = mlflow_run(uri)
    records = wandb_records(tmp_path)
    logged: dict[str, dict[int, float]] = {}
    for record in records:
        if record.WhichOneof("record_type") == "history":
            items = {
                "/".join(item.nested_key) or item.key: json.loads(item.value_json)
                for item in record.history.item
            }
            for name, number in items.items():
                logged.setdefault(name, {})[items["epoch"]] = number

    for by_step in (scalars, metrics, logged):
        for name, numbers in history.items():
            assert by_step[name] == pytest.approx(numbers, rel=1e-6), name
        accuracy = test["tasks"]["mood"]["accuracy"]
        assert by_step["mood/test_accuracy"] == {best: pytest.approx(accuracy)}
        assert "kept_val_score" in by_step
    assert scalars.keys() == metrics.keys()

    assert found.info.status == "FINISHED"
    assert found.info.run_name == "run"
    assert found.data.params["training.epochs"] == "3"
    assert found.data.params["tasks.mood.classes"] == '["bad", "fine", "good"]'
    assert found.data.tags["mtc_keras.run_directory"] == str(run.directory)
    assert files >= {"metrics.json", "config.toml", "report.html"}
    for name in ("metrics.json", "config.toml", "report.html"):
        [kept] = tmp_path.glob(f"wandb/offline-run-*/files/{name}")
        assert kept.read_bytes() == (run.directory / name).read_bytes()
    assert not any(name.startswith("tracking.") for name in found.data.params)
    assert b"training.epochs = 3" in reader.Tensors("config")[0].tensor_proto.string_val[0]

    links = json.loads((run.directory / "environment.json").read_text())["tracking"]
    assert links["mlflow"]["run_id"] == found.info.run_id
    assert links["tensorboard"] == {"directory": str(run.directory / "tensorboard")}
    assert links["wandb"]["project"] == "project"
    log = (run.directory / "train.log").read_text()
    assert f"tracking: the run is in mlflow: uri {uri}" in log
    assert Run(run.directory).metrics["best_epoch"] == best  # what it left is read as a run


def test_a_resumed_training_goes_on_in_the_same_runs(tmp_path, monkeypatch):
    uri = f"file:{tmp_path}/mlruns"
    tracking = {"tensorboard": str(tmp_path / "events"), "mlflow": uri, "wandb": "project"}

    class Killed(Exception):
        """Stands for whatever ends a process."""

    saved = Checkpointing.on_epoch_end

    def on_epoch_end(self, number, logs=None):
        saved(self, number, logs)
        if number == 1:
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Checkpointing, "on_epoch_end", on_epoch_end)
        trained(tmp_path / "run", tracking)
    assert mlflow_run(uri)[0].info.status == "FAILED"
    begun = json.loads((tmp_path / "run.unfinished" / "tracking.json").read_text())
    run = trained(tmp_path / "run", tracking, resume=True)
    found, metrics, _ = mlflow_run(uri)
    assert found.info.status == "FINISHED"
    assert found.info.run_id == begun["mlflow"]["run_id"]
    scalars, _ = events(tmp_path / "events" / "run")
    history = history_of(run)
    for by_step in (metrics, scalars):
        assert by_step["mood/val_accuracy"] == pytest.approx(history["mood/val_accuracy"])
        assert list(by_step["loss"]) == [1, 2, 3]
    links = json.loads((run.directory / "environment.json").read_text())["tracking"]
    assert links["wandb"]["id"] == begun["wandb"]["id"]
    assert "tracking: the run goes on in mlflow" in (run.directory / "train.log").read_text()


def test_a_server_that_is_down_is_told_once_and_the_training_goes_on(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    run = trained(tmp_path / "run", {"mlflow": "http://127.0.0.1:9"})
    log = (run.directory / "train.log").read_text()
    [line] = [line for line in log.splitlines() if line.startswith("tracking:")]
    assert "tracking: mlflow failed, and the training goes on without it: " in line
    assert "look whether the server of tracking.mlflow can be reached" in line
    assert "tracking" not in json.loads((run.directory / "environment.json").read_text())


def test_a_tracker_that_fails_later_is_left_out_from_there_on(tmp_path, monkeypatch):
    from mtc_keras.train.tracking.tensorboard import TensorBoardTracker

    before = TensorBoardTracker.log

    def log(self, step, numbers):
        if step == 2:
            raise OSError(28, "No space left on device")
        before(self, step, numbers)

    monkeypatch.setattr(TensorBoardTracker, "log", log)
    run = trained(tmp_path / "run", {"tensorboard": True})
    assert list(events(run.directory / "tensorboard")[0]["loss"]) == [1]
    text = (run.directory / "train.log").read_text()
    assert text.count("tracking: tensorboard failed") == 1
    assert "No space left on device; look whether the folder can be written to" in text


def test_nobody_is_asked_for_a_key_in_the_middle_of_a_training(tmp_path):
    begin = """
from pathlib import Path
from mtc_keras.train.tracking.tracker import TrackedRun
from mtc_keras.train.tracking.wandb import WandbTracker
try:
    WandbTracker("project").begin(TrackedRun("run", Path("run"), {}, 0), {})
except ValueError as error:
    print(error)
"""
    hidden = ("WANDB_API_KEY", "WANDB_MODE")
    found = subprocess.run(
        [sys.executable, "-c", begin],
        env={key: value for key, value in os.environ.items() if key not in hidden}
        | {"HOME": str(tmp_path), "NETRC": str(tmp_path / "netrc"), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert found.stdout.startswith("nobody is logged in: `wandb login`")


def test_of_several_processes_the_first_alone_tracks(tmp_path):
    config = tiny_config(tmp_path / "run", tracking={"tensorboard": str(tmp_path / "events")})
    start = Start({}, None, [], 0.0)
    for is_first in (False, True):
        writer = RunWriter(str(tmp_path / "run"), is_kept=is_first)
        with Log(quiet=True) as log, tracked(config, start, RunInMaking(writer, log, 0)):
            pass
        assert (tmp_path / "events").exists() is is_first
        if not is_first:
            writer.finish()  # which removes its folder


def test_nothing_is_tracked_unless_it_is_named(config, monkeypatch):
    assert config.tracking == TrackingConfig()
    assert config.tracking.named == []
    for name in ("tensorboard", "mlflow", "wandb"):
        monkeypatch.setitem(sys.modules, name, None)  # whoever imports it fails
    run = mtc_keras.fit(config, train=rows(40), verbose=0)
    assert not (run.directory / "tracking.json").exists()
    assert "tracking:" not in (run.directory / "train.log").read_text()
