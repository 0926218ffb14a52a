"""Which rows are trained on together: each once, padded to the lengths that cost least in all."""

import hashlib
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.data.lengths import (
    MOST_CANDIDATES,
    MOST_LENGTHS,
    StepCosts,
    candidates,
    fewest_slots,
    padded_length,
)
from mtc_keras.data.plan import BatchPlan, batch_plan, plan_of_0_1, rows_of_tokens
from mtc_keras.model.costs import step_costs
from tests.conftest import tiny_bert

sizes = st.lists(st.integers(2, 32), min_size=1, max_size=200).map(np.array)
costs = st.builds(StepCosts, st.floats(1e-6, 1e-2), st.floats(0, 10))
OLD_LENGTHS = (7, 10, 13, 16, 19, 22, 26, 31, 39, 51)
OLD_ORDER = "b4019da673a6cd0b83788dc394f56d270e5a8ac5c06d092cac4a7e5145b0a9f1"
SMALL = StepCosts(per_slot=0.54e-3, per_length=1.8)  # MiniLM on a CPU
# 12,000 texts of 3 to 64 tokens, 16 on average.
TEXTS = np.random.default_rng(0).gamma(4, 4, 12000).astype(int).clip(3, 64)


def planned(sizes, size, costs=SMALL, epochs=2):
    return batch_plan(sizes, lambda length: size, costs, epochs)


def slots(sizes, plan):
    return sum(rows * length * count for (rows, length), count in plan.shapes(sizes).items())


@given(sizes, st.integers(1, 9), costs, st.integers(0, 99), st.integers(0, 9))
def test_an_epoch_holds_every_row_once_and_one_short_batch_at_most(sizes, size, costs, seed, epoch):
    plan = planned(sizes, size, costs)
    batches = plan.batches(sizes, seed, epoch)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(sizes)))
    assert sum(len(batch) < size for batch in batches) <= 1
    # Each epoch has the same shapes, which are known before.
    met = [plan.shape(sizes[batch].max()) for batch in batches]
    assert {shape: met.count(shape) for shape in met} == plan.shapes(sizes)


@given(sizes, st.integers(1, 9), costs)
def test_the_short_batch_is_of_the_shortest_rows_that_are_left(sizes, size, costs):
    plan = planned(sizes, size, costs)
    batches = plan.batches(sizes, 0, 0)
    mixed = [b for b in batches if len({plan.shape(n) for n in sizes[b]}) > 1 or len(b) < size]
    short = [batch for batch in mixed if len(batch) < size]
    for batch in short:
        shape = plan.shape(sizes[batch].max())[1]
        assert all(shape <= plan.shape(sizes[other].max())[1] for other in mixed)


def test_the_order_is_a_function_of_seed_and_epoch():
    sizes = np.arange(100) % 7
    plan = BatchPlan((3, 6), (4, 4))

    def order(seed, epoch):
        return np.concatenate(plan.batches(sizes, seed, epoch)).tolist()

    assert order(1, 2) == order(1, 2)
    assert order(1, 2) != order(1, 3)
    assert order(1, 2) != order(2, 2)


def test_texts_of_one_length_meet_others_in_every_epoch():
    """Batches are drawn from all rows, not from neighbours."""
    batches = BatchPlan((5,), (10,)).batches(np.full(1000, 5), seed=0, epoch=0)
    assert np.median([np.ptp(batch) for batch in batches]) > 500


@given(sizes)
def test_no_other_lengths_of_that_number_have_fewer_slots(sizes):
    def padded(lengths):
        return sum(padded_length(size, np.array(lengths)) for size in sizes)

    occurring, counts = np.unique(sizes, return_counts=True)
    found = list(fewest_slots(occurring, counts))
    assert len(found) == min(len(occurring), MOST_LENGTHS)
    for number, lengths in enumerate(found, 1):
        assert len(lengths) == number and lengths[-1] == sizes.max()
        if number <= 3:
            for others in itertools.combinations(occurring[:-1], number - 1):
                assert padded(lengths) <= padded([*others, sizes.max()])


@given(sizes, st.integers(1, 9), costs, st.integers(1, 5))
def test_no_other_number_of_lengths_costs_less(sizes, size, costs, epochs):
    def seconds(plan):
        computing = epochs * slots(sizes, plan) * costs.per_slot
        return computing + len(plan.shapes(sizes)) * costs.per_length

    own = seconds(planned(sizes, size, costs, epochs))
    for lengths in fewest_slots(*np.unique(sizes, return_counts=True)):
        other = BatchPlan(tuple(lengths.tolist()), (size,) * len(lengths))
        assert own <= seconds(other) * (1 + 1e-9)


