"""Values as JSON that every reader takes."""

import json
from datetime import date, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.files import (
    exact_json,
    json_digest,
    json_line,
    read_exact_json,
    readable_json,
    to_json,
)


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (float("nan"), "null"),
        ([1.5, float("-inf")], "[1.5, null]"),
        ({"a": (np.float32("nan"), np.int64(2))}, '{"a": [null, 2]}'),
        (np.array([0.25, np.inf], "float32"), "[0.25, null]"),
        (date(2024, 1, 2), '"2024-01-02"'),
        (datetime(2024, 1, 2, 3, 4), '"2024-01-02T03:04:00"'),
        (b"\x00\xff", '"AP8="'),
        ("größe\n😀", '"größe\\n😀"'),
    ],
    ids=str,
)
def test_a_line_is_json_whatever_the_value(value, line):
    assert json_line(value) == line
    json.loads(line, parse_constant=pytest.fail)


def test_a_lone_surrogate_stays_what_it_is_and_utf_8_can_hold_the_line():
    line = json_line({"\ud83d": "\ud83d good"})
    assert json.loads(line.encode("utf-8")) == {"\ud83d": "\ud83d good"}


def parsed(text):
    """Parses JSON as strict readers do: NaN and bytes that are no UTF-8 are errors."""
    return json.loads(text.encode("utf-8"), parse_constant=pytest.fail)


# Two lone surrogates that follow one another become one character in any JSON.
TEXTS = st.text() | st.text(st.characters(min_codepoint=0xD800, max_codepoint=0xDBFF))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
)
NUMBERS = st.floats(width=32) | st.floats().map(np.float64) | st.floats(width=16).map(np.float16)
NUMBERS |= st.integers(-9, 9).map(np.int64) | st.booleans().map(np.bool_)
ANYTHING = st.recursive(
    NUMBERS | TEXTS | st.binary() | st.dates() | st.datetimes() | st.uuids() | st.none(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(TEXTS | st.integers() | st.floats(), inner)
        | st.lists(st.floats(width=32)).map(lambda values: np.array(values, "float32"))
        | st.lists(st.text()).map(lambda values: np.array(values, object))
    ),
)


def without_infinities(value):
    if isinstance(value, dict):
        return {key: without_infinities(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_infinities(item) for item in value]
    return None if value in (float("inf"), float("-inf")) else value


@given(PLAIN)
def test_plain_values_come_back_from_every_encoding(value):
    expected = without_infinities(value)
    assert parsed(json_line(value)) == expected
    assert parsed(readable_json(value)) == expected
    assert read_exact_json(exact_json(value)) == value


@given(ANYTHING)
def test_whatever_the_value_a_line_and_an_indented_text_say_the_same(value):
    line, readable = json_line(value), readable_json(value)
    assert "\n" not in line and readable.endswith("\n")
    if not has_odd_keys(value):  # of which a plain encoder knows some by other names: true, 1e+16
        assert parsed(line) == parsed(readable) == to_json(value)


def has_odd_keys(value):
    if isinstance(value, dict):
        keys = any(not isinstance(key, str) for key in value)
        return keys or any(map(has_odd_keys, value.values()))
    return isinstance(value, (list, tuple)) and any(map(has_odd_keys, value))


@given(st.lists(st.floats()), st.floats(width=32))
def test_exact_json_keeps_nan_and_infinities_and_is_json(values, number):
    state = {"values": values, "array": np.array([number], "float32"), "none": None}
    text = exact_json(state)
    parsed(text)
    found = read_exact_json(text)
    np.testing.assert_array_equal(found["values"], values)
    np.testing.assert_array_equal(found["array"], np.array([number], "float32"))
    assert found["none"] is None


def test_what_older_checkpoints_hold_is_read_too():
    assert read_exact_json('{"a": [NaN, -Infinity]}')["a"][1] == float("-inf")


def test_a_digest_is_of_the_values_whatever_their_order():
    assert json_digest({"a": 1, "b": [2]}) == json_digest({"b": [np.int64(2)], "a": 1})
    assert json_digest({"a": 1}) != json_digest({"a": 2})
