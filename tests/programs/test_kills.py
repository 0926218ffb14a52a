"""Killed at any moment, a program leaves what was there or what was to come; the next start works.

The moments are those at which something appears, changes or goes in the folder that it writes to.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import tomli_w

from mtc_keras import cli
from mtc_keras.files import held
from mtc_keras.run.directory import Run
from tests.conftest import RANDOM, ROOT, rows, tiny_values

OLD = ROOT / "tests" / "written_by_0_1"
ENDED = {signal.SIGKILL: (-9,), signal.SIGTERM: (143, -15), signal.SIGINT: (130, -2)}


@pytest.fixture(autouse=True)
def signals_as_in_a_terminal():
    """Ctrl-C stops what the tests start, also where they run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def state(folder: Path) -> frozenset:
    """Returns what lies in a folder, and how large and old it is."""
    found = set()
    for inner, folders, files in os.walk(folder):  # which takes no notice of what goes meanwhile
        for name in (*folders, *files):
            with suppress(FileNotFoundError):
                status = os.stat(os.path.join(inner, name))
                found.add((inner, name, status.st_size, status.st_mtime_ns))
    return frozenset(found)


def killed(arguments, folder: Path, moment: int, number: signal.Signals) -> bool:
    """Starts a program and kills it when the folder has changed so often; returns if it was."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mtc_keras", *arguments],
        cwd=ROOT,
        # Of a kind that Keras makes no keys for: a program does without it.
        env={**os.environ, "JAX_DEFAULT_PRNG_IMPL": "rbg"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    seen, before = 0, state(folder)
    while process.poll() is None:
        now = state(folder)
        if now != before:
            seen, before = seen + 1, now
            if seen == moment:
                process.send_signal(number)
                break
        time.sleep(0.001)
    _, error = process.communicate(timeout=300)
    assert process.returncode in (0, *ENDED[number]), error
    assert "Traceback" not in error or process.returncode in (-9, -2)
    return process.returncode != 0


def moments(quick, slow):
    """Parametrizes by moment and signal."""
    params = [pytest.param(*one) for one in quick]
    params += [
        pytest.param(moment, number, marks=pytest.mark.slow)
        for moment in slow
        for number in ENDED
        if (moment, number) not in quick
    ]
    return pytest.mark.parametrize(("moment", "number"), params)


@pytest.fixture
def run(tmp_path) -> Path:
    return shutil.copytree(OLD / "run", tmp_path / "runs" / "x")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


@moments(quick=[(1, signal.SIGKILL)], slow=range(1, 6))
def test_calibrate(moment, number, run, tmp_path):
    before, task = names(tmp_path), json.loads((run / "model" / "task.json").read_text())
    arguments = ["calibrate", "--model", str(run), "--data", str(OLD / "validation.jsonl")]
    killed([*arguments, "--thresholds", "0.25"], tmp_path, moment, number)
    left = json.loads((run / "model" / "task.json").read_text())
    decisions = [saved["config"].pop("decisions") for saved in (left, task)]
    assert left == task
    assert decisions[0] == decisions[1] or set(decisions[0]["topics"]["thresholds"].values()) == {
        0.25
    }
    assert cli.main([*arguments, "--thresholds", "0.75"]) == 0
    thresholds = Run(run).model.decisions["topics"].thresholds
    assert set(thresholds.values()) == {0.75}
    assert names(tmp_path) == before


def test_what_an_export_has_started_ends_with_it():
    """A child of another process than the one it is told of: as if that had been killed."""
    child = [sys.executable, "-m", "mtc_keras.export.child", "1" * 9, "http.server", "0"]
    done = subprocess.run(child, cwd=ROOT, capture_output=True, timeout=60)
    assert done.returncode == 1
    own = [*child[:3], str(os.getpid()), "platform"]
    assert subprocess.run(own, cwd=ROOT, capture_output=True, timeout=60).returncode == 0


@pytest.mark.slow
@moments(quick=[], slow=[1, 3, 6, 12, 20, 40])
def test_export(moment, number, run, tmp_path):
    out = tmp_path / "exports" / "x"
    arguments = ["export", "--model", str(run), "--out", str(out)]
    if killed(arguments, tmp_path, moment, number):
        assert not (out / "1").exists() or (out / "1" / "README.md").is_file()
    time.sleep(1)  # for what it has started to see that it is alone
    assert cli.main(arguments) == 0
    latest = max(path for path in out.iterdir() if path.name.isdigit())
    assert (latest / "README.md").is_file() and (latest / "saved_model.pb").is_file()
    assert [name for name in names(tmp_path) if name.startswith(".")] == []


@pytest.mark.slow
@moments(quick=[], slow=[1, 2, 3, 4])
def test_compare_of_runs(moment, number, run, tmp_path):
    out = tmp_path / "out.json"
    arguments = ["compare", "--runs", str(run), str(run), "--data", str(OLD / "test.jsonl")]
    killed([*arguments, "--out", str(out)], tmp_path, moment, number)
    if out.exists():
        assert json.loads(out.read_text())["tasks"]
    assert cli.main([*arguments, "--out", str(out)]) == 0
    assert json.loads(out.read_text())["tasks"]
    with Run(run).being_changed():  # no dead reader stands in the way, and none is left
        pass
    assert not [name for name in names(run.parent) if name.endswith((".lock", ".reader"))]


@pytest.fixture
def compared(tmp_path) -> list[str]:
    """The command line of a comparison of three trainings."""
    for name, frame in (("train", rows(48)), ("validation", rows(24, 1)), ("test", rows(24, 2))):
        frame.to_json(tmp_path / f"{name}.jsonl", orient="records", lines=True)
    values = tiny_values(tmp_path / "out" / "run")
    values["tasks"].pop("topics")
    values["model"] = {**RANDOM, "max_length": 8}
    values["training"] |= {"checkpoint_minutes": 0.001}
    values["data"] = {
        name: str(tmp_path / f"{name}.jsonl") for name in ("train", "validation", "test")
    }
    (tmp_path / "c.toml").write_text(tomli_w.dumps(values))
    return ["compare", "--config", str(tmp_path / "c.toml")]


@pytest.mark.slow
@moments(quick=[], slow=[1, 10, 40, 80])
def test_compare_of_approaches(moment, number, compared, tmp_path):
    (tmp_path / "out").mkdir()
    killed(compared, tmp_path / "out", moment, number)
    assert cli.main(compared) == 0
    found = json.loads((tmp_path / "out" / "run_compare" / "compare.json").read_text())
    assert set(found["tasks"]) == {"mood", "length"}
    for name in ("joint", "single_mood", "single_length"):
        assert len(Run(tmp_path / "out" / "run_compare" / "seed_0" / name).history) == 2
    assert not [name for name in names(tmp_path) if name.endswith((".part", ".unfinished"))]
    for lock in tmp_path.rglob(".*.lock"):  # of a run that was whole when the program was killed
        with held(lock.with_name(lock.name[1:].removesuffix(".lock")), "nobody"):
            pass
    assert not list(tmp_path.rglob(".*.lock"))
