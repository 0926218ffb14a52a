"""What 8 bits are worth on a processor is measured in turns, for a bounded time, and told."""

import itertools
from typing import Any

import pytest

from mtc_keras.export.onnx import rates


class Clock:
    """A model that takes its time on a clock of its own."""

    now = 0.0

    def __init__(self, asked: list[str], name: str, seconds: float) -> None:
        self.asked, self.name, self.seconds = asked, name, seconds

    def ask(self, texts: Any, batch_size: int = 32) -> None:
        self.asked.append(self.name)
        Clock.now += self.seconds * len(texts)


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    monkeypatch.setattr(rates.time, "perf_counter", lambda: Clock.now)
    return []


def test_models_take_turns_for_a_bounded_time(asked):
    served = [Clock(asked, "float32", 0.01), Clock(asked, "int8", 0.005)]
    texts = [str(number) for number in range(40)]
    found, measured = rates.rates_in_turn(served, texts, seconds=1.5)
    assert found == pytest.approx([100, 200])
    assert asked[2:6] == ["float32", "int8", "int8", "float32"]
    # 0.015 s a text: batches of 32, 8, 16, 24 and 32 texts, of which the last began in time.
    assert measured == {"seconds": 1.7, "rows": 112, "batch_size": 32}


def test_one_batch_is_measured_however_slow_it_is(asked):
    _, measured = rates.rates_in_turn([Clock(asked, "slow", 9.0)], ["a", "b"], seconds=0.0)
    assert measured["rows"] == 2 and measured["seconds"] == 18


def int8(before: float, after: float, kind: str = "int8", has: bool | None = True) -> Any:
    costs = {"before": {"rows_per_second": before}, "after": {"rows_per_second": after}}
    return {"quantize": kind, **costs, "speed": {"has_int8_products": has}}


@pytest.mark.parametrize("has", [True, False, None])
def test_where_int8_is_not_faster_float32_is_suggested(has):
    said = rates.advice(int8(500, 400, has=has))
    assert "int8 is slower than float32 on this processor" in said and "serve float32" in said
    assert ("no 8-bit products (VNNI)" in said) == (has is False)
    assert "measure it where it will serve" in rates.advice(int8(500, 900, has=has))


def test_weights_alone_are_not_called_slow():
    for before, after in itertools.permutations((500, 400)):
        said = rates.advice(int8(before, after, "int8_weights"))
        assert "become float32 when it is loaded" in said and "slower" not in said


def test_a_processor_says_what_it_has(monkeypatch):
    cpuinfo = pytest.importorskip("cpuinfo")
    for flags, expected in [
        (["avx2", "avx512_vnni"], True),
        (["avx2", "fma"], False),
        (["asimddp"], True),
        (None, None),
    ]:
        monkeypatch.setattr(cpuinfo, "get_cpu_info", lambda flags=flags: {"flags": flags})
        assert rates.processor() == {"processor": None, "has_int8_products": expected}
