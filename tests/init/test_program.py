"""`mtc-keras init` at the command line."""

import tomllib

import pytest

from mtc_keras import check_config, cli
from tests.init.tables import cycle, write_csv


@pytest.fixture
def table(tmp_path):
    return write_csv(tmp_path / "t.csv", {"label": cycle(0, 1, 2), "same": ["x"] * 40})


def test_the_config_goes_to_the_screen_alone(table, capsys):
    assert cli.main(["init", "--data", str(table)]) == 0
    shown = capsys.readouterr()
    assert check_config(tomllib.loads(shown.out)).data.train == str(table)
    assert "unsure: tasks.label: " in shown.err and "not used: 'same'" in shown.err


def test_the_config_goes_into_a_file_and_the_screen_says_what_is_next(table, tmp_path, capsys):
    out = tmp_path / "config.toml"
    assert cli.main(["init", "--data", str(table), "--out", str(out), "--no-rows"]) == 0
    shown = capsys.readouterr()
    assert f"mtc-keras train --config {out}\n" in shown.out
    assert "unsure: tasks.label: " in shown.out and not shown.err
    text = out.read_text(encoding="utf-8")
    assert check_config(tomllib.loads(text)).tasks["label"] and "# row" not in text


def test_a_file_that_is_there_is_left_alone(table, tmp_path, capsys):
    out = tmp_path / "config.toml"
    out.write_text("mine")
    assert cli.main(["init", "--data", str(table), "--out", str(out)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert out.read_text() == "mine"


def test_a_file_without_labels_is_refused(tmp_path, capsys):
    path = write_csv(tmp_path / "t.csv", {"same": ["x"] * 9})
    out = tmp_path / "config.toml"
    assert cli.main(["init", "--data", str(path), "--out", str(out)]) == 2
    assert "column 'same': holds the same" in capsys.readouterr().err
    assert not out.exists()
