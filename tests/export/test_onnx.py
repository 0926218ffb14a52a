"""An ONNX export answers as `predict` does, with ONNX Runtime and `tokenizers` alone."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from mtc_keras import MultiTaskClassifier, export_model
from mtc_keras.errors import ConfigError, DataError
from mtc_keras.export import agreement as self_test
from mtc_keras.export import program as export
from mtc_keras.export import writing as exporting
from mtc_keras.export.onnx.rates import advice
from mtc_keras.predict import program as predict
from mtc_keras.predict.predictors import open_predictor
from mtc_keras.tasks import Multiclass
from mtc_keras.tokenization.fast import as_preprocessed
from tests.conftest import WORDS, answers_alone, labelled, tiny_bert

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("tf2onnx")
# What a process asks that has ONNX Runtime and tokenizers, and nothing of ours.
CLIENT = """
import json, sys

absent = dict.fromkeys(["tensorflow", "keras", "keras_hub", "jax", "mtc_keras", "onnx"])
sys.modules.update(absent)  # importing one of them fails
import numpy as np, onnxruntime
from tokenizers import Tokenizer
_, export, questions, answers = sys.argv
tokenizer = Tokenizer.from_file(f"{export}/tokenizer.json")
session = onnxruntime.InferenceSession(f"{export}/model.onnx")
columns = {"token_ids": "ids", "padding_mask": "attention_mask", "segment_ids": "type_ids"}
outputs = [tensor.name for tensor in session.get_outputs()]
found = {}
def ask(prefix, inputs):
    for name, value in zip(outputs, session.run(outputs, inputs)):
        found[f"{prefix}/{name}"] = value
for number, texts in enumerate(json.load(open(questions))):
    texts = [t.encode("utf-8", "replace").decode() for t in texts]
    rows = tokenizer.encode_batch(texts)
    ask(number, {
        tensor.name: np.array([getattr(row, columns[tensor.name]) for row in rows], "int32")
        for tensor in session.get_inputs()
    })
for length in (1, 4, 9):
    ask(f"ones_{length}", {t.name: np.ones([3, length], "int32") for t in session.get_inputs()})
ask("none", {t.name: np.ones([0, 5], "int32") for t in session.get_inputs()})
np.savez(answers, **found)
"""


@pytest.fixture(scope="module")
def exported(all_kinds, tmp_path_factory) -> Path:
    """An ONNX export, written by the program; tests only read it."""
    folder = tmp_path_factory.mktemp("onnx") / "moods"
    assert export_onnx(all_kinds, folder) == 0
    return folder / "1"


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Labelled rows that the run has not seen."""
    path = tmp_path_factory.mktemp("judging") / "rows.jsonl"
    labelled(60, 5).to_json(path, orient="records", lines=True)
    return path


@pytest.fixture
def written(exported, monkeypatch):
    """Writes a copy of the export, changed by what is given, where another would be written."""
    changes = []

    def run_module(module, *arguments):
        assert module == "mtc_keras.export.onnx.write"
        for name in ("model.onnx", "tokenizer.json"):
            shutil.copy(exported / name, arguments[1])
        for change in changes:
            change(Path(arguments[1]))
        return subprocess.CompletedProcess([], 0)

    monkeypatch.setattr(exporting, "run_module", run_module)
    return changes


def export_onnx(run, out, *options) -> int:
    arguments = ["--model", str(run.directory), "--out", str(out), "--format", "onnx"]
    return export.main([*arguments, *map(str, options)])


def about_of(export_folder: Path) -> dict:
    return json.loads((export_folder / "mtc_keras.json").read_text(encoding="utf-8"))


# === What it answers ===


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """100 texts of every sort, short and long mixed."""
    found = [*self_test.TEXTS, *labelled(100 - len(self_test.TEXTS), 3)["text"]]
    return [found[index] for index in np.random.default_rng(0).permutation(100)]


@pytest.fixture(scope="module")
def client(exported, texts, tmp_path_factory):
    """What a process with ONNX Runtime alone was answered."""
    return answers_alone(CLIENT, exported, batches(texts), tmp_path_factory.mktemp("client"))


def batches(texts):
    """Returns batches of 1 to 100 texts."""
    return [*(texts[:size] for size in (1, 2, 3, 10, 32, 64, 99, 100)), *([t] for t in texts[:20])]


