"""How a split is asked for, and what is refused."""

from pathlib import Path

import pytest

from mtc_keras import cli
from mtc_keras.check.splitting.asked import Asked
from mtc_keras.check.splitting.splitting import split_config
from mtc_keras.config import check_config
from mtc_keras.errors import ConfigError, DataError
from tests.check.test_splitting import TASKS, config_of, records


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "sizes,problem",
    [
        ("0.8", "has 1 of the parts"),
        ("0.8,0.1,0.05,0.05", "has 4 of the parts"),
        ("0.8,0.3", r"must sum to 1, but these sum to 1\.1"),
        ("0.8;x", "must be numbers, such as"),
        ("-1,2", "must be numbers, such as"),
        ("1,0", "a part without rows"),
        ("30,20,20", "must sum to the 40 rows that there are, but these sum to 70"),
        ("0.98,0.01,0.01", "of 40 rows no row is left for test"),
    ],
)
def test_sizes_that_cannot_be_are_refused(sizes, problem):
    with pytest.raises(ConfigError, match=problem):
        split_config(config_of(records(40)), sizes, "out")
    assert not Path("out").exists()


@pytest.mark.parametrize(
    "text,rows,sizes",
    [
        ("0.8,0.1,0.1", 1000, [800, 100, 100]),
        ("80/10/10", 1000, [800, 100, 100]),
        ("80%, 20%", 10, [8, 2]),
        ("80,10,10", 100, [80, 10, 10]),
        ("7 2 1", 10, [7, 2, 1]),
        ("0.333333,0.333333,0.333334", 10, [3, 3, 4]),
        ("0.8,0.1,0.1", 11, [9, 1, 1]),
    ],
)
def test_sizes_are_shares_per_cent_or_rows(text, rows, sizes):
    assert Asked.of(text).sizes(rows) == sizes


def test_one_text_in_all_rows_leaves_nothing_to_split():
    rows = [{**row, "text": "same"} for row in records(20)]
    with pytest.raises(DataError, match=r"1 group of rows .* cannot be 2 parts"):
        split_config(config_of(rows), "0.5,0.5", "out")


def test_a_folder_that_is_there_is_left_as_it_is():
    Path("out").mkdir()
    with pytest.raises(ConfigError, match="--out-dir 'out' is there already"):
        split_config(config_of(records(20)), "0.5,0.5", "out")
    assert not list(Path("out").iterdir())


def test_the_rows_of_a_reader_are_in_no_file():
    config = check_config({"data": {"reader": "os:getcwd"}, "tasks": TASKS})
    with pytest.raises(ConfigError, match=r"frame.to_json\('rows.jsonl'"):
        split_config(config, "0.5,0.5", "out")


def test_the_program_splits_and_shows_what_each_class_got(capsys):
    Path("c.toml").write_text(config_of(records(100)).to_toml())
    arguments = ["check", "--config", "c.toml", "--split", "80/10/10"]
    assert cli.main([*arguments, "--out-dir", "deep/er/out", "--near-duplicates"]) == 0
    shown = capsys.readouterr().out
    assert "rows of each part: got (wanted)" in shown
    assert "(all rows)" in shown
    assert "largest deviation: " in shown
    assert "mtc-keras train --config deep/er/out/config.toml" in shown
    assert "text 1" not in shown  # a user's text
    assert cli.main([*arguments, "--out-dir", "deep/er/out"]) == 2
    assert "is there already; name another folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments,problem",
    [
        (["--split", "0.8,0.2"], "name it with --out-dir DIR"),
        (["--out-dir", "out"], "--out-dir is of a split: add --split 0.8,0.1,0.1"),
        (["--pool"], "--pool is of a split"),
        (["--split", "1,1", "--out-dir", "out", "--out", "x.html"], "leave one out"),
        (["--split", "1,1", "--out-dir", "out", "--overwrite"], "--overwrite is of a check"),
        (["--split", "1,1", "--out-dir", "out", "--no-texts"], "--no-texts is of a check"),
        (["--split", "1,1", "--out-dir", "out", "--label-errors"], "--label-errors is of a check"),
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments, problem, capsys):
    assert cli.main(["check", "--config", "not_there.toml", *arguments]) == 2
    assert problem in capsys.readouterr().err
