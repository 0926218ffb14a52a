"""Files for a finished run that are laid out in another way, and the run's own reader."""

import json
import sys

import pytest

from mtc_keras import (
    BulkOptions,
    ConfigError,
    DataError,
    calibrate_run,
    check_config,
    cli,
    evaluate_run,
    fit,
    predict_files,
    predict_rows,
)
from mtc_keras.config import reread
from mtc_keras.predict.exports import read_about
from tests.conftest import rows, tiny_values

READER = """\
from tests.conftest import rows

def read(split):
    return rows(48, seed=["train", "validation", "test"].index(split))
"""


@pytest.fixture(scope="module")
def piped(tmp_path_factory):
    """40 labelled rows under other names, separated by what nobody would guess."""
    frame = rows(40, 2).rename(columns={"text": "comment", "mood": "subject"})
    frame["topics"] = frame["topics"].map(json.dumps)
    path = tmp_path_factory.mktemp("piped") / "rows.csv"
    frame.to_csv(path, sep="^", index=False)
    return str(path)


READING = {"delimiter": "^", "text": "comment", "id": "id", "tasks.mood.column": "subject"}
OF_TEXTS = ["--set", "data.delimiter=^", "--set", "data.text=comment"]
SET = [*OF_TEXTS, "--set", "tasks.mood.column=subject"]


def test_a_file_of_another_layout_is_judged_as_its_rows_are(finished, piped):
    found = evaluate_run(finished, piped, reading=READING)
    assert found.metrics == evaluate_run(finished, rows(40, 2)).metrics


def test_the_programs_take_the_same_keys(finished, piped, tmp_path, capsys):
    run, out = str(finished.directory), tmp_path / "metrics.json"
    arguments = ["evaluate", "--model", run, "--data", piped, "--out", str(out), *SET]
    assert cli.main(arguments) == 0
    assert json.loads(out.read_text())["tasks"]["mood"]["rows"] == 40
    capsys.readouterr()
    assert cli.main(["predict", "--model", run, "--data", piped, *OF_TEXTS]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 40


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("training.epochs", "does not say how rows are read"),
        ("data.train", "does not say how rows are read"),
        ("data.reader", "does not say how rows are read"),
        ("tasks.mood.kind", "does not say how rows are read"),
        ("tasks.moood.column", "Did you mean 'mood'"),
        ("data.delimeter", "Did you mean 'delimiter'"),
    ],
)
def test_another_key_is_refused_with_those_that_there_are(finished, piped, capsys, key, problem):
    command = ["evaluate", "--model", str(finished.directory), "--data", piped]
    assert cli.main([*command, "--set", f"{key}=1"]) == 2
    message = capsys.readouterr().err
    assert problem in message and (("delimiter" in message) or "moood" in key)


def test_a_wrong_value_is_refused_under_its_key(finished, piped):
    with pytest.raises(ConfigError, match=r"data\.quoting"):
        evaluate_run(finished, piped, reading={"quoting": "sometimes"})
    with pytest.raises(ConfigError, match=r"data\.text: the run reads"):
        predict_rows(finished, ["a"], reading={"text": ["a", "b"]})


def test_an_empty_value_puts_a_key_back_to_its_default():
    values = tiny_values("run") | {"data": {"delimiter": "|", "missing": ["?"], "weight": "w"}}
    found = reread(check_config(values), {"delimiter": "", "missing": [], "weight": ""}).data
    assert (found.delimiter, found.missing, found.weight) == (None, [], "weight")


def test_a_key_within_a_table_is_added_to_it():
    values = tiny_values("run") | {"data": {"rename": {"a": "b"}}}
    found = reread(check_config(values), {"data.rename.c.d": "text"})
    assert found.data.rename == {"a": "b", "c.d": "text"}


def test_rows_in_memory_may_have_other_names(finished):
    frame = rows(5).rename(columns={"text": "comment"})
    found = predict_rows(finished, frame, reading={"text": "comment"})
    assert (
        found.columns["predicted_mood"] == predict_rows(finished, rows(5)).columns["predicted_mood"]
    )


def test_a_dict_of_other_things_than_paths_is_no_parallel_files(finished):
    with pytest.raises(DataError, match="expected a DataFrame or an iterator of dicts, received"):
        evaluate_run(finished, {"text": ["a"], "mood": ["b"]})


def test_parts_that_were_read_in_another_way_are_not_gone_on_with(finished, piped, tmp_path):
    reading = {"delimiter": "^", "text": "comment"}
    options = BulkOptions(rows_per_part=20, reading=reading)
    assert predict_files(finished, piped, tmp_path / "out", options).rows == 40
    other = BulkOptions(rows_per_part=20, reading=reading | {"quoting": "none"})
    with pytest.raises(ConfigError, match=r"reading: .*delimiter"):
        predict_files(finished, piped, tmp_path / "out", other, resume=True)


def test_an_export_reads_as_its_run_did(tmp_path):
    (tmp_path / "assets.extra").mkdir()
    about = {
        "format": 1,
        "inputs": {"text": "comment"},
        "data": {"id": "key", "rename": {}, "encoding": "cp1252", "train": "/etc/passwd"},
        "tasks": {"length": {"kind": "regression"}},
    }
    (tmp_path / "assets.extra/mtc_keras.json").write_text(json.dumps(about))
    _, _, data = read_about(tmp_path)
    assert (data.text, data.id, data.encoding, data.train) == ("comment", "key", "cp1252", None)


@pytest.fixture(scope="module")
def of_reader(tmp_path_factory):
    """A run that a reader has trained, and the folder of the reader's module."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "rows_of_mine.py").write_text(READER)
    values = tiny_values(folder / "run") | {"data": {"reader": "rows_of_mine:read"}}
    values["training"]["epochs"] = 1
    sys.path.insert(0, str(folder))
    try:
        return fit(check_config(values), verbose=0), folder
    finally:
        sys.path.remove(str(folder))
        del sys.modules["rows_of_mine"]


def test_a_runs_reader_is_called_only_where_it_is_asked_for(of_reader, monkeypatch, capsys):
    run, folder = of_reader
    monkeypatch.syspath_prepend(folder)
    for judge in (evaluate_run, calibrate_run):
        with pytest.raises(ConfigError, match="'rows_of_mine:read', which is code: --reader"):
            judge(run)
    evaluate_run(run, rows(20))
    assert "rows_of_mine" not in sys.modules
    found = evaluate_run(run, reader=True)
    assert found.metrics == evaluate_run(run, rows(48, 2)).metrics
    assert calibrate_run(run, reader=True).name == "validation"
    capsys.readouterr()
    assert cli.main(["predict", "--model", str(run.directory), "--reader"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 48


def test_a_run_without_a_reader_has_none_to_call(finished, capsys):
    with pytest.raises(ConfigError, match=r"has no data\.reader"):
        evaluate_run(finished, reader=True)
    with pytest.raises(ConfigError, match="leave one of them out"):
        evaluate_run(finished, rows(5), reader=True)
    command = ["predict", "--model", str(finished.directory), "--text", "a"]
    assert cli.main([*command, "--set", "data.delimiter=;"]) == 2
    assert "--text needs none" in capsys.readouterr().err
