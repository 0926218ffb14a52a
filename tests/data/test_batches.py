"""Batches: every row once, by (seed, epoch) alone, short ones filled with missing labels."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.data.batches import PredictionBatches, TrainingBatches, training_plan
from mtc_keras.data.lengths import (
    FULL,
    MOST_LENGTHS,
    padded_length,
    prediction_lengths,
    training_lengths,
)
from mtc_keras.data.rows import Rows
from mtc_keras.data.token_cache import cached_tokens
from mtc_keras.data.tokens import Tokens, tokenize
from mtc_keras.tasks import Multiclass, Multilabel
from tests.conftest import tiny_bert

lengths = st.lists(st.integers(2, 32), min_size=1, max_size=200).map(np.array)


@given(lengths, st.integers(1, 9), st.integers(0, 99), st.integers(0, 9))
def test_an_epoch_holds_every_row_once_and_one_short_batch_at_most(lengths, size, seed, epoch):
    padded = training_lengths(lengths, 32, size)
    plan = training_plan(lengths, padded, size, seed, epoch)
    assert sorted(np.concatenate(plan).tolist()) == list(range(len(lengths)))
    assert sum(len(batch) < size for batch in plan) <= 1


def test_the_order_is_a_function_of_seed_and_epoch():
    lengths = np.arange(100) % 7

    def order(seed, epoch):
        plan = training_plan(lengths, np.array([3, 6]), 4, seed, epoch)
        return np.concatenate(plan).tolist()

    assert order(1, 2) == order(1, 2)
    assert order(1, 2) != order(1, 3)
    assert order(1, 2) != order(2, 2)


def test_texts_of_one_length_meet_others_in_every_epoch():
    """Batches are drawn from all rows, not from neighbours."""
    lengths = np.full(1000, 5)
    plan = training_plan(lengths, np.array([5]), 10, seed=0, epoch=0)
    assert np.median([np.ptp(batch) for batch in plan]) > 500


def slots(lengths, padded):
    return sum(padded_length(length, padded) for length in lengths)


@given(lengths, st.integers(1, 3))
def test_no_other_lengths_of_that_number_have_fewer_slots(lengths, size):
    padded = training_lengths(lengths, 32, size)
    assert padded[-1] == lengths.max()
    assert len(padded) <= MOST_LENGTHS
    own = slots(lengths, padded)
    most = max(-(-len(lengths) // size) // 8, 1)
    assert len(padded) <= most
    if len(padded) < min(most, len(set(lengths)), MOST_LENGTHS):
        assert lengths.sum() >= FULL * own
    if len(padded) <= 3:
        for others in itertools.combinations(sorted(set(lengths))[:-1], len(padded) - 1):
            assert own <= slots(lengths, np.array([*others, lengths.max()]))


@given(st.integers(4, 512), st.integers(1, 500))
def test_prediction_lengths_hold_every_text_and_come_again(max_length, batches):
    few, many = prediction_lengths(max_length, 1), prediction_lengths(max_length, 1000)
    assert set(few) <= set(many)
    assert prediction_lengths(max_length, batches)[-1] == max_length
    assert len(few) <= 8
    assert (np.diff(many) > 0).all()
    assert all(b <= 1.25 * a for a, b in itertools.pairwise(many.tolist()))


def some_tokens(lengths):
    """Returns tokens whose ids tell the row, as hundreds, and the place in it."""
    lengths = np.asarray(lengths)
    ids = [np.arange(1, n + 1) + 100 * row for row, n in enumerate(lengths)]
    return Tokens(
        flat={"token_ids": np.concatenate(ids).astype("uint16")},
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        padding={"token_ids": 0},
        dtypes={"token_ids": "int32", "padding_mask": "int32"},
        max_length=32,
    )


@given(lengths, st.data())
def test_rows_are_padded_to_any_length(lengths, data):
    tokens = some_tokens(lengths)
    rows = np.array(data.draw(st.lists(st.integers(0, len(lengths) - 1), max_size=9)), int)
    length = data.draw(st.integers(1, 40))
    taken = tokens.take(rows, length)
    for row, ids, mask in zip(rows, taken["token_ids"], taken["padding_mask"], strict=True):
        real = min(lengths[row], length)
        expected = [100 * row + 1 + place for place in range(real)] + [0] * (length - real)
        assert ids.tolist() == expected
        assert mask.tolist() == [1] * real + [0] * (length - real)
    selected = tokens.select(rows)
    assert selected.lengths.tolist() == lengths[rows].tolist()
    for name, array in selected.take(np.arange(len(rows)), length).items():
        np.testing.assert_array_equal(array, taken[name])


@given(lengths, st.integers(1, 9), st.none() | st.integers(1, 200))
def test_prediction_restores_the_order_of_rows(lengths, size, most_tokens):
    tokens = some_tokens(lengths)
    batches = PredictionBatches(tokens, size, most_tokens=most_tokens)
    read = [batch["token_ids"] for (batch,) in batches.dataset().as_numpy_iterator()]
    assert len(read) == len(batches)
    for batch, own in zip(read, batches, strict=True):
        np.testing.assert_array_equal(batch, own["token_ids"])
        rows, length = batch.shape
        assert rows <= size
        assert most_tokens is None or rows == 1 or rows * length <= most_tokens
    if most_tokens is None:
        assert len({len(batch) for batch in read}) == 1
    restored = batches.restore(np.concatenate([batch[:, 0] for batch in read]))
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


def test_any_text_can_be_tokenized():
    _, preprocessor = tiny_bert()
    texts = ["", "   ", "a\0b", "😀", "مرحبا", "\ud800 lone surrogate", "x" * 100_000]
    assert len(tokenize(preprocessor, [texts])) == len(texts)


def test_tokens_are_found_on_disk_the_second_time(tmp_path, monkeypatch):
    _, preprocessor = tiny_bert()
    texts = ["good bus", "bad", "", "fine queue form"]
    made = cached_tokens(preprocessor, [texts], tmp_path)
    monkeypatch.setattr("mtc_keras.data.token_cache.read_texts_as", None)  # must not be asked again
    found = cached_tokens(preprocessor, [texts], tmp_path)
    for name, array in made.inputs.items():
        np.testing.assert_array_equal(found.inputs[name], array)
        assert found.inputs[name].dtype == array.dtype
    assert found.max_length == made.max_length


def test_other_texts_lengths_and_words_have_other_tokens(tmp_path):
    _, preprocessor = tiny_bert()
    cached_tokens(preprocessor, [["good", "bus"]], tmp_path)
    for texts in [["good"], ["goodbus", ""], ["good", "bad"]]:
        cached = cached_tokens(preprocessor, [texts], tmp_path)
        np.testing.assert_array_equal(
            cached.inputs["token_ids"], tokenize(preprocessor, [texts]).inputs["token_ids"]
        )
    preprocessor.sequence_length = 3
    assert cached_tokens(preprocessor, [["good", "bus"]], tmp_path).max_length == 3


def test_a_damaged_file_is_made_anew(tmp_path):
    _, preprocessor = tiny_bert()
    texts = ["good bus", "bad"]
    made = cached_tokens(preprocessor, [texts], tmp_path)
    (entry,) = tmp_path.iterdir()
    (entry / "token_ids.npy").write_bytes(b"")
    for _ in range(2):
        found = cached_tokens(preprocessor, [texts], tmp_path)
        np.testing.assert_array_equal(found.inputs["token_ids"], made.inputs["token_ids"])
    assert [path.name for path in tmp_path.iterdir()] == [entry.name]


def test_what_was_used_longest_ago_leaves_the_cache(tmp_path, monkeypatch):
    _, preprocessor = tiny_bert()
    monkeypatch.setattr("mtc_keras.data.token_cache.MOST_CACHED_BYTES", 3000)
    for number in range(20):
        cached_tokens(preprocessor, [[f"good {number}"] * 50], tmp_path)
    assert 1 <= len(list(tmp_path.iterdir())) < 10


def test_a_cache_that_cannot_be_written_costs_only_time(tmp_path):
    _, preprocessor = tiny_bert()
    (tmp_path / "file").write_text("")
    assert len(cached_tokens(preprocessor, [["good"]], tmp_path / "file")) == 1


def test_an_epoch_of_texts_of_all_lengths_is_nearly_free_of_padding():
    lengths = np.random.default_rng(0).gamma(4, 4, 12000).astype(int).clip(3, 64)
    padded = training_lengths(lengths, 64, 32)
    assert len(padded) <= MOST_LENGTHS
    plan = training_plan(lengths, padded, 32, seed=0, epoch=0)
    filled = sum(32 * padded_length(lengths[rows].max(), padded) for rows in plan)
    assert lengths.sum() >= 0.95 * filled
