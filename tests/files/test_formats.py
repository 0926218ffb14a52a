"""Older formats are read by one function per step; newer ones are refused with one message."""

import pytest

from mtc_keras.errors import DataError
from mtc_keras.files import Format


def renamed(values):
    return {"new": values["old"]}


def doubled(values):
    return {"new": values["new"] * 2}


FORMAT = Format(migrations=(renamed, doubled))


def test_each_step_from_an_older_format_is_taken_once():
    today = {"format": 2, "new": 6}
    assert FORMAT.read({"old": 3}, "x") == today
    assert FORMAT.read({"format": 1, "new": 3}, "x") == today
    assert FORMAT.read(FORMAT.stamped({"new": 6}), "x") == today
    assert FORMAT.read({"format": "a name", "old": 3}, "x") == today


def test_a_newer_format_is_refused_with_what_helps():
    with pytest.raises(DataError) as error:
        FORMAT.read({"format": 3, "new": 6}, "run 'runs/x'")
    assert str(error.value) == (
        "run 'runs/x' was written by a newer mtc-keras (format 3; this one reads up to 2): "
        "upgrade with pip install -U mtc-keras"
    )
