"""Values as lines of JSON."""

import json
from datetime import date, datetime

import numpy as np
import pytest

from mtc_keras.files import json_line


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
