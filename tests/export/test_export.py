"""An export answers as `predict` and `classify` do, without Keras and without this package."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow.core.protobuf import saved_model_pb2

import mtc_keras
from mtc_keras import ExportError, Multiclass, MultiTaskClassifier
from mtc_keras.data.tokens import tokenize
from mtc_keras.errors import ConfigError
from mtc_keras.export import agreement as self_test
from mtc_keras.export import program as export
from mtc_keras.export import writing as exporting
from mtc_keras.export.folder import unfinished_folder, version_folder
from mtc_keras.export.model_card import UNKNOWN, licence_of
from mtc_keras.export.saved_model.ask import Served, described
from mtc_keras.export.saved_model.long_texts import truncated
from mtc_keras.export.saved_model.write import readable, write_warm_up
from mtc_keras.files.whole import MARKER
from mtc_keras.predict import program as predict
from mtc_keras.predict.predictors import open_predictor
from mtc_keras.run.directory import Run
from tests.conftest import answers_alone, rows, tiny_bert
from tests.fixtures import BACKBONES
from tests.model.test_backbones import sentence_pieces

pytestmark = [
    # KerasHub 0.32 opens SentencePiece models without closing them.
    pytest.mark.filterwarnings("ignore:unclosed file .*vocabulary.spm:ResourceWarning"),
]
MODEL_FILES = ("saved_model.pb", "variables", "fingerprint.pb", "assets")
SAVED_MODEL_CLI = (sys.executable, "-m", "tensorflow.python.tools.saved_model_cli")
# What a process asks that has TensorFlow and TensorFlow Text, and nothing of ours.
CLIENT = """
import json, sys, types

absent = dict.fromkeys(["keras", "keras_hub", "tf_keras", "jax", "mtc_keras"])
sys.modules.update(absent)  # importing one of them fails
# TensorFlow Text has Keras layers of its own, which an export does not use.
sys.modules["tensorflow_text.python.keras"] = types.ModuleType("keras")
import numpy as np, tensorflow as tf, tensorflow_text
_, export, questions, answers = sys.argv
model = tf.saved_model.load(export)
assert all(sys.modules[name] is None for name in absent)
found = {}
for number, texts in enumerate(json.load(open(questions))):
    batch = tf.constant([t.encode("utf-8", "replace") for t in texts], tf.string)
    for signature in ("serving_default", "classify"):
        for name, tensor in model.signatures[signature](text=batch).items():
            value = tensor.numpy()
            value = value.astype("S") if value.dtype == object else value
            found[f"{number}/{signature}/{name}"] = value
tokens = model.signatures["tokens"]
specs = tokens.structured_input_signature[1]
for length in (4, 9):
    ids = {n: tf.ones([3, length], s.dtype) for n, s in specs.items()}
    for name, tensor in tokens(**ids).items():
        found[f"tokens_{length}/{name}"] = tensor.numpy()
