"""Nothing is lost: a training that is stopped anywhere resumes to the same numbers."""

import json
import math
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tomli_w

import mtc_keras
from mtc_keras.data import plan
from mtc_keras.data.lengths import StepCosts
from mtc_keras.errors import ConfigError, Stopped
from mtc_keras.files.whole import MARKER
from mtc_keras.programs.signals import Interruption
from mtc_keras.run import checkpoints
from mtc_keras.run.directory import Run, checkpoint_directory
from mtc_keras.train import checkpointing as resume
from mtc_keras.train import program as train
from mtc_keras.train import steps as training
from mtc_keras.train.checkpointing import Checkpointing
from tests.conftest import ROOT, rows, tiny_config, tiny_values


@pytest.fixture(autouse=True)
def signals_as_in_a_terminal():
    """Ctrl-C stops what the tests start, also where they run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


EVERY_STEP = 1e-9  # minutes
# 3 steps per epoch.
VARIANTS = {
    "static": {},
    "uncertainty, average": {
        "balancing": {"method": "uncertainty"},
        "training": {"ema_momentum": 0.5},
    },
    "rlw, patience": {
        "balancing": {"method": "rlw"},
        "training": {"patience": 1, "min_delta": 0.5},  # stops after the second epoch
    },
    "dwa": {"balancing": {"method": "dwa"}},
    "famo": {"balancing": {"method": "famo"}},
}
AVERAGE, PATIENCE = "uncertainty, average", "rlw, patience"


class Killed(Exception):
    """Stands for whatever ends a process."""


def configured(directory, sections=None, **training_section):
    sections = sections or {}
    section = {"epochs": 3, "checkpoint_minutes": EVERY_STEP, "keep_checkpoints": 2}
    section |= sections.get("training", {}) | training_section
    return tiny_config(directory, **{**sections, "training": section})


def fit(config, validation=True, **options):
    judged = rows(24, 1) if validation else None
    return mtc_keras.fit(config, train=rows(40), validation=judged, verbose=0, **options)


def killed(monkeypatch, config, step=None, epoch=None, validation=True, **options):
    """Trains until a step of this call, or until an epoch is over and saved."""
    done = 0
    before_step, after_epoch = Checkpointing.on_train_batch_begin, Checkpointing.on_epoch_end

    def on_train_batch_begin(self, batch, logs=None):
        nonlocal done
        before_step(self, batch, logs)
        if done == step:
            raise Killed
        done += 1

    def on_epoch_end(self, number, logs=None):
        after_epoch(self, number, logs)
        if number + 1 == epoch:
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Checkpointing, "on_train_batch_begin", on_train_batch_begin)
        patch.setattr(Checkpointing, "on_epoch_end", on_epoch_end)
        fit(config, validation, **options)


def assert_same(found, expected):
    """All that two runs found is equal to the bit."""
    assert found.metrics == expected.metrics
    assert without_seconds(found.history) == without_seconds(expected.history)
    pairs = zip(found.model.get_weights(), expected.model.get_weights(), strict=True)
    for left, right in pairs:
        np.testing.assert_array_equal(left, right)


def without_seconds(history):
    return [{k: v for k, v in line.items() if k != "seconds"} for line in history]


def saved(config):
    return checkpoints.saved_checkpoints(checkpoint_directory(config.output.directory))


def names(config):
    return [path.name for path in saved(config)]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Returns the run of a variant that is never stopped."""
    directory = tmp_path_factory.mktemp("undisturbed")
    found = {}

    def run(variant, validation=True):
        name = f"{variant}_{validation}".replace(" ", "_")
        if name not in found:
            found[name] = fit(configured(directory / name, VARIANTS[variant]), validation)
        return found[name]

    return run


@pytest.fixture(scope="module")
def stopped_once(tmp_path_factory):
    """What a training leaves that is killed after two steps of three."""
    directory = tmp_path_factory.mktemp("stopped")
    with pytest.MonkeyPatch.context() as patch:
        killed(patch, configured(directory / "run"), step=2)
    return directory / "run.unfinished"


