"""Packed values come back as they were."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtc_keras.data.packed import Packed, join, pack, take

repeatable = settings(derandomize=True, deadline=None)
texts = st.lists(st.text(st.characters(exclude_categories=())) | st.none())  # surrogates, too
integers = st.lists(st.integers(-(2**63), 2**63 - 1) | st.none())
anything = st.lists(st.text() | st.integers() | st.floats(allow_nan=False) | st.none())


def typed(values):
    return [(type(value), value) for value in values]


@repeatable
@given(texts | integers | anything, st.data())
def test_values_come_back_with_their_types(values, data):
    packed = pack(values)
    assert typed(packed) == typed(values)
    assert packed == values
    assert len(packed) == len(values)
    if values:
        position = data.draw(st.integers(-len(values), len(values) - 1))
        assert typed([packed[position]]) == typed([values[position]])
    places = data.draw(st.slices(len(values)))
    assert typed(packed[places]) == typed(values[places])
    chosen = data.draw(st.lists(st.sampled_from(range(len(values))))) if values else []
    assert typed(take(packed, chosen)) == typed([values[place] for place in chosen])
    assert typed(take(packed, np.array(chosen, int))) == typed(take(packed, chosen))


@repeatable
@given(st.lists(texts | integers | anything, min_size=1, max_size=4))
def test_parts_are_joined_also_of_several_types(parts):
    assert typed(join([pack(part) for part in parts])) == typed(itertools.chain(*parts))


@pytest.mark.parametrize("values", [["a", "\ud800", None], ["a", None], [1, -2, None]])
def test_strings_and_integers_are_packed(values):
    assert isinstance(pack(values), Packed)
    assert pack(values).tolist() == values


@pytest.mark.parametrize("values", [[1, "a"], [True, 1], [1.5], [2**63]])
def test_other_values_stay_as_they_are(values):
    assert pack(values) is values


def test_a_position_outside_is_an_index_error():
    with pytest.raises(IndexError):
        pack(["a"])[1]


def test_packed_values_differ_from_others_and_are_no_text():
    assert pack(["a", "b"]) != ["a", "c"]
    assert pack(["a", "b"]) != ["a"]
    assert pack(["a", "b"]) != "ab"
    assert pack(["a"]) == pack(["a"])
