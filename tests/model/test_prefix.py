"""A prefix before each text reaches the model by every way that a text has to it."""

import numpy as np
import pytest
import tensorflow as tf

import mtc_keras
from mtc_keras import Multiclass, MultiTaskClassifier, Regression, export_model, fit
from mtc_keras.errors import ConfigError
from mtc_keras.tokenization.prefix import prefixed, with_prefix
from tests.conftest import WORDS, rows, tiny_bert, tiny_config

PREFIX = "kind fee: "
TASKS = [Multiclass(name="mood", classes=["bad", "good"]), Regression(name="years")]
TEXTS = ["good bus", "", "late", " ".join(WORDS * 4), "\0", "  bad "]
AS_READ = [PREFIX + text if text not in ("", "\0") else "" for text in TEXTS]
TARGETS = {"mood": np.array([0, 1, 1, 0, 1, 0]), "years": np.arange(6, dtype="float32")}


def of(prefix: str, long_texts: str = "truncate") -> MultiTaskClassifier:
    backbone, preprocessor = tiny_bert(num_layers=1)
    return MultiTaskClassifier(
        backbone, TASKS, preprocessor, dropout=0.0, prefix=prefix, long_texts=long_texts
    )


def assert_same(found, expected):
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, atol=1e-6)


@pytest.mark.parametrize("mode", ["truncate", "head_tail", "windows"])
def test_a_text_is_read_with_the_prefix_before_it(mode):
    model, plain = of(PREFIX, mode), of("", mode)
    expected = plain.predict(AS_READ)
    assert_same(model.predict(TEXTS), expected)
    assert_same(model.predict_on_batch(TEXTS), expected)
    found, right = model.tokenize(TEXTS), plain.tokenize(AS_READ)
    np.testing.assert_array_equal(found.inputs["token_ids"], right.inputs["token_ids"])
    if mode == "windows":  # of a long text the first has it
        first = PREFIX.count(" ") + 2
        firsts = found.tokens.select(found.offsets[:-1]).inputs["token_ids"][:, 1:first]
        np.testing.assert_array_equal(firsts[3], firsts[0])
        others = found.tokens.select(np.arange(found.offsets[3] + 1, found.offsets[4]))
        assert not (others.inputs["token_ids"][:, 1:first] == firsts[0]).all(axis=1).any()


@pytest.mark.parametrize("dataset", [False, True])
def test_keras_own_pipeline_reads_it_too(dataset):
    losses = []
    for prefix, texts in (("", AS_READ), (PREFIX, TEXTS)):
        model = of(prefix)
        texts = [text.replace("\0", "") for text in texts]
        model.compile(optimizer="sgd")
        if dataset:
            batches = tf.data.Dataset.from_tensor_slices((texts, TARGETS)).batch(4)
            history = model.fit(batches, epochs=2, verbose=0)
            losses.append([*history.history["loss"], *model.evaluate(batches, verbose=0)])
        else:
            history = model.fit(texts, TARGETS, batch_size=4, epochs=2, verbose=0)
            losses.append([*history.history["loss"], *model.evaluate(texts, TARGETS, verbose=0)])
            losses[-1] += model.train_on_batch(texts, TARGETS)
    np.testing.assert_allclose(losses[1], losses[0], atol=1e-6)


def test_characters_are_those_of_the_text_without_it():
    model = of(PREFIX, "windows")
    text = "  ".join(WORDS * 4)
    [answer] = model.classify([text], explain_window=True)
    start, end = answer["mood"]["window"]["characters"]
    assert 0 <= start < end <= len(text)
    windows = model.tokenize([text])
    row = answer["mood"]["window"]["number"] - 1
    alone = of("", "windows").tokenize([text[start:end]]).tokens.flat["token_ids"][1:-1]
    ids = windows.tokens.select(np.array([row])).flat["token_ids"][1:-1]
    np.testing.assert_array_equal(alone, ids[-len(alone) :])
    assert len(ids) - len(alone) == (3 if row == 0 else 0)  # "kind", "fee" and ":"


def test_it_is_saved_with_the_model(tmp_path):
    model = of(PREFIX)
    model.save(tmp_path / "model.keras")
    model.save_to_preset(str(tmp_path / "preset"))
    for loaded in (
        mtc_keras.load(tmp_path / "model.keras"),
        MultiTaskClassifier.from_preset(str(tmp_path / "preset")),
    ):
        assert loaded.prefix == PREFIX
        assert_same(loaded.predict(TEXTS), model.predict(TEXTS))
    assert "prefix" not in of("").get_config()  # which programs from before read


def test_text_pairs_have_none(tmp_path):
    model = of(PREFIX)
    with pytest.raises(ConfigError, match="not text pairs"):
        model.predict((["good"], ["bad"]))
    with pytest.raises(ConfigError, match="not text pairs"):
        export_model(model, tmp_path / "out", text_pairs=True)
    with pytest.raises(ConfigError, match=r"data\.text names two"):
        tiny_config(tmp_path, model={"prefix": PREFIX}, data={"text": ["a", "b"]})
    with pytest.raises(ConfigError, match="prefix"):
        tiny_config(tmp_path, model={"prefix": "a\0"})
    with pytest.raises(ValueError, match="NUL"):
        of("a\0")


def test_a_column_and_a_tensor_have_it_alike():
    [column] = prefixed([TEXTS], PREFIX)
    assert [*column] == [PREFIX + t if t not in ("", "\0") else t for t in TEXTS]
    assert (column[0], [*column[2:3]], len(column)) == (PREFIX + "good bus", [PREFIX + "late"], 6)
    texts = ["good", ""]
    in_tensor = [text.decode() for text in with_prefix(tf.constant(texts), PREFIX).numpy()]
    assert in_tensor == with_prefix(np.array(texts, object), PREFIX) == [f"{PREFIX}good", ""]
    assert prefixed([TEXTS], "") == [TEXTS]


def test_a_run_trains_on_it_and_leaves_with_it(tmp_path):
    config = tiny_config(tmp_path / "run", model={"prefix": PREFIX}, training={"epochs": 1})
    run = fit(config, train=rows(64), validation=rows(32, 1), verbose=0)
    assert run.model.prefix == PREFIX
    ids = run.model.tokenize(["good"]).flat["token_ids"]
    plain = MultiTaskClassifier.from_preset(str(run.directory / "model"), prefix="")
    np.testing.assert_array_equal(ids, plain.tokenize([f"{PREFIX}good"]).flat["token_ids"])
    for form in ("saved_model", "onnx"):
        # Whose self-tests compare tokens and answers.
        found = export_model(run, tmp_path / form, format=form)
        assert found.about["prefix"] == PREFIX
        assert "is put before each text" in (found.directory / "README.md").read_text()
