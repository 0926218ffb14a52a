"""The programs at the command line, from a config file to predictions."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import jsonschema
import pytest
import tomli_w

from mtc_keras import evaluate, predict, train
from mtc_keras.config import config_schema
from mtc_keras.run import Run
from tests.conftest import rows, tiny_values

TEXTS = ["good clerk", "", "   ", "bad queue 😀", "مرحبا bus", "fee\0form", "slow " * 20_000]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of the program on csv files, with overrides and texts of every sort."""
    directory = tmp_path_factory.mktemp("trained")
    frame = rows(48)
    frame["text"] = [TEXTS[row % 7] if row % 3 == 0 else t for row, t in enumerate(frame["text"])]
    frame["topics"] = frame["topics"].map("|".join)
    frame["mood"] = [mood if row % 5 else "" for row, mood in enumerate(frame["mood"])]
    frame.to_csv(directory / "train.csv", index=False)
    frame.iloc[:12].to_csv(directory / "test.csv", index=False)
    values = tiny_values(directory / "run")
    values["tasks"]["topics"]["empty_cell"] = "none"
    values["data"] = {"train": str(directory / "train.csv"), "test": str(directory / "test.csv")}
    (directory / "c.toml").write_text(tomli_w.dumps(values))
    arguments = ["--config", str(directory / "c.toml"), "--set", "training.epochs=1", "--verbose"]
    arguments += ["--set", "tasks.topics.loss_weight=3", "--set", "model.pooling=cls"]
    arguments += ["--set", "data.validation=0.25"]
    assert train.main(arguments) == 0
    return Run(directory / "run")


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
    assert found["score"] == pytest.approx(known["score"], abs=1e-6)
    assert found["baseline"] == known["baseline"]
    assert "test: score" in capsys.readouterr().out


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


def test_predict_takes_texts_of_every_sort(trained, capsys):
    arguments = [part for text in TEXTS[:-1] for part in ("--text", text.replace("\0", " "))]
    assert predict.main(["--model", str(trained.directory), *arguments]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["row"] for line in lines] == list(range(len(TEXTS) - 1))
    assert list(lines[0])[1:] == ["mood", "topics", "length"]


def test_predict_reads_rows_without_labels_and_keeps_ids_and_order(trained, tmp_path, capsys):
    frame = rows(20)[["id", "text"]]
    frame.loc[:6, "text"] = TEXTS
    frame.to_json(tmp_path / "in.jsonl", orient="records", lines=True)
    out = tmp_path / "out.jsonl"
    arguments = ["--model", str(trained.directory), "--data", str(tmp_path / "in.jsonl")]
    assert predict.main([*arguments, "--out", str(out)]) == 0
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["id"] for line in lines] == frame["id"].tolist()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]
    expected = trained.model.classify(frame["text"].tolist(), batch_size=16)
    assert [line["mood"]["label"] for line in lines] == [e["mood"]["label"] for e in expected]
    assert "20 predictions" in capsys.readouterr().out


def test_the_schema_is_for_editors(capsys):
    assert train.main(["--print-schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema == json.loads(config_schema())
    assert set(schema["properties"]) == {"seed", "data", "tasks", "model", "training", "output"}
    assert "name" not in schema["$defs"]["Multilabel"]["properties"]


def test_the_schema_accepts_the_configs_and_refuses_mistakes():
    schema = json.loads(config_schema())
    for path in (Path(__file__).parents[1] / "configs").glob("*.toml"):
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        jsonschema.validate(values, schema)
        values["training"]["epoch"] = 1
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(values, schema)


@pytest.mark.parametrize("program", ["train", "evaluate", "predict"])
def test_help_says_what_the_program_does_and_nothing_else(program):
    done = subprocess.run(
        [sys.executable, "-m", f"mtc_keras.{program}", "--help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    assert done.stdout.startswith(f"usage: python -m mtc_keras.{program}")
    assert done.stderr == ""


def test_a_config_is_required(capsys):
    with pytest.raises(SystemExit) as stopped:
        train.main([])
    assert stopped.value.code == 2
    assert "--config" in capsys.readouterr().err
