"""A run of one file with a column of splits is judged and calibrated on the right rows of it."""

import json

import numpy as np
import pandas as pd
import pytest

from mtc_keras import (
    calibrate_run,
    compare_runs,
    evaluate_run,
    export_model,
    fit,
    predict_files,
)
from mtc_keras.errors import ConfigError, DataError
from tests.conftest import rows, tiny_config

SIZES = {"train": 96, "dev": 40, "test": 24}


@pytest.fixture(scope="module")
def split_run(tmp_path_factory):
    """The path of a run and of the file with all its rows, whose texts are nested."""
    folder = tmp_path_factory.mktemp("split")
    frame = rows(sum(SIZES.values()))
    frame["split"] = np.repeat(list(SIZES), list(SIZES.values()))
    frame = frame.sample(frac=1, random_state=0)
    records = frame.to_dict("records")
    lines = [{"data": {"text": row.pop("text")}, **row} for row in records]
    file = folder / "all.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    data = {"train": str(file), "split": "split", "text": "data.text"}
    fit(tiny_config(folder / "run", data=data), verbose=0)
    return folder / "run", file


def test_evaluation_reads_the_test_rows_of_the_file_that_was_trained(split_run):
    run, file = split_run
    told = "data.split: 24 rows of test by column 'split'; 136 other rows are not read"
    for data in (None, str(file)):
        found = evaluate_run(run, data)
        assert found.metrics["tasks"]["mood"]["rows"] == SIZES["test"]
        assert told in found.notes
    alone = pd.DataFrame(json.loads(line) for line in file.read_text().splitlines())
    alone = alone[alone["split"] == "test"].drop(columns="split")
    again = evaluate_run(run, alone)
    assert again.metrics["tasks"]["mood"] == evaluate_run(run).metrics["tasks"]["mood"]
    assert not any("data.split" in note for note in again.notes)
    with pytest.raises(DataError, match="no row belongs to test"):
        evaluate_run(run, alone.assign(split="train"))


def test_calibration_reads_the_validation_rows_and_comparison_the_test_rows(split_run):
    run, file = split_run
    for data in (None, str(file)):
        found = calibrate_run(run, data)
        assert found.metrics["tasks"]["mood"]["rows"] == SIZES["dev"]
    assert compare_runs(run, run, resamples=10).tasks["mood"]["rows"] == SIZES["test"]


def test_the_run_trained_on_training_rows_alone_and_bulk_prediction_takes_all(split_run):
    run, file = split_run
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["test"]["tasks"]["mood"]["rows"] == SIZES["test"]
    predict_files(run, [str(file)], file.parent / "out.jsonl", verbose=0)
    lines = (file.parent / "out.jsonl").read_text().splitlines()
    assert len(lines) == sum(SIZES.values())
    assert all({"data", "split", "predicted_mood"} <= json.loads(line).keys() for line in lines)


def test_a_run_is_judged_on_parallel_files_too(split_run, tmp_path):
    run, _ = split_run
    text, mood = tmp_path / "text.txt", tmp_path / "mood.txt"
    text.write_text("the bus was good\nbad\n")
    mood.write_text("good\nbad\n")
    by_column = {"data.text": text, "mood": mood}
    for data in (by_column, [f"{column}={path}" for column, path in by_column.items()]):
        found = evaluate_run(run, data)
        assert found.metrics["tasks"]["mood"]["rows"] == 2
        assert found.name == f"{text}, {mood}"


def test_a_run_without_rows_of_a_split_says_what_is_missing(tmp_path):
    frame = rows(64).assign(split="train")
    frame.to_csv(tmp_path / "x.csv", index=False)
    data = {"train": str(tmp_path / "x.csv"), "split": "split"}
    config = tiny_config(
        tmp_path / "run",
        data=data,
        training={"epochs": 1},
        tasks={"topics": {"kind": "multilabel", "separator": "auto"}},
    )
    frame["topics"] = ["|".join(topics) or "none" for topics in frame["topics"]]
    frame.to_csv(tmp_path / "x.csv", index=False)
    fit(config, verbose=0)
    with pytest.raises((ConfigError, DataError), match="no row belongs to test"):
        evaluate_run(tmp_path / "run")


def test_a_saved_model_predicts_rows_whose_texts_are_nested(split_run, tmp_path):
    run, file = split_run
    export_model(run, tmp_path / "export")
    out = {}
    for name, model in (("run", run), ("export", tmp_path / "export")):
        predict_files(model, [str(file)], tmp_path / f"{name}.jsonl", verbose=0)
        lines = (tmp_path / f"{name}.jsonl").read_text().splitlines()
        out[name] = list(map(json.loads, lines))
    assert [row["data"] for row in out["export"]] == [row["data"] for row in out["run"]]
    for ours, theirs in zip(out["run"], out["export"], strict=True):
        for label, probability in ours["mood_probabilities"].items():
            assert theirs["mood_probabilities"][label] == pytest.approx(probability, abs=1e-4)