def test_its_numbers_are_those_of_predict_for_batches_of_every_size(all_kinds, client, texts):
    expected = all_kinds.model.predict(texts, verbose=0)
    for number, batch in enumerate(batches(texts)):
        places = [texts.index(text) for text in batch]
        for name, values in expected.items():
            found = client[f"{number}/{name}"]
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, values[places], rtol=0, atol=1e-5)


def test_batch_and_length_are_dynamic(client):
    for length in (1, 4, 9):
        assert client[f"ones_{length}/grade"].shape == (3, 4)
        assert client[f"ones_{length}/length"].shape == (3,)
        np.testing.assert_allclose(client[f"ones_{length}/mood"].sum(axis=1), 1, atol=1e-6)
    assert client["none/topics"].shape == (0, 4)


def test_weights_are_written_once_for_standard_operations(all_kinds, exported):
    model = onnx.load(exported / "model.onnx")
    weights = sum(np.prod(w.shape) for layer in all_kinds.model.layers for w in layer.weights)
    written = sum(np.prod(tensor.dims) for tensor in model.graph.initializer)
    assert 0.9 * weights <= written <= 1.02 * weights  # BERT's own pooler is not used
    assert {node.domain for node in model.graph.node} == {""}
    assert [(versions.domain, versions.version) for versions in model.opset_import] == [("", 18)]


def test_its_inputs_and_outputs_have_plain_names_and_shapes(exported):
    graph = onnx.load(exported / "model.onnx").graph
    for tensor in graph.input:
        shape = tensor.type.tensor_type.shape.dim
        assert [dimension.dim_param for dimension in shape] == ["texts", "tokens"]
    inputs = {tensor.name for tensor in graph.input}
    assert inputs == {"token_ids", "segment_ids", "padding_mask"}
    shapes = {
        tensor.name: [d.dim_param or d.dim_value for d in tensor.type.tensor_type.shape.dim]
        for tensor in graph.output
    }
    assert shapes == {
        "mood": ["texts", 3],
        "topics": ["texts", 4],
        "length": ["texts"],
        "grade": ["texts", 4],
    }


def test_its_description_and_card(all_kinds, exported):
    names = sorted(path.name for path in exported.iterdir())
    assert names == ["README.md", "SHA256SUMS", "model.onnx", "mtc_keras.json", "tokenizer.json"]
    assert [path.name for path in exported.parent.iterdir()] == ["1"]  # no models.config
    about = about_of(exported)
    assert (about["format"], about["model_format"]) == (1, "onnx") and about["max_length"] == 24
    assert about["tasks"]["topics"]["thresholds"]["queue"] == 0.8
    assert max(about["self_test"]["largest_difference"].values()) < 1e-4
    card = (exported / "README.md").read_text(encoding="utf-8")
    assert "An ONNX model that reads at most 24 token ids" in card
    assert "with ONNX Runtime alone" in card and "8 bits" not in card


# === Tokens ===

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, "fi", "ss", "##ss", "..."]
# Each letter of many scripts is a piece, so that words of them are not all unknown.
LETTERS = [chr(code) for code in range(0x21, 0x3100) if chr(code).isprintable()] + [
    "今",
    "日",
    "語",
]
PIECES += [*LETTERS, *(f"##{letter}" for letter in LETTERS)]


def readers(**settings):
    """Returns the model's tokenizer and that of `tokenizer.json`: functions of texts."""
    import keras_hub

    own = keras_hub.models.BertTokenizer(vocabulary=list(dict.fromkeys(PIECES)), **settings)
    preprocessor = keras_hub.models.BertTextClassifierPreprocessor(own, sequence_length=16)
    other = tokenizers.Tokenizer.from_str(as_preprocessed(preprocessor).to_str())
    other.no_padding()
    other.no_truncation()
    in_graph = tf.function(own, input_signature=[tf.TensorSpec([None], tf.string)])
    return (
        lambda texts: in_graph(tf.constant(texts)).to_list(),
        lambda texts: [row.ids[1:-1] for row in other.encode_batch(texts)],
    )


SETTINGS = [
    {"lowercase": True},
    {"lowercase": True, "strip_accents": True},
    {"lowercase": False},
    {"lowercase": False, "strip_accents": True},
]
# Of these `tokenizers` knows no case.
CASELESS = [chr(code) for code in (*range(0x13A0, 0x1400), *range(0x1C80, 0x1C90))]
READABLE = st.text(
    st.characters(
        exclude_categories=["Cs", "Cn", "Co"], exclude_characters=CASELESS, max_codepoint=0x3100
    )
)


