"""Each family of encoders leaves by each door that its tokenizer can leave by."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from mtc_keras import Multiclass, MultiTaskClassifier, Regression, export_model
from mtc_keras.config import ModelConfig
from mtc_keras.data.long_texts import whole_texts
from mtc_keras.errors import ConfigError
from mtc_keras.export.onnx.pairs import PairForm, cut_pairs
from mtc_keras.export.saved_model.write import readable, reader
from mtc_keras.export.texts import TEXTS
from mtc_keras.model.backbones.families import FAMILIES
from mtc_keras.model.backbones.loading import load_backbone
from mtc_keras.predict.predictors import open_predictor
from mtc_keras.tokenization.fast import as_preprocessed
from tests.fixtures import BACKBONES, NAMES, ONNX_ALONE, fixture
from tests.fixtures.texts import TEXTS as OF_FIXTURES

tokenizers = pytest.importorskip("tokenizers")
pytestmark = [
    # KerasHub 0.32 opens SentencePiece models without closing them.
    pytest.mark.filterwarnings("ignore:unclosed file .*(bpe.model|spm):ResourceWarning"),
    # Keras 3.15: saving a JAX variable calls `np.array`, which NumPy 2 wants a `copy` for.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy"),
]


def model_type(name: str) -> str:
    return json.loads((BACKBONES / name / "config.json").read_text(encoding="utf-8"))["model_type"]


READ = [name for name in NAMES if model_type(name) in FAMILIES]
IN_A_GRAPH = [name for name in READ if name not in ONNX_ALONE]
TEXTS_OF_ALL = [
    text.encode("utf-8", "replace").decode() for text in [*TEXTS, *OF_FIXTURES.values()]
]
LENGTH = 21  # of which an odd number is left for a pair's texts, or an even one


@pytest.fixture(scope="module")
def model_of(tmp_path_factory):
    """Returns the model of a tiny checkpoint, made when it is asked for first."""
    made = {}

    def model(name: str) -> MultiTaskClassifier:
        if name not in made:
            folder = fixture(name, tmp_path_factory.mktemp(name))
            config = ModelConfig(backbone=str(folder), max_length=LENGTH)
            loaded = load_backbone(config)
            tasks = [Multiclass(name="mood", classes=["bad", "good"]), Regression(name="length")]
            tasks[1] = tasks[1].model_copy(update={"mean": 3.0, "scale": 2.0})
            made[name] = MultiTaskClassifier(loaded.backbone, tasks, loaded.preprocessor)
            for layer in made[name].layers:
                if layer.name.startswith("head_") and layer.weights:
                    kernel = layer.weights[0]
                    kernel.assign(np.random.default_rng(0).normal(size=kernel.shape))
        return made[name]

    return model


def own_rows(model, columns) -> list[list[int]]:
    """Returns the token ids that the model reads."""
    tokens = model.tokenize(columns if len(columns) > 1 else columns[0])
    return [ids.tolist() for ids in np.split(tokens.flat["token_ids"], tokens.offsets[1:-1])]


@pytest.mark.parametrize("name", READ)
def test_the_tokens_of_tokenizer_json_are_the_models(model_of, name):
    model = model_of(name)
    found = tokenizers.Tokenizer.from_str(as_preprocessed(model.preprocessor).to_str())
    rows = found.encode_batch(TEXTS_OF_ALL)
    read = [[i for i, real in zip(r.ids, r.attention_mask, strict=True) if real] for r in rows]
    assert read == own_rows(model, [TEXTS_OF_ALL])


@pytest.mark.parametrize("name", READ)
def test_pairs_are_cut_as_the_model_cuts_them(model_of, name):
    model = model_of(name)
    read = as_preprocessed(model.preprocessor, text_pairs=True)
    columns = (TEXTS_OF_ALL, TEXTS_OF_ALL[::-1])
    rows = read.encode_batch(list(zip(*columns, strict=True)))
    keys = {"token_ids": "ids", "padding_mask": "attention_mask", "segment_ids": "type_ids"}
    inputs = {
        key: tf.constant([getattr(row, value) for row in rows], "int32")
        for key, value in keys.items()
    }
    found = cut_pairs(inputs, PairForm.of(model.preprocessor))
    expected = model.tokenize(columns)
    width = found["token_ids"].shape[1]
    for key, values in expected.take(np.arange(len(rows)), width).items():
        np.testing.assert_array_equal(found[key], values.astype("int32"), err_msg=key)


@pytest.mark.parametrize("name", IN_A_GRAPH)
def test_the_tokens_of_a_graph_are_the_models_but_for_the_order_in_runs_of_letters(model_of, name):
    preprocessor = model_of(name).preprocessor
    tokens_of = reader(preprocessor.tokenizer)
    read = tf.function(
        lambda texts: tokens_of(readable([texts])[0]),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    found = read(tf.constant([text.encode() for text in TEXTS_OF_ALL])).to_list()
    own = [
        row.tolist()
        for ids, offsets in whole_texts(preprocessor, TEXTS_OF_ALL)
        for row in np.split(ids, offsets[1:-1])
    ]
    for text, one, other in zip(TEXTS_OF_ALL, found, own, strict=True):
        if name.startswith("albert") and "`" in text:
            continue  # ALBERT's marks of quotation: the two do not find them alike
        same = one == other or (len(set(text)) == 1 and sorted(one) == sorted(other))
        assert same, text[:40]


@pytest.mark.parametrize("name", ONNX_ALONE)
def test_what_no_graph_can_read_is_refused_with_the_way_out(model_of, name, tmp_path):
    with pytest.raises(ConfigError, match="An ONNX export can: --format onnx"):
        export_model(model_of(name), tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def assert_answers(model, out: Path, form: str, columns: tuple, **options) -> None:
    """Exports a model, and asks the export as `predict --model` does."""
    exported = export_model(model, out, format=form, **options)
    assert max(exported.about["self_test"]["largest_difference"].values()) < 1e-4
    predictor = open_predictor(exported.directory)
    predictor.load()
    expected = model.predict(columns if len(columns) > 1 else columns[0], verbose=0)
    for name, values in predictor.predict(columns).items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-4, atol=1e-4)


# Those that differ most; `tests/model/test_families.py` exports all of them.
@pytest.mark.parametrize(
    ("name", "form"), [("camembert", "onnx"), ("modernbert", "saved_model"), ("roberta", "onnx")]
)
def test_an_export_answers_as_the_model(model_of, name, form, tmp_path):
    texts = [text for text in TEXTS_OF_ALL if len(set(text)) != 1]
    assert_answers(model_of(name), tmp_path / "x", form, (texts,))


@pytest.mark.parametrize(
    "name", ["roberta", pytest.param("bert", marks=pytest.mark.slow)]
)  # without and with an input of segments
def test_text_pairs_leave_by_onnx(model_of, name, tmp_path):
    columns = (TEXTS_OF_ALL[:12], TEXTS_OF_ALL[12:24])
    assert_answers(model_of(name), tmp_path / "x", "onnx", columns, text_pairs=True)
