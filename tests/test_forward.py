"""Prediction on the cores of one CPU: as Keras predicts, only several batches at once."""

import threading

import joblib
import keras
import numpy as np
import pytest

from mtc_keras import runtime
from mtc_keras.classifier import MultiTaskClassifier
from mtc_keras.data.tokens import tokenize
from mtc_keras.tasks import Multiclass, Regression
from tests.conftest import tiny_bert

TEXTS = ["good bus", "bad", "", "fine queue form good", "good " * 12, "bus " * 7] * 5


@pytest.fixture
def model():
    backbone, preprocessor = tiny_bert()
    tasks = [Multiclass(name="tone", classes=["bad", "good"]), Regression(name="score")]
    return MultiTaskClassifier(backbone, tasks, preprocessor=preprocessor)


def by_keras(model, texts, batch_size):
    batches = model.prediction_batches(tokenize(model.preprocessor, [texts]), batch_size)
    joined = keras.Model.predict(model, batches.dataset(), verbose=0)
    return {name: batches.restore(output) for name, output in joined.items()}


@pytest.fixture
def threads(monkeypatch):
    """The names of the threads that each compute a batch."""
    found = []
    outputs = runtime.Forward._outputs

    def seen(*args):
        found.append(threading.current_thread().name)
        return outputs(*args)

    monkeypatch.setattr(runtime.Forward, "_outputs", staticmethod(seen))
    return found


@pytest.mark.parametrize("cores", [1, 2, 3])
@pytest.mark.parametrize("batch_size", [1, 4, 32])
def test_batches_computed_at_once_give_what_keras_gives(
    model, monkeypatch, threads, cores, batch_size
):
    monkeypatch.setattr(joblib, "cpu_count", lambda: cores)
    own = model.predict_logits(TEXTS, batch_size=batch_size)
    for name, expected in by_keras(model, TEXTS, batch_size).items():
        np.testing.assert_allclose(own[name], expected, atol=1e-6)
    many = len(threads) >= 2 * cores > 2
    assert (set(threads) != {"MainThread"}) == many


def test_weights_learned_since_are_used(model):
    before = model.predict_logits(TEXTS, batch_size=2)
    for variable in model.trainable_variables:
        variable.assign(1.5 * variable.value)
    after = model.predict_logits(TEXTS, batch_size=2)
    assert not np.allclose(before["tone"], after["tone"])
    np.testing.assert_allclose(after["tone"], by_keras(model, TEXTS, 2)["tone"], atol=1e-6)


def test_a_step_of_its_own_is_asked_after_compiling_again(model, monkeypatch):
    model.predict_logits(TEXTS)
    step = model.predict_step

    def halved(state, data):
        outputs, state = step(state, data)
        return {name: output / 2 for name, output in outputs.items()}, state

    whole = model.predict_logits(TEXTS)
    monkeypatch.setattr(model, "predict_step", halved)
    model.compile()
    np.testing.assert_allclose(model.predict_logits(TEXTS)["tone"], whole["tone"] / 2, atol=1e-6)


def test_an_error_in_a_batch_is_that_of_the_call(model, monkeypatch):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 2)

    def broken(state, data):
        raise ValueError("no such layer")

    monkeypatch.setattr(model, "predict_step", broken)
    with pytest.raises(ValueError, match="no such layer"):
        model.predict_logits(TEXTS, batch_size=2)


def test_progress_is_shown_as_keras_shows_it(model, capsys):
    model.predict(TEXTS, batch_size=4)
    assert "8/8" in capsys.readouterr().out
    model.predict(TEXTS, batch_size=4, verbose=0)
    assert capsys.readouterr().out == ""


def test_callbacks_are_called_as_keras_calls_them(model):
    seen = []
    callback = keras.callbacks.LambdaCallback()
    callback.on_predict_batch_end = lambda batch, logs=None: seen.append(batch)
    expected = model.predict_logits(TEXTS, batch_size=4)
    found = model.predict_logits(TEXTS, batch_size=4, callbacks=[callback])
    assert seen == list(range(8))
    np.testing.assert_allclose(found["tone"], expected["tone"], atol=1e-6)
