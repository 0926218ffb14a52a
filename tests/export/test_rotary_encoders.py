"""Windows of attention and rotary positions leave by every export, at lengths of any size."""

import keras_hub
import numpy as np
import pytest

from mtc_keras import MultiTaskClassifier, export_model
from mtc_keras.data.rows import Rows
from mtc_keras.export.onnx.quantizing import quantize
from mtc_keras.export.saved_model.ask import Served
from mtc_keras.model.backbones.eurobert_backbone import EuroBertBackbone
from mtc_keras.model.backbones.modernbert_backbone import ModernBertBackbone
from mtc_keras.tasks import Multiclass
from mtc_keras.tokenization.preprocessor import preprocessor_for
from tests.conftest import VOCABULARY, WORDS

pytestmark = pytest.mark.slow  # each export starts a process
runtime = pytest.importorskip("onnxruntime")
KINDS = {
    "modernbert": (ModernBertBackbone, {"num_layers": 4, "local_attention_window": 8}),
    "eurobert": (EuroBertBackbone, {"num_layers": 2, "num_key_value_heads": 1}),
}
# Texts and tokens: below, at and above whole blocks of the window, and many of them.
SHAPES = [(1, 1), (3, 4), (2, 5), (1, 12), (2, 13), (5, 64), (1, 99)]
TEXTS = [" ".join(WORDS[: number + 1]) for number in range(len(WORDS))] + [" ".join(WORDS * 9)]


@pytest.fixture(scope="module", params=list(KINDS))
def model(request) -> MultiTaskClassifier:
    kind, sizes = KINDS[request.param]
    tokenizer = keras_hub.models.BertTokenizer(vocabulary=list(VOCABULARY), lowercase=True)
    backbone = kind(
        vocabulary_size=len(VOCABULARY), num_heads=2, hidden_dim=16, intermediate_dim=24, **sizes
    )
    random = np.random.default_rng(0)
    for variable in backbone.trainable_variables:
        variable.assign(variable + random.normal(size=variable.shape) * 0.2)
    preprocessor = preprocessor_for(tokenizer, backbone.input)
    preprocessor.sequence_length = 128
    return MultiTaskClassifier(
        backbone, [Multiclass(name="mood", classes=["bad", "fine", "good"])], preprocessor
    )


def test_onnx_and_int8_answer_at_every_length(model, tmp_path):
    export = export_model(model, tmp_path / "1", format="onnx").directory
    file = str(export / "model.onnx")
    session = runtime.InferenceSession(file, providers=["CPUExecutionProvider"])
    labels = {"mood": np.zeros(len(TEXTS), "int32")}
    quantize(export, model, Rows("labelled", (TEXTS,), labels, None, None, TEXTS), max_loss=1.0)
    small = runtime.InferenceSession(file, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    for texts, tokens in SHAPES:
        lengths = random.integers(1, tokens + 1, (texts, 1))
        mask = (np.arange(tokens) < lengths).astype("int32")
        ids = random.integers(5, len(VOCABULARY), mask.shape).astype("int32") * mask
        inputs = {"token_ids": ids, "padding_mask": mask}
        logits = np.asarray(model(inputs, training=False)["mood"])
        wanted = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
        np.testing.assert_allclose(session.run(["mood"], inputs)[0], wanted, atol=1e-5)
        np.testing.assert_allclose(small.run(["mood"], inputs)[0], wanted, atol=0.1)


def test_a_saved_model_answers_at_every_length(model, tmp_path):
    exported = export_model(model, tmp_path / "1")
    served = Served(exported.directory)
    wanted = model.predict(TEXTS, verbose=0)["mood"]
    answers = served.ask("serving_default", [TEXTS], batch_size=4)
    np.testing.assert_allclose(answers["mood"], wanted, atol=1e-5)