@pytest.fixture(scope="module")
def both():
    """Both tokenizers for each of `SETTINGS`."""
    return [readers(**settings) for settings in SETTINGS]


@pytest.mark.parametrize("number", range(4), ids=map(str, SETTINGS))
def test_texts_of_every_sort_have_the_models_tokens(both, number):
    own, other = both[number]
    texts = [t.encode("utf-8", "replace").decode().replace("\0", "") for t in self_test.TEXTS]
    assert other(texts) == own(texts)
    assert other(["form\0fee"]) == other(["formfee"])


@settings(max_examples=40)
@given(st.lists(READABLE.map(lambda text: text.replace("\0", "")), min_size=1, max_size=40))
def test_any_text_of_many_scripts_has_the_models_tokens(both, texts):
    for own, other in both[:2]:
        assert other(texts) == own(texts)


def test_a_tokenizer_that_reads_otherwise_is_refused(all_kinds, written, tmp_path, capsys):
    def damage(directory):
        path = directory / "tokenizer.json"
        content = json.loads(path.read_text(encoding="utf-8"))
        steps = content["normalizer"]["normalizers"]
        content["normalizer"]["normalizers"] = [s for s in steps if s["type"] != "Lowercase"]
        path.write_text(json.dumps(content), encoding="utf-8")

    written.append(damage)
    assert export_onnx(all_kinds, tmp_path / "made" / "moods") == 2
    assert "texts have other tokens than the model reads" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_model_is_refused(all_kinds, written, tmp_path, capsys):
    written.append(lambda directory: (directory / "model.onnx").write_bytes(b"no model"))
    assert export_onnx(all_kinds, tmp_path / "moods") == 2
    assert "cannot be used by ONNX Runtime; it is removed" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


# === Weights of 8 bits ===


def test_int8_is_reported(all_kinds, exported, data, written, tmp_path, capsys):
    options = ("--quantize", "int8", "--data", data, "--max-loss", "0.2")
    assert export_onnx(all_kinds, tmp_path / "small", *options) == 0
    folder = tmp_path / "small" / "1"
    found = about_of(folder)["int8"]
    assert found["rows"] == 60 and found["max_loss"] == 0.2
    assert found["after"]["megabytes"] <= found["before"]["megabytes"]
    size = (folder / "model.onnx").stat().st_size
    assert size < (exported / "model.onnx").stat().st_size
    assert found["quantize"] == "int8"
    assert min(found[when]["rows_per_second"] for when in ("before", "after")) > 0
    speed = found["speed"]
    assert 0 < speed["seconds"] < 60 and speed["rows"] >= 32 and speed["batch_size"] == 32
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        path.name for path in exported.iterdir()
    )
    frame = pd.read_json(data, lines=True)
    moods = all_kinds.model.classify(frame["text"].tolist())
    right = np.mean([row["mood"]["label"] for row in moods] == shown(frame["mood"]))
    mood = found["tasks"]["mood"]
    assert mood["metric"] == "accuracy" and mood["before"] == pytest.approx(right)
    assert mood["change"] == pytest.approx(mood["after"] - mood["before"])
    assert list(found["tasks"]) == ["mood", "topics", "length", "grade"]
    assert all(task["largest_difference"] > 0 for task in found["tasks"].values())
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert f"| mood | accuracy | {mood['before']:.4f} | {mood['after']:.4f} |" in card
    shown_there = capsys.readouterr().out
    assert "int8 on 60 rows" in shown_there
    for text in (shown_there, card):
        rates = [f"{found[when]['rows_per_second']}" for when in ("before", "after")]
        assert all(rate in text for rate in rates) and f"{speed['seconds']} s" in text
        # Which of the two is faster depends on chance, of a tiny model.
        assert advice(found) in text
    nodes = [node.op_type for node in onnx.load(folder / "model.onnx").graph.node]
    assert nodes.count("MatMulInteger") == 4 + 2 + 4  # attention, dense layers, heads


