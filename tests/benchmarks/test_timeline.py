"""The timeline of a training: each stage once, and what JAX did in it."""

import json
import platform

import tomli_w

from benchmarks.timeline import timeline
from tests.conftest import rows, tiny_values


def test_a_timeline_has_each_stage_and_what_jax_did_in_it(tmp_path):
    data = tmp_path / "train.jsonl"
    records = rows(48).to_dict("records")
    data.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    values = tiny_values(tmp_path / "run")
    config = tmp_path / "config.toml"
    config.write_text(tomli_w.dumps({**values, "data": {"train": str(data)}}))
    found = timeline(str(config))
    stages = {stage.name: stage for stage in found.stages}
    assert list(stages)[2:] == sorted(list(stages)[2:], key=lambda name: stages[name].begins)
    training, whole = stages["train_model"], stages["train"]
    assert 0 < training.seconds < whole.seconds
    assert 0 < training.programs <= whole.programs  # a process before may have compiled the rest
    assert 0 < training.jax["compiling"] <= whole.jax["compiling"]
    assert {"read_splits", "build_model", "judge"} <= set(stages)
    assert 0 < training.peak <= whole.peak
    assert training.held <= training.peak
    assert (training.allocated > 0) == (platform.libc_ver()[0] == "glibc")
    table = list(found.lines())
    assert len(table) == 2 + len(found.stages)
    assert table[0].count("|") == table[-1].count("|")
