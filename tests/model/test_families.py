"""Every family of encoders: read as `transformers` reads it, trained, saved, exported.

The checkpoints and what `transformers` makes of them are in `tests/fixtures`.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import keras
import keras_hub
import numpy as np
import pytest

from mtc_keras import export_model
from mtc_keras.config import ModelConfig
from mtc_keras.data.tokens import tokenize
from mtc_keras.errors import ConfigError
from mtc_keras.model.backbones.families import FAMILIES
from mtc_keras.model.backbones.loading import LoadedBackbone, load_backbone
from mtc_keras.model.classifier import MultiTaskClassifier
from mtc_keras.tasks import Multiclass
from mtc_keras.tokenization.fast import token_ids
from mtc_keras.tokenization.words import locate
from tests.fixtures import BACKBONES, NAMES, ONNX_ALONE, Expected, expected, fixture
from tests.fixtures.texts import TEXTS

# KerasHub 0.32 opens SentencePiece models without closing them.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file .*:ResourceWarning")
TASKS = [Multiclass(name="mood", classes=["bad", "fine", "good"])]
MAX_LENGTH = 128
# Whose rows of the embedding table are in another order, that of XLM-RoBERTa's tokenizer.
REORDERED = ("camembert", "camembert_json")
# What is read otherwise than by `transformers`, by the names of the texts.
# Special tokens that a text spells are text.
AS_TEXT = ["special tokens"]
# U+0000 is dropped, as TensorFlow Text would end the text there.
WITHOUT_NUL = {"nul": "without nul"}
# Where the SentencePiece model and tokenizer.json of one checkpoint differ, the former counts, as
# it did in pretraining: blanks at the end of a text are no token.
WITHOUT_BLANK_AT_END = ["trailing blanks", "blank"]
OF_TWO_READINGS = ("bert_sentencepiece", "albert", "albert_bare")


@dataclass
class Loaded:
    """A checkpoint, what is expected of it, and the model of it."""

    name: str
    folder: Path
    found: LoadedBackbone
    expected: Expected

    def ids(self, ids) -> np.ndarray:
        """Returns ids of `transformers` as this backbone's tokenizer has them."""
        ids = np.asarray(ids, "int32")
        if self.name not in REORDERED:
            return ids
        # <s> 5, <pad> 1, </s> 6 and <unk> 3 become 0, 1, 2, 3; pieces follow one after another.
        return np.where(ids >= 7, ids - 3, np.select([ids == 5, ids == 6], [0, 2], ids))

    def states(self) -> tuple[list[np.ndarray], np.ndarray | None]:
        """Returns the states of each text of the batch, and what the pooler makes of them."""
        ids, mask = self.expected.padded_batch()
        inputs = {"token_ids": self.ids(ids), "padding_mask": mask}
        backbone = self.found.backbone
        if "segment_ids" in backbone.input:
            inputs["segment_ids"] = np.zeros_like(ids)
        outputs = backbone(inputs, training=False)
        pooled = outputs.get("pooled_output") if isinstance(outputs, dict) else None
        states = np.asarray(outputs["sequence_output"] if isinstance(outputs, dict) else outputs)
        rows = [row[real] for row, real in zip(states, mask, strict=True)]
        return rows, None if pooled is None else np.asarray(pooled)


@pytest.fixture(scope="module", params=NAMES)
def loaded(request, tmp_path_factory) -> Loaded:
    keras.utils.set_random_seed(0)
    folder = fixture(request.param, tmp_path_factory.mktemp("backbones"))
    config = ModelConfig(backbone=str(folder), max_length=MAX_LENGTH)
    found = load_backbone(config)
    return Loaded(request.param, folder, found, expected(request.param))


def few_tokens(model: MultiTaskClassifier) -> dict[str, np.ndarray]:
    """Returns inputs of one shape, so that few operations are compiled for all families."""
    names = ["french", "cjk", "blank", "combining marks"]
    return model.tokenize([TEXTS[name] for name in names]).take(np.arange(len(names)), 16)


