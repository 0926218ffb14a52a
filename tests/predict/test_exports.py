"""Predictions of exports, of text pairs and of renamed columns."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mtc_keras.predict import program as predict
from mtc_keras.predict.predictors import open_predictor
from mtc_keras.run.directory import Run
from tests.conftest import ROOT, rows, tiny_config
from tests.predict.conftest import ROWS, predict_to, read, write


def test_text_pairs_and_renamed_columns(tmp_path):
    from mtc_keras import fit

    table = rows(32).rename(columns={"text": "question"})
    table["reply"] = table["question"].str.upper()
    data = {"text": ["question", "answer"], "rename": {"reply": "answer"}}
    config = tiny_config(tmp_path / "run", data=data, training={"epochs": 1})
    run = fit(config, train=table, verbose=0)
    path = write(table[["reply", "question"]], tmp_path / "in.csv")
    assert predict_to(run, path, tmp_path / "out") == 0
    found = read(tmp_path / "out")
    assert list(found[0])[:2] == ["reply", "question"]
    expected = Run(run.directory).model.classify(
        (table["question"].tolist(), table["reply"].tolist()), batch_size=16
    )
    assert [row["predicted_topics"] for row in found] == [e["topics"]["labels"] for e in expected]
    both = table.assign(answer="good")
    assert predict_to(run, write(both, tmp_path / "both.csv"), tmp_path / "other") == 2


def make_export(path: Path, inputs=("text",)) -> None:
    """Saves a model that tells the lengths of texts in bytes."""
    import tensorflow as tf

    class Lengths(tf.Module):
        def __init__(self):
            super().__init__()
            self.scale = tf.Variable(0.01)

        def serve(self, *texts):
            share = tf.add_n([tf.cast(tf.strings.length(t), "float32") for t in texts]) * self.scale
            both = tf.stack([share, 1 - share], axis=1)
            return {"mood": both, "topics": both, "price": share * 100}

    module = Lengths()
    specs = [tf.TensorSpec([None], tf.string, name=name) for name in inputs]
    function = tf.function(module.serve, input_signature=specs)
    tf.saved_model.save(module, str(path), {"serving_default": function.get_concrete_function()})
    names = {"bad": "bad", "good": "Good!"}
    mood = {"kind": "multiclass", "classes": list(names), "class_names": names, "temperature": 2.0}
    topics = {"kind": "multilabel", "classes": ["bus", "fee"], "temperature": 1.0}
    topics["thresholds"] = {"bus": 0.5, "fee": 0.9}
    about = {
        "inputs": {name: name for name in inputs},
        "max_length": 16,
        "tasks": {"mood": mood, "topics": topics, "price": {"kind": "regression"}},
    }
    (path / "assets.extra").mkdir()
    (path / "assets.extra" / "mtc_keras.json").write_text(json.dumps(about))


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    path = tmp_path_factory.mktemp("exports") / "1"
    make_export(path)
    return path


def test_an_export_predicts_with_its_own_decisions(export, tmp_path):
    texts = ["x" * (n * 7 % 100) for n in range(ROWS)]
    write(pd.DataFrame({"text": texts}), tmp_path / "in.jsonl")
    assert predict_to(export, tmp_path / "in.jsonl", tmp_path / "out") == 0
    for text, row in zip(texts, read(tmp_path / "out"), strict=True):
        share = np.float32(len(text)) * np.float32(0.01)
        assert row["predicted_price"] == pytest.approx(len(text), abs=1e-4)
        assert row["predicted_mood"] == ("bad" if share >= 0.5 else "Good!")
        fee = ["fee"] if 1 - share >= np.float32(0.9) else []
        assert row["predicted_topics"] == (["bus"] if share >= 0.5 else []) + fee
        assert row["topics_probabilities"]["bus"] == pytest.approx(share, abs=1e-6)


def test_an_export_knows_separators_ids_and_renamed_columns(export, tmp_path):
    path = tmp_path / "export"
    shutil.copytree(export, path)
    file = path / "assets.extra" / "mtc_keras.json"
    about = json.loads(file.read_text())
    about["tasks"]["topics"]["separator"] = ";"
    about["data"] = {"id": "key", "rename": {"comment": "text"}, "reader": "some.module:function"}
    file.write_text(json.dumps(about))
    write(pd.DataFrame({"comment": ["x" * 60], "key": ["a"]}), tmp_path / "in.csv")
    assert predict_to(path, tmp_path / "in.csv", tmp_path / "out", "--format", "csv") == 0
    [row] = read(tmp_path / "out")
    assert row["predicted_topics"] == "bus" and row["key"] == "a"
    predictor = open_predictor(path)
    assert predictor.tasks[1].label_cell(["bus", "fee"]) == "bus;fee"
    assert predictor.data.id == "key" and predictor.data.reader is None


def test_an_export_predicts_to_the_screen(export, capsys):
    assert predict.main(["--model", str(export), "--text", "x" * 80]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["predicted_mood"] == "bad"
    assert found["mood_probabilities"] == {"bad": 0.8, "Good!": 0.2}
    assert found["predicted_price"] == pytest.approx(80)


def test_an_export_of_text_pairs_takes_both(tmp_path):
    make_export(tmp_path / "1", ("text", "text_pair"))
    write(pd.DataFrame({"text_pair": ["xx", "yy"], "text": ["", "x"]}), tmp_path / "in.jsonl")
    assert predict_to(tmp_path / "1", tmp_path / "in.jsonl", tmp_path / "out") == 0
    assert [row["predicted_price"] for row in read(tmp_path / "out")] == [2.0, 3.0]


def test_of_several_versions_the_newest_is_taken(tmp_path, capsys):
    for version in ("9", "10", "kept"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "saved_model.pb").write_bytes(b"")
    assert predict.main(["--model", str(tmp_path), "--text", "good"]) == 2
    assert f"{tmp_path / '10'!s}/assets.extra/mtc_keras.json' does not" in capsys.readouterr().err


def test_the_version_that_was_taken_is_told(tmp_path, export, capsys):
    told = f"{export.parent} holds versions of an export; {export.name} is the newest, and predicts"
    assert predict.main(["--model", str(export.parent), "--text", "good"]) == 0
    assert capsys.readouterr().err == f"note: {told}\n"
    (tmp_path / "in.jsonl").write_text('{"text": "good"}\n')
    files = ["--data", str(tmp_path / "in.jsonl"), "--out", str(tmp_path / "out.jsonl")]
    assert predict.main(["--model", str(export.parent), *files]) == 0
    assert told in capsys.readouterr().out
    assert predict.main(["--model", str(export), "--text", "good"]) == 0
    assert capsys.readouterr().err == ""


def test_an_export_that_does_not_say_what_it_predicts_is_refused(tmp_path, capsys):
    (tmp_path / "saved_model.pb").write_bytes(b"")
    assert predict.main(["--model", str(tmp_path), "--text", "good"]) == 2
    assert "does not say what the export predicts" in capsys.readouterr().err
    (tmp_path / "assets.extra").mkdir()
    about = tmp_path / "assets.extra" / "mtc_keras.json"
    for content in ("[]", '{"tasks": {"a": {"config": {"kind": "multiclass"}}}}', "{"):
        about.write_text(content)
        assert predict.main(["--model", str(tmp_path), "--text", "good"]) == 2
        assert "does not say what the export predicts" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("folder", "file", "content", "says"),
    [
        ("export_onnx", "tokenizer.json", None, "has no tokenizer.json; copy all files of it"),
        ("export_onnx", "tokenizer.json", b"{}", "cannot be loaded: "),
        ("export_onnx", "model.onnx", b"\x08\x0acut short", "cannot be loaded: InvalidProtobuf"),
        ("export", "saved_model.pb", b"\x08\x0acut short", "cannot be loaded: "),
    ],
)
def test_an_export_that_was_copied_in_part_is_one_message(
    tmp_path, capsys, folder, file, content, says
):
    export = shutil.copytree(ROOT / "tests" / "written_by_0_1" / folder / "1", tmp_path / "1")
    (export / "SHA256SUMS").unlink(missing_ok=True)
    (export / file).unlink()
    if content is not None:
        (export / file).write_bytes(content)
    assert predict.main(["--model", str(export), "--text", "good"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: the export {str(export)!r} {says}")
    assert len(said.splitlines()) == 1


def test_onnx_runtime_keeps_no_number_of_the_machine_to_send(tmp_path):
    code = """
import sys
from pathlib import Path
from mtc_keras.predict.predictors import open_predictor
predictor = open_predictor(Path(sys.argv[1]))
predictor.load()
predictor.predict((["good"],))
"""
    hidden = ("XDG_CACHE_HOME", "ORT_DISABLE_TELEMETRY")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    command = [sys.executable, "-c", code, str(ROOT / "tests/written_by_0_1/export_onnx/1")]
    subprocess.run(command, check=True, cwd=ROOT, env={**environment, "HOME": str(tmp_path)})
    assert [path for path in tmp_path.rglob("*") if "onnxruntime" in path.name] == []
