"""What `fit`, `evaluate` and `predict` take as `x`, and that no error quotes a text."""

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from mtc_keras.data.tokens import tokenize
from mtc_keras.model.classifier import MultiTaskClassifier
from tests.conftest import tiny_bert

SECRET = "confidential clerk"
TEXTS = ["good clerk", "bad queue", "late\0bus", "fine \ud800 fee"]
Y = {"a_number": np.array([1.0, 2.0, 3.0, np.nan], "float32")}


def equal(left, right):
    return left.keys() == right.keys() and all((left[k] == right[k]).all() for k in left)


def forms(texts):
    """Yields every form in which texts may come."""
    array = np.array(texts, object)
    yield array
    yield array[:, None]
    yield pd.Series(texts, index=[7, 5, 3, 1])
    yield pd.Series(texts, dtype="str")
    yield pd.Index(texts)
    yield pd.DataFrame({"text": texts})
    yield [np.str_(text) for text in texts]


def test_texts_may_come_as_lists_arrays_and_columns(model):
    plain = ["good clerk", "bad queue", "late bus", "fine fee"]
    expected = model.predict(plain, verbose=0)
    loss = model.evaluate(plain, Y, verbose=0, return_dict=True)
    for given in (*forms(plain), np.array(plain), tf.constant(plain)):
        assert equal(model.predict(given, verbose=0), expected)
    for given in forms(plain):
        assert model.evaluate(given, Y, verbose=0, return_dict=True) == loss


def test_training_reads_the_tokens_that_prediction_reads(model):
    tokens = tokenize(model.preprocessor, [TEXTS]).inputs
    expected = model.evaluate(tokens, Y, verbose=0, return_dict=True)
    found = model.evaluate(TEXTS, Y, verbose=0, return_dict=True)
    assert found == pytest.approx(expected, rel=1e-5)  # NUL and surrogates are the same there
    model.fit(TEXTS, Y, verbose=0)


def test_text_pairs_are_a_tuple_of_two_lists(model):
    pairs = TEXTS, TEXTS[::-1]
    tokens = tokenize(model.preprocessor, pairs).inputs
    expected = model.evaluate(tokens, Y, verbose=0, return_dict=True)
    assert model.evaluate(pairs, Y, verbose=0, return_dict=True) == pytest.approx(expected)


@pytest.mark.parametrize(
    "x, message",
    [
        (SECRET, r"for one text \[text\]"),
        (SECRET.encode(), r"for one text \[text\]"),
        ({SECRET, "x"}, "whose texts have no order"),
        ((SECRET, "x"), "text pairs are a tuple of two lists"),
        (([SECRET], ["x"], ["y"]), "text pairs are a tuple of two lists"),
        (([SECRET, "x"], ["y"]), r"one length. Received: \[2, 1\]"),
        ((text for text in [SECRET]), "list"),
        (map(str, [SECRET]), "list"),
        ([SECRET, None], "NoneType in row 1; a missing text"),
        ([SECRET, np.nan], "float in row 1; a missing text"),
        (pd.Series([SECRET, None], dtype="string"), "in row 1; a missing text"),
        ([SECRET, b"x"], "bytes in row 1; decode it"),
        ([SECRET, 3, 4], r"int in row 1 \(2 such rows in all\)"),
        ([[SECRET, "x"]], "list in row 0; text pairs are"),
        (np.array([[SECRET, "x"]]), r"shape \(1, 2\)"),
        (np.zeros((2, 3), "int32"), "int32 of shape"),
        (pd.DataFrame({"a": [SECRET], "b": ["x"]}), "columns 'a', 'b'"),
        ({"text": [SECRET]}, "must hold the tokens"),
        ({"token_ids": np.ones((1, 4), int)}, "must hold the tokens"),
        ({"token_id": 1, "segment_ids": 1, "padding_mask": 1}, "Did you mean 'token_ids'"),
        (3, "Received: int"),
        (None, "Received: None"),
    ],
)
def test_anything_else_is_refused_without_a_text_and_leaves_the_model_whole(model, x, message):
    before = model.get_weights()
    asked = [lambda: model.predict(x, verbose=0), lambda: model.classify(x)]
    asked += [lambda: model.evaluate(x, {"a_number": [1.0]}, verbose=0)]
    asked += [lambda: model.fit(x, {"a_number": [1.0]}, verbose=0)]
    for ask in asked:
        with pytest.raises(ValueError, match=message) as caught:
            ask()
        assert SECRET not in str(caught.value)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"token_ids": np.full((2, 5), 10**6)}, "between 0 and 19"),
        ({"token_ids": np.full((2, 5), -1)}, "between 0 and 19"),
        ({"token_ids": np.ones((2, 4), int)}, "one shape"),
        ({"token_ids": np.ones(2, int), "segment_ids": np.ones(2, int)}, "one shape"),
        ({"token_ids": np.full((2, 5), "x")}, "must be integers"),
    ],
)
def test_tokens_are_integers_of_the_vocabulary_and_of_one_shape(model, change, message):
    names = ("token_ids", "segment_ids", "padding_mask")
    right = {name: np.ones((2, 5), "int32") for name in names}
    assert np.isfinite(model.predict(right, verbose=0)["a_number"]).all()
    with pytest.raises(ValueError, match=message):
        model.predict({**right, **change}, verbose=0)


def test_a_model_without_a_preprocessor_says_that_it_takes_tokens(tasks):
    backbone, preprocessor = tiny_bert(num_layers=1)
    model = MultiTaskClassifier(backbone, tasks, None)
    assert len(model.predict(tokenize(preprocessor, [TEXTS]).inputs, verbose=0)["topics"]) == 4
    for ask in (model.predict, lambda x: model.fit(x, Y)):
        with pytest.raises(ValueError, match="no preprocessor: x must be a dict of the tokens"):
            ask(TEXTS)


def test_no_rows_are_nothing_to_train_on(model):
    assert model.predict([])["topics"].shape == (0, 4)
    for ask in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match="x holds no rows"):
            ask([], {"a_number": []})


def test_rows_may_be_split_for_validation(model):
    history = model.fit(TEXTS, Y, validation_split=0.25, verbose=0).history
    assert "val_loss" in history
    with pytest.raises(ValueError, match="not sufficient"):
        model.fit(TEXTS[:1], {"a_number": [1.0]}, validation_split=0.5, verbose=0)


def test_datasets_of_single_texts_and_of_bare_pairs_are_refused(model):
    single = tf.data.Dataset.from_tensor_slices(["good", "bad"])
    with pytest.raises(ValueError, match="must yield batches of texts"):
        model.predict(single)
    pairs = tf.data.Dataset.from_tensor_slices((["good", "bad"], ["fee", "bus"])).batch(2)
    with pytest.raises(ValueError, match=r"the elements \(\(first, second\),\)"):
        model.predict(pairs)
    nested = pairs.map(lambda first, second: ((first, second),))
    expected = model.predict((["good", "bad"], ["fee", "bus"]), verbose=0)
    found = model.predict(nested, verbose=0)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=1e-5)
    assert keras.tree.flatten(found)[0].shape[0] == 2