@pytest.fixture
def stopped(stopped_once, tmp_path):
    """The config of a training that was killed after two steps, for a test to resume."""
    shutil.copytree(stopped_once, tmp_path / "run.unfinished")
    return configured(tmp_path / "run")


# === The same numbers ===


def variants(*quick):
    """Parametrizes by variant; those that are not named are slow."""
    marks = {name: [] if name in quick else [pytest.mark.slow] for name in VARIANTS}
    return pytest.mark.parametrize(
        "variant", [pytest.param(name, marks=mark) for name, mark in marks.items()]
    )


@variants(AVERAGE, PATIENCE, "dwa")
def test_a_run_stopped_in_an_epoch_ends_as_if_it_never_was(
    variant, undisturbed, tmp_path, monkeypatch
):
    expected = undisturbed(variant)
    config = configured(tmp_path / "run", VARIANTS[variant])
    killed(monkeypatch, config, step=5)
    assert names(config) == ["epoch_000001_step_000000001", "epoch_000001_step_000000002"]
    path = saved(config)[-1]
    seconds = checkpoints.Checkpoint(path).state["seconds"]
    run = fit(config, resume=True)
    assert_same(run, expected)
    # It says so, and counts the seconds of both processes.
    environment = json.loads((run.directory / "environment.json").read_text())
    assert environment["seconds"]["in_all"] > seconds
    text = log(run.directory)
    assert f"resumed from checkpoint {path.name}: 1 epochs and 2 steps are done" in text
    assert text.count("epoch 1/3: 3 steps") == 1
    assert "epoch 2/3: 1 step in" in text


@variants("static")
def test_a_run_stopped_three_times_ends_as_if_it_never_was(
    variant, undisturbed, tmp_path, monkeypatch
):
    expected = undisturbed(variant)
    config = configured(tmp_path / "run", VARIANTS[variant])
    killed(monkeypatch, config, step=2)
    assert names(config)[-1] == "epoch_000000_step_000000002"
    killed(monkeypatch, config, epoch=1, resume=True)
    assert names(config)[-1] == "epoch_000001_step_000000000"
    killed(monkeypatch, config, step=1, resume=True)
    run = fit(config, resume=True)
    assert_same(run, expected)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert not (run.directory / "checkpoints").exists()


def test_without_validation_the_last_epoch_is_the_same(undisturbed, tmp_path, monkeypatch):
    expected = undisturbed(AVERAGE, validation=False)
    config = configured(tmp_path / "run", VARIANTS[AVERAGE])
    killed(monkeypatch, config, step=5, validation=False)
    killed(monkeypatch, config, epoch=3, validation=False, resume=True)
    assert_same(fit(config, False, resume=True), expected)


def test_steps_after_the_last_checkpoint_are_trained_again(undisturbed, tmp_path, monkeypatch):
    config = configured(tmp_path / "run", checkpoint_minutes=float("inf"))
    killed(monkeypatch, config, step=5)
    assert names(config) == ["epoch_000001_step_000000000"]
    assert_same(fit(config, resume=True), undisturbed("static"))


def test_before_the_first_checkpoint_it_starts_anew_and_says_so(undisturbed, stopped):
    for path in saved(stopped):
        shutil.rmtree(path)
    run = fit(stopped, resume=True)
    assert_same(run, undisturbed("static"))
    assert "no checkpoint is there: training starts at its beginning" in log(run.directory)


@variants(PATIENCE)
def test_stopped_after_the_last_epoch_nothing_is_trained_again(
    variant, undisturbed, tmp_path, monkeypatch
):
    config = configured(tmp_path / "run", VARIANTS[variant])

    def judge(*arguments):
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(training, "judge", judge)
        fit(config)
    assert names(config)[-1] == "epoch_000003_step_000000000"
    steps = []
    with monkeypatch.context() as patch:
        count = lambda self, batch, logs=None: steps.append(batch)  # noqa: E731
        patch.setattr(Checkpointing, "on_train_batch_begin", count)
        run = fit(config, resume=True)
    assert_same(run, undisturbed(variant))
    assert len(run.history) == (2 if variant == PATIENCE else 3)
    assert steps == []


