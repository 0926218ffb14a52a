"""Exports read long texts as `predict` does: in windows, or their head and tail."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from mtc_keras import MultiTaskClassifier, export_model
from mtc_keras.errors import ConfigError
from mtc_keras.export import texts as test_texts
from mtc_keras.export.onnx.ask import ServedOnnx
from mtc_keras.export.saved_model.ask import Served, described
from mtc_keras.tasks import Multiclass, Multilabel, Ordinal, Regression
from tests.conftest import ROOT, VOCABULARY, WORDS, answers_alone, tiny_bert

MODES = ("windows", "head_tail")
FORMATS = ("saved_model", "onnx")
# What the page on serving says, in a process that has ONNX Runtime and tokenizers alone.
CLIENT = """
import json, sys

absent = dict.fromkeys(["tensorflow", "keras", "keras_hub", "jax", "mtc_keras", "onnx"])
sys.modules.update(absent)  # importing one of them fails
import numpy as np, onnxruntime
from tokenizers import Tokenizer
_, folder, questions, answers_file = sys.argv
columns = {"token_ids": "ids", "padding_mask": "attention_mask", "segment_ids": "type_ids"}
found = {}
for number, texts in enumerate(json.load(open(questions))):
    <CODE>
    found |= {f"{number}/{name}": values for name, values in answers.items()}
