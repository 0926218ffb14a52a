"""Batches: every row once, by (seed, epoch) alone, short ones filled with missing labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.data.batches import (
    PredictionBatches,
    Tokens,
    TrainingBatches,
    padded_length,
    tokenize,
    too_long,
    training_plan,
)
from mtc_keras.data.rows import Rows
from mtc_keras.tasks import Multiclass, Multilabel
from tests.conftest import tiny_bert

lengths = st.lists(st.integers(2, 32), min_size=1, max_size=200).map(np.array)


@given(lengths, st.integers(1, 9), st.integers(0, 99), st.integers(0, 9))
def test_an_epoch_holds_every_row_once_and_one_short_batch_at_most(lengths, size, seed, epoch):
    plan = training_plan(lengths, size, seed, epoch)
    assert sorted(np.concatenate(plan).tolist()) == list(range(len(lengths)))
    assert sum(len(batch) < size for batch in plan) <= 1


def test_the_order_is_a_function_of_seed_and_epoch():
    lengths = np.arange(100) % 7

    def order(seed, epoch):
        return np.concatenate(training_plan(lengths, 4, seed, epoch)).tolist()

    assert order(1, 2) == order(1, 2)
    assert order(1, 2) != order(1, 3)
    assert order(1, 2) != order(2, 2)


@given(st.integers(4, 512), st.data())
def test_padded_lengths_are_few_and_hold_the_text(max_length, data):
    longest = data.draw(st.integers(1, max_length))
    assert longest <= padded_length(longest, max_length) <= max_length
    assert len({padded_length(n, max_length) for n in range(1, max_length + 1)}) <= 4


def some_tokens(lengths):
    ids = np.arange(len(lengths) * 32, dtype="int32").reshape(-1, 32)
    return Tokens({"token_ids": ids}, np.asarray(lengths, "int32"))


@given(lengths, st.integers(1, 9))
def test_prediction_restores_the_order_of_rows(lengths, size):
    tokens = some_tokens(lengths)
    batches = PredictionBatches(tokens, size)
    read = [np.asarray(batch["token_ids"])[:, 0] for (batch,) in batches.dataset()]
    assert len({len(batch) for batch in read}) == 1
    restored = batches.restore(np.concatenate(read))
    assert restored.tolist() == tokens.inputs["token_ids"][:, 0].tolist()


@pytest.fixture
def training():
    tasks = [Multiclass(name="a", classes=["x", "y"]), Multilabel(name="b", classes=["u", "v"])]
    rows = Rows(
        name="train",
        texts=([""] * 5,),
        targets={"a": np.array([0, 1, 0, 1, 0], "int32"), "b": np.ones((5, 2), "float32")},
        sample_weight=None,
        ids=None,
        where=[str(i) for i in range(5)],
    )
    return TrainingBatches(some_tokens([3, 9, 2, 4, 30]), rows, tasks, batch_size=4, seed=0)


def test_a_short_batch_is_filled_with_rows_without_labels(training):
    batches = list(training.dataset().as_numpy_iterator())
    assert [len(targets["a"]) for _, targets, _ in batches] == [4, 4]
    labels = np.concatenate([targets["a"] for _, targets, _ in batches])
    assert sorted(labels.tolist()) == [-1, -1, -1, 0, 0, 0, 1, 1]
    cells = np.concatenate([targets["b"] for _, targets, _ in batches])
    assert np.isnan(cells).sum() == 3 * 2
    # The rows' own targets stay as they were.
    assert not np.isnan(training.targets["b"]).any()


def test_each_epoch_reads_its_own_order_and_the_count_is_known(training):
    dataset = training.dataset()
    assert int(dataset.cardinality()) == len(training) == 2

    def order():
        return [batch["token_ids"][:, 0].tolist() for batch, _, _ in dataset.as_numpy_iterator()]

    first = order()
    assert order() == first
    orders = []
    for training.epoch in range(1, 6):
        orders.append(order())
    assert any(other != first for other in orders)


def test_texts_that_were_cut_are_found():
    _, preprocessor = tiny_bert()
    texts = ["good " * 14, "good " * 15, "bad", "fine " * 10_000]
    tokens = tokenize(preprocessor, [texts])
    assert tokens.lengths.tolist() == [16, 16, 3, 16]
    assert too_long(preprocessor, [texts], tokens).tolist() == [1, 3]
    assert preprocessor.sequence_length == 16


def test_any_text_can_be_tokenized():
    _, preprocessor = tiny_bert()
    texts = ["", "   ", "a\0b", "😀", "مرحبا", "\ud800 lone surrogate", "x" * 100_000]
    assert len(tokenize(preprocessor, [texts])) == len(texts)
