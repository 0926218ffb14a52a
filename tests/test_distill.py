"""A teacher's probabilities as labels of a student."""

import gzip
import json
import tomllib

import numpy as np
import pytest

import mtc_keras.distill as program
from mtc_keras import DataError, check_config, distill_files, fit
from mtc_keras.data.reading import read_rows
from mtc_keras.errors import ConfigError
from tests.conftest import labelled

TEACHER = ("mood", "topics", "length", "grade")


@pytest.fixture(scope="module")
def unlabelled(tmp_path_factory):
    """A file of texts with ids, the second without a text."""
    path = tmp_path_factory.mktemp("unlabelled") / "texts.jsonl"
    frame = labelled(48, 7)[["id", "text"]]
    frame.loc[1, "text"] = None
    frame.to_json(path, orient="records", lines=True)
    return str(path)


@pytest.fixture(scope="module")
def soft(all_kinds, unlabelled):
    out = unlabelled.replace("texts.jsonl", "soft.jsonl")
    return distill_files(all_kinds, unlabelled, out)


def records(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def student(found, directory, **model):
    values = {
        "data": {"train": str(found.path), "validation": str(found.path)},
        "tasks": found.student_tasks(),
        "model": {"backbone": "random", "random": {"hidden_dim": 64, "num_layers": 1}, **model},
        "training": {"epochs": 40, "batch_size": 16, "learning_rate": 1e-2},
        "decisions": {"calibration": "none", "thresholds": 0.5},
        "output": {"directory": str(directory)},
    }
    return check_config(values)


def test_the_labels_are_the_raw_probabilities_to_the_bit_whatever_the_temperature(soft, all_kinds):
    written = records(soft.path)
    assert (len(written), soft.rows, soft.bad_rows) == (47, 47, 1)
    assert [row["id"] for row in written] == labelled(48, 7)["id"].drop(1).tolist()
    assert list(written[0]) == ["id", "text", *(f"teacher_{name}" for name in TEACHER)]
    texts = [row["text"] for row in written]
    raw = all_kinds.model.predict(texts, 16, verbose=0, raw=True)
    calibrated = all_kinds.model.predict(texts, 16, verbose=0)
    config = student(soft, soft.path.parent / "unused")
    rows = read_rows(str(soft.path), config.task_list, config.data, "soft")
    for name in TEACHER:
        np.testing.assert_allclose(rows.targets[name], raw[name], rtol=1e-5, atol=1e-7)
        cell = written[0][f"teacher_{name}"]
        values = list(cell.values()) if isinstance(cell, dict) else cell
        read = np.array(values, "float32")
        np.testing.assert_array_equal(rows.targets[name][0], read)  # no digit is lost
    for name in ("mood", "topics", "grade"):
        assert np.abs(raw[name] - calibrated[name]).max() > 0.01
    assert rows.told == ()  # such as that probabilities do not sum to 1


def test_a_student_learns_what_the_teacher_says(soft, all_kinds, tmp_path):
    run = fit(student(soft, tmp_path / "student", max_length=24), verbose=0)
    texts = [row["text"] for row in records(soft.path)]
    taught = all_kinds.model.predict(texts, verbose=0, raw=True)
    learned = run.model.predict(texts, verbose=0, raw=True)
    for name in ("mood", "grade"):
        agree = taught[name].argmax(axis=1) == learned[name].argmax(axis=1)
        assert agree.mean() > 0.9
    assert ((taught["topics"] >= 0.5) == (learned["topics"] >= 0.5)).mean() > 0.9
    assert np.corrcoef(taught["length"], learned["length"])[0, 1] > 0.8
    shown = run.model.tasks[0].shown_classes
    assert shown == all_kinds.model.tasks[0].shown_classes


def test_the_program_writes_some_tasks_and_prints_the_lines_of_a_config(
    all_kinds, unlabelled, tmp_path, capsys
):
    out = tmp_path / "soft.jsonl.gz"
    options = ["--teacher", str(all_kinds.directory), "--data", unlabelled, "--out", str(out)]
    assert program.main([*options, "--tasks", "grade,mood"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith(f"# 47 rows in {out}; a student's config reads them:\n")
    tasks = tomllib.loads(printed.out)["tasks"]
    assert list(tasks) == ["mood", "grade"]
    assert tomllib.loads(printed.out)["data"] == {"train": str(out)}
    assert tasks["grade"] == {
        "kind": "ordinal",
        "column": "teacher_grade",
        "labels": "probabilities",
        "classes": ["0", "1", "2", "3"],
    }
    assert "bad row left out" in printed.err and "texts.jsonl:2" in printed.err
    with gzip.open(out, "rt") as lines:
        assert len([json.loads(line) for line in lines]) == 47


@pytest.mark.parametrize(
    "options, message",
    [
        (["--tasks", "moud"], "has no task 'moud'. Did you mean 'mood'?"),
        (["--out", "soft.csv"], "must end in .jsonl or .jsonl.gz"),
        (["--strict"], "texts.jsonl:2"),
        (["--data", "none.jsonl"], "none.jsonl: file does not exist"),
    ],
)
def test_what_is_wrong_is_one_message_and_leaves_no_file(
    all_kinds, unlabelled, tmp_path, capsys, options, message
):
    out = tmp_path / "soft.jsonl"
    given = ["--teacher", str(all_kinds.directory), "--data", unlabelled, "--out", str(out)]
    assert program.main([*given, *options]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_lines_of_a_config_name_the_column_of_texts(tmp_path):
    found = program.Distillation(tmp_path / "x.jsonl", [], 0, 0, (), ["question", "answer"])
    assert found.student_data()["text"] == ["question", "answer"]
    assert "text" not in program.Distillation(tmp_path / "x.jsonl", [], 0, 0, ()).student_data()


def test_the_rows_themselves_are_not_written_over(all_kinds, unlabelled):
    with pytest.raises(ConfigError, match="is one of the files of --data"):
        distill_files(all_kinds, unlabelled, unlabelled)


def test_rows_that_have_such_a_column_are_refused(soft, all_kinds, tmp_path):
    with pytest.raises(DataError, match="'teacher_mood' is what the teacher's labels are called"):
        distill_files(all_kinds, soft.path, tmp_path / "again.jsonl", tasks=["mood"])
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConfigError, match=r"cannot be written|does not exist"):
        distill_files(all_kinds, soft.path, tmp_path / "missing" / "again.jsonl")
