"""Batches of an export are of similar lengths, and what it answers does not depend on them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.export.onnx.ask import CALL, ServedOnnx, _lots, similar, usable_cores
from mtc_keras.export.texts import TEXTS
from tests.conftest import ROOT
from tests.fuzzing import tries

EXPORT = ROOT / "tests" / "written_by_0_1" / "export_onnx" / "1"


@tries(50)
@given(st.lists(st.integers(0, 600), min_size=1, max_size=100))
def test_fuzz_little_of_a_batch_is_padding(sizes):
    lengths = np.sort(np.array(sizes))[::-1]
    spans = list(similar(lengths))
    assert [start for start, _ in spans] == [0, *(stop for _, stop in spans[:-1])]
    assert spans[-1][1] == len(lengths)
    for start, stop in spans:
        padding = lengths[start] * (stop - start) - lengths[start:stop].sum()
        assert 1 <= stop - start <= 32 and padding <= CALL * usable_cores()


@pytest.mark.parametrize("texts", [TEXTS, ["good"], [""], ["good " * n for n in range(70)]])
def test_answers_are_those_of_batches_in_any_order(texts):
    served = ServedOnnx(EXPORT)
    found, expected = served.answer(texts), served.ask(texts, 5)
    assert list(found) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5, atol=1e-5)


def test_many_and_long_texts_are_read_a_few_at_a_time():
    texts = ["a"] * 1_500 + ["b" * 2**20, "c" * 2**20, "d"]
    lots = list(_lots(texts))
    assert [len(lot) for lot in lots] == [1_024, 476, 1, 1, 1]
    assert [text for lot in lots for text in lot] == texts
