"""Several devices and several processes give what one gives; the settings are checked."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mtc_keras import cli
from mtc_keras.config import DistributionConfig, check_config
from mtc_keras.devices import distribution
from mtc_keras.devices.shares import Share, fill_up
from mtc_keras.errors import ConfigError
from tests.conftest import RANDOM, ROOT, tiny_values

LAUNCH = [sys.executable, "-m", "mtc_keras", "launch"]
SAME = {"rtol": 0, "atol": 1e-5}
# All weights begin at random, and nothing else is drawn.
WITHOUT_DROPOUT = {"model": {**RANDOM, "dropout": 0.0, "backbone_dropout": 0.0}}
# Texts of up to 11 words, in windows of 4.
IN_WINDOWS = {"model": {"long_texts": "windows", "training_windows": 2}}


def command(out: Path, trainings: dict, *more: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "tests.devices.train_distributed",
        str(out),
        json.dumps(trainings),
        *more,
    ]


def call(command: list[str], **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True
    )


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """One training on one of 8 devices, on all, and on 2 × 2 with the model split."""
    out = tmp_path_factory.mktemp("distributed")
    trainings = {
        "one": {"distribution": {"data_parallel": False}},
        "eight": {},
        "split": {"distribution": {"data_parallel": 2, "model_parallel": 2}},
        "no dropout": WITHOUT_DROPOUT,
        "windows, one": {**IN_WINDOWS, "distribution": {"data_parallel": False}},
        "windows, eight": IN_WINDOWS,
    }
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=8"
    done = call(command(out, trainings), XLA_FLAGS=flags)
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.parametrize("name", ["eight", "split"])
def test_many_devices_train_as_one_does(trained, name):
    one, many = read(trained / "one.0.json"), read(trained / f"{name}.0.json")
    assert len(one["losses"]) == 20
    np.testing.assert_allclose(many["losses"], one["losses"], **SAME)
    assert many["fed"] == one["fed"]
    for line, other in zip(history(trained / "one"), history(trained / name), strict=True):
        for key in ("val_mood_f1_macro", "val_topics_f1_macro", "val_length_mae", "val_loss"):
            assert other[key] == pytest.approx(line[key], abs=1e-3)


def test_many_devices_train_on_windows_as_one_does(trained):
    one, many = (read(trained / f"windows, {number}.0.json") for number in ("one", "eight"))
    np.testing.assert_allclose(many["losses"], one["losses"], **SAME)
    assert many["fed"] == one["fed"]
    assert {np.ndim(batch) for batch in many["fed"]} == {3}
    left, right = (predictions(trained / f"windows, {number}") for number in ("one", "eight"))
    for row, other in zip(left, right, strict=True):
        assert other["predicted_length"] == pytest.approx(row["predicted_length"], abs=1e-3)


def test_a_process_that_sees_one_device_trains_as_one_that_sees_eight(trained, tmp_path):
    done = call(command(tmp_path, {"no dropout": WITHOUT_DROPOUT}))
    assert done.returncode == 0, done.stderr
    one, eight = read(tmp_path / "no dropout.0.json"), read(trained / "no dropout.0.json")
    assert len(one["losses"]) == 20
    np.testing.assert_allclose(eight["losses"], one["losses"], **SAME)
    for line, other in zip(
        history(tmp_path / "no dropout"), history(trained / "no dropout"), strict=True
    ):
        assert other["val_loss"] == pytest.approx(line["val_loss"], abs=1e-4)


def history(run: Path) -> list[dict]:
    lines = (run / "history.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("name", ["eight", "split"])
def test_many_devices_predict_every_row_once_and_in_order(trained, name):
    for split, count in (("validation", 50), ("test", 41)):
        assert ids(trained / name, split) == [f"r{row}" for row in range(count)]
    one, many = predictions(trained / "one"), predictions(trained / name)
    for row, other in zip(one, many, strict=True):
        key = "predicted_length"
        assert other[key] == pytest.approx(row[key], abs=1e-3)


def predictions(run: Path, split: str = "test") -> list[dict]:
    lines = (run / "predictions" / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def ids(run: Path, split: str) -> list[str]:
    return [line["id"] for line in predictions(run, split)]


def test_users_own_rows_need_not_divide_by_the_devices(trained):
    one, many = read(trained / "one.0.json"), read(trained / "eight.0.json")
    for kind in ("texts", "tokens"):
        for task, values in one[kind].items():
            np.testing.assert_allclose(many[kind][task], values, **SAME)
    assert many["evaluate"] == pytest.approx(one["evaluate"], abs=1e-5)
    assert many["fit"] == pytest.approx(one["fit"], abs=1e-5)


def test_a_split_model_lies_in_parts_on_its_devices(trained):
    assert len(read(trained / "one.0.json")["shares"]) == 1
    assert read(trained / "eight.0.json")["shares"] == [1.0] * 8
    shares = read(trained / "split.0.json")["shares"]
    assert len(shares) == 4
    assert max(shares) <= 0.6


def test_a_run_tells_its_devices(trained):
    told = {name: read(trained / name / "environment.json") for name in ("one", "eight", "split")}
    assert [environment["devices"] for environment in told.values()] == [1, 8, 4]
    assert told["eight"]["processes"] == 1
    assert told["eight"]["device"].endswith("× 8")
    assert "over 2 devices" in told["split"]["device"]


@pytest.mark.slow  # three times the start of a program
def test_two_processes_train_as_one_does_and_one_writes(trained, tmp_path):
    done = call([*LAUNCH, "2", "--", *command(tmp_path, {"two": {}})])
    assert done.returncode == 0, done.stderr
    one = read(trained / "one.0.json")
    first, second = read(tmp_path / "two.0.json"), read(tmp_path / "two.1.json")
    for found in (first, second):
        np.testing.assert_allclose(found["losses"], one["losses"], **SAME)
    assert [a + b for a, b in zip(first["fed"], second["fed"], strict=True)] == one["fed"]
    assert ids(tmp_path / "two", "test") == ids(trained / "one", "test")
    assert read(tmp_path / "two" / "environment.json")["processes"] == 2
    assert {path.name for path in tmp_path.iterdir()} == {"two", "two.0.json", "two.1.json"}


def in_two_processes(out: Path, sections: dict, fails: bool) -> subprocess.CompletedProcess:
    """Trains as a program of two processes."""
    program = (
        "import sys; from mtc_keras.programs.command import run_program; "
        "from tests.devices import train_distributed as t; from pathlib import Path; "
        "t.whole = t.TrainingBatches.batch; "
        f"out = Path({str(out)!r}); "
        f"sys.exit(run_program(lambda _: t.train(out, 'two', {sections!r}, {fails}), None))"
    )
    return call([*LAUNCH, "2", "--", sys.executable, "-c", program])


@pytest.mark.slow
def test_a_process_that_fails_alone_ends_the_others(tmp_path):
    done = in_two_processes(tmp_path, {}, fails=True)
    assert done.returncode == 2, done.stderr
    assert "process 1 failed" in done.stderr
    assert "error: one process fails alone" in done.stderr


@pytest.mark.slow
def test_processes_that_diverge_end_together(tmp_path):
    done = in_two_processes(tmp_path, {"training": {"learning_rate": 1e30}}, fails=False)
    assert done.returncode == 2, done.stderr
    assert "error: the training has been stopped: the " in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["two.unfinished"]


# === The launcher ===


def test_the_launcher_tells_each_process_its_number_and_shows_the_first_one():
    code = "import os; print(*(os.environ[f'KERAS_DISTRIBUTION_{key}'] for key in "
    code += "('PROCESS_ID', 'NUM_PROCESSES')))"
    done = call([*LAUNCH, "3", "--", sys.executable, "-c", code])
    assert (done.returncode, done.stdout) == (0, "0 3\n")


def test_the_launcher_passes_on_the_first_failure_and_shows_what_it_printed():
    code = "import os, sys, time; number = os.environ['KERAS_DISTRIBUTION_PROCESS_ID']; "
    others = "if number == '1' else time.sleep(1)"
    fails = f"{code} (print('no such file'), sys.exit(2)) {others}"
    done = call([*LAUNCH, "2", "--", sys.executable, "-c", fails])
    assert done.returncode == 2
    assert "process 1 failed; it printed:\nno such file" in done.stderr
    dies = f"{code} os.kill(os.getpid(), 9) {others}"
    assert call([*LAUNCH, "2", "--", sys.executable, "-c", dies]).returncode == 128 + 9


def test_what_stops_the_launcher_stops_its_processes():
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    launcher = subprocess.Popen(
        [*LAUNCH, "1", "--", sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    )
    with launcher:
        assert launcher.stdout is not None
        process = int(launcher.stdout.readline())
        launcher.terminate()
        assert launcher.wait() == 128 + 15
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_the_launcher_starts_a_training_by_its_options_alone():
    done = call([*LAUNCH, "2", "--", "train", "--config", "no_such_config.toml"])
    assert done.returncode == 2
    assert "error: config file 'no_such_config.toml' does not exist" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["0", "--", "true"], "N must be 1 or more, received 0"),
        (["2", "--", "no_such_command"], "'no_such_command' is not found"),
    ],
)
def test_the_launcher_refuses_what_cannot_run(arguments, message, capsys):
    assert cli.main(["launch", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_the_launcher_needs_a_command(capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["launch", "2"])
    assert "N -- COMMAND [OPTION ...]" in capsys.readouterr().err


# === Settings ===


def settings(**keys) -> DistributionConfig:
    return DistributionConfig(**keys)


@pytest.mark.parametrize(
    ("keys", "devices", "mesh"),
    [
        ({}, 1, (1, 1)),
        ({}, 8, (8, 1)),
        ({"data_parallel": 4}, 8, (4, 1)),
        ({"data_parallel": False}, 8, (1, 1)),
        ({"model_parallel": 2}, 8, (4, 2)),
        ({"data_parallel": False, "model_parallel": 4}, 8, (1, 4)),
    ],
)
def test_the_devices_are_divided_among_copies_and_parts(keys, devices, mesh):
    assert distribution.mesh_shape(settings(**keys), devices) == mesh


@pytest.mark.parametrize(
    ("keys", "devices", "message"),
    [
        ({"data_parallel": 4}, 2, "data_parallel = 4: needs 4 devices, but there are 2"),
        ({"data_parallel": 2, "model_parallel": 2}, 1, "needs 4 devices, but there is 1"),
        ({"model_parallel": 3}, 8, r"3 does not divide the number of devices \(8\)"),
    ],
)
def test_more_than_the_devices_give_is_refused(keys, devices, message):
    with pytest.raises(ConfigError, match=message):
        distribution.mesh_shape(settings(**keys), devices)


def test_a_program_that_predicts_takes_the_devices_there_are():
    asked = settings(data_parallel=4, model_parallel=2)
    assert distribution.mesh_shape(asked, 8, predicts=True) == (4, 2)
    assert distribution.mesh_shape(asked, 1, predicts=True) == (1, 1)


def test_a_batch_that_devices_do_not_divide_is_refused_with_sizes_that_would_do():
    distribution.check_batch_size(32, 8)
    with pytest.raises(ConfigError, match=r"30 rows .* 8 devices; 24 or 32 can.*parallel = 6"):
        distribution.check_batch_size(30, 8)
    with pytest.raises(ConfigError, match=r"3 rows .*; 8 can"):
        distribution.check_batch_size(3, 8)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"data_parallel": -1}, "greater than or equal to 1"),
        ({"data_parallel": True}, "distribution.data_parallel"),
        ({"processes": 2, "process_id": 2}, "must be less than processes"),
        ({"processes": 1, "coordinator": "host:1234"}, "several processes"),
        ({"coordinator": "host"}, "distribution.coordinator"),
    ],
)
def test_wrong_keys_are_refused(tmp_path, section, message):
    with pytest.raises(ConfigError, match=message):
        check_config({**tiny_values(tmp_path), "distribution": section})


@pytest.mark.parametrize(
    "section", [{"data_parallel": 2}, {"model_parallel": 2}, {"processes": "cluster"}]
)
def test_other_backends_have_one_device(tmp_path, section, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert check_config(tiny_values(tmp_path)).distribution.data_parallel == "auto"
    with pytest.raises(ConfigError, match="need the JAX backend"):
        check_config({**tiny_values(tmp_path), "distribution": section})


def test_the_config_survives_writing(tmp_path):
    import tomllib

    config = check_config({**tiny_values(tmp_path), "distribution": {"data_parallel": False}})
    assert check_config(tomllib.loads(config.to_toml())) == config


# === Rows ===


def test_the_shares_of_all_processes_are_the_batch():
    rows = np.arange(12)
    parts = [Share(4, 3, number).of(rows) for number in range(3)]
    assert np.concatenate(parts).tolist() == rows.tolist()
    assert {len(part) for part in parts} == {4}


def test_filling_up_adds_rows_to_arrays_and_to_tensors_alike():
    import tensorflow as tf

    values = np.array([[1, 2], [3, 4], [5, 6]], "int32")
    for filler in (None, -1, np.array([-1, -2])):
        wanted = fill_up(values, 4, filler)
        assert wanted[:3].tolist() == values.tolist()
        assert (
            wanted[3].tolist() == np.broadcast_to([1, 2] if filler is None else filler, 2).tolist()
        )
        batches = tf.data.Dataset.from_tensor_slices(values).batch(8)
        (found,) = batches.map(lambda t, f=filler: fill_up(t, 4, f)).as_numpy_iterator()
        assert found.tolist() == wanted.tolist()
    assert fill_up(values, 3) is values
