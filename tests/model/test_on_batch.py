"""Single steps: `train_on_batch`, `test_on_batch`, `predict_on_batch`, `predict(steps=…)`."""

import keras
import numpy as np
import pytest

from tests.model.test_classifier import TEXTS as ALL_TEXTS
from tests.model.test_classifier import equal, failing
from tests.model.test_classifier import targets as targets  # a fixture

TEXTS = [text.replace("\0", " ") for text in ALL_TEXTS]


@pytest.mark.parametrize("form", ["texts", "tokens"])
def test_a_step_on_a_batch_is_the_step_of_fit(model, targets, form):
    model.compile(keras.optimizers.SGD(0.1), metrics={"pooled_dense": "accuracy"})
    x = TEXTS if form == "texts" else model.preprocessor(TEXTS)
    start = model.get_weights()
    logs = model.fit(x, targets, batch_size=6, verbose=0).history
    after = model.get_weights()
    model.set_weights(start)
    found = model.train_on_batch(x, targets, return_dict=True)
    assert found == pytest.approx({name: logs[name][0] for name in found}, rel=1e-5)
    for one, other in zip(after, model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_test_on_a_batch_is_evaluate(model, targets):
    model.compile("sgd", metrics={"pooled_dense": "accuracy"})
    rows = np.array([1, 2, 0, 1, 1, 3], "float32")
    expected = model.evaluate(
        TEXTS, targets, batch_size=6, sample_weight=rows, verbose=0, return_dict=True
    )
    found = model.test_on_batch(TEXTS, targets, rows, return_dict=True)
    assert found == pytest.approx(expected, rel=1e-5)
    assert model.test_on_batch(TEXTS, targets, rows) == pytest.approx(
        [found[name] for name in model.metrics_names]
    )
    # Each call counts by itself.
    assert model.test_on_batch(TEXTS, targets, rows, return_dict=True) == found


def test_predict_on_batch_is_predict(model):
    model.decisions["pooled_dense"].temperature = 2.0
    expected = model.predict(TEXTS, verbose=0)
    for x in (TEXTS, model.preprocessor(TEXTS)):
        found = model.predict_on_batch(x)
        assert list(found) == list(expected)
        for name, values in found.items():
            np.testing.assert_allclose(values, expected[name], atol=1e-6)


def test_steps_count_the_rows_in_their_order(model):
    expected = model.predict(TEXTS, verbose=0)
    found = model.predict(TEXTS, batch_size=2, steps=2, verbose=0)
    for name, values in found.items():
        np.testing.assert_allclose(values, expected[name][:4], atol=1e-6)
    assert equal(model.predict(TEXTS, steps=100, verbose=0), expected)


def test_a_step_that_fails_leaves_the_weights_that_were_set(model, targets):
    model.train_on_batch(TEXTS, targets)
    chosen = [np.full_like(weight, 0.25) for weight in model.get_weights()]
    model.set_weights(chosen)
    for ask in (
        lambda: model.train_on_batch(TEXTS, targets),
        lambda: model.test_on_batch(TEXTS, targets),
        lambda: model.predict_on_batch(TEXTS),
    ):
        repair = failing(model)
        with pytest.raises(RuntimeError, match="no such layer"):
            ask()
        repair()
        model.compile("sgd")
        model.predict(TEXTS, verbose=0)
        for weight in model.get_weights():
            np.testing.assert_array_equal(weight, np.full_like(weight, 0.25))


def test_class_weight_is_refused_with_what_to_write(model, targets):
    with pytest.raises(ValueError, match="class_weights="):
        model.train_on_batch(TEXTS, targets, class_weight={0: 2.0})
