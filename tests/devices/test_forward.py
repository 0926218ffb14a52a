"""Prediction on the cores of one CPU: as Keras predicts, only several batches at once."""

import threading

import joblib
import keras
import numpy as np
import pytest

from mtc_keras.data.tokens import tokenize
from mtc_keras.devices.forward import Forward
from mtc_keras.model.classifier import MultiTaskClassifier
from mtc_keras.model.prediction import prediction_batches
from mtc_keras.tasks import Multiclass, Regression
from tests.conftest import tiny_bert

TEXTS = ["good bus", "bad", "", "fine queue form good", "good " * 12, "bus " * 7] * 5


@pytest.fixture
def model():
    backbone, preprocessor = tiny_bert(num_layers=1)
    tasks = [Multiclass(name="tone", classes=["bad", "good"]), Regression(name="score")]
    return MultiTaskClassifier(backbone, tasks, preprocessor=preprocessor)


def by_keras(model, texts, batch_size):
    batches = prediction_batches(tokenize(model.preprocessor, [texts]), batch_size)
    joined = keras.Model.predict(model, batches.dataset(), verbose=0)
    return {name: batches.restore(output) for name, output in joined.items()}


@pytest.fixture
def threads(monkeypatch):
    """The names of the threads that each compute a batch."""
    found = []
    outputs = Forward._outputs

    def seen(*args):
        found.append(threading.current_thread().name)
        return outputs(*args)

    monkeypatch.setattr(Forward, "_outputs", staticmethod(seen))
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
    many = cores > 1  # 30 texts are at least 4 batches
    assert all(name.startswith("forward" if many else "MainThread") for name in threads)


def test_long_texts_have_small_batches_only_where_cores_share_them(model, monkeypatch):
    monkeypatch.setattr(Forward, "MOST_TOKENS", 32)
    tokens = tokenize(model.preprocessor, [["good " * 12] * 64])  # 14 tokens, padded to 16
    for cores, rows in ((2, 2), (32, 2), (33, 32), (1, 32)):
        monkeypatch.setattr(joblib, "cpu_count", lambda cores=cores: cores)
        shapes = {batch["token_ids"].shape for batch in prediction_batches(tokens, 32)}
        assert shapes == {(rows, 16)}


def test_splits_of_any_number_of_rows_are_computed_by_the_same_programs(model, monkeypatch):
    """Of 90 rows, 3 batches for 2 cores, and of 700; of 20 there are smaller batches."""
    monkeypatch.setattr(joblib, "cpu_count", lambda: 2)
    programs = []
    outputs = Forward._outputs

    def seen(function, state, inputs):
        programs.append((id(function), inputs["token_ids"].shape))
        return outputs(function, state, inputs)

    monkeypatch.setattr(Forward, "_outputs", staticmethod(seen))
    used = {}
    for rows in (90, 700, 40, 20, 1):
        programs.clear()
        model.predict_logits((TEXTS * 24)[:rows])
        used[rows] = set(programs)
    assert used[90] == used[40] == used[700] and len(used[90]) == 2  # lengths
    assert {function for function, _ in used[20]} == {function for function, _ in used[90]}
    assert {shape[0] for _, shape in used[20]} == {8}
    assert {function for function, _ in used[1]} != {function for function, _ in used[90]}


def test_weights_learned_since_are_used(model):
    before = model.predict_logits(TEXTS, batch_size=2)
    for variable in model.trainable_variables:
        variable.assign(1.5 * variable.value)
    after = model.predict_logits(TEXTS, batch_size=2)
    assert not np.allclose(before["tone"], after["tone"])
    np.testing.assert_allclose(after["tone"], by_keras(model, TEXTS, 2)["tone"], atol=1e-6)


def test_what_keras_compiles_anew_is_compiled_anew(model):
    model.predict_logits(TEXTS)
    head = model.get_layer("head_score")
    model.compile()
    keras.Model.predict_on_batch(model, tokenize(model.preprocessor, [TEXTS]).take(np.arange(3)))
    whole = model.predict_logits(TEXTS)["score"]
    call = head.call
    head.call = lambda *args, **kwargs: 2 * call(*args, **kwargs)
    np.testing.assert_array_equal(model.predict_logits(TEXTS)["score"], whole)  # compiled
    model.compile()
    keras.Model.predict_on_batch(model, tokenize(model.preprocessor, [TEXTS]).take(np.arange(3)))
    np.testing.assert_allclose(model.predict_logits(TEXTS)["score"], 2 * whole, rtol=1e-5)


def test_a_step_of_a_subclass_is_asked_by_keras():
    class Sampled(MultiTaskClassifier):
        """Its dropout stays on, with new random bits for each batch."""

        def predict_step(self, state, data):
            outputs, changed = self.stateless_call(*state, data, training=True)
            return outputs, changed

    backbone, preprocessor = tiny_bert(dropout=0.5)
    model = Sampled(backbone, [Regression(name="score")], preprocessor=preprocessor)
    first, second = (model.predict_logits(TEXTS, batch_size=4)["score"] for _ in range(2))
    assert not np.allclose(first, second)


def test_it_may_be_asked_between_the_steps_of_a_training(model):
    found = []

    class Asking(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            found.append(model.predict(TEXTS, batch_size=4, verbose=0)["tone"])

    targets = {
        "tone": np.array([0, 1] * 15, "int32"),
        "score": np.linspace(0, 1, 30, dtype="float32"),
    }
    model.compile(keras.optimizers.AdamW(1e-3))
    model.fit(TEXTS, targets, batch_size=15, callbacks=[Asking()], verbose=0)
    after = model.predict(TEXTS, batch_size=4, verbose=0)["tone"]
    assert not np.allclose(found[0], after)
    np.testing.assert_allclose(found[1], after, atol=1e-6)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_in_a_batch_is_that_of_the_call_and_ends_all_threads(model, monkeypatch, error):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 2)
    begun = []

    def broken(function, state, inputs):
        begun.append(threading.current_thread())
        raise error("no such layer")

    monkeypatch.setattr(Forward, "_outputs", staticmethod(broken))
    with pytest.raises(error, match="no such layer"):
        model.predict_logits(TEXTS, batch_size=2)
    assert begun
    assert not any(thread.is_alive() for thread in begun)


def test_no_more_batches_are_made_than_cores_can_use_soon():
    made, forward = [], Forward(lambda state, x: {"sum": x.sum() + state})
    batches = (made.append(number) or np.full(3, number) for number in range(100))
    passing = forward.at_once(1, batches, 2)
    assert next(passing)["sum"] == 1
    assert len(made) <= 6
    assert [int(output["sum"]) for output in passing] == [3 * n + 1 for n in range(1, 100)]


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
