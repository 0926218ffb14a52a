"""`evaluate --by`: rows judged apart by the values of a column."""

import json

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from mtc_keras import evaluate
from mtc_keras.evaluate import evaluate_run
from tests.conftest import rows


@pytest.fixture(scope="module")
def judged():
    frame = rows(120, 5)
    frame["source"] = np.where(np.arange(120) % 3 == 0, "mail", "web")
    return frame


def test_each_slice_has_the_score_of_its_own_rows(finished, judged, tmp_path, capsys):
    judged.to_json(tmp_path / "new.jsonl", orient="records", lines=True)
    arguments = ["--model", str(finished.directory), "--data", str(tmp_path / "new.jsonl")]
    out = tmp_path / "metrics.json"
    assert evaluate.main([*arguments, "--by", "source", "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "mood, accuracy by column, the worst first" in shown and "mail" in shown
    by_task = json.loads(out.read_text())["by_column"]
    found = {one["slice"]: one for one in by_task["mood"]["slices"]}
    assert {name: one["rows"] for name, one in found.items()} == {"mail": 40, "web": 80}
    known = judged["mood"].to_numpy()
    said = np.array([a["mood"]["label"] for a in finished.model.classify(list(judged["text"]))])
    for name, one in found.items():
        own = (judged["source"] == name).to_numpy()
        assert one["score"] == pytest.approx(accuracy_score(known[own], said[own]))
    scores = [one["score"] for one in by_task["mood"]["slices"]]
    assert scores == sorted(scores)


def test_a_column_that_is_not_there_is_refused_with_the_nearest(finished, judged, tmp_path, capsys):
    judged.to_json(tmp_path / "new.jsonl", orient="records", lines=True)
    arguments = ["--model", str(finished.directory), "--data", str(tmp_path / "new.jsonl")]
    assert evaluate.main([*arguments, "--by", "Source"]) == 2
    error = capsys.readouterr().err
    assert "no file has a column 'Source'. Did you mean 'source'?" in error


def test_without_columns_nothing_is_added(finished, judged):
    assert "by_column" not in evaluate_run(finished, judged).metrics
    assert "by_column" in evaluate_run(finished, judged, by=["source"]).to_dict()
