"""Batches: padded as planned, short ones filled up, and their outputs in the rows' order."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.data.batches import PredictionBatches, TrainingBatches
from mtc_keras.data.lengths import prediction_lengths
from mtc_keras.data.plan import BatchPlan
from mtc_keras.data.rows import Rows
from mtc_keras.data.token_cache import cached_tokens
from mtc_keras.data.tokens import Tokens, tokenize
from mtc_keras.model.feed import Feed
from mtc_keras.tasks import Multiclass, Multilabel
from tests.conftest import tiny_bert

lengths = st.lists(st.integers(2, 32), min_size=1, max_size=200).map(np.array)


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
    plan = BatchPlan((4, 30), (4, 4))
    return TrainingBatches(some_tokens([3, 9, 2, 4, 30]), rows, tasks, plan, seed=0)


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


def test_one_batch_of_each_shape_is_there_before_training(training):
    of_shapes = list(training.one_of_each_shape())
    shapes = [inputs["token_ids"].shape for inputs, _, _ in of_shapes]
    assert sorted(shapes) == sorted(training.shapes)
    met = dict.fromkeys(inputs["token_ids"].shape for inputs, _, _ in training)
    assert list(met) == shapes
    inputs, targets, weights = of_shapes[0]
    assert len(targets["a"]) == len(weights) == len(inputs["token_ids"])


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


@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_a_feed_reads_what_the_dataset_does(training, epoch):
    training.epoch = epoch
    feed = Feed(training)
    expected = list(training.dataset().as_numpy_iterator())
    for _ in range(2):  # passes
        fed = [feed[number] for number in range(len(feed))]
        assert len(fed) == len(expected) == len(training)
        for one, other in zip(fed, expected, strict=True):
            for part, of_dataset in zip(one, other, strict=True):
                np.testing.assert_equal(part, of_dataset)


def test_a_feed_does_not_begin_an_epoch_in_its_middle(training):
    training.first_batch = 1
    with pytest.raises(ValueError, match="whole epochs"):
        Feed(training)[0]
