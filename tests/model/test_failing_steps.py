"""Whatever fails while steps run: the model keeps its weights, or says that it has none."""

import sys

import jax
import keras
import numpy as np
import pytest
from keras import ops

from mtc_keras.data.tokens import tokenize
from mtc_keras.devices import executables
from mtc_keras.model import kept_weights
from mtc_keras.model.kept_weights import LOST

TEXTS = ["good clerk", "bad queue", "fine", "late bus"]
Y = {"a_number": np.array([1.0, 2.0, 3.0, 4.0], "float32")}


class Raising(keras.callbacks.Callback):
    """Raises an error after a batch."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def on_train_batch_end(self, batch, logs=None):
        raise self.error

    on_test_batch_end = on_predict_batch_end = on_train_batch_end


def asked(model):
    """Returns what a user may ask, by name."""
    return {
        "fit": lambda **options: model.fit(TEXTS, Y, verbose=0, **options),
        "evaluate": lambda **options: model.evaluate(TEXTS, Y, verbose=0, **options),
        "predict": lambda **options: model.predict(TEXTS, verbose=0, **options),
        "train_on_batch": lambda: model.train_on_batch(TEXTS, Y),
    }


def works(model, tmp_path):
    """Asks everything of a model, which must answer in numbers and be saved whole."""
    answers = model.predict(TEXTS, verbose=0)
    assert all(np.isfinite(value).all() for value in answers.values())
    assert np.isfinite(model.evaluate(TEXTS, Y, verbose=0, return_dict=True)["loss"])
    model.save_to_preset(str(tmp_path / "preset"))
    copy = type(model).from_preset(str(tmp_path / "preset"))
    for name, value in copy.predict(TEXTS, verbose=0).items():
        np.testing.assert_array_equal(value, answers[name])
    model.fit(TEXTS, Y, verbose=0)


@pytest.mark.parametrize("what", ["fit", "evaluate", "predict"])
@pytest.mark.parametrize("error", [RuntimeError("of a callback"), KeyboardInterrupt()], ids=repr)
def test_a_model_works_on_after_a_callback_has_raised(model, what, error, tmp_path):
    before = model.predict(TEXTS, verbose=0)
    with pytest.raises(type(error)):
        asked(model)[what](callbacks=[Raising(error)])
    if what != "fit":
        after = model.predict(TEXTS, verbose=0)
        assert all((after[name] == before[name]).all() for name in before)
    works(model, tmp_path)


@pytest.mark.parametrize("what", ["fit", "evaluate", "predict"])
def test_a_model_works_on_after_bad_rows(model, what, tmp_path):
    """They get past every check, as a dataset's values are not looked at, and fail in a step."""
    import tensorflow as tf

    def rows():
        tokens = tokenize(model.preprocessor, [TEXTS]).inputs
        yield (tokens, Y)
        yield ({name: values[:, :3] for name, values in tokens.items()} | {"segment_ids": []}, Y)

    names = model.backbone.input
    signature = (
        {name: tf.TensorSpec(None, tensor.dtype) for name, tensor in names.items()},
        {"a_number": tf.TensorSpec((None,), "float32")},
    )
    batches = tf.data.Dataset.from_generator(rows, output_signature=signature)
    ask = {"fit": model.fit, "evaluate": model.evaluate, "predict": model.predict}[what]
    with pytest.raises(Exception):  # noqa: B017 - whatever Keras, JAX or TensorFlow raise
        ask(batches, verbose=0)
    works(model, tmp_path)


def die(value):
    """Returns 0, but fails when a compiled program computes it."""

    def fail(value):
        raise RuntimeError("the device died")

    if not isinstance(value, jax.core.Tracer):
        return 0.0
    return jax.pure_callback(fail, jax.ShapeDtypeStruct((), "float32"), ops.stop_gradient(value))


@pytest.mark.parametrize("what", ["fit", "train_on_batch"])
def test_gradients_that_fail_cost_no_weights(model, what, monkeypatch, tmp_path):
    class Dying(type(model.balancing)):
        needs_losses = False

        def combine(self, *arguments):
            total, weights = super().combine(*arguments)
            return total + die(total), weights

    before = model.get_weights()
    monkeypatch.setattr(model.balancing, "__class__", Dying)
    with pytest.raises(Exception) as caught:
        asked(model)[what]()
    assert LOST not in getattr(caught.value, "__notes__", [])
    monkeypatch.undo()
    for weights, kept in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(weights, kept)
    model.compile("sgd")
    works(model, tmp_path)


@pytest.mark.parametrize("what", ["fit", "evaluate", "train_on_batch"])
def test_a_model_says_so_where_a_step_has_taken_the_weights_with_it(model, what, monkeypatch):
    if what == "evaluate":
        place, name = model.balancing, "combine"
        kept = model.balancing.combine

        def dying(*arguments):
            total, weights = kept(*arguments)
            return total + die(total), weights
    else:
        place, name = model.optimizer, "update_step"
        kept = model.optimizer.update_step

        def dying(gradient, variable, learning_rate):
            kept(gradient + die(ops.sum(gradient)), variable, learning_rate)

    weights = model.get_weights()
    monkeypatch.setattr(place, name, dying)
    with pytest.raises(Exception) as caught:
        asked(model)[what]()
    assert LOST in getattr(caught.value, "__notes__", [])
    monkeypatch.undo()
    for ask in asked(model).values():
        with pytest.raises(RuntimeError, match="has taken the model's weights with it"):
            ask()
    model.set_weights(weights)  # as `load_weights` does
    model.compile("sgd")
    assert np.isfinite(model.predict(TEXTS, verbose=0)["a_number"]).all()


@pytest.mark.parametrize("what", ["fit", "evaluate", "predict", "train_on_batch"])
def test_an_interruption_right_after_a_step_loses_no_weights(model, what, tmp_path):
    def interrupting(frame, event, called):
        is_step = frame.f_code.co_filename in (kept_weights.__file__, executables.__file__)
        if event == "c_return" and called.__name__ == "extend" and is_step:
            sys.setprofile(None)
            raise KeyboardInterrupt

    options = {} if what == "train_on_batch" else {"callbacks": [keras.callbacks.Callback()]}
    sys.setprofile(interrupting)
    try:
        with pytest.raises(KeyboardInterrupt) as caught:
            asked(model)[what](**options)
    finally:
        sys.setprofile(None)
    assert LOST not in getattr(caught.value, "__notes__", [])
    works(model, tmp_path)


def test_a_callback_may_ask_the_model_in_the_middle_of_an_epoch(model):
    found = []

    class Asking(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            found.append(self.model.evaluate(TEXTS, Y, verbose=0))
            found.append(self.model.predict(TEXTS, verbose=0, callbacks=[])["a_number"])

    model.fit(TEXTS, Y, batch_size=2, callbacks=[Asking()], verbose=0)
    assert len(found) == 4
    assert np.isfinite(model.predict(TEXTS, verbose=0)["a_number"]).all()