def test_other_batches_would_give_other_numbers(undisturbed, stopped, monkeypatch):
    """What the tests above find equal does depend on where the data go on."""
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints.Checkpoint, "step", 1)
        run = fit(stopped, resume=True)
    assert run.history[0]["loss"] != undisturbed("static").history[0]["loss"]


def log(directory):
    return (directory / "train.log").read_text()


# === Damage, other configs, and where runs lie ===


def test_a_damaged_checkpoint_is_reported_and_the_one_before_taken(undisturbed, stopped):
    before, newest = saved(stopped)
    arrays = bytearray((newest / "arrays.safetensors").read_bytes())
    arrays[-1] ^= 1
    (newest / "arrays.safetensors").write_bytes(arrays)
    run = fit(stopped, resume=True)
    assert_same(run, undisturbed("static"))
    text = log(run.directory)
    assert f"checkpoint {newest.name} is damaged and left aside" in text
    assert f"resumed from checkpoint {before.name}" in text


@pytest.mark.parametrize("file", ["arrays.safetensors", "state.json", "SHA256SUMS"])
def test_every_file_of_a_checkpoint_is_checked(file, tmp_path):
    arrays = {"group/000000/a": np.arange(3, dtype="float32")}
    path = checkpoints.write_checkpoint(tmp_path, {"epoch": 1, "step": 2}, arrays, keep=2)
    assert checkpoints.damage(path) is None
    sums = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=path, capture_output=True)
    assert sums.returncode == 0
    content = (path / file).read_bytes()
    for changed in (content[:-4], b"x" + content[1:], None):
        (path / file).unlink()
        if changed is not None:
            (path / file).write_bytes(changed)
        assert file in checkpoints.damage(path) or "SHA256SUMS" in checkpoints.damage(path)
        (path / file).write_bytes(content)


