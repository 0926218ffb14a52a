"""A run that reads windows, and its exports, predict files of texts of any length alike."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mtc_keras import export_model, fit, predict_rows
from mtc_keras.predict import program as predict
from mtc_keras.predict.tables import text_tables
from mtc_keras.run.directory import Run
from tests.conftest import rows, tiny_config
from tests.predict.conftest import contents, predict_to, read, write


def long_rows(count: int, seed: int) -> pd.DataFrame:
    """Returns rows whose texts have 0 to some 300 words, short and long ones mixed."""
    frame = rows(count, seed)
    frame["text"] = [" ".join([text] * (row * 7 % 31)) for row, text in enumerate(frame["text"])]
    return frame


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    config = tiny_config(
        tmp_path_factory.mktemp("windows") / "run",
        tasks={"topics": {"kind": "multilabel", "window_pooling": "max"}},
        model={"long_texts": "windows", "max_length": 12, "window_overlap": 3},
        training={"epochs": 1, "learning_rate": 1e-2},
    )
    return fit(config, train=long_rows(64, 0), validation=long_rows(32, 1), verbose=0)


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory) -> Path:
    return export_model(run, tmp_path_factory.mktemp("exports") / "windows").directory


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return long_rows(50, 2)[["id", "text"]]


@pytest.fixture(scope="module")
def expected(run, frame) -> dict[str, np.ndarray]:
    return run.model.predict(frame["text"].tolist(), verbose=0)


def assert_predicted(found: list[dict], expected: dict[str, np.ndarray]) -> None:
    assert len(found) == len(expected["mood"])
    for name in ("mood", "topics"):
        values = [list(row[f"{name}_probabilities"].values()) for row in found]
        np.testing.assert_allclose(values, expected[name], rtol=0, atol=1e-5)
    values = [row["predicted_length"] for row in found]
    np.testing.assert_allclose(values, expected["length"], rtol=1e-5, atol=1e-5)


def test_texts_beyond_a_window_count(run, frame, expected):
    first = [" ".join(text.split()[:10]) for text in frame["text"]]
    cut = run.model.predict(first, verbose=0)
    assert (np.abs(cut["topics"] - expected["topics"]).max(axis=1) > 1e-4).sum() > 20


def test_a_run_and_its_export_predict_files_as_the_model_predicts(
    run, exported, frame, expected, tmp_path
):
    data = write(frame, tmp_path / "in.jsonl")
    for number, (model, size) in enumerate([(run, "20"), (run, "7"), (exported, "20")]):
        out = tmp_path / f"out{number}"
        assert predict_to(model, data, out, "--rows-per-part", size) == 0
        assert_predicted(read(out), expected)


def test_rows_in_memory_are_predicted_alike(run, exported, frame, expected):
    for model in (run, exported):
        assert_predicted(list(predict_rows(model, frame).rows()), expected)


def test_the_window_that_decided_is_shown(run, exported, finished, frame, tmp_path, capsys):
    texts = frame["text"].tolist()[:20]
    expected = [
        {name: found["window"] for name, found in row.items()}
        for row in run.model.classify(texts, explain_window=True)
    ]
    assert max(row["mood"]["of"] for row in expected) > 2
    data = write(frame[:20], tmp_path / "in.jsonl")
    command = ["--model", str(run.directory), "--json", "--explain-window"]
    for source in (["--data", data], [part for text in texts for part in ("--text", text)]):
        assert predict.main([*command, *source]) == 0
        found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        for row, windows in zip(found, expected, strict=True):
            for name, window in windows.items():
                assert row[f"{name}_window"] == json.loads(json.dumps(window))
    rows = list(predict_rows(run.model, texts, columns="labels", explain_window=True).rows())
    assert [row["topics_window"] for row in rows] == [row["topics"] for row in expected]
    shown = predict_rows(
        run, texts, columns=("labels", "confidence", "probabilities"), explain_window=True
    )
    for table, windows in zip(
        text_tables(shown.rows(), ["text"], run.model.tasks), expected, strict=True
    ):
        window = windows["mood"]
        start, end = window["characters"]
        told = f"{window['number']} of {window['of']} (characters {start:,} to {end:,})"
        assert next(iter(table.columns[-1].cells)) == told
    for model, more, message in (
        (exported, [], "needs a run; an export does not tell its windows"),
        (finished.directory, [], 'long_texts = "windows", and this one has "truncate"'),
        (run.directory, ["--out", str(tmp_path / "x.jsonl")], "leave out --out"),
    ):
        asked = ["--model", str(model), "--explain-window", "--text", "good"]
        assert predict.main([*asked, *more]) == 2
        assert message in capsys.readouterr().err


def test_what_was_stopped_goes_on_to_the_same_bytes(run, frame, tmp_path):
    data, out = write(frame, tmp_path / "in.jsonl"), tmp_path / "out"
    assert predict_to(run, data, out) == 0
    undisturbed = contents(out)
    (out / "part-00001.jsonl").unlink()
    assert predict_to(run, data, out, "--resume") == 0
    assert contents(out) == undisturbed


def test_int8_of_windows_is_judged_on_whole_texts(run, frame, expected, tmp_path):
    pytest.importorskip("onnxruntime")
    from mtc_keras.export.onnx.ask import ServedOnnx

    judges = long_rows(40, 3)
    export = export_model(
        run, tmp_path / "int8", format="onnx", quantize="int8", data=judges, max_loss=1.0
    )
    int8 = export.about["int8"]
    assert max(export.about["self_test"]["largest_difference"].values()) < 1e-5  # in float32
    right = run.model.classify(judges["text"].tolist())
    accuracy = np.mean([row["mood"]["label"] for row in right] == judges["mood"])
    assert int8["tasks"]["mood"]["before"] == pytest.approx(accuracy)
    found = ServedOnnx(export.directory).ask(frame["text"].tolist())
    difference = np.abs(found["mood"] - expected["mood"]).max()
    assert 0 < difference < 0.05
    sums = (export.directory / "SHA256SUMS").read_text(encoding="utf-8")
    assert "pool.onnx" in sums
    about = json.loads((export.directory / "mtc_keras.json").read_text(encoding="utf-8"))
    assert about["tasks"]["topics"]["window_pooling"] == "max"
