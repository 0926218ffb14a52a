"""Confusions of thousands of classes take the memory of the pairs that occur, and no more."""

import tracemalloc

import numpy as np
import pytest

from mtc_keras.report.confusion import MOST_DRAWN, confusion
from mtc_keras.report.known import Known
from mtc_keras.tasks import task_from_config

CLASSES = 5_000
A_MATRIX = 8 * CLASSES**2  # bytes


def known(kind, targets, predictions):
    classes = [f"class {c}" for c in range(CLASSES)]
    task = task_from_config({"name": "big", "kind": kind, "classes": classes})
    return Known(task, targets, predictions, predictions, predictions, None)


@pytest.fixture
def peak():
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


def test_one_of_many_classes(peak):
    targets = np.array([7, 7, 7, 4000, 4000, 9], "int32")
    predictions = np.array([7, 8, 8, 4000, 7, 9])
    piece = confusion(known("multiclass", targets, predictions))
    assert peak() < A_MATRIX / 4
    found = {(r["true"], r["predicted"]): r["rows"] for r in piece.tables["confusion"]}
    assert found == {
        ("class 7", "class 8"): 2,
        ("class 7", "class 7"): 1,
        ("class 4000", "class 4000"): 1,
        ("class 4000", "class 7"): 1,
        ("class 9", "class 9"): 1,
    }
    figure, table = piece.blocks
    assert table.rows[0][:3] == ["class 7", "class 8", 2]
    assert str(MOST_DRAWN) in figure.caption and "class 4000" in figure.svg
    assert not piece.values


def test_several_of_many_classes(peak):
    targets = np.zeros((4, CLASSES), "float32")
    predictions = np.zeros((4, CLASSES), bool)
    targets[:3, 100] = 1
    predictions[0, 100] = predictions[1, 2000] = predictions[3, 3] = True
    piece = confusion(known("multilabel", targets, predictions))
    assert peak() < A_MATRIX / 4
    found = {(r["missed"], r["instead"]): r["rows"] for r in piece.tables["predicted_instead"]}
    assert found == {("class 100", "class 2000"): 1, ("class 100", "nothing else"): 1}