@pytest.fixture(scope="module")
def trained(loaded) -> tuple[MultiTaskClassifier, list[str]]:
    """A model after one step, and the weights of its backbone that the step left as they were."""
    backbone = loaded.found.backbone
    model = MultiTaskClassifier(backbone, TASKS, loaded.found.preprocessor, dropout=0.0)
    model.compile(optimizer=keras.optimizers.SGD(0.1), run_eagerly=True)
    before = [np.array(variable) for variable in backbone.trainable_variables]
    history = model.fit(few_tokens(model), {"mood": np.array([0, 1, 2, 0])}, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    pairs = zip(backbone.trainable_variables, before, strict=True)
    return model, [v.path for v, old in pairs if np.array_equal(np.array(v), old)]


def test_a_text_has_the_tokens_that_transformers_gives_it(loaded):
    by_sentencepiece = isinstance(
        loaded.found.preprocessor.tokenizer, keras_hub.tokenizers.SentencePieceTokenizer
    )
    wanted, other = loaded.expected.ids, loaded.expected.ids_as_text
    if by_sentencepiece:
        other = {**other, **loaded.expected.ids_by_sentencepiece}
    two_readings = by_sentencepiece and loaded.name in OF_TWO_READINGS
    assert sorted(other) == sorted([*AS_TEXT, *(WITHOUT_BLANK_AT_END if two_readings else [])])
    other |= {text: wanted[same] for text, same in WITHOUT_NUL.items()}
    tokens = tokenize(loaded.found.preprocessor, [list(TEXTS.values())])
    rows = tokens.inputs["token_ids"]
    for row, length, text in zip(rows, tokens.lengths, TEXTS, strict=True):
        assert row[:length].tolist() == loaded.ids({**wanted, **other}[text]).tolist(), text
    assert rows[0, -1] == loaded.ids(loaded.expected.pad_id)


def test_states_are_those_of_transformers(loaded):
    states, pooled = loaded.states()
    for name, found, wanted in zip(
        loaded.expected.batch, states, loaded.expected.states, strict=True
    ):
        np.testing.assert_allclose(found, wanted, atol=1e-4, rtol=0, err_msg=name)
    if loaded.expected.pooled is not None and pooled is not None:
        np.testing.assert_allclose(pooled, loaded.expected.pooled, atol=1e-4, rtol=0)


def test_words_stand_in_the_text_and_have_its_tokens(loaded):
    tokenizer = loaded.found.preprocessor.tokenizer
    texts = list(TEXTS.values())
    ids, offsets = token_ids(tokenizer, texts)
    for row, (text, found) in enumerate(zip(texts, locate(tokenizer, texts), strict=True)):
        assert found.ids.tolist() == ids[offsets[row] : offsets[row + 1]].tolist()
        places = [place for span in found.words for place in range(*span)]
        assert places == sorted(set(places)), text  # ascending, and none twice
        assert {place for place, letter in enumerate(text) if letter.strip()} <= set(places), text
        assert len(found.ids) == 0 or found.word_of_token.min() >= 0
        assert found.word_of_token.max(initial=-1) < len(found.words)
    text = "L'été, c'est  long"
    [found] = locate(tokenizer, [text])
    assert set(found.word_of_token.tolist()) == set(range(len(found.words)))
    # Two blanks may be a token, and ", c" another.
    words = [text[start:end] for start, end in found.words if text[start:end].strip()]
    assert words in (["L'été", ",", "c'est", "long"], ["L'été", ", c'est", "long"])


@pytest.mark.slow
def test_what_words_contribute_adds_up(loaded, trained):
    model, _ = trained
    texts = [TEXTS[name] for name in ("french", "cjk", "blank", "emoji")]
    # Far from the start, so that there is a difference to be divided.
    head = model.get_layer("head_mood")
    head.set_weights([100 * weight for weight in head.get_weights()])
    logits = model.predict_logits(texts)["mood"]
    for row, found in enumerate(model.explain(texts)):
        explanation = found["mood"]
        assert explanation.logit == pytest.approx(float(logits[row].max()), abs=1e-3)
        difference = explanation.logit - explanation.baseline_logit
        total = sum(word.attribution or 0.0 for word in explanation.words)
        assert abs(difference - total) <= max(0.01 * abs(difference), 1e-3) + 1e-6
        assert texts[row] == TEXTS["blank"] or abs(difference) > 1e-3


def test_a_step_of_training_reaches_every_weight(loaded, trained):
    _, untouched = trained
    # Mean pooling asks no pooler, and a softmax no number that is added to all of its inputs.
    assert [path for path in untouched if not re.search("pool|key/bias", path)] == []


def test_a_trained_model_is_the_same_from_a_file_and_from_a_preset(loaded, trained, tmp_path):
    model, _ = trained
    tokens = few_tokens(model)
    wanted = np.asarray(model(tokens, training=False)["mood"])
    model.save(tmp_path / "model.keras")
    model.save_to_preset(str(tmp_path / "preset"))
    for again in (
        keras.saving.load_model(tmp_path / "model.keras"),
        MultiTaskClassifier.from_preset(str(tmp_path / "preset")),
    ):
        for name, array in few_tokens(again).items():
            np.testing.assert_array_equal(array, tokens[name])
        found = np.asarray(again(tokens, training=False)["mood"])
        np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("format", ["saved_model", "onnx"])
def test_a_model_leaves_by_the_doors_of_its_tokenizer(loaded, trained, format, tmp_path):
    model, _ = trained
    if format == "saved_model" and loaded.name in ONNX_ALONE:
        with pytest.raises(ConfigError, match="onnx"):
            export_model(model, tmp_path / "1", format=format)
        return
    # What it answers is compared with the model's own answers while it is written.
    exported = export_model(model, tmp_path / "1", format=format)
    assert exported.directory == tmp_path / "1"


def test_every_family_of_the_table_has_a_checkpoint_here():
    configs = [json.loads((BACKBONES / name / "config.json").read_text("utf-8")) for name in NAMES]
    assert {config["model_type"] for config in configs} == set(FAMILIES)