np.savez(answers, **found)
"""


@pytest.fixture(scope="module")
def run(all_kinds) -> Run:
    """A run of all four kinds whose temperatures and thresholds are not the default."""
    return all_kinds


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory) -> Path:
    """Its export, written by the program; tests only read it."""
    folder = tmp_path_factory.mktemp("exports") / "moods"
    own = tmp_path_factory.mktemp("own") / "texts.jsonl"
    rows(5, 4)[["text"]].to_json(own, orient="records", lines=True)
    arguments = ["--model", str(run.directory), "--out", str(folder)]
    assert export.main([*arguments, "--self-test-texts", str(own)]) == 0
    return folder / "1"


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """100 texts of every sort, short and long mixed."""
    found = [*self_test.TEXTS, *rows(100 - len(self_test.TEXTS), 3)["text"]]
    return [found[index] for index in np.random.default_rng(0).permutation(100)]


def batches(texts):
    """Returns batches of 0 to 100 texts."""
    alone = [[text] for text in texts[:20]]
    return [texts[:size] for size in (0, 1, 2, 3, 10, 32, 64, 99, 100)] + alone


@pytest.fixture(scope="module")
def client(exported, texts, tmp_path_factory):
    """What a process with TensorFlow alone was answered."""
    return answers_alone(CLIENT, exported, batches(texts), tmp_path_factory.mktemp("client"))


@pytest.fixture(scope="module")
def expected(run, texts):
    """What the model predicts and classifies."""
    return run.model.predict(texts, verbose=0), run.model.classify(texts)


def answers_of(client, prefix):
    return {k.removeprefix(prefix): v for k, v in client.items() if k.startswith(prefix)}


# === What it answers ===


def test_its_numbers_are_those_of_predict_for_batches_of_every_size(client, texts, expected):
    for number, batch in enumerate(batches(texts)):
        places = [texts.index(text) for text in batch]
        found = answers_of(client, f"{number}/serving_default/")
        assert sorted(found) == ["grade", "length", "mood", "topics"]
        for name, values in expected[0].items():
            assert found[name].dtype == np.float32
            np.testing.assert_allclose(found[name], values[places], rtol=0, atol=1e-5)


def test_its_labels_are_those_of_classify_for_batches_of_every_size(client, texts, expected):
    seen = set()
    for number, batch in enumerate(batches(texts)):
        found = described(answers_of(client, f"{number}/classify/"))
        for row, text in zip(found, batch, strict=True):
            for name, right in expected[1][texts.index(text)].items():
                answer = row[name]
                for key in ("label", "labels"):
                    assert answer.pop(key, None) == right.get(key)
                    seen.add(str(right.get(key)))
                right = {key: value for key, value in right.items() if key in answer}
                for key, value in right.items():
                    assert answer[key] == pytest.approx(value, abs=1e-5), (name, key)
    assert len(seen) > 8, seen  # so that equal labels say something


def test_decisions_are_not_the_default_ones(run, client, texts):
    raw = run.model.predict(texts, verbose=0, raw=True)
    number = batches(texts).index(texts)
    for name in ("mood", "grade", "topics"):
        assert np.abs(client[f"{number}/serving_default/{name}"] - raw[name]).max() > 1e-2
    selected = client[f"{number}/classify/topics__selected"]
    assert selected.dtype == np.int32
    assert (selected != (client[f"{number}/serving_default/topics"] >= 0.5)).any()


def test_token_ids_of_any_length_are_answered(client):
    for length in (4, 9):
        assert client[f"tokens_{length}/mood"].shape == (3, 3)
        assert np.isfinite(client[f"tokens_{length}/length"]).all()


def test_the_package_asks_it_alike(exported, client, texts):
    found = Served(exported).ask("serving_default", [texts], batch_size=7)
    number = batches(texts).index(texts)
    for name, values in found.items():
        np.testing.assert_allclose(
            values, client[f"{number}/serving_default/{name}"], rtol=0, atol=1e-5
        )


def test_predict_takes_it(exported, texts, expected, capsys):
    predictor = open_predictor(exported)
    predictor.load()
    for name, values in predictor.predict((texts,)).items():
        np.testing.assert_allclose(values, expected[0][name], rtol=0, atol=1e-5)
    assert predict.main(["--model", str(exported.parent), "--text", "good"]) == 0
    assert json.loads(capsys.readouterr().out)["text"] == "good"


def test_an_export_whose_checksums_name_what_none_has_is_read(exported, tmp_path):
    folder = shutil.copytree(exported, tmp_path / "1")
    with (folder / "SHA256SUMS").open("a", encoding="utf-8") as file:
        file.write(f"{hashlib.sha256().hexdigest()}  {MARKER}\n")
    assert open_predictor(folder).path == folder


# === What it is ===


def graph(exported: Path):
    return saved_model_pb2.SavedModel.FromString((exported / "saved_model.pb").read_bytes())


def test_it_has_only_operations_of_tensorflow(exported):
    graph_def = graph(exported).meta_graphs[0].graph_def
    nodes = [*graph_def.node, *(n for f in graph_def.library.function for n in f.node_def)]
    operations = {node.op for node in nodes}
    strange = {name for name in operations if "Py" in name or "Xla" in name}
    assert "FastWordpieceTokenizeWithOffsets" in operations and not strange


def test_weights_are_written_once(run, exported):
    weights = sum(4 * np.prod(w.shape) for layer in run.model.layers for w in layer.weights)
    written = sum(file.stat().st_size for file in (exported / "variables").iterdir())
    assert 0.95 * weights <= written <= 1.1 * weights


def test_saved_model_cli_shows_it(exported):
    shown = subprocess.run(
        [*SAVED_MODEL_CLI, "show", "--dir", str(exported), "--all"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in ("classify", "serving_default", "tokens", "mood__labels", "topics__selected"):
        assert f"'{name}'" in shown


def test_its_description_holds_classes_decisions_and_self_test(run, exported):
    about = json.loads((exported / "assets.extra" / "mtc_keras.json").read_text("utf-8"))
    assert about["inputs"] == {"text": "text"} and about["max_length"] == 24
    assert list(about["tasks"]) == ["mood", "topics", "length", "grade"]
    assert about["tasks"]["mood"]["classes"] == ["bad", "fine", "good"]
    assert about["tasks"]["mood"]["class_names"]["bad"] == "mauvaise humeur 😀"
    assert about["tasks"]["grade"]["temperature"] == 2.5
    assert about["tasks"]["topics"]["thresholds"]["queue"] == 0.8
    assert about["tasks"]["topics"]["separator"] == "|"
    length = next(task for task in run.model.tasks if task.name == "length")
    own = {"mean": length.mean, "scale": length.scale}
    assert about["tasks"]["length"] == {"kind": "regression", **own} and None not in own.values()
    assert about["data"] == {"id": "id", "rename": {}}
    assert about["encoder"] == {"class": "BertBackbone", "name": "random"}
    assert about["tokenizer"] == {"class": "BertTokenizer", "kind": "word pieces"}
    test = about["self_test"]
    assert test["texts"] == len(self_test.TEXTS) + 5
    assert max(test["largest_difference"].values()) < test["tolerance"] == 1e-4
    assert about["versions"]["tensorflow"] == tf.__version__


def test_its_model_card_names_metrics_and_licence(run, exported):
    card = (exported / "README.md").read_text("utf-8")
    accuracy = run.metrics["validation"]["tasks"]["mood"]["accuracy"]
    assert f"| mood | accuracy | {accuracy:.4f} |" in card
    assert "queue ≥ 0.800" in card and "mauvaise humeur 😀 (bad)" in card
    assert "Texts become tokens by `BertTokenizer` (word pieces)." in card
    assert f"Licence of its weights: {licence_of(run.config.model.backbone)}" in card


def test_the_licence_of_weights_is_what_their_name_or_folder_tells(tmp_path):
    assert licence_of("random") == "none: its weights began at random"
    assert "Apache-2.0" in licence_of("minilm")
    assert licence_of(str(tmp_path)) == UNKNOWN
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n# A model\n", encoding="utf-8")
    assert licence_of(str(tmp_path)) == "mit"


def test_tensorflow_serving_is_told_of_its_versions(exported):
    text = (exported.parent / "models.config").read_text("utf-8")
    assert 'name: "moods"' in text and 'base_path: "/models/moods"' in text
    assert sorted(path.name for path in exported.parent.iterdir()) == ["1", "models.config"]


def test_warm_up_requests_are_answered(exported):
    logs = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    model = tf.saved_model.load(str(exported))
    records = tf.data.TFRecordDataset(
        str(exported / "assets.extra" / "tf_serving_warmup_requests")
    ).as_numpy_iterator()
    asked = []
    for record in records:
        request = logs.PredictionLog.FromString(record).predict_log.request
        inputs = {n: tf.constant(tf.make_ndarray(t)) for n, t in request.inputs.items()}
        assert model.signatures[request.model_spec.signature_name](**inputs)
        asked.append(request.model_spec.signature_name)
    assert set(asked) == {"serving_default", "classify"}


def test_without_the_package_for_it_there_are_no_warm_up_requests(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_serving", None)
    monkeypatch.setitem(sys.modules, "tensorflow_serving.apis", None)
    write_warm_up(tmp_path, ["text"])
    assert list(tmp_path.iterdir()) == []


# === Tokens in the graph ===


@pytest.fixture(scope="module")
def read():
    """A preprocessor, and its tokens in a graph of one text a row, and of two."""
    backbone, preprocessor = tiny_bert()
    reader = SimpleNamespace(backbone=backbone, preprocessor=preprocessor)

    def in_graph(*columns):
        return truncated(reader, readable(columns), preprocessor.tokenizer)

    spec = tf.TensorSpec([None], tf.string)
    return preprocessor, [tf.function(in_graph, input_signature=[spec] * n) for n in (1, 2)]


def assert_same_tokens(read, *columns):
    preprocessor, in_graph = read
    tensors = [tf.constant([t.encode("utf-8", "replace") for t in c], tf.string) for c in columns]
    found = in_graph[len(columns) - 1](*tensors)
    tokens = tokenize(preprocessor, columns)
    for name, values in tokens.take(np.arange(len(tokens)), int(tokens.lengths.max())).items():
        np.testing.assert_array_equal(found[name].numpy(), values, err_msg=name)


def test_tokens_are_those_of_predict_and_no_longer_than_the_longest_text(read):
    assert_same_tokens(read, self_test.TEXTS)
    assert_same_tokens(read, ["good", "bad queue"])  # 4 of at most 16
    assert_same_tokens(read, self_test.TEXTS, self_test.TEXTS[::-1])


@settings(max_examples=8)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=40))
def test_tokens_of_any_unicode_are_those_of_predict(read, texts):
    assert_same_tokens(read, texts)


def test_bytes_that_are_no_utf_8_are_read_as_question_marks(read):
    _, [in_graph, _] = read
    found = in_graph(tf.constant([b"good \xff bus", b"good ? bus"]))["token_ids"].numpy()
    np.testing.assert_array_equal(found[0], found[1])


# === The self-test ===


def exporting_this(monkeypatch, exported, damage):
    """Writes a damaged copy of an export where another would be written."""
    original = exporting.run_module

    def run_module(module, *arguments):
        if module != "mtc_keras.export.saved_model.write":
            return original(module, *arguments)
        for name in MODEL_FILES:
            source, target = exported / name, Path(arguments[1]) / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
        damage(Path(arguments[1]))
        return subprocess.CompletedProcess([], 0)

    monkeypatch.setattr(exporting, "run_module", run_module)


def test_a_full_disk_is_told_as_one_and_leaves_nothing(run, tmp_path, monkeypatch, capsys):
    error = "ResourceExhaustedError: /variables_temp/x; No space left on device [Op:SaveV2]"
    failed = subprocess.CompletedProcess([], 1, "", error)
    monkeypatch.setattr(exporting, "run_module", lambda *arguments: failed)
    assert export.main(["--model", str(run.directory), "--out", str(tmp_path / "moods")]) == 2
    assert "error: the disk is full: " in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_export_is_refused_and_leaves_nothing(
    run, exported, tmp_path, monkeypatch, capsys
):
    def damage(directory):
        [file] = (directory / "variables").glob("*.data*")
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 0xFF
        file.write_bytes(content)

    exporting_this(monkeypatch, exported, damage)
    out = tmp_path / "made" / "moods"
    assert export.main(["--model", str(run.directory), "--out", str(out)]) == 2
    assert "cannot be used by TensorFlow; it is removed" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_export_of_another_temperature_is_refused_and_leaves_nothing(
    run, exported, tmp_path, monkeypatch, capsys
):
    other = Run(shutil.copytree(run.directory, tmp_path / "run"))
    decisions = other.model.decisions
    decisions["grade"].temperature = 1.0
    other.save_decisions(decisions)
    exporting_this(monkeypatch, exported, lambda directory: None)
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "models.config").write_text("mine")
    assert (
        export.main(["--model", str(other.directory), "--out", str(tmp_path / "exports" / "7")])
        == 2
    )
    message = capsys.readouterr().err
    assert "the answers of export and model differ; the export is removed" in message
    assert "grade: differs by" in message and "mood" not in message
    assert [path.name for path in (tmp_path / "exports").iterdir()] == ["models.config"]


@pytest.fixture(scope="module")
def answered(exported):
    return self_test.ask(exported, [self_test.TEXTS])


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("1/serving_default/mood", lambda v: v + 2e-4, "mood: differs by 2.0e-04"),
        ("32/serving_default/length", lambda v: v * np.nan, "length: differs by inf"),
        ("32/serving_default/topics", lambda v: v[:, :1], "topics: differs by inf"),
        ("1/classify/topics__selected", lambda v: 1 - v, "topics: 22 of 22 texts have another"),
        ("32/classify/grade__labels", lambda v: np.full_like(v, b"9"), "grade: 22 of 22 texts"),
    ],
)
def test_the_self_test_sees(run, answered, monkeypatch, name, change, message):
    found = {**answered, name: change(answered[name])}
    monkeypatch.setattr(self_test, "ask", lambda export, columns: found)
    with pytest.raises(ExportError, match=message):
        self_test.self_test(run.model, Path())


def in_another_order(answered, name, text, change=0.0):
    """Returns answers of which one text has its tokens from the back, and other probabilities."""
    row = self_test.TEXTS.index(text)
    start, end = answered["tokens/text/offsets"][row : row + 2]
    ids, values = answered["tokens/text/ids"].copy(), answered[name].copy()
    ids[start:end] = ids[start:end][::-1]
    values[row] += change
    return {**answered, "tokens/text/ids": ids, name: values}


TIED = "The clerk was kind, but I waited two hours."


def test_texts_with_the_same_tokens_in_another_order_are_told_and_not_compared(
    run, answered, monkeypatch
):
    found = in_another_order(answered, "1/serving_default/mood", TIED, change=2.5e-3)
    monkeypatch.setattr(self_test, "ask", lambda export, columns: found)
    test = self_test.self_test(run.model, Path())
    assert test["ties"]["texts"] == 1 and test["texts"] == len(self_test.TEXTS)
    assert test["ties"]["largest_difference"]["mood"] == pytest.approx(2.5e-3, rel=1e-2)
    assert test["largest_difference"]["mood"] < 1e-4
    about = {"self_test": test, "model_format": "saved_model"}
    assert (
        "  not compared: 1 text that has the model's tokens in another order, as runs of letters "
        "may; its answers differ by up to 2.5e-03"
    ) in exporting.Export(Path("x"), about).shown


def test_other_tokens_are_compared_and_refused(run, answered, monkeypatch):
    name = "1/serving_default/mood"
    found = in_another_order(answered, name, TIED, change=2.5e-3)
    found["tokens/text/ids"][answered["tokens/text/offsets"][self_test.TEXTS.index(TIED)]] += 1
    monkeypatch.setattr(self_test, "ask", lambda export, columns: found)
    with pytest.raises(ExportError) as caught:
        self_test.self_test(run.model, Path())
    assert caught.value.problems == [
        f"tokens: 1 of {len(self_test.TEXTS)} texts have other tokens than the model reads",
        "mood: differs by 2.5e-03 from the model, above 0.0001",
    ]
    found |= {name: answered[name]}  # where the text is cut off, say
    assert "ties" not in self_test.self_test(run.model, Path())


# === Where it is written ===


def test_a_folder_that_holds_something_is_not_overwritten(run, exported, capsys):
    before = sorted(exported.rglob("*"))
    assert export.main(["--model", str(run.directory), "--out", str(exported)]) == 2
    assert "holds something already; choose another, or remove it" in capsys.readouterr().err
    assert sorted(exported.rglob("*")) == before
    with pytest.raises(ConfigError, match="holds something already"):
        run.model.export(exported)


def test_versions_count_up(tmp_path):
    assert version_folder(tmp_path / "new") == tmp_path / "new" / "1"
    for name in ("9", "10", ".11.99.0123abcd.part"):
        (tmp_path / "x" / name).mkdir(parents=True)
    (tmp_path / "x" / "models.config").write_text("")
    assert version_folder(tmp_path / "x") == tmp_path / "x" / "11"
    assert version_folder(tmp_path / "x" / "3") == tmp_path / "x" / "3"
    assert version_folder(tmp_path / "x" / "9") == tmp_path / "x" / "9"  # empty


def test_of_two_processes_that_write_one_version_the_first_wins(tmp_path):
    directory = tmp_path / "x" / "1"
    with (
        pytest.raises(ConfigError, match="holds something already"),
        unfinished_folder(directory) as part,
    ):
        (part / "saved_model.pb").write_text("second")
        directory.mkdir()
        (directory / "saved_model.pb").write_text("first")
    assert [path.name for path in directory.parent.iterdir()] == ["1"]
    assert (directory / "saved_model.pb").read_text() == "first"


def test_what_a_killed_export_left_is_removed_and_a_living_ones_is_not(tmp_path):
    names = [".1.99.00000000.part", ".2.99.00000000.part", ".1.99.ffffffff.part"]
    left, other, somebody_elses = (tmp_path / name for name in names)
    for path in (left, other, somebody_elses):
        (path / "variables").mkdir(parents=True)
    for path in (left, other):
        (path / MARKER).touch()
    with unfinished_folder(tmp_path / "1") as living:
        (living / "saved_model.pb").write_text("")
        assert not left.exists()
        second = pytest.raises(ConfigError, match=r"another process \(pid \d+ .*\) is writing it")
        with second, unfinished_folder(tmp_path / "1"):
            pass
        assert living.exists()
    assert {path.name for path in tmp_path.iterdir()} == {"1", other.name, somebody_elses.name}
    assert [path.name for path in (tmp_path / "1").iterdir()] == ["saved_model.pb"]


def test_sigterm_ends_what_writes_it_and_leaves_nothing(run, tmp_path, monkeypatch, capfd):
    started = tmp_path / "started"
    child = f"import os, time; open({str(started)!r}, 'w').write(str(os.getpid())); time.sleep(99)"

    def stopped_while_it_writes(module, *arguments):
        threading.Thread(target=stop_once_started, daemon=True).start()
        return subprocess.run([sys.executable, "-c", child])

    def stop_once_started():
        while not started.exists() or not started.read_text():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("mtc_keras.export.writing.run_module", stopped_while_it_writes)
    before = signal.getsignal(signal.SIGTERM)
    out = tmp_path / "exports" / "1"
    assert export.main(["--model", str(run.directory), "--out", str(out)]) == 143
    assert "stopped; nothing was exported" in capfd.readouterr().err
    assert not out.parent.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_folder_of_something_else_gets_no_versions(run, tmp_path):
    with pytest.raises(ConfigError, match=r"holds 'SHA256SUMS', which is not a version"):
        version_folder(run.directory)
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be made in"):
        version_folder(tmp_path / "file")


def test_what_cannot_be_exported_is_refused_at_once(tasks, tmp_path, capsys):
    backbone, _ = tiny_bert()
    with pytest.raises(ConfigError, match="no preprocessor"):
        MultiTaskClassifier(backbone, tasks).export(tmp_path / "x")
    assert export.main(["--model", str(tmp_path), "--out", str(tmp_path / "x")]) == 2
    assert "holds no finished run" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_byte_pairs_that_no_graph_reads_are_refused(tasks, tmp_path):
    import keras_hub

    vocabulary = {"<s>": 0, "<pad>": 1, "</s>": 2, "<mask>": 3, "g": 4, "o": 5, "oo": 6}
    tokenizer = keras_hub.models.RobertaTokenizer(vocabulary=vocabulary, merges=["o o"])
    backbone = keras_hub.models.RobertaBackbone(7, 1, 2, 8, 8, max_sequence_length=18)
    preprocessor = keras_hub.models.RobertaTextClassifierPreprocessor(tokenizer)
    preprocessor.sequence_length = 16
    with pytest.raises(ConfigError, match=r"no token for some bytes.* An ONNX export can"):
        mtc_keras.export_model(MultiTaskClassifier(backbone, tasks, preprocessor), tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_what_a_run_cannot_leave_by_is_told_before_anything_is_loaded(run, tmp_path):
    """Neither the packages nor the rows that it needs, nor Keras, are looked for."""
    other = Path(shutil.copytree(run.directory, tmp_path / "run"))
    task = other / "model" / "task.json"
    table = json.loads(task.read_text(encoding="utf-8"))
    own = {
        "registered_name": "mtc_keras>HuggingFaceTokenizer",
        "class_name": "HuggingFaceTokenizer",
    }
    table["config"]["preprocessor"]["config"]["tokenizer"] |= own
    task.write_text(json.dumps(table), encoding="utf-8")
    shutil.copy(
        BACKBONES / "modernbert_gemma" / "tokenizer.json", other / "model" / "assets" / "tokenizer"
    )
    code = (
        "import sys\n"
        "from mtc_keras.cli import main\n"
        "code = main(sys.argv[1:])\n"
        "assert not {'keras', 'keras_hub', 'jax', 'tensorflow', 'pandas'} & sys.modules.keys()\n"
        "sys.exit(code)"
    )
    arguments = ["--model", str(other), "--out", str(tmp_path / "x"), "--unchecked"]
    arguments += ["--self-test-texts", "missing.jsonl"]
    refused = subprocess.run(
        [sys.executable, "-c", code, "export", *arguments], capture_output=True, text=True
    )
    assert refused.returncode == 2 and refused.stderr.count("\n") == 1
    assert refused.stderr.startswith(
        "error: a SavedModel cannot read texts as HuggingFaceTokenizer"
    )
    assert "An ONNX export can: --format onnx" in refused.stderr
    assert not (tmp_path / "x").exists()


RUNS = ["x" * 5000, "xxxxx", "xxxxxxxx", "y xxxxxxx y"]


def runs_of_letters() -> bytes:
    """Returns a SentencePiece model that likes "xxx x" and "x xxx" equally well."""
    from sentencepiece import sentencepiece_model_pb2

    model = sentencepiece_model_pb2.ModelProto()
    scores = {"▁": -3.1, "x": -14.3, "xx": -12.7, "xxx": -11.9, "y": -7.7}
    kinds = {"<unk>": "UNKNOWN", "<s>": "CONTROL", "</s>": "CONTROL"}
    for piece in (*kinds, *scores):
        kind = model.SentencePiece.Type.Value(kinds.get(piece, "NORMAL"))
        model.pieces.add(piece=piece, score=scores.get(piece, 0.0), type=kind)
    model.trainer_spec.model_type = model.trainer_spec.UNIGRAM
    return model.SerializeToString()


def test_a_run_of_letters_is_no_reason_that_there_is_no_export(tmp_path):
    import keras_hub

    tokenizer = keras_hub.models.XLMRobertaTokenizer(proto=runs_of_letters())
    backbone = keras_hub.models.XLMRobertaBackbone(
        tokenizer.vocabulary_size(), 1, 2, 8, 8, max_sequence_length=66
    )
    preprocessor = keras_hub.models.XLMRobertaTextClassifierPreprocessor(
        tokenizer, sequence_length=64
    )
    tasks = [Multiclass(name="mood", classes=["bad", "good"])]
    model = MultiTaskClassifier(backbone, tasks, preprocessor)
    for weight in model.weights:
        weight.assign(np.random.default_rng(0).normal(size=weight.shape))
    exported = mtc_keras.export_model(model, tmp_path / "x")
    assert exported.about["self_test"]["ties"]["texts"] >= 1
    assert "in another order" in (exported.directory / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_text_pairs_are_exported_by_keras_own_export(tmp_path, capsys):
    """Of a model with SentencePiece, whose tokenizer is more than a graph."""
    import keras_hub

    tokenizer = keras_hub.models.XLMRobertaTokenizer(proto=sentence_pieces())
    backbone = keras_hub.models.XLMRobertaBackbone(
        tokenizer.vocabulary_size(), 1, 2, 8, 8, max_sequence_length=34
    )
    preprocessor = keras_hub.models.XLMRobertaTextClassifierPreprocessor(tokenizer)
    preprocessor.sequence_length = 16
    tasks = [Multiclass(name="same", classes=["no", "yes"])]
    model = MultiTaskClassifier(backbone, tasks, preprocessor)
    model.decisions["same"].temperature = 0.5
    model.export(tmp_path / "pairs", text_pairs=True)
    assert "largest difference to predict" in capsys.readouterr().out
    pairs = (["la file", "bad"], ["très lent", "slow clerk"])
    found = Served(tmp_path / "pairs").ask("serving_default", pairs)
    np.testing.assert_allclose(found["same"], model.predict(pairs, verbose=0)["same"], atol=1e-5)
    assert [path.name for path in tmp_path.iterdir()] == ["pairs"]


def test_a_model_whose_method_trains_on_jax_alone_is_exported(tasks, tmp_path):
    backbone, preprocessor = tiny_bert(num_layers=1)
    model = MultiTaskClassifier(backbone, tasks, preprocessor, balancing="famo")
    model.export(tmp_path / "famo", verbose=False)
    found = Served(tmp_path / "famo").ask("serving_default", (["good clerk", "bad"],))
    expected = model.predict(["good clerk", "bad"], verbose=0)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, atol=1e-5)