def test_where_no_checkpoint_is_whole_the_error_says_so(stopped):
    for path in saved(stopped):
        (path / "state.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"no checkpoint in .* is whole; --overwrite") as error:
        fit(stopped, resume=True)
    assert len(error.value.problems) == 2
    assert len(saved(stopped)) == 2


def test_the_last_checkpoints_are_kept_and_a_damaged_future_is_not(tmp_path):
    def write(epoch, step):
        arrays = {"group/000000/a": np.full(2, step, "float32")}
        state = {"epoch": epoch, "step": step, "nan": float("nan"), "array": np.ones(2)}
        return checkpoints.write_checkpoint(tmp_path, state, arrays, keep=2)

    (tmp_path / "epoch_000000_step_000000009.part").mkdir()  # of version 0.1
    left = tmp_path / ".epoch_000000_step_000000009.99.0123abcd.part"
    left.mkdir()
    (left / MARKER).touch()
    (tmp_path / "epoch_000007_step_000000000").mkdir()
    paths = [write(0, 5), write(0, 30), write(1, 0), write(1, 0)]
    assert sorted(tmp_path.iterdir()) == [paths[1], paths[2]]
    found = checkpoints.Checkpoint(paths[1])
    assert (found.epoch, found.step, found.state["array"]) == (0, 30, [1.0, 1.0])
    assert math.isnan(found.state["nan"])
    text = (paths[1] / "state.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail)["format"] == 2
    ((name, array),) = found.arrays("group")
    assert name == "a" and array.tolist() == [30, 30]


def test_another_config_or_other_data_are_refused(stopped, tmp_path):
    changed = configured(tmp_path / "run", {"model": {"dropout": 0.3}}, patience=3)
    with pytest.raises(ConfigError, match="belong to another config") as error:
        fit(changed, resume=True)
    assert error.value.problems == [
        "model.dropout: 0.1 then, 0.3 now",
        "training.patience: not set then, 3 now",
    ]
    with pytest.raises(ConfigError, match="another config or other data") as error:
        mtc_keras.fit(stopped, train=rows(41), validation=rows(24, 1), verbose=0, resume=True)
    assert error.value.problems == ["the train rows are others"]
    assert len(saved(stopped)) == 2
    fit(configured(tmp_path / "run", checkpoint_minutes=60, keep_checkpoints=1), resume=True)


def test_variables_are_put_back_only_in_those_they_were_taken_from(tmp_path):
    class Variable:
        def __init__(self, path, *shape, dtype="float32"):
            self.path, self.shape, self.dtype, self.value = path, shape, dtype, None

        def assign(self, value):
            self.value = value

    taken = [("seed_generator_3/state", np.ones(2, "uint32")), ("head_a/kernel", np.ones((8, 3)))]
    taken += [("head_a/kernel", np.zeros((8, 3)))]  # names may be shared
    arrays = checkpoints.keyed("g", taken)
    state = {"epoch": 1, "step": 0}
    checkpoint = checkpoints.Checkpoint(
        checkpoints.write_checkpoint(tmp_path, state, arrays, keep=1)
    )
    seed = Variable("seed_generator_14/state", 2, dtype="uint32")  # counted up in a process
    kernels = [Variable("head_a/kernel", 8, 3, dtype="float64") for _ in range(2)]
    resume.restore(checkpoint, "g", [seed, *kernels])
    for variable, (_, array) in zip([seed, *kernels], taken, strict=True):
        np.testing.assert_array_equal(variable.value, array)
    others = [Variable("head_a/kernel", 8, 4, dtype="float64"), Variable("head_b/kernel", 8, 3)]
    for other in (*others, Variable("head_a/kernel", 8, 3)):
        with pytest.raises(ConfigError, match="of another model") as error:
            resume.restore(checkpoint, "g", [seed, other, kernels[1]])
        assert any(str(other.shape) in problem for problem in error.value.problems)
        assert other.value is None


def test_other_versions_are_noted():
    then = {"config": {}, "files": {}, "rows": {}, "versions": {"keras": "3.15.0"}}
    now = {**then, "versions": {"keras": "3.16.0"}}
    (note,) = checkpoints._check_identity(then, now, Path("x"))
    assert "keras was 3.15.0 and is 3.16.0" in note


def test_an_unfinished_run_is_neither_lost_nor_mixed_up(tmp_path, monkeypatch, capsys):
    config = configured(tmp_path / "run", epochs=1)
    killed(monkeypatch, config, step=2)
    with pytest.raises(
        ConfigError, match=r"continue with --resume, or start again with --overwrite"
    ):
        fit(config)
    with pytest.raises(ConfigError, match="choose one"):
        fit(config, resume=True, overwrite=True)
    assert len(saved(config)) == 2
    finished = fit(config, overwrite=True)
    again = mtc_keras.fit(config, resume=True)
    assert again.directory == finished.directory
    assert "is finished already" in capsys.readouterr().out
    killed(monkeypatch, config, step=2, overwrite=True)
    assert_same(fit(config, resume=True), finished)  # in place of the older run


def test_no_checkpoints_are_written_where_none_are_wanted(tmp_path, monkeypatch):
    config = configured(tmp_path / "run", keep_checkpoints=0)
    killed(monkeypatch, config, epoch=1)
    assert not checkpoint_directory(config.output.directory).exists()


def test_a_full_disk_leaves_earlier_checkpoints_whole(undisturbed, tmp_path, monkeypatch):
    config = configured(tmp_path / "run")
    save_file, written = checkpoints.save_file, []

    def on_a_disk_with_room_for_two(arrays, path):
        written.append(path)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        if len(written) > 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
        try:
            save_file(arrays, path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "save_file", on_a_disk_with_room_for_two)
        with pytest.raises(ConfigError, match="no checkpoint could be saved") as error:
            fit(config)
    assert "--resume" in str(error.value)
    directory = checkpoint_directory(config.output.directory)
    assert sorted(directory.iterdir()) == saved(config)
    assert [checkpoints.damage(path) for path in saved(config)] == [None, None]
    assert_same(fit(config, resume=True), undisturbed("static"))


# === Signals ===


def test_the_first_signal_ends_the_step_and_handlers_come_back(tmp_path, monkeypatch, capfd):
    before = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    config = configured(tmp_path / "run", checkpoint_minutes=60)
    begin = Checkpointing.on_epoch_begin

    def on_epoch_begin(self, epoch, logs=None):
        begin(self, epoch, logs)
        if epoch == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpointing, "on_epoch_begin", on_epoch_begin)
        with pytest.raises(Stopped, match="stopped in epoch 2 after step 1 of 3") as stop:
            fit(config)
    assert stop.value.exit_code == 143
    assert names(config)[-1] == "epoch_000001_step_000000001"
    assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)] == before
    assert (
        "SIGTERM: stopping after this step; a second signal stops at once" in capfd.readouterr().err
    )


