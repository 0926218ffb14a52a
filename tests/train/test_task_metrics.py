"""`TaskMetrics` with targets of some tasks, and with datasets."""

import pytest
import tensorflow as tf

from mtc_keras import TaskMetrics
from tests.model.test_classifier import TEXTS as ALL_TEXTS
from tests.model.test_classifier import targets as targets  # a fixture

TEXTS = [text.replace("\0", " ") for text in ALL_TEXTS]


def logged(model, targets, callback):
    model.compile("sgd")
    start = model.get_weights()
    history = model.fit(TEXTS, targets, verbose=0, callbacks=[callback]).history
    model.set_weights(start)
    return {name: values[0] for name, values in history.items() if name.startswith("val_")}


def test_tasks_left_out_are_not_judged(model, targets):
    whole = logged(model, targets, TaskMetrics(TEXTS, targets))
    some = logged(model, targets, TaskMetrics(TEXTS, {"topics": targets["topics"]}))
    names = [name for name in some if name.startswith("val_topics")]
    assert names and {n: some[n] for n in names} == pytest.approx({n: whole[n] for n in names})
    assert not [name for name in some if "a_number" in name or "pooled" in name]


def test_a_dataset_is_judged_as_arrays_are_even_if_it_shuffles(model, targets):
    whole = logged(model, targets, TaskMetrics(TEXTS, targets))
    rows = tf.data.Dataset.from_tensor_slices((TEXTS, targets)).shuffle(6, seed=0).batch(4)
    assert logged(model, targets, TaskMetrics(rows)) == pytest.approx(whole, rel=1e-4)
    texts = tf.data.Dataset.from_tensor_slices(TEXTS).batch(4)
    assert logged(model, targets, TaskMetrics(texts, targets)) == pytest.approx(whole, rel=1e-4)
    with pytest.raises(ValueError, match="without targets"):
        TaskMetrics(texts)