def test_int8_that_is_slower_here_says_so_with_both_rates(
    all_kinds, data, written, tmp_path, capsys, monkeypatch
):
    speed = {"seconds": 4.0, "rows": 96, "batch_size": 32}
    of = {"processor": "an old one", "has_int8_products": False}
    slower = lambda export, rows: {"rates": [610.26, 412.0], **speed, **of}  # noqa: E731
    monkeypatch.setattr("mtc_keras.export.onnx.quantizing._speed", slower)
    options = ("--quantize", "int8", "--data", data, "--max-loss", "0.2")
    assert export_onnx(all_kinds, tmp_path / "small", *options) == 0
    folder = tmp_path / "small" / "1"
    found = about_of(folder)["int8"]
    assert found["before"]["rows_per_second"] == 610.3 and found["speed"] == {**speed, **of}
    told, card = capsys.readouterr().out, (folder / "README.md").read_text(encoding="utf-8")
    assert "in 4.0 s, in turns: 610.3 → 412.0 rows/s" in told
    assert "on an old one" in card
    for text in (told, card):
        assert "int8 is slower than float32 on this processor, which has no 8-bit products" in text
        assert "serve float32 on such machines, or quantize int8_weights" in text


def test_int8_weights_are_small_and_multiply_in_float32(
    all_kinds, exported, data, written, tmp_path, capsys
):
    options = ("--quantize", "int8_weights", "--data", data, "--max-loss", "0.05")
    assert export_onnx(all_kinds, tmp_path / "small", *options) == 0
    folder = tmp_path / "small" / "1"
    found = about_of(folder)["int8"]
    assert found["quantize"] == "int8_weights"
    assert "its matrices become float32 when it is loaded" in capsys.readouterr().out
    model = onnx.load(folder / "model.onnx")
    assert {node.domain for node in model.graph.node} == {""}
    nodes = [node.op_type for node in model.graph.node]
    assert not {"MatMulInteger", "DynamicQuantizeLinear"} & set(nodes)
    bits = dict.fromkeys((onnx.TensorProto.INT8, onnx.TensorProto.FLOAT), 0)
    for tensor in model.graph.initializer:
        if tensor.data_type in bits:
            bits[tensor.data_type] += int(np.prod(tensor.dims))
    assert bits[onnx.TensorProto.INT8] > 4 * bits[onnx.TensorProto.FLOAT]  # biases, norms, scales
    texts = labelled(60, 5)["text"].tolist()
    expected, answers = (open_predictor(path) for path in (exported, folder))
    for predictor in (expected, answers):
        predictor.load()
    whole, small = (predictor.predict((texts,)) for predictor in (expected, answers))
    assert all(np.abs(small[name] - whole[name]).max() < 0.02 for name in ("mood", "topics"))


def shown(moods):
    return np.array(["mauvaise humeur 😀" if mood == "bad" else mood for mood in moods])


def test_int8_that_costs_too_much_is_refused(
    all_kinds, data, written, tmp_path, capsys, monkeypatch
):
    def quantize_dynamic(large, small, **options):
        model = onnx.load(large)
        for weights in model.graph.initializer:
            if weights.data_type == onnx.TensorProto.FLOAT and len(weights.dims) == 2:
                weights.raw_data = bytes(len(weights.raw_data))
        onnx.save(model, small)

    monkeypatch.setattr("onnxruntime.quantization.quantize_dynamic", quantize_dynamic)
    options = ("--quantize", "int8", "--data", data)
    assert export_onnx(all_kinds, tmp_path / "small", *options) == 2
    message = capsys.readouterr().err
    assert "int8 costs more than max_loss 0.01 on" in message
    assert "mood: accuracy is" in message and "length: r2 is" in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", ["-0.1", "nan", "much"])
def test_max_loss_is_a_number_from_0(all_kinds, tmp_path, capsys, value):
    with pytest.raises(SystemExit) as ended:
        export_onnx(all_kinds, tmp_path / "out", "--quantize", "int8", f"--max-loss={value}")
    assert ended.value.code == 2
    assert f"--max-loss: must be a number from 0, received '{value}'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--quantize", "int8"], "names no validation file: give --data FILE"),
        (["--max-loss", "0.1"], "max_loss judges int8: ask for int8"),
        (["--data", "x.jsonl"], "data judges int8: ask for int8"),
        (["--quantize", "int8", "--format", "saved_model"], "int8 needs format onnx"),
        (
            ["--quantize", "int8_weights", "--format", "saved_model"],
            "int8_weights needs format onnx",
        ),
        (["--quantize", "int8", "--data", "missing.jsonl"], "missing.jsonl"),
    ],
)
def test_options_that_do_not_fit(all_kinds, tmp_path, capsys, options, message):
    assert export_onnx(all_kinds, tmp_path / "out", *options) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


