"""Keys that had another name once are read under it, with a note."""

import pytest
import tomli_w

from mtc_keras.config import check_config, load_config
from mtc_keras.config.deprecated import Renamed, modernised
from mtc_keras.errors import ConfigError
from mtc_keras.run import checkpoints
from mtc_keras.run.directory import TASK, Run
from tests.conftest import tiny_values

MADE_UP = (
    Renamed("training.passes", "training.epochs", "0.2"),
    Renamed("tasks.*.importance", "tasks.*.loss_weight", "0.3", lambda percent: percent / 100),
    Renamed("rate", "training.learning_rate", "0.4"),
)


@pytest.fixture
def old_values(tmp_path) -> dict:
    values = tiny_values(tmp_path / "run")
    values["training"]["passes"] = values["training"].pop("epochs")
    values["rate"] = values["training"].pop("learning_rate")
    values["tasks"]["topics"] = {"kind": "multilabel", "importance": 200}
    return values


def test_old_names_become_new_ones_with_a_note_each(old_values, tmp_path):
    before = repr(old_values)
    values, notes = modernised(old_values, MADE_UP)
    assert check_config(values) == check_config(tiny_values(tmp_path / "run"))
    assert notes == [
        "training.passes has been called training.epochs since 0.2",
        "tasks.topics.importance has been called tasks.topics.loss_weight since 0.3",
        "rate has been called training.learning_rate since 0.4",
    ]
    assert repr(old_values) == before


def test_without_old_names_nothing_changes(tmp_path):
    values = tiny_values(tmp_path / "run")
    assert modernised(values, MADE_UP) == (values, [])
    assert modernised(values) == (values, [])


def test_both_names_at_once_are_refused(old_values):
    old_values["training"]["epochs"] = 3
    with pytest.raises(ConfigError, match=r"since 0\.2: use only its new name"):
        modernised(old_values, MADE_UP)


def test_a_users_config_gets_a_note_and_a_runs_own_none(old_values, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("mtc_keras.config.loading.RENAMED", MADE_UP)
    text = tomli_w.dumps(old_values)
    (tmp_path / "c.toml").write_text(text)
    config = load_config(tmp_path / "c.toml", ["training.passes=5"])
    assert config.training.epochs == 5
    error = capsys.readouterr().err
    note = (
        f"note: {tmp_path / 'c.toml'}: training.passes has been called training.epochs since 0.2\n"
    )
    assert error.startswith(note) and error.count("note: ") == 3
    run = tmp_path / "old"
    (run / TASK).parent.mkdir(parents=True)
    (run / TASK).touch()
    (run / "config.toml").write_text(text)
    assert Run(run).config.training.epochs == 2
    assert capsys.readouterr().err == ""


def test_a_checkpoint_of_old_names_is_resumed(monkeypatch, tmp_path):
    rest = {"files": {}, "rows": {}, "versions": {}}
    then = {**rest, "config": {"training.passes": 3, "tasks.mood.importance": 50, "seed": 1}}
    now = {**rest, "config": {"training.epochs": 3, "tasks.mood.loss_weight": 0.5, "seed": 1}}
    with pytest.raises(ConfigError, match="another config"):
        checkpoints._check_identity(then, now, tmp_path)
    monkeypatch.setattr(checkpoints, "RENAMED", MADE_UP)
    assert checkpoints._check_identity(then, now, tmp_path) == []
