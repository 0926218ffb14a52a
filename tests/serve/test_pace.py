"""How large batches are: what a worker computes in a moment, and no more than the limit."""

import asyncio

import pytest

from mtc_keras.serve.observer import Observer
from mtc_keras.serve.workers import pace
from mtc_keras.serve.workers.pace import FIRST_TOKENS, MOMENT, Pace
from tests.serve.engines import EXPORT, lengths, serving


def test_a_batch_takes_a_moment_at_the_speed_of_the_last_ones():
    speed = Pace(16_384)
    assert speed.batch_tokens == FIRST_TOKENS and speed.seconds_per_row > 0
    for _ in range(50):
        speed.computed(8, 800, 1.0)
    assert speed.batch_tokens == pytest.approx(800 * MOMENT, rel=0.01)
    assert speed.seconds_per_row == pytest.approx(1 / 8)
    for _ in range(50):
        speed.computed(100, 10_000, 0.01)
    assert speed.batch_tokens == 16_384
    assert Pace(100).batch_tokens == 100


def test_one_slow_batch_is_soon_forgotten():
    speed = Pace(16_384)
    speed.computed(1, 10, 20.0)  # the machine stood still
    assert speed.batch_tokens == 1
    for _ in range(30):
        speed.computed(1, 10, 0.01)
    assert speed.batch_tokens >= 300


def test_a_slow_model_is_given_few_texts_at_once(monkeypatch):
    monkeypatch.setattr(pace, "MOMENT", 0.1)
    monkeypatch.setattr(pace, "FIRST_TOKENS", 100)

    class Rows(Observer):
        def __init__(self):
            self.rows = []

        def batch(self, rows, tokens, seconds):
            self.rows.append(rows)

    async def scenario():
        seen = Rows()
        async with serving(EXPORT, observer=seen, timeout=10.0) as engine:
            # 5 milliseconds a text: at once they would keep another waiting for a second.
            long = asyncio.create_task(engine.predict((["tardy"] * 200,)))
            await asyncio.sleep(0.4)
            assert lengths(await engine.predict((["abc"],))) == [3]
            assert not long.done()  # it did not wait for all of them
            assert lengths(await long) == [5] * 200
        return seen.rows

    rows = asyncio.run(scenario())
    assert max(rows) <= 100 and len(rows) >= 8