# === What cannot be exported ===


def test_without_its_packages_there_is_one_message(all_kinds, data, tmp_path, capsys, monkeypatch):
    for name in ("tf2onnx", "onnx"):
        monkeypatch.setitem(sys.modules, name, None)
    assert export_onnx(all_kinds, tmp_path / "out") == 2
    message = capsys.readouterr().err
    expected = "error: an ONNX export needs onnx, tf2onnx: pip install 'mtc-keras[onnx]'\n"
    assert message == expected
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "cpuinfo", None)
    options = ("--quantize", "int8", "--data", data)
    assert export_onnx(all_kinds, tmp_path / "out", *options) == 2
    assert "an ONNX export needs cpuinfo: pip install" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_it_is_no_version_for_tensorflow_serving(all_kinds, tmp_path, capsys):
    (tmp_path / "moods").mkdir()
    (tmp_path / "moods" / "models.config").write_text("")
    assert export_onnx(all_kinds, tmp_path / "moods") == 2
    assert "has the versions that TensorFlow Serving loads" in capsys.readouterr().err


def test_tokenizers_of_ones_own_and_other_formats_are_refused(tmp_path):
    import keras_hub

    class OwnTokenizer(keras_hub.models.BertTokenizer):
        """May read texts in another way than its base."""

    backbone, preprocessor = tiny_bert()
    task = Multiclass(name="mood", classes=["bad", "good"])
    model = MultiTaskClassifier(backbone, [task], preprocessor)
    with pytest.raises(ConfigError, match="format must be 'saved_model' or 'onnx'"):
        export_model(model, tmp_path / "out", format="tflite")
    with pytest.raises(ConfigError, match="quantize needs a run"):
        export_model(model, tmp_path / "out", format="onnx", quantize="int8")
    vocabulary = preprocessor.tokenizer.get_vocabulary()
    own = keras_hub.models.BertTextClassifierPreprocessor(
        OwnTokenizer(vocabulary=vocabulary, lowercase=True), sequence_length=16
    )
    with pytest.raises(ConfigError, match=r"read texts as OwnTokenizer does.*--format saved_model"):
        export_model(MultiTaskClassifier(backbone, [task], own), tmp_path / "out", format="onnx")
    assert not (tmp_path / "out").exists()


def test_predict_takes_it(all_kinds, exported, texts, capsys, monkeypatch):
    expected = all_kinds.model.predict(texts, verbose=0)
    for path in (exported, exported.parent):
        predictor = open_predictor(path)
        predictor.load()
        found = predictor.predict((texts,))
        assert list(found) == ["mood", "topics", "length", "grade"]
        for name, values in found.items():
            np.testing.assert_allclose(values, expected[name], rtol=0, atol=1e-5)
    assert predict.main(["--model", str(exported), "--text", "good", "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["predicted_mood"] in ("mauvaise humeur 😀", "fine", "good")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ConfigError, match=r"needs onnxruntime: pip install 'mtc-keras\[onnx\]'"):
        open_predictor(exported)


def test_files_are_predicted_as_by_the_run(all_kinds, exported, tmp_path):
    data = tmp_path / "in.jsonl"
    labelled(40, 7)[["id", "text"]].to_json(data, orient="records", lines=True)
    rows = []
    for name, model in (("run", all_kinds.directory), ("export", exported)):
        out = tmp_path / name
        arguments = ["--model", str(model), "--data", str(data), "--out", str(out)]
        assert predict.main([*arguments, "--rows-per-part", "16"]) == 0
        parts = sorted(out.glob("part-*.jsonl"))
        assert len(parts) == 3
        lines = [line for part in parts for line in part.read_text("utf-8").splitlines()]
        rows.append([json.loads(line) for line in lines])
    for of_run, of_export in zip(*rows, strict=True):
        assert of_export["id"] == of_run["id"]
        assert of_export["predicted_topics"] == of_run["predicted_topics"]
        assert of_export["mood_probabilities"] == pytest.approx(
            of_run["mood_probabilities"], abs=1e-5
        )


def test_an_export_that_was_changed_is_not_asked(exported, tmp_path):
    folder = shutil.copytree(exported, tmp_path / "1")
    with (folder / "tokenizer.json").open("a", encoding="utf-8") as file:
        file.write(" ")
    with pytest.raises(DataError) as caught:
        open_predictor(folder)
    assert "tokenizer.json" in " ".join(caught.value.problems)
