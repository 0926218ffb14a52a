"""Kinds of task that users bring: registered, offered by an installed package, or missing."""

import importlib
import json
import re
import sys

import numpy as np
import pandas as pd
import pytest

import mtc_keras
from mtc_keras.config import check_config
from mtc_keras.config.loading import config_schema
from mtc_keras.errors import ConfigError
from mtc_keras.predict.predictors import open_predictor
from mtc_keras.tasks import Multiclass, Regression, Task, kinds, task_from_config
from tests.conftest import ROOT, rows, tiny_config

DOCS = (ROOT / "docs" / "adding_a_kind.md").read_text(encoding="utf-8")
EXAMPLE = re.search(r"```python\n(.*?)```", DOCS, re.DOTALL)[1]
ENTRY_POINT = re.search(r"```toml\n(.*?)```", DOCS, re.DOTALL)[1]


@pytest.fixture
def forgetful(monkeypatch):
    """What is registered within a test is forgotten after it."""
    monkeypatch.setattr(kinds, "_kinds", dict(kinds.OWN))


@pytest.fixture
def visits(tmp_path, monkeypatch, forgetful):
    """The module of the documentation's example, as a user has it."""
    (tmp_path / "visits.py").write_text(EXAMPLE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("visits")
    del sys.modules["visits"]


def install(folder, value="visits:Count"):
    """Makes a folder on the path look like one with an installed package that offers a kind."""
    info = folder / "visits-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: visits\nVersion: 1.0\n")
    group, line = ENTRY_POINT.strip().split("\n")
    assert group == '[project.entry-points."mtc_keras.kinds"]'
    name, _ = line.split(" = ")
    (info / "entry_points.txt").write_text(f"[mtc_keras.kinds]\n{name} = {value}\n")
    importlib.invalidate_caches()


def with_counts(count: int, seed: int = 0) -> pd.DataFrame:
    frame = rows(count, seed)
    frame["visits"] = [3 * text.split().count("bus") for text in frame["text"]]
    return frame


def test_the_example_of_the_docs_is_trained_loaded_and_missed_once_it_is_not_known(
    visits, tmp_path, monkeypatch
):
    mtc_keras.register_kind("count", visits.Count)
    config = tiny_config(
        tmp_path / "run",
        tasks={"visits": {"kind": "count"}},
        training={"epochs": 4, "learning_rate": 1e-2},
    )
    run = mtc_keras.fit(config, train=with_counts(96), validation=with_counts(32, 1), verbose=0)
    losses = [line["visits_loss"] for line in run.history]
    assert losses[-1] < losses[0]
    assert set(run.metrics["validation"]["tasks"]["visits"]) >= {"mae", "rmse", "r2"}

    texts = ["bus bus late", "good clerk"]
    found = mtc_keras.load(tmp_path / "run").predict(texts, verbose=0)["visits"]
    np.testing.assert_allclose(found, run.model.predict(texts, verbose=0)["visits"], rtol=1e-5)
    assert (found > 0).all()

    monkeypatch.setattr(kinds, "_kinds", dict(kinds.OWN))
    with pytest.raises(ConfigError, match=r"'visits' is of kind 'count', which .*register_kind"):
        mtc_keras.load(tmp_path / "run")
    with pytest.raises(ConfigError, match=r"tasks\.visits\.kind: 'count' is not a.*register_kind"):
        mtc_keras.Run(tmp_path / "run").config  # noqa: B018


def test_a_run_names_a_kind_and_imports_nothing_for_it(finished, tmp_path, visits):
    """A folder from a stranger may name whatever it likes."""
    task = {"kind": "os.path:join", "name": "mood"}
    with pytest.raises(ConfigError, match="which is not known here"):
        task_from_config(task)
    with pytest.raises(ConfigError, match="'visits:Count' is not a kind of task"):
        check_config({"tasks": {"mood": {"kind": "visits:Count"}}})


def test_a_kind_of_an_installed_package_is_found_without_a_call(visits, tmp_path):
    config = {"tasks": {"seen": {"kind": "count"}}}
    with pytest.raises(ConfigError, match="not a kind"):
        check_config(config)
    install(tmp_path)
    assert type(check_config(config).tasks["seen"]) is visits.Count
    assert check_config(check_config(config).to_dict()).to_dict() == check_config(config).to_dict()
    definition = json.loads(config_schema())["$defs"]["count"]
    assert definition["properties"]["kind"]["const"] == "count"
    assert "column" in definition["properties"]


def test_an_unknown_key_of_a_registered_kind_is_named_with_those_it_has(visits):
    mtc_keras.register_kind("count", visits.Count)
    with pytest.raises(ConfigError, match=r"tasks.seen.los: unknown key.*'loss_weight'"):
        check_config({"tasks": {"seen": {"kind": "count", "los": 1}}})


@pytest.mark.parametrize("value", ["no_such_module:Count", "visits:Coun", "visits:keras"])
def test_an_installed_kind_that_cannot_be_loaded_names_its_package(visits, tmp_path, value):
    install(tmp_path, value)
    with pytest.raises(ConfigError, match=f"package 'visits' offers as '{value}', cannot be load"):
        check_config({"tasks": {"seen": {"kind": "count"}}})
    # What this package has needs no look at what is installed.
    assert check_config({"tasks": {"seen": {"kind": "regression"}}}).tasks["seen"].kind


def test_the_same_class_may_be_registered_again_and_no_other_takes_its_name(visits, forgetful):
    mtc_keras.register_kind("count", visits.Count)
    again = importlib.reload(visits).Count
    mtc_keras.register_kind("count", again)
    assert task_from_config({"kind": "count", "name": "a"}).__class__ is again

    other = type("Count", (visits.Count,), {"__module__": "elsewhere"})
    with pytest.raises(ValueError, match=r"kind 'count' is taken by visits\.Count"):
        mtc_keras.register_kind("count", other)
    with pytest.raises(ValueError, match="must have the default 'counts'"):
        mtc_keras.register_kind("counts", visits.Count)
    with pytest.raises(ValueError, match="is taken by"):
        mtc_keras.register_kind("multiclass", type("Mine", (Multiclass,), {}))
    with pytest.raises(TypeError, match=r"must be a subclass of mtc_keras\.Task"):
        mtc_keras.register_kind("count", dict)
    with pytest.raises(TypeError, match=r"Task must still define .*class_indicator"):
        mtc_keras.register_kind("task", Task)


@pytest.mark.parametrize("cell", [-1, 0.5, "-3", "x", float("inf")])
def test_a_kind_says_which_numbers_it_takes(visits, cell):
    task = visits.Count(name="seen")
    targets, mistakes = task.encode([2, None, cell])
    np.testing.assert_array_equal(targets, [2, np.nan, np.nan])
    [(row, problem)] = mistakes
    assert row == 2
    assert problem.startswith(f"expected a whole number of 0 or more, received {cell!r}")
    assert Regression(name="seen").encode([2, None])[1] == []


def test_an_export_of_a_registered_kind_is_read_back(visits, tmp_path):
    mtc_keras.register_kind("count", visits.Count)
    about = {"tasks": {"seen": visits.Count(name="seen").exported()}, "inputs": {"text": "text"}}
    folder = tmp_path / "export"
    (folder / "assets.extra").mkdir(parents=True)
    (folder / "saved_model.pb").touch()
    (folder / "assets.extra" / "mtc_keras.json").write_text(json.dumps(about))
    [task] = open_predictor(folder).tasks
    assert task == visits.Count(name="seen")