np.savez(answers_file, **found)
"""


def make_model(long_texts: str) -> MultiTaskClassifier:
    """Returns a model of all kinds and rules, whose windows differ in what they say."""
    rules = {"mood": "attention", "topics": "max", "grade": "attention", "size": "attention"}
    rules = rules if long_texts == "windows" else {}
    tasks = [
        Multiclass(name="mood", classes=["bad", "fine", "good"]),
        Multilabel(name="topics", classes=["bus", "fee", "form", "queue"]),
        Regression(name="length", mean=3.0, scale=1.5),
        Ordinal(name="grade", classes=["0", "1", "2", "3"]),
        Regression(name="size", mean=-10.0, scale=20.0),
    ]
    tasks = [task.model_copy(update={"window_pooling": rules.get(task.name)}) for task in tasks]
    backbone, preprocessor = tiny_bert(VOCABULARY)
    model = MultiTaskClassifier(backbone, tasks, preprocessor, long_texts=long_texts)
    random = np.random.default_rng(0)
    for layer in model.layers:
        if layer.name.startswith("head_") and layer.weights:
            kernel = layer.weights[0]
            kernel.assign(random.normal(size=kernel.shape) * 2)  # so that windows differ
    for pooling in model.window_poolings.values():
        if pooling.rule == "attention":
            pooling.alpha.assign(random.normal(size=pooling.alpha.shape))
    model.decisions["mood"].temperature = 1.7
    model.decisions["topics"].thresholds = {"bus": 0.3, "fee": 0.62, "form": 0.4, "queue": 0.8}
    return model


@pytest.fixture(scope="module")
def models():
    return {mode: make_model(mode) for mode in MODES}


@pytest.fixture(scope="module")
def exported(models, tmp_path_factory):
    """The folder of an export of a mode in a format, written when it is asked for first."""
    folder, found = tmp_path_factory.mktemp("long"), {}

    def of(mode: str, form: str) -> Path:
        if (mode, form) not in found:
            out = folder / f"{mode}_{form}"
            found[mode, form] = export_model(models[mode], out, format=form).directory
        return found[mode, form]

    return of


@pytest.fixture(scope="module")
def texts(models) -> list[str]:
    """Texts of every sort, from none to 500 tokens, and those at the ends of windows."""
    random = np.random.default_rng(1)
    lengths = [0, 1, 13, 14, 15, 24, 25, 26, 500, *random.integers(0, 120, 20)]
    own = [" ".join(random.choice(WORDS, size=length)) for length in lengths]
    return [*own, *test_texts.TEXTS, *test_texts.long_texts(models["windows"])]


def about_of(folder: Path) -> dict:
    name = "mtc_keras.json"
    file = folder / name if (folder / name).exists() else folder / "assets.extra" / name
    return json.loads(file.read_text(encoding="utf-8"))


def ask(folder: Path, form: str, texts: list[str], size: int) -> dict[str, np.ndarray]:
    if form == "onnx":
        return ServedOnnx(folder).ask(texts, size)
    return Served(folder).ask("serving_default", [texts], size)


def assert_near(found, expected):
    assert sorted(found) == sorted(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5, atol=1e-5, err_msg=name)


def test_what_is_cut_makes_a_difference(models, texts):
    """Or else equal numbers would say nothing."""
    made = [*models.values(), make_model("truncate")]  # of the same weights
    answers = [model.predict(texts, verbose=0)["topics"] for model in made]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert (np.abs(answers[one] - answers[other]).max(axis=1) > 1e-2).sum() > 10


@pytest.mark.parametrize(
    ("mode", "form"),
    [
        ("windows", "saved_model"),
        ("windows", "onnx"),
        ("head_tail", "onnx"),
        # Another export; its graph reads the right tokens in `test_windows_in_graph`.
        pytest.param("head_tail", "saved_model", marks=pytest.mark.slow),
    ],
)
def test_numbers_are_those_of_predict(models, exported, texts, mode, form):
    folder = exported(mode, form)
    expected = models[mode].predict(texts, verbose=0)
    for size in (1, 7, len(texts)):
        assert_near(ask(folder, form, texts, size), expected)
    test = about_of(folder)["self_test"]
    assert test["texts"] == len(test_texts.TEXTS) + 5
    assert max(test["largest_difference"].values()) < 1e-5


def test_labels_of_a_saved_model_are_those_of_classify(models, exported, texts):
    answers = Served(exported("windows", "saved_model")).ask("classify", [texts])
    for found, right in zip(described(answers), models["windows"].classify(texts), strict=True):
        assert {name: a.get("label", a.get("labels")) for name, a in found.items()} == {
            name: a.get("label", a.get("labels")) for name, a in right.items()
        }


def test_a_call_without_texts_is_answered(exported):
    found = Served(exported("windows", "saved_model")).ask("serving_default", [[]])
    assert found["topics"].shape == (0, 4) and found["length"].shape == (0,)


def test_token_ids_are_a_window_per_row(models, exported):
    import tensorflow as tf

    model = tf.saved_model.load(str(exported("windows", "saved_model")))
    tokens = models["windows"].tokenize(["good " * 14, "bad"]).tokens.inputs
    found = model.signatures["tokens"](**{name: tf.constant(v) for name, v in tokens.items()})
    expected = models["windows"].predict(["good " * 14, "bad"], verbose=0)
    assert_near({name: tensor.numpy() for name, tensor in found.items()}, expected)


@pytest.mark.parametrize("mode", MODES)
def test_the_client_of_the_page_on_exports_is_right(models, exported, texts, tmp_path, mode):
    readable = [text.encode("utf-8", "replace").decode() for text in texts]
    page = (ROOT / "docs" / "exporting.md").read_text(encoding="utf-8")
    marks = {"windows": "text_of_window", "head_tail": "answers = dict(zip(names"}
    blocks = re.findall(r"```python\n(.*?)```", page, re.S)
    [code] = [block for block in blocks if marks[mode] in block]
    lines = [
        line
        for line in code.splitlines()
        if not re.match(r"(import|from|folder =|texts =|answers\[)", line)
    ]
    code = "\n    ".join(lines).replace(re.search(r"encode_batch\((.*?)\)", code)[1], "texts")
    client = CLIENT.replace("<CODE>", code)
    found = answers_alone(client, exported(mode, "onnx"), [readable, readable[:1]], tmp_path)
    expected = models[mode].predict(texts, verbose=0)
    assert_near({name: found[f"0/{name}"] for name in expected}, expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[f"1/{name}"], values[:1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("form", FORMATS)
def test_about_and_card_say_how_long_texts_are_read(exported, form):
    about = about_of(exported("windows", form))
    assert (about["max_length"], about["special_tokens"]) == (16, 2)
    assert (about["long_texts"], about["window_overlap"]) == ("windows", 4)
    rules = {name: task["window_pooling"] for name, task in about["tasks"].items()}
    assert rules == {"mood": "attention", "topics": "max", "length": "mean",
                     "grade": "attention", "size": "attention"}  # fmt: skip
    card = (exported("windows", form) / "README.md").read_text(encoding="utf-8")
    assert "windows that share 4 tokens with the next" in card and "| max |" in card


def test_about_and_card_of_head_and_tail_tell_of_no_windows(exported):
    folder = exported("head_tail", "onnx")
    about = about_of(folder)
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "from the beginning, the rest from the end" in card and "pooled" not in card
    assert about["long_texts"] == "head_tail" and "window_overlap" not in about
    assert "window_pooling" not in about["tasks"]["topics"]


def test_a_self_test_sees_other_windows(models, exported, tmp_path):
    from mtc_keras.errors import ExportError
    from mtc_keras.export.agreement import self_test

    folder = shutil.copytree(exported("windows", "onnx"), tmp_path / "copy")
    content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    content["truncation"]["stride"] = 3
    (folder / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ExportError) as caught:
        self_test(models["windows"], folder)
    problems = " ".join(caught.value.problems)
    assert "texts have other tokens than the model reads" in problems
    assert "topics: differs by" in problems


@pytest.mark.parametrize("mode", MODES)
def test_text_pairs_are_refused(models, tmp_path, mode):
    with pytest.raises(ConfigError, match=f'long_texts = "{mode}" reads one text per row'):
        export_model(models[mode], tmp_path / "out", text_pairs=True)
    assert list(tmp_path.iterdir()) == []
