"""The benchmark counts padding and FLOPs as one would by hand, and runs through."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import measure, speed
from benchmarks.measure import forward_flops, matmul_size
from benchmarks.rounds import alternate
from benchmarks.sides import GOEMOTIONS_LENGTHS, Ours, plain_lengths, work_of
from benchmarks.tables import bars
from mtc_keras.config import load_config
from mtc_keras.data.reading import read_splits
from mtc_keras.errors import ConfigError
from mtc_keras.model.classifier import MultiTaskClassifier
from mtc_keras.tasks import Multiclass
from tests.conftest import ROOT, rows, tiny_bert, tiny_config


def tiny_toml(directory: Path) -> Path:
    """Writes a config of three tasks on a tiny backbone, and its rows."""
    data = directory / "train.jsonl"
    rows(80).to_json(data, orient="records", lines=True)
    config = directory / "tiny.toml"
    text = tiny_config(directory / "run", data={"train": str(data)}).to_toml()
    config.write_text(text, encoding="utf-8")
    return config


def run(arguments: list[str], directory: Path) -> dict:
    found = directory / "numbers.json"
    assert speed.main([*arguments, "--warm-cache", "--json", str(found)]) == 0
    return json.loads(found.read_text(encoding="utf-8"))


def test_flops_and_padding_are_those_of_a_hand_count():
    backbone, preprocessor = tiny_bert()  # 2 layers, 8 wide, 16 wide between
    tasks = [Multiclass(name="a", classes=["x", "y"]), Multiclass(name="b", classes=["u", "v"])]
    size = matmul_size(MultiTaskClassifier(backbone, tasks, preprocessor))
    # A layer: query, key, value, output of 8 × 8, and 8 × 16 and back.
    assert size.layer_parameters == 2 * (4 * 8 * 8 + 2 * 8 * 16)
    assert size.head_parameters == 8 * 2 + 8 * 2

    # Rows of 3 and 5 tokens: a multiplication and an addition a weight and token; scores and
    # their weighted sum, 3 × 3 × 8 and 5 × 5 × 8 multiplications each, in 2 layers.
    products = 2 * size.layer_parameters * (3 + 5)
    attention = 2 * (2 * 2 * 8 * (9 + 25))
    heads = 2 * 32 * 2
    assert forward_flops(size, np.array([3, 5])) == products + attention + heads
    # Both in one batch of 2 rows of 6 slots.
    assert work_of(np.array([3, 5]), 2 * 6, size).padding_share == pytest.approx(4 / 12)


def test_a_model_with_shared_layers_is_not_counted(monkeypatch):
    backbone, preprocessor = tiny_bert()
    model = MultiTaskClassifier(backbone, [Multiclass(name="a", classes=["x", "y"])], preprocessor)
    monkeypatch.setattr(backbone, "num_layers", 12)
    with pytest.raises(ValueError, match="cannot count the FLOPs of a BertBackbone"):
        matmul_size(model)


def test_the_order_of_rounds_does_not_mix_up_the_sides(monkeypatch):
    """The first side is compared with the others, whichever runs first in a round."""

    class Side:
        def __init__(self, name: str, seconds: float) -> None:
            work = measure.Work(rows=10, tokens=30, slots=40, forward_flops=100.0)
            self.name, self.seconds = name, seconds
            self.work = {"training": work, "prediction": work}

        def run(self, action: str) -> float:
            ran.append(self.name)
            return self.seconds

        def facts(self) -> dict:
            return {}

    ran: list[str] = []
    monkeypatch.setattr(measure, "matmul_peak", lambda dtype: 1000.0)
    args = argparse.Namespace(rounds=2, precision="float32")
    found = alternate([Side("ours", 2.0), Side("peer", 5.0)], args)
    assert ran == ["ours", "peer"] * 2 + ["peer", "ours"] * 2
    assert found["ratios"]["peer"]["training"]["median"] == 2.5
    ours = found["sides"]["ours"]["training"]
    assert ours["examples_per_second"]["median"] == 5.0
    assert ours["model_flops_per_second"]["median"] == 3 * 100 / 2
    assert ours["share_of_peak"]["median"] == pytest.approx(0.15)
    assert found["sides"]["peer"]["prediction"]["model_flops_per_second"]["median"] == 100 / 5


BARS_MET = {
    "sides": {name: {} for name in "abcd"},
    "ratios": {
        "Trainer, tuned": {"training": {"median": 1.3}, "prediction": {"median": 0.9}},
        "one model": {"training": {"median": 2.8}, "prediction": {"median": 1.0}},
    },
    "full_batches": {"32": {"share_of_peak": {"median": 0.9}}},
}


def test_bars_are_judged_where_they_were_measured():
    found = list(bars(BARS_MET))
    assert [(bar["measured"], bar["bar"], bar["met"]) for bar in found] == [
        (1.3, "≥ 1.25", True),
        (0.9, "≥ 1", False),
        (0.9, "≥ 0.85", True),
        (2.8, "≥ 2.7", True),
    ]
    of_two_tasks = {**BARS_MET, "sides": {name: {} for name in "abc"}}
    assert "three" not in " ".join(bar["what"] for bar in bars(of_two_tasks))


@pytest.mark.slow
def test_the_benchmark_of_a_config(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(measure, "PEAK_SECONDS", 0.01)
    monkeypatch.setitem(measure.PEAK_SIZES, "cpu", (512,))
    config = tiny_toml(tmp_path)
    found = run(["--config", str(config), "--rows", "48", "--rounds", "2"], tmp_path)
    side = found["sides"]["mtc_keras"]
    for action in ("training", "prediction"):
        measured = side[action]
        assert measured["rows"] == 48
        assert len(measured["seconds"]) == 2
        assert 48 * 3 <= measured["tokens"] <= 48 * 16
        assert 0 <= measured["padding_share"] < 0.7
        assert measured["examples_per_second"]["median"] == pytest.approx(
            np.median([48 / seconds for seconds in measured["seconds"]])
        )
        for rate in ("examples_per_second", "tokens_per_second", "share_of_peak"):
            assert 0 < measured[rate]["low"] <= measured[rate]["median"] <= measured[rate]["high"]
    assert found["compiled_while_timed"] == 0
    assert set(found["full_batches"]) == {"32", "128"}
    assert found["full_batches"]["32"]["padding_share"] == 0
    assert found["whole_epoch"]["rows"] == 80
    assert side["peak_memory_bytes"] > 2**20
    assert side["compile_seconds"]["training"] > 0
    stages = side["stages_to_first_step"]
    assert {"imports", "data", "model", "tokens", "first_step"} <= set(stages)
    assert side["seconds_to_first_step"] == pytest.approx(sum(stages.values()))
    assert [bar["met"] for bar in found["bars"]] == [False, False]  # a tiny model is far below
    assert "training: examples/s" in capsys.readouterr().out


def test_the_padding_share_is_that_of_the_batches_read(tmp_path):
    config = load_config(tiny_toml(tmp_path))
    ours = Ours(config, read_splits(config), rows=48)
    batches = list(ours.batches.dataset().as_numpy_iterator())
    assert len(batches) == 3
    slots = sum(inputs["token_ids"].size for inputs, *_ in batches)
    tokens = sum(int(inputs["padding_mask"].sum()) for inputs, *_ in batches)
    assert ours.work["training"].tokens == tokens
    assert ours.work["training"].padding_share == pytest.approx(1 - tokens / slots)
    assert sorted(ours.tokens.lengths.tolist()) == sorted(
        int(n) for inputs, *_ in batches for n in inputs["padding_mask"].sum(axis=1)
    )


@pytest.mark.slow
def test_generated_rows_are_measured_stage_by_stage(tmp_path):
    found = run(["--scaling", "rows", "--most-rows", "1000"], tmp_path)
    stages = found["rows"]["1000"]["microseconds_per_row"]
    assert set(stages) == {"read", "tokens", "compiling", "batches", "training", "prediction"}
    assert all(cost > 0 for cost in stages.values())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--config FILE is required"),
        (["--config", "x.toml", "--peer", "hf"], "--peer needs --peer-python"),
        (["--plain", "--rows", "0"], "must be 1 or more"),
    ],
)
def test_a_wrong_command_line_ends_with_a_message(arguments, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        speed.main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_lengths_are_drawn_from_the_histogram_or_all_equal():
    drawn = plain_lengths("goemotions", 20_000)
    counts = np.array(GOEMOTIONS_LENGTHS)
    mean = (counts * np.arange(len(counts))).sum() / counts.sum()
    assert drawn.mean() == pytest.approx(mean, rel=0.02)
    assert drawn.min() >= 3
    assert plain_lengths("512", 3).tolist() == [512] * 3
    with pytest.raises(ConfigError, match="received 'long'"):
        plain_lengths("long", 3)


PLAIN = """
import sys
sys.modules["tensorflow"] = sys.modules["tensorflow_text"] = None  # as if not installed
from benchmarks import sides, speed
sides.BERT_BASE |= {
    "num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 8, "vocabulary_size": 99
}
sys.exit(speed.main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_plain_arrays_need_no_tensorflow(tmp_path):
    found = tmp_path / "numbers.json"
    options = ["--lengths", "24", "--rows", "64", "--rounds", "1", "--precision", "bfloat16"]
    subprocess.run(
        [sys.executable, "-c", PLAIN, "--plain", "--json", str(found), *options],
        check=True,
        cwd=ROOT,
    )
    side = json.loads(found.read_text(encoding="utf-8"))["sides"]["mtc_keras"]
    assert side["training"]["rows"] == 64
    assert side["training"]["padding_share"] == side["prediction"]["padding_share"] == 0
    assert side["training"]["examples_per_second"]["median"] > 0
