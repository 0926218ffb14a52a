"""The programs at the command line, from a config file to predictions."""

import json
import shutil
import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path

import jsonschema
import pandas as pd
import pytest
import tomli_w

from mtc_keras import calibrate, evaluate
from mtc_keras.config import config_schema
from mtc_keras.predict import program as predict
from mtc_keras.run.directory import Run
from mtc_keras.train import program as train
from tests.conftest import ROOT, processor_seconds, rows, tiny_values

TEXTS = ["good clerk", "", "   ", "bad queue 😀", "مرحبا bus", "fee\0form", "slow " * 20_000]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of the program on csv and jsonl files, with overrides and texts of every sort."""
    directory = tmp_path_factory.mktemp("trained")
    frame = rows(48)
    frame["text"] = [TEXTS[row % 7] if row % 3 == 0 else t for row, t in enumerate(frame["text"])]
    frame["topics"] = frame["topics"].map("|".join)
    frame["mood"] = [mood if row % 5 else "" for row, mood in enumerate(frame["mood"])]
    frame.to_csv(directory / "train.csv", index=False)
    rows(16, 1).to_json(directory / "more.jsonl", orient="records", lines=True)
    judged = frame.iloc[:12].copy()
    judged.loc[1, "mood"] = "unheard of"
    judged.to_csv(directory / "test.csv", index=False)
    values = tiny_values(directory / "run")
    values["tasks"]["topics"]["empty_cell"] = "none"
    files = [str(directory / name) for name in ("train.csv", "more.jsonl")]
    values["data"] = {"train": files, "test": str(directory / "test.csv")}
    (directory / "c.toml").write_text(tomli_w.dumps(values))
    arguments = ["--config", str(directory / "c.toml"), "--set", "training.epochs=1", "--verbose"]
    arguments += ["--set", "tasks.topics.loss_weight=3", "--set", "model.pooling=cls"]
    arguments += ["--set", "data.validation=0.25", "--set", "tasks.mood.unknown_classes=ignore"]
    assert train.main(arguments) == 0
    return Run(directory / "run")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """A run on text pairs that took the place of an older one."""
    directory = tmp_path_factory.mktemp("pairs")
    (directory / "run" / "predictions").mkdir(parents=True)
    (directory / "run" / "run.json").write_text('{"format": 2, "written_by": "mtc-keras"}')
    (directory / "run" / "predictions" / "test.jsonl").write_text("of an older run")
    frame = rows(32)
    frame["answer"] = frame["text"].str.upper()
    frame.to_json(directory / "train.jsonl", orient="records", lines=True)
    values = tiny_values(directory / "run")
    values["training"]["epochs"] = 1
    values["data"] = {"train": str(directory / "train.jsonl"), "text": ["text", "answer"]}
    (directory / "c.toml").write_text(tomli_w.dumps(values))
    assert train.main(["--config", str(directory / "c.toml"), "--overwrite"]) == 0
    return Run(directory / "run")


def numbers(values, path=""):
    """Returns every leaf of nested dicts and lists by its path."""
    if isinstance(values, list):
        values = dict(enumerate(values))
    if not isinstance(values, dict):
        return {path: values}
    return {k: v for key, item in values.items() for k, v in numbers(item, f"{path}/{key}").items()}


def test_rows_of_all_training_files_are_read(trained):
    environment = json.loads((trained.directory / "environment.json").read_text())
    names = [Path(path).name for path in environment["data_sha256"]]
    assert names == ["train.csv", "more.jsonl", "test.csv"]
    log = (trained.directory / "train.log").read_text()
    assert "16 training rows are split off" in log
    first = f"first {trained.directory.parent / 'train.csv'}:17, "
    assert f"train: 2 rows without a text are left out, {first}" in log


def test_a_class_that_training_lacks_is_missing_where_it_is_ignored(trained):
    lines = (trained.directory / "predictions" / "test.jsonl").read_text().splitlines()
    targets = [json.loads(line)["target_mood"] for line in lines]
    assert [row for row, target in enumerate(targets) if target is None] == [0, 1, 5, 10]
    assert trained.metrics["test"]["tasks"]["mood"]["rows"] == 8


def test_overwrite_replaces_the_older_run_whole(pairs):
    assert not (pairs.directory / "predictions" / "test.jsonl").exists()
    names = sorted(path.name for path in pairs.directory.parent.iterdir())
    assert names == ["c.toml", "run", "train.jsonl"]


def test_predict_takes_both_texts_of_a_pair(pairs, capsys):
    arguments = ["--text", "good bus", "slow", "--text", "bad", ""]
    assert predict.main(["--model", str(pairs.directory), *arguments]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    expected = pairs.model.classify((["good bus", "bad"], ["slow", ""]), batch_size=16)
    assert [line["predicted_topics"] for line in lines] == [e["topics"]["labels"] for e in expected]
    assert [(line["text"], line["answer"]) for line in lines] == [("good bus", "slow"), ("bad", "")]


@pytest.mark.parametrize("texts", [["good"], ["good", "bad", "fine"]], ids=len)
def test_predict_refuses_another_number_of_texts_than_the_pairs_two(texts, pairs, capsys):
    arguments = ["--text", "good", "bad", "--text", *texts]
    assert predict.main(["--model", str(pairs.directory), *arguments]) == 2
    message = capsys.readouterr().err
    assert f"--text needs 2 of ['text', 'answer'], received {len(texts)}" in message


def test_overrides_stand_in_the_resolved_config(trained):
    assert trained.config.training.epochs == 1
    assert trained.config.tasks["topics"].loss_weight == 3
    assert trained.config.model.pooling == "cls"
    assert len(trained.history) == 1


def test_verbose_shows_every_class(trained):
    log = (trained.directory / "train.log").read_text()
    for word in ["topics by class", "support", "queue", "bus", "rows and labels"]:
        assert word in log


def test_evaluate_repeats_the_runs_numbers(trained, tmp_path, capsys):
    out = tmp_path / "metrics.json"
    assert evaluate.main(["--model", str(trained.directory), "--out", str(out)]) == 0
    found, known = json.loads(out.read_text()), trained.metrics["test"]
    assert numbers(found) == pytest.approx(numbers(known), abs=1e-6)
    assert "test: score" in capsys.readouterr().out


def test_evaluate_gives_the_same_numbers_for_the_file_by_name(trained, tmp_path, capsys):
    out = tmp_path / "metrics.json"
    data = str(trained.directory.parent / "test.csv")
    arguments = ["--model", str(trained.directory), "--data", data, "--out", str(out), "--verbose"]
    assert evaluate.main(arguments) == 0
    found = json.loads(out.read_text())
    assert numbers(found) == pytest.approx(numbers(trained.metrics["test"]), abs=1e-6)
    assert "topics by class" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"]


def test_evaluate_shows_tasks_without_labels_as_such(trained, tmp_path, capsys):
    rows(6).drop(columns=["mood", "length"]).to_json(
        tmp_path / "some.jsonl", orient="records", lines=True
    )
    arguments = ["--model", str(trained.directory), "--data", str(tmp_path / "some.jsonl")]
    assert evaluate.main([*arguments, "--out", str(tmp_path / "m.json")]) == 0
    found = json.loads((tmp_path / "m.json").read_text())
    assert found["tasks"]["mood"] is None
    assert found["tasks"]["topics"]["rows"] == 6
    assert "–" in capsys.readouterr().out


def test_evaluate_and_calibrate_say_how_many_rows_have_no_text(trained, tmp_path, capsys):
    frame = rows(20)
    frame.loc[[2, 5], "text"] = None
    frame.to_json(tmp_path / "some.jsonl", orient="records", lines=True)
    copy = shutil.copytree(trained.directory, tmp_path / "run")
    for program in (evaluate, calibrate):
        assert program.main(["--model", str(copy), "--data", str(tmp_path / "some.jsonl")]) == 0
        shown = " ".join(capsys.readouterr().out.split())
        assert f"some.jsonl:3, {tmp_path / 'some.jsonl'}:6" in shown
        assert "2 rows without a text are left out, first" in shown


def test_predict_takes_one_text(trained, capsys):
    assert predict.main(["--model", str(trained.directory), "--text", "good clerk"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert found["text"] == "good clerk"
    expected = trained.model.classify(["good clerk"])[0]
    assert found["predicted_mood"] == expected["mood"]["label"]
    for name, value in expected["topics"]["probabilities"].items():
        assert found["topics_probabilities"][name] == round(value, 4)  # on the screen


def test_predict_takes_texts_of_every_sort(trained, capsys):
    arguments = [part for text in TEXTS[:-1] for part in ("--text", text.replace("\0", " "))]
    assert predict.main(["--model", str(trained.directory), *arguments]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["text"] for line in lines] == [t.replace("\0", " ") for t in TEXTS[:-1]]
    names = ["text", "predicted_mood", "mood_probabilities", "predicted_topics"]
    assert list(lines[0]) == [*names, "topics_probabilities", "predicted_length"]


@pytest.mark.parametrize("name", ["in.csv", "in.jsonl"])
def test_predict_reads_rows_without_labels_and_keeps_ids_and_order(name, trained, tmp_path, capsys):
    frame = rows(20)[["id", "text"]]
    frame.loc[:6, "text"] = TEXTS
    if name == "in.csv":
        frame.to_csv(tmp_path / name, index=False)
    else:
        frame.to_json(tmp_path / name, orient="records", lines=True)
    out = tmp_path / "out.jsonl"
    arguments = ["--model", str(trained.directory), "--data", str(tmp_path / name)]
    assert predict.main([*arguments, "--out", str(out)]) == 0
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    names = [name, "out.jsonl"]
    if name == "in.csv":  # there an empty text is none
        frame = frame[frame["text"] != ""]
        names.insert(1, "out.bad_rows.jsonl")
    assert [line["id"] for line in lines] == frame["id"].tolist()
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    expected = trained.model.classify(frame["text"].tolist(), batch_size=16)
    assert [line["predicted_mood"] for line in lines] == [e["mood"]["label"] for e in expected]
    assert f"{len(frame)} predictions" in capsys.readouterr().out


def test_predict_carries_ids_that_json_has_no_type_for(trained, tmp_path, capsys):
    frame = pd.DataFrame({"id": [date(2024, 1, 2)], "text": ["good"]})
    frame.to_parquet(tmp_path / "in.parquet")
    arguments = ["--model", str(trained.directory), "--data", str(tmp_path / "in.parquet")]
    assert predict.main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["id"] == "2024-01-02"


def test_predict_writes_ids_that_utf_8_cannot_encode(trained, tmp_path):
    (tmp_path / "in.jsonl").write_text('{"id": "\\ud83d", "text": "good"}\n')
    arguments = ["--model", str(trained.directory), "--data", str(tmp_path / "in.jsonl")]
    assert predict.main([*arguments, "--out", str(tmp_path / "out.jsonl")]) == 0
    assert json.loads((tmp_path / "out.jsonl").read_text())["id"] == "\ud83d"
    assert not (tmp_path / "out.jsonl.part").exists()


def test_the_schema_is_for_editors(capsys):
    with pytest.raises(SystemExit, match="0"):
        train.main(["--print-schema"])
    schema = json.loads(capsys.readouterr().out)
    assert schema == json.loads(config_schema())
    sections = {"data", "tasks", "model", "training", "balancing", "distribution", "decisions"}
    assert set(schema["properties"]) == {"seed", "output", "report", "tracking", *sections}
    assert "name" not in schema["$defs"]["multilabel"]["properties"]


def test_the_schema_accepts_the_configs_and_refuses_mistakes():
    schema = json.loads(config_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    for path in (ROOT / "configs").glob("*.toml"):
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        jsonschema.validate(values, schema)
        values["training"]["epoch"] = 1
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(values, schema)


@pytest.mark.parametrize("program", ["train", "evaluate", "predict", "calibrate", "compare"])
def test_help_says_what_the_program_does_and_nothing_else_at_once(program):
    with processor_seconds(2):
        done = subprocess.run(
            [sys.executable, "-m", f"mtc_keras.{program}", "--help"],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        )
    assert done.stdout.startswith(f"usage: python -m mtc_keras.{program}")
    assert done.stderr == ""


def test_a_predicting_process_says_its_predictions_and_nothing_else(trained):
    arguments = ["--model", str(trained.directory), "--text", "good clerk"]
    done = subprocess.run(
        [sys.executable, "-m", "mtc_keras.predict", *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert {"text", "predicted_mood", "predicted_length"} < set(json.loads(done.stdout))
    assert done.stderr == ""


def test_a_config_is_required(capsys):
    with pytest.raises(SystemExit) as stopped:
        train.main([])
    assert stopped.value.code == 2
    assert "--config" in capsys.readouterr().err
