"""Errors together, slices, examples and how to reproduce: on the page, and as numbers beside it."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, matthews_corrcoef

from mtc_keras.config import load_config
from mtc_keras.pages import Page, write_page
from mtc_keras.report.errors_together import errors_together
from mtc_keras.report.examples import examples
from mtc_keras.report.reproduction import how_to_reproduce
from mtc_keras.report.slices import slices
from mtc_keras.scoring.label_quality import label_quality
from tests.report.accounts import account_of_rows
from tests.report.conftest import judged_rows

PARTS = (errors_together, slices, examples, how_to_reproduce)


@pytest.fixture(scope="module")
def rows():
    return judged_rows(400)


def write(account, folder):
    """Returns the page's HTML, its values and the rows of its CSV files."""
    parts = [part for make in PARTS for part in make(account)]
    write_page(Page("A run", [], parts), folder / "page.html")
    tables = {}
    for path in (folder / "page").iterdir() if (folder / "page").exists() else ():
        with path.open() as file:
            tables[path.stem] = list(csv.DictReader(file))
    values = json.loads((folder / "page.json").read_text())
    return (folder / "page.html").read_text(), values, tables


@pytest.fixture(scope="module")
def written(rows, tmp_path_factory):
    return write(account_of_rows(rows), tmp_path_factory.mktemp("page"))


def test_errors_together_are_those_of_scikit_learn(written, rows):
    _, values, tables = written
    pairs = {(p["first"], p["second"]): p for p in values["errors_together"]["pairs"]}
    assert len(pairs) == 6 == len(tables["errors_together"])
    mood, grade = rows.tasks[0], rows.tasks[2]
    both = rows.labelled(mood) & rows.labelled(grade)
    wrong = [rows.targets[t.name] != rows.predictions[t.name] for t in (mood, grade)]
    found = pairs["mood", "grade"]
    assert found["rows"] == both.sum()
    assert found["phi"] == pytest.approx(matthews_corrcoef(wrong[0][both], wrong[1][both]))
    counts = values["errors_together"]["rows_wrong_in"]["observed"]
    assert sum(counts[2:]) == len(tables["rows_wrong_in_several_tasks"])


def test_slices_are_on_the_page_and_beside_it(written, rows):
    html, values, tables = written
    found = values["slices"]["tasks"]["mood"]
    labelled = rows.labelled(rows.tasks[0])
    truth, predicted = rows.targets["mood"][labelled], rows.predictions["mood"][labelled]
    assert found["overall"] == pytest.approx(accuracy_score(truth, predicted))
    scores = [one["score"] for one in found["slices"]]
    assert scores == sorted(scores)
    assert {row["slice"] for row in tables["slices"]} >= {"north", "south", "(no value)"}
    assert "By chance alone about" in html


def test_examples_are_mistakes_with_their_texts_as_text(written, rows):
    html, values, tables = written
    mistakes = [row for row in tables["surest_mistakes"] if row["row"] in rows.where]
    assert len(mistakes) == len(tables["surest_mistakes"]) > 0
    assert "<script>alert" not in html and "&lt;script&gt;alert(1)" in html
    for task in rows.tasks:
        known = label_quality(task, rows.targets[task.name], rows.probabilities[task.name])
        assert values["examples"][task.name]["likely_label_errors"] == known.count
    first = values["examples"]["mood"]["surest_mistakes"][0]
    row = list(rows.where).index(first["row"])
    assert first["probability"] == pytest.approx(rows.probabilities["mood"][row].max())
    assert first["true"] == rows.tasks[0].label(rows.targets["mood"][row])


def test_texts_that_are_left_out_stand_nowhere(tmp_path):
    judged = judged_rows(400, texts=False)
    html, _, tables = write(account_of_rows(judged), tmp_path)
    assert "alert(1)" not in html and "the clerk" not in html
    assert "text" not in tables["surest_mistakes"][0]
    assert "Texts are left out" in html
    assert judged.where[0].split(":")[0] in html


def test_a_run_can_be_made_again_from_what_stands_there(written, rows, tmp_path):
    html, values, _ = written
    found = values["reproduction"]
    assert found["seconds"] == {
        "reading, building and compiling": 5.0,
        "2 epochs": 7.0,
        "deciding, judging and writing": 3.5,
        "in all": 15.5,
    }
    again = found["commands"]["train it again"]
    assert again.startswith("mtc-keras train --config 'runs/a b/config.toml' --set ")
    config = account_of_rows(rows).config
    (tmp_path / "config.toml").write_text(config.to_toml())
    assert load_config(tmp_path / "config.toml").to_dict() == found["config"]
    for shown in ("a CPU, 2 cores", "16 GiB", "0" * 64, "training.epochs"):
        assert shown in html


@pytest.mark.parametrize("kind", ["no split", "no labels", "diverged", "one task"])
def test_a_run_without_much_to_show_has_a_page_all_the_same(kind, tmp_path):
    judged = judged_rows(60, texts=kind != "diverged")
    account = account_of_rows(judged)
    if kind == "no split":
        account = replace(account, judged=(), metrics={})
    elif kind == "no labels":
        missing = {
            task.name: np.full_like(judged.targets[task.name], task.missing_target)
            for task in judged.tasks
        }
        account = account_of_rows(replace(judged, targets=missing))
    elif kind == "diverged":
        logits = {name: np.full_like(values, np.nan) for name, values in judged.logits.items()}
        account = account_of_rows(replace(judged, logits=logits))
    else:
        account = account_of_rows(replace(judged, tasks=judged.tasks[:1]))
    _, values, _ = write(account, tmp_path)
    assert "reproduction" in values
    assert ("errors_together" in values) == (kind == "diverged")
    assert ("examples" in values) == (kind == "one task")