def test_a_short_run_has_few_lengths_and_a_long_one_hardly_any_padding():
    short, long = TEXTS[:2560], np.tile(TEXTS, 3)
    few, many = planned(short, 32), planned(long, 32, epochs=4)
    assert len(few.lengths) <= 6 < len(many.lengths) <= MOST_LENGTHS
    assert short.sum() >= 0.8 * slots(short, few)
    assert long.sum() >= 0.95 * slots(long, many)
    # One that costs little to compile has more, one that trains fast fewer.
    assert len(planned(short, 32, StepCosts(0.54e-3, 0.2)).lengths) > len(few.lengths)
    assert len(planned(short, 32, StepCosts(1e-6, 1.8)).lengths) == 1


def test_a_short_run_is_near_the_least_whether_its_programs_are_compiled_or_read():
    """1 s to read one, 5 s to compile it: what lies between is far from neither optimum."""
    short = TEXTS[:2560]

    def seconds(plan, per_length):
        return 2 * slots(short, plan) * SMALL.per_slot + len(plan.shapes(short)) * per_length

    for per_length in (1.0, 5.0):
        best = planned(short, 32, StepCosts(SMALL.per_slot, per_length))
        assert seconds(planned(short, 32), per_length) <= 1.1 * seconds(best, per_length)


@given(st.lists(st.integers(1, 100_000), min_size=1, max_size=2000).map(np.array))
def test_of_very_many_lengths_some_are_candidates(sizes):
    found, counts = candidates(sizes)
    assert len(found) <= MOST_CANDIDATES
    assert set(found) <= set(sizes) and found[-1] == sizes.max()
    assert counts.sum() == len(sizes) and (counts > 0).all()
    np.testing.assert_array_equal(
        np.cumsum(counts), np.searchsorted(np.sort(sizes), found, "right")
    )


def test_the_costs_follow_from_the_sizes_of_a_model():
    backbone, _ = tiny_bert()
    on_cpu, on_gpu = step_costs(backbone, False), step_costs(backbone, True)
    assert on_gpu.per_slot < on_cpu.per_slot and on_gpu.per_length > on_cpu.per_length
    kernels = [w for w in backbone.weights if w.path.endswith("/kernel")]
    parameters = sum(int(np.prod(weight.shape)) for weight in kernels)
    assert on_cpu.per_slot == pytest.approx(6 * parameters / 120e9)
    backbone.trainable = False
    assert step_costs(backbone, False).per_slot == pytest.approx(4 * parameters / 120e9)


def test_a_plan_comes_back_from_what_a_checkpoint_holds():
    for plan in (BatchPlan((3, 9), (8, 4)), BatchPlan((5,), (2,), longest_first=False)):
        assert BatchPlan.from_dict(plan.to_dict()) == plan


def test_the_plan_of_a_run_of_version_0_1_is_found_again():
    """Numbers that version 0.1 gave, for the batches that its checkpoints stand between."""
    sizes = TEXTS[:2560]
    plan = plan_of_0_1(sizes, 32)
    assert plan.lengths == OLD_LENGTHS
    order = np.concatenate(plan.batches(sizes, seed=3, epoch=1)).astype("int64")
    assert hashlib.sha256(order.tobytes()).hexdigest() == OLD_ORDER
    assert plan_of_0_1(sizes[:40], 32).lengths == (int(sizes[:40].max()),)


@given(sizes, st.integers(1, 4096), st.sampled_from([1, 2, 3, 4, 6]), costs, st.integers(0, 9))
def test_batches_of_so_many_tokens_hold_every_row_once(sizes, tokens, divisor, costs, epoch):
    def rows_of(length):
        return rows_of_tokens(length, tokens, divisor, len(sizes))

    plan = batch_plan(sizes, rows_of, costs, epochs=2)
    batches = plan.batches(sizes, 0, epoch)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(sizes)))
    shapes = [plan.shape(sizes[batch].max()) for batch in batches]
    assert {shape: shapes.count(shape) for shape in shapes} == plan.shapes(sizes)
    for rows, length in shapes:
        assert rows % divisor == 0
        assert rows * length <= tokens or rows == divisor
        assert rows < len(sizes) + np.lcm(divisor, 8)
    short = [b for b, (rows, _) in zip(batches, shapes, strict=True) if len(b) < rows]
    assert len(short) <= 1


def test_short_texts_have_more_rows_per_batch():
    assert [rows_of_tokens(length, 1024, 1, 10_000) for length in (8, 24, 100, 512, 2000)] == [
        128,
        40,
        8,
        2,
        1,
    ]
    assert rows_of_tokens(8, 1024, 1, 20) == 24  # not more than there are
    assert rows_of_tokens(24, 1024, 3, 10_000) == 24