def test_a_signal_in_the_last_step_of_an_epoch_waits_for_the_judgement(tmp_path, monkeypatch):
    config = configured(tmp_path / "run", checkpoint_minutes=60)
    begin = Checkpointing.on_train_batch_begin

    def on_train_batch_begin(self, batch, logs=None):
        begin(self, batch, logs)
        if batch == 2:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Checkpointing, "on_train_batch_begin", on_train_batch_begin)
    with pytest.raises(Stopped, match="stopped after epoch 1; its state is saved") as stop:
        fit(config)
    assert stop.value.exit_code == 130
    assert names(config) == ["epoch_000001_step_000000000"]


def test_handlers_are_the_main_threads_and_ignored_signals_stay_ignored():
    def enter():
        with Interruption():
            found.append(signal.getsignal(signal.SIGINT))

    found, before = [], signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        enter()
    finally:
        signal.signal(signal.SIGINT, before)
    enter()
    assert found[:2] == [before, signal.SIG_IGN]
    assert found[2] != before and signal.getsignal(signal.SIGINT) == before


def test_the_second_ctrl_c_stops_at_once(tmp_path, monkeypatch):
    config = configured(tmp_path / "run", checkpoint_minutes=60)

    def on_train_batch_begin(self, batch, logs=None):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Checkpointing, "on_train_batch_begin", on_train_batch_begin)
    with pytest.raises(KeyboardInterrupt) as stop:
        fit(config)
    assert type(stop.value) is KeyboardInterrupt
    assert saved(config) == []


@pytest.fixture(scope="module")
def on_disk(tmp_path_factory):
    """Data files, and a config of a training that takes some seconds, undisturbed."""
    directory = tmp_path_factory.mktemp("on_disk")
    for name, frame in (("train", rows(160)), ("validation", rows(24, 1)), ("test", rows(24, 2))):
        frame.to_json(directory / f"{name}.jsonl", orient="records", lines=True)
    values = tiny_values(directory / "undisturbed")
    values["training"] |= {"epochs": 6, "batch_size": 4, "checkpoint_minutes": 0.005}
    values["model"]["max_length"] = 8  # few shapes to compile
    names = ("train", "validation", "test")
    values["data"] = {name: str(directory / f"{name}.jsonl") for name in names}
    (directory / "c.toml").write_text(tomli_w.dumps(values))
    no_others = ["--set", "training.checkpoint_minutes=inf"]
    assert train.main(["--config", str(directory / "c.toml"), *no_others]) == 0
    return directory


