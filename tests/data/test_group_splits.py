"""Rows of one text, or of one group, are never on both sides of a split."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.config import check_config
from mtc_keras.data.group_splits import connected_groups, split_groups, split_parts
from mtc_keras.data.reading import read_splits
from mtc_keras.data.splits import split
from tests.fuzzing import tries

NONE = np.uint64(0)


def indicator(rows: int, classes: int, density: float, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((rows, classes)) < density


@st.composite
def grouped(draw):
    """Draws classes of N rows, and a group for each; there are two or more."""
    group = np.array(draw(st.lists(st.integers(0, 30), min_size=2, max_size=80)))
    if len(set(group)) < 2:
        group[0] = group[0] + 1
    group = np.unique(group, return_inverse=True)[1]
    density = draw(st.sampled_from([0.0, 0.05, 0.3, 0.9, 1.0]))
    carried = indicator(len(group), draw(st.integers(0, 6)), density, draw(st.integers(0, 99)))
    return carried, group


@tries(80)
@given(grouped(), st.floats(0.01, 0.99), st.integers(0, 100))
def test_fuzz_no_group_is_on_both_sides_and_no_single_one_brings_the_size_nearer(
    table, share, seed
):
    carried, group = table
    train, validation = split_groups(carried, group, share, seed)
    np.testing.assert_array_equal(np.sort([*train, *validation]), np.arange(len(group)))
    assert len(train)
    assert len(validation)
    assert not set(group[train]) & set(group[validation])
    again = split_groups(carried, group, share, seed)
    np.testing.assert_array_equal(again[1], validation)
    asked = min(max(round(share * len(group)), 1), len(group) - 1)
    sizes = np.bincount(group)
    if sizes.min() <= asked and not carried.size:  # no class stands in the way
        apart = abs(len(validation) - asked)
        for chosen, sign in ((set(group[validation]), -1), (set(group[train]), 1)):
            if len(chosen) > 1:
                assert all(abs(len(validation) + sign * sizes[g] - asked) >= apart for g in chosen)


@tries(60)
@given(st.integers(2, 60), st.integers(0, 6), st.floats(0.01, 0.99), st.integers(0, 100))
def test_fuzz_rows_that_are_groups_of_their_own_are_split_as_rows_are(rows, classes, share, seed):
    carried = indicator(rows, classes, 0.3, seed)
    group = np.random.default_rng(seed).permutation(rows)
    for found, expected in zip(
        split_groups(carried, group, share, seed), split(carried, share, seed), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


@tries(60)
@given(st.integers(30, 90), st.integers(2, 6), st.integers(0, 300))
def test_fuzz_no_class_leaves_training_where_most_rows_stay(rows, classes, seed):
    carried = indicator(rows, classes, 0.2, seed)
    group = np.unique(np.random.default_rng(seed).integers(0, rows // 2, rows), return_inverse=True)
    train, _ = split_groups(carried, group[1], 0.2, seed)
    assert carried[train].any(axis=0).tolist() == carried.any(axis=0).tolist()


def test_three_raters_for_each_text_keep_the_size_and_the_shares_of_the_classes():
    labels = np.random.default_rng(0).integers(0, 4, 200)
    group = np.repeat(np.arange(200), 3)
    carried = (labels[:, None] == np.arange(4))[group]
    _, validation = split_groups(carried, group, 0.2, seed=1)
    assert len(validation) == 120
    shares = carried[validation].sum(axis=0) / carried.sum(axis=0)
    assert abs(shares - 0.2).max() < 0.02


def test_groups_of_all_sizes_come_near_to_the_size_asked():
    random = np.random.default_rng(2)
    group = np.repeat(np.arange(300), np.minimum(random.zipf(1.7, 300), 60))
    carried = random.random((len(group), 5)) < 0.3
    for seed in range(5):
        _, validation = split_groups(carried, random.permutation(group), 0.25, seed)
        assert abs(len(validation) - 0.25 * len(group)) <= 1


def test_a_group_of_more_rows_than_asked_stays_in_training():
    group = np.array([0] * 60 + list(range(1, 41)))
    _, validation = split_groups(np.ones((100, 1), bool), group, 0.2, seed=0)
    assert len(validation) == 20
    assert 0 not in group[validation]


def test_the_smallest_group_is_split_off_where_all_are_larger_than_asked():
    group = np.array([0] * 5 + [1] * 3 + [2] * 4)
    _, validation = split_groups(np.ones((12, 1), bool), group, 1, seed=0)
    assert set(group[validation]) == {1}


def test_training_keeps_a_group_where_nearly_all_rows_are_asked_for():
    group = np.array([0, 0, 0, 1, 1, 1, 1, 2, 2, 2])
    train, _ = split_groups(np.zeros((10, 0), bool), group, 9, seed=0)
    assert len(train)


def test_one_group_cannot_be_split():
    with pytest.raises(ValueError, match="all 4 rows have one text or group"):
        split_groups(np.ones((4, 1), bool), np.zeros(4, int), 0.5, seed=0)


def test_rows_are_connected_through_texts_and_groups():
    texts = np.array([1, 2, 2, 3, 4, 5], "uint64")
    groups = np.array([7, 7, 8, 0, 0, 8], "uint64")
    assert len(set(connected_groups(texts, None, NONE))) == 5
    # 0 and 1 by group, 1 and 2 by text, 2 and 5 by group; the others have no group.
    found = connected_groups(texts, groups, NONE)
    assert found[0] == found[1] == found[2] == found[5]
    assert len(set(found)) == 3
    nobody = np.zeros(6, "uint64")
    assert len(set(connected_groups(texts, nobody, NONE))) == 5


def test_a_million_rows_take_seconds():
    random = np.random.default_rng(0)
    texts = random.integers(1, 700_000, 1_000_000).astype("uint64")
    carried = random.integers(0, 8, 1_000_000)[:, None] == np.arange(8)
    started = time.perf_counter()
    group = connected_groups(texts, random.integers(0, 400_000, 1_000_000).astype("uint64"), NONE)
    assert group.max() < 700_000
    group = connected_groups(texts, None, NONE)
    _, validation = split_groups(carried, group, 0.1, seed=0)
    assert len(validation) == 100_000
    shares = carried[validation].sum(axis=0) / carried.sum(axis=0)
    assert abs(shares - 0.1).max() < 0.005
    assert time.perf_counter() - started < 30  # 4 s on 2 cores


def test_a_group_is_one_however_its_name_is_spelled(tmp_path):
    for name, cells in (
        ("a", ["1.0", "", "Café", "True"]),
        ("b", ["1", "2", "Cafe\u0301", "true"]),
    ):
        lines = [f"{name} {n},{'xy'[n % 2]},{cell}" for n, cell in enumerate(cells)]
        (tmp_path / f"{name}.csv").write_text("text,mood,who\n" + "\n".join(lines) + "\n")
    data = {"train": str(tmp_path / "a.csv"), "validation": str(tmp_path / "b.csv"), "group": "who"}
    values = {"data": data, "tasks": {"mood": {"kind": "multiclass"}}}
    found = read_splits(check_config(values))
    assert len(set(found.train.groups) & set(found.validation.groups)) == 3
    [note] = [note for note in found.notes if "belong to groups" in note]
    assert note.startswith("validation: 3 of 4 rows belong to groups of train, too, first ")
    values["data"] = {"train": str(tmp_path / "*.csv"), "validation": 3, "group": "who"}
    found = read_splits(check_config(values))
    assert not set(found.train.groups) & set(found.validation.groups)


@pytest.mark.parametrize("groups", [2000, 1500])
def test_every_class_of_many_has_its_share_of_each_part(groups):
    random = np.random.default_rng(0)
    carried = random.random((2000, 30)) < random.random(30) / 5
    group = np.unique(random.integers(0, groups, 2000), return_inverse=True)[1]
    parts = split_parts(carried, group, [1600, 200, 200], seed=0)
    assert [len(part) for part in parts] == [1600, 200, 200]
    for part, share in zip(parts, (0.8, 0.1, 0.1), strict=True):
        off = carried[part].sum(axis=0) - share * carried.sum(axis=0)
        assert np.abs(off).max() < 1.5
