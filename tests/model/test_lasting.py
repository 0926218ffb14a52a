"""A model that lasts compiles nothing more, whatever it is asked, and predicts the same."""

import joblib
import numpy as np
import pytest

from mtc_keras.model import lasting
from mtc_keras.model.classifier import MultiTaskClassifier
from mtc_keras.model.lasting import COARSE, FINE, prepare_to_last
from mtc_keras.model.prediction import prediction_batches
from mtc_keras.tasks import Multiclass, Regression
from tests.conftest import tiny_bert

SIZES = (*range(1, 20), 24, 31, 32, 33, 64, 100, 300)


def tiny_model(**options):
    backbone, preprocessor = tiny_bert(num_layers=1)
    tasks = [Multiclass(name="tone", classes=["bad", "good"]), Regression(name="score")]
    return MultiTaskClassifier(backbone, tasks, preprocessor=preprocessor, **options)


@pytest.fixture
def model():
    return tiny_model()


def texts_of(rows, longest):
    counts = np.random.default_rng(rows).integers(0, longest + 1, rows)
    return [" ".join(["good"] * count) for count in counts]


@pytest.mark.parametrize(
    ("cores", "batch_size", "share", "batches"),
    [
        (1, 32, 1, FINE),
        (2, 32, 1, FINE),
        (2, 32, 0, COARSE),
        (2, 5, 1, FINE),
        (2, 1, 0, COARSE),
        (4, 32, 0, COARSE),
        (4, 12, 1, FINE),
    ],
)
def test_no_text_waits_for_a_program(
    model, programs, monkeypatch, cores, batch_size, share, batches
):
    monkeypatch.setattr(lasting, "FOR_MORE", share)  # of the time, for more than COARSE
    monkeypatch.setattr(joblib, "cpu_count", lambda: cores)
    monkeypatch.setattr(lasting, "TOKENS", 48)  # batches of 6, 5, 4 and 3 rows
    assert prepare_to_last(model, batch_size, seconds=600)
    assert model.compiled_forward.make_batches is batches
    assert len(programs) >= 4
    programs.clear()
    for rows in SIZES:
        for longest in (1, 5, 30):
            model.predict(texts_of(rows, longest), batch_size, verbose=0)
    # Some long texts among short ones make batches of fewer rows.
    for long in range(1, 12):
        texts = ["good " * 30] * long + ["good"] * 12
        for rows in range(long, len(texts) + 1):
            model.predict(texts[:rows], batch_size, verbose=0)
    assert not programs


def test_neither_do_few_texts_of_several_windows_nor_pairs(programs):
    model = tiny_model(long_texts="windows", window_overlap=4)
    assert prepare_to_last(model, None, seconds=600)
    pairs = tiny_model()
    assert prepare_to_last(pairs, None, seconds=600)
    programs.clear()
    for rows in (1, 2, 5, 20):
        found = model.predict(["good " * 30] * rows + ["bad"], verbose=0)
        assert found["tone"].shape == (rows + 1, 2)
        pairs.predict((["good"] * rows, ["bad " * 30] * rows), verbose=0)
    assert not programs


def test_it_predicts_what_it_did_before(model, monkeypatch):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 2)
    for rows in (1, 7, 40):
        texts = texts_of(rows, 12)
        before = model.predict(texts, verbose=0)
        prepare_to_last(model, None, seconds=600)
        for name, expected in before.items():
            np.testing.assert_allclose(model.predict(texts, verbose=0)[name], expected, atol=1e-6)
        model.compiled_forward.make_batches = prediction_batches


def test_it_says_when_there_was_no_time_for_all(model):
    assert not prepare_to_last(model, None, seconds=0)
    assert model.predict(["good"], verbose=0)["tone"].shape == (1, 2)


def test_what_keras_predicts_itself_is_prepared_too(model, programs, monkeypatch):
    monkeypatch.setattr("mtc_keras.devices.hardware.cores", lambda: 0)  # as on a GPU
    assert prepare_to_last(model, 4, seconds=600)
    programs.clear()
    for rows in (1, 2, 3, 4, 9):
        model.predict(texts_of(rows, 30), 4, verbose=0)
    assert not programs
    assert not prepare_to_last(model, 4, seconds=0)
