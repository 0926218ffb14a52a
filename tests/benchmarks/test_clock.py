"""The benchmark of whole commands draws the same rows, and reads a training as it prints."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks import clock
from benchmarks.machine import machine
from benchmarks.whole_commands import rows_of, seconds_of, seconds_to_score, with_tasks
from mtc_keras.config import load_config
from mtc_keras.errors import ConfigError
from tests.benchmarks.test_speed import tiny_toml
from tests.conftest import tiny_config

PRINTS = """
print("validation: 10 rows")
print("validation after epoch 1 ← best so far: score 0.5000 (in brackets: …)")
print("validation after epoch 2: score 0.7000 (in brackets: …)")
"""


def test_a_training_is_as_good_from_the_first_epoch_whose_score_is_as_high():
    command = [sys.executable, "-c", PRINTS]
    assert seconds_to_score(command, {}, 0.5)["score"] == 0.5
    assert seconds_to_score(command, {}, 0.6)["score"] == 0.7
    assert seconds_to_score(command, {}, 0.8) is None


def test_a_command_that_fails_says_what_it_said_last():
    with pytest.raises(ConfigError, match="ended with 3") as failed:
        seconds_of([sys.executable, "-c", "import sys; print('oh', file=sys.stderr); exit(3)"], {})
    assert failed.value.problems == ["oh"]


def test_rows_are_shuffled_alike_and_are_all_there(tmp_path):
    config = load_config(tiny_toml(tmp_path))
    lines = rows_of(config)
    assert lines == rows_of(config)
    assert sorted(lines) == sorted((tmp_path / "train.jsonl").read_text("utf-8").splitlines())
    with pytest.raises(ConfigError, match=r"draws its rows from \.jsonl files"):
        rows_of(tiny_config(tmp_path / "run", data={"train": str(tmp_path / "train.csv")}))


def test_tasks_are_chosen_by_name(tmp_path):
    config = load_config(tiny_toml(tmp_path))
    first = next(iter(config.tasks))
    assert list(with_tasks(config, [first]).tasks) == [first]
    with pytest.raises(ConfigError, match="no task 'nothing'"):
        with_tasks(config, ["nothing"])


def test_a_machine_is_told_with_its_peak():
    found = machine()
    assert found["sgemm_gflops"] > 1
    assert f"{found['cores']} cores" in found["shown"]


def test_bars_are_told_as_met_or_missed(capsys):
    row = {"ours": {"cold": 130.0, "warm": 90.0}, "score": 0.9, "as_good_as_peer": None}
    peer = {"mean": {"seconds": 100.0, "score": 0.7}}
    clock.show(
        {
            "machine": {"shown": "a machine"},
            "config": "x.toml",
            "tasks": ["a"],
            "epochs": 2,
            "rows": {2_500: {**row, "peer": peer}, 25_000: {**row, "peer": peer}},
            "start": {"predict --text": 5.0},
        }
    )
    shown = capsys.readouterr().out
    assert "| 2,500 | 130.0 s | 90.0 s | 100.0 s | never | 0.9000 | 0.7000 |" in shown
    assert "| 2,500 rows, warm: over the faster Trainer's time | 0.90 | ≤ 1.0 | met |" in shown
    assert "| 25,000 rows, warm: over the faster Trainer's time | 0.90 | ≤ 0.8 | missed |" in shown
    assert "| 2,500 rows, cold: over the faster Trainer's time | 1.30 | ≤ 1.4 | met |" in shown
    assert "| predict --text | 5.0 s | ≤ 4.0 s | missed |" in shown


@pytest.mark.slow
def test_the_benchmark_runs_without_a_peer(tmp_path):
    found = tmp_path / "numbers.json"
    options = ["--rows", "40", "--test-rows", "20", "--epochs", "1", "--json", str(found)]
    assert clock.main(["--config", str(tiny_toml(tmp_path)), *options]) == 0
    numbers = json.loads(Path(found).read_text("utf-8"))
    assert numbers["rows"]["40"]["ours"].keys() == {"cold", "warm"}
    assert numbers["start"].keys() == {
        "predict --text",
        "import mtc_keras",
        "import, load, predict",
    }
