"""The comparison of runtimes asks each in turn, and shows ratios within a round."""

import numpy as np
import pytest

from benchmarks import runtimes


def test_each_way_is_asked_in_each_round_and_compared_with_the_first():
    asked = []

    def way(name, value):
        def answer(inputs):
            asked.append(name)
            return [np.full(len(inputs["token_ids"]), value)]

        return answer

    ways = {"one": way("one", 0.5), runtimes.BASE: way(runtimes.BASE, 0.25)}
    batches = [{"token_ids": np.zeros([3, 2])}, {"token_ids": np.zeros([1, 2])}]
    rates, differences = runtimes.measure(ways, batches)
    assert asked[:6] == ["one", "one", *[runtimes.BASE] * 4]  # the second round begins with another
    assert {len(found) for found in rates.values()} == {runtimes.ROUNDS - 1}
    assert min(min(found) for found in rates.values()) > 0
    assert differences == {"one": 0, runtimes.BASE: pytest.approx(0.25)}


def test_the_table_has_medians_and_their_ratio_to_int8():
    found = {
        "rates": {"ONNX Runtime float32": [90.0, 100.0, 130.0], runtimes.BASE: [200.0] * 3},
        "differences": {"ONNX Runtime float32": 0.0, runtimes.BASE: 0.1234},
    }
    assert runtimes.table({"1 thread": found}).splitlines() == [
        "| rows/s | 1 thread | largest difference |",
        "| --- | --- | --- |",
        "| ONNX Runtime float32 | 100 (0.50) | 0.0e+00 |",
        "| ONNX Runtime int8 | 200 (1.00) | 1.2e-01 |",
    ]
