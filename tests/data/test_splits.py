"""Rows split off for validation."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtc_keras.data import splits
from mtc_keras.data.splits import split

repeatable = settings(derandomize=True, deadline=None)


def indicator(rows: int, classes: int, density: float, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((rows, classes)) < density


rows_and_classes = st.builds(
    indicator,
    rows=st.integers(2, 60),
    classes=st.integers(0, 8),
    density=st.sampled_from([0.0, 0.05, 0.3, 0.9, 1.0]),
    seed=st.integers(0, 1000),
)


@repeatable
@given(rows_and_classes, st.data())
def test_both_sides_together_are_all_rows_once_in_exactly_the_sizes_asked(rows, data):
    count = data.draw(st.integers(1, len(rows) - 1))
    train, validation = split(rows, count, seed=0)
    assert len(validation) == count
    np.testing.assert_array_equal(np.sort([*train, *validation]), np.arange(len(rows)))
    assert (np.diff(train) > 0).all()
    assert (np.diff(validation) > 0).all()


@repeatable
@given(rows_and_classes, st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_a_fraction_is_rounded_but_leaves_both_sides_a_row(rows, fraction):
    train, validation = split(rows, fraction, seed=0)
    assert len(validation) == min(max(round(fraction * len(rows)), 1), len(rows) - 1)
    assert len(train)


@repeatable
@given(rows_and_classes, st.integers(0, 100))
def test_equal_seeds_give_equal_splits(rows, seed):
    once, again = split(rows, 0.3, seed), split(rows, 0.3, seed)
    assert all(np.array_equal(a, b) for a, b in zip(once, again, strict=True))


def test_other_seeds_give_other_splits():
    rows = indicator(100, 5, 0.3, seed=0)
    assert not np.array_equal(split(rows, 0.3, seed=0)[1], split(rows, 0.3, seed=1)[1])


@repeatable
@given(
    st.lists(st.integers(10, 40), min_size=2, max_size=6),
    st.floats(0.1, 0.5),
    st.integers(0, 100),
)
def test_every_class_keeps_its_share_of_rows_with_one_class_each(sizes, fraction, seed):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    rows = labels[:, None] == np.arange(len(sizes))
    train, validation = split(rows, fraction, seed)
    expected = np.array(sizes) * len(validation) / len(labels)
    assert (abs(rows[validation].sum(axis=0) - expected) <= 2).all()
    assert rows[train].any(axis=0).all()


@repeatable
@given(st.integers(20, 80), st.integers(2, 8), st.integers(0, 300))
def test_no_class_leaves_training_where_most_rows_stay(rows, classes, seed):
    carried = indicator(rows, classes, 0.2, seed)
    train, _ = split(carried, 0.2, seed)
    assert carried[train].any(axis=0).tolist() == carried.any(axis=0).tolist()


def test_classes_of_ten_rows_stand_on_both_sides_of_a_multilabel_split():
    carried = indicator(400, 20, 0.06, seed=3)
    train, validation = split(carried, 0.25, seed=0)
    frequent = carried.sum(axis=0) >= 10
    assert frequent.sum() >= 15
    assert carried[validation][:, frequent].any(axis=0).all()
    shares = carried[validation].sum(axis=0) / carried.sum(axis=0)
    assert abs(shares[frequent] - 0.25).max() < 0.08
    assert len(train) == 300


@pytest.mark.parametrize(("rows", "count"), [(1, 0.5), (1, 1), (5, 5), (5, 6), (0, 1)])
def test_a_split_that_leaves_one_side_empty_is_refused(rows, count):
    with pytest.raises(ValueError, match="leave none on one side"):
        split(np.ones((rows, 2), bool), count, seed=0)


def test_the_size_of_goemotions_takes_seconds():
    random = np.random.default_rng(0)
    rows = np.zeros((43_000, 40), bool)
    for first, classes in ((0, 4), (4, 7), (11, 29)):
        rows[np.arange(len(rows)), first + random.zipf(1.5, len(rows)) % classes] = True
    started = time.perf_counter()
    _, validation = split(rows, 0.1, seed=0)
    assert len(validation) == 4300
    assert time.perf_counter() - started < 20  # 1 s on 2 cores


def large(rows: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    one_of_five = random.integers(0, 5, rows)[:, None] == np.arange(5)
    rare = random.random((rows, 70)) < np.geomspace(0.0002, 0.3, 70)
    return np.concatenate([one_of_five, rare], axis=1)


@pytest.mark.parametrize("share", [0.1, 0.37, 12_345])
def test_classes_keep_their_share_of_very_many_rows(monkeypatch, share):
    monkeypatch.setattr(splits, "MOST_STRATIFIED", 10_000)
    rows = large(60_000, seed=1)
    train, validation = split(rows, share, seed=0)
    size = share if isinstance(share, int) else round(60_000 * share)
    assert len(validation) == size
    np.testing.assert_array_equal(np.sort([*train, *validation]), np.arange(60_000))
    counts, kept = rows.sum(axis=0), rows[validation].sum(axis=0)
    expected = counts * size / 60_000
    # Far nearer than a random choice, whose errors have this standard deviation.
    deviation = np.sqrt(expected * (1 - size / 60_000))
    assert (abs(kept - expected) <= 3 * deviation + 1).all()
    assert np.sqrt(np.mean(((kept - expected) / deviation) ** 2)) < 0.95
    assert abs(kept[counts.argmin()] - expected[counts.argmin()]) <= 1
    again = split(rows, share, seed=0)[1]
    np.testing.assert_array_equal(again, validation)
    assert not np.array_equal(split(rows, share, seed=1)[1], validation)


def test_each_combination_of_classes_keeps_its_share_of_very_many_rows(monkeypatch):
    monkeypatch.setattr(splits, "MOST_STRATIFIED", 1000)
    rows = np.random.default_rng(0).random((20_000, 6)) < 0.4
    _, validation = split(rows, 0.1, seed=3)
    combination = rows @ (1 << np.arange(6))
    counts = np.bincount(combination, minlength=64)
    kept = np.bincount(combination[validation], minlength=64)
    assert (abs(kept - 0.1 * counts) <= 1).all()
    # At random among equal rows: the first of them are not preferred.
    assert abs(np.mean(validation) - 10_000) < 500