def process(on_disk, run, *arguments):
    command = [sys.executable, "-m", "mtc_keras.train", "--config", str(on_disk / "c.toml")]
    command += ["--set", f"output.directory={run}", *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def wait_for_checkpoint(run, running):
    """Waits for a checkpoint that was not there before, or for the end of the process."""
    directory = checkpoint_directory(str(run))
    before = checkpoints.saved_checkpoints(directory)
    while running.poll() is None and checkpoints.saved_checkpoints(directory) == before:
        time.sleep(0.01)


def metrics(run):
    return json.loads((run / "metrics.json").read_text())


def test_a_process_that_is_asked_to_stop_saves_and_tells_how_to_go_on(on_disk, tmp_path):
    run, more = tmp_path / "run", []
    for number in (signal.SIGINT, signal.SIGTERM):
        running = process(on_disk, run, *more)
        wait_for_checkpoint(run, running)
        running.send_signal(number)
        _, error = running.communicate(timeout=300)
        assert running.returncode == 128 + number, error
        assert "its state is saved; continue with:" in error
        command = error.strip().splitlines()[-1].split()
        assert command[-1] == "--resume"
        more = ["--resume"]
    assert command[:2] == ["mtc-keras", "train"]
    assert train.main(command[2:]) == 0
    assert metrics(run) == metrics(on_disk / "undisturbed")


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_processes_killed_twenty_times_end_with_the_same_metrics(on_disk, tmp_path):
    moments, expected = random.Random(0), metrics(on_disk / "undisturbed")
    kills, number = 0, 0
    while kills < 20:  # in one run, or in several where the machine is fast
        run, number = tmp_path / f"run_{number}", number + 1
        while not run.exists():
            running = process(on_disk, run, "--resume")
            if kills < 20:
                wait_for_a_moment(run, running, moments)
                running.kill()
            _, error = running.communicate(timeout=600)
            assert running.returncode in (0, -signal.SIGKILL), error
            kills += running.returncode == -signal.SIGKILL
        found = metrics(run)
        assert leaves(found) == pytest.approx(leaves(expected), abs=1e-4)
        assert found["best_epoch"] == expected["best_epoch"]
        assert [line["epoch"] for line in Run(run).history] == [1, 2, 3, 4, 5, 6]


def wait_for_a_moment(run, running, moments):
    """Waits for a new checkpoint and a moment more; every fifth time, for any moment at all."""
    if moments.random() < 0.2:
        time.sleep(moments.uniform(0, 10))
        return
    wait_for_checkpoint(run, running)
    time.sleep(moments.uniform(0, 3))


def leaves(values, path=""):
    """Returns the numbers of nested dicts and lists by path."""
    if isinstance(values, list):
        values = dict(enumerate(values))
    if not isinstance(values, dict):
        return {path: values} if isinstance(values, (int, float)) else {}
    found = {}
    for key, value in values.items():
        found |= leaves(value, f"{path}/{key}")
    return found


def test_why_a_training_ended_is_read_from_a_regular_file_alone(tmp_path):
    from mtc_keras.run.checkpoints import _failure

    assert _failure(tmp_path / "checkpoints") == []
    (tmp_path / "failed.txt").write_text("the disk was full\n")
    assert _failure(tmp_path / "checkpoints") == ["when it was last trained: the disk was full"]
    (tmp_path / "failed.txt").unlink()
    os.mkfifo(tmp_path / "failed.txt")
    assert _failure(tmp_path / "checkpoints") == []


def test_a_training_goes_on_with_the_batches_that_it_had(stopped, undisturbed, monkeypatch):
    """Estimates of another version would choose other lengths."""
    others = StepCosts(per_slot=1.0, per_length=0.0)
    monkeypatch.setattr("mtc_keras.train.data.step_costs", lambda *_: others)
    kept = checkpoints.Checkpoint(saved(stopped)[-1]).batch_plan
    assert kept is not None and len(kept["lengths"]) == 1
    assert_same(fit(stopped, resume=True), undisturbed("static"))


def test_a_checkpoint_without_a_plan_goes_on_with_that_of_its_version(stopped, monkeypatch):
    for path in saved(stopped):
        state = json.loads((path / checkpoints.STATE).read_text())
        del state["batch_plan"]
        (path / checkpoints.STATE).write_text(json.dumps(state | {"format": 1}))
        checkpoints.write_sums(path, (checkpoints.ARRAYS, checkpoints.STATE))
    asked = []

    def plan_of_0_1(sizes, batch_size):
        asked.append(batch_size)
        return plan.plan_of_0_1(sizes, batch_size)

    monkeypatch.setattr("mtc_keras.train.data.plan_of_0_1", plan_of_0_1)
    run = fit(stopped, resume=True)
    assert asked == [stopped.training.batch_size]
    assert [line["epoch"] for line in run.history] == [1, 2, 3]
