"""First weights are drawn only where nothing else gives a variable its value."""

import keras
import numpy as np
import pytest
from keras import ops

import mtc_keras
from mtc_keras.model.first_weights import drawn_if_missing


@pytest.fixture
def drawn(monkeypatch):
    """The shapes that random initializers draw."""
    shapes = []
    for kind in (keras.initializers.TruncatedNormal, keras.initializers.GlorotUniform):
        draw = kind.__call__

        def counted(self, shape, dtype=None, _draw=draw, **kwargs):
            shapes.append(tuple(shape))
            return _draw(self, shape, dtype=dtype, **kwargs)

        monkeypatch.setattr(kind, "__call__", counted)
    return shapes


def layers(seed):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((3,))
    outputs = keras.layers.Dropout(0.5)(keras.layers.Dense(4)(inputs))
    return keras.Model(inputs, keras.layers.Dense(2)(outputs))


def test_what_no_file_brings_is_drawn_as_ever():
    with drawn_if_missing():
        late = layers(3)
        assert late.layers[1].kernel._value is None
    for ours, theirs in zip(late.variables, layers(3).variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_a_value_that_comes_meanwhile_stays(drawn):
    with drawn_if_missing():
        model = layers(0)
        model.layers[1].kernel.assign(ops.ones((3, 4)))
        drawn.clear()
    assert model.layers[1].kernel.numpy().tolist() == np.ones((3, 4)).tolist()
    assert drawn == [(4, 2)]  # of the other layer


def test_drawing_goes_on_as_ever_after_an_error():
    with pytest.raises(ZeroDivisionError), drawn_if_missing():
        model = layers(0)
        raise ZeroDivisionError
    assert np.isfinite(model.layers[1].kernel.numpy()).all()
    assert layers(0).layers[1].kernel._value is not None


def test_a_saved_model_draws_nothing(finished, drawn):
    mtc_keras.load(finished.directory)
    assert not drawn
