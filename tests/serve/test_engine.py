"""The engine: every text is answered once, in its place, or refused for a reason."""

import asyncio
import os
import signal

import numpy as np
import pytest

from mtc_keras.errors import ConfigError, DataError
from mtc_keras.serve.limits import Limits
from mtc_keras.serve.observer import Observer
from mtc_keras.serve.refusals import Busy, Draining, Failed, NoVersion, TimedOut, WorkerDied
from tests.serve.engines import EXPORT, add_version, lengths, serving, until


def test_many_clients_get_their_own_answers_in_their_order():
    random = np.random.default_rng(0)
    requests = [
        ["x" * int(random.integers(1, 90)) for _ in range(random.integers(1, 60))]
        for _ in range(100)
    ]

    async def scenario():
        async with serving(EXPORT, workers=2, max_batch_tokens=200) as engine:
            answers = await asyncio.gather(*(engine.predict((texts,)) for texts in requests))
            assert len(engine.pids) == 2
        return answers

    for texts, answer in zip(requests, asyncio.run(scenario()), strict=True):
        assert lengths(answer) == [len(text) for text in texts]
        assert answer.version == 1 and answer.tokens >= len(texts)
        assert answer.probabilities["mood"].shape == (len(texts), 3)


def test_what_is_wrong_with_a_request_is_told():
    async def scenario():
        async with serving(EXPORT) as engine:
            with pytest.raises(DataError, match="each text needs 1 of"):
                await engine.predict((["a"], ["b"]))
            with pytest.raises(DataError, match="there are no texts"):
                await engine.predict(([],))
            with pytest.raises(DataError, match="no raw probabilities"):
                await engine.predict((["a"],), raw=True)
            with pytest.raises(NoVersion, match="no version 7; it serves 1"):
                await engine.predict((["a"],), version=7)
            assert (await engine.predict((["a"],), version=1)).version == 1

    asyncio.run(scenario())


def test_text_pairs_are_two_columns(tmp_path):
    add_version(tmp_path, 3, inputs={"text": "premise", "text_pair": "hypothesis"})

    async def scenario():
        async with serving(tmp_path) as engine:
            assert engine.model().data.text_columns == ["premise", "hypothesis"]
            answer = await engine.predict((["aa", "b"], ["ccc", ""]))
            with pytest.raises(DataError, match="each text needs 2 of"):
                await engine.predict((["aa"],))
            explained = await engine.explain(("two words", "third"), "length")
        assert (lengths(answer), answer.version) == ([5, 1], 3)
        assert [(word.segment, word.text) for word in explained.words] == [
            (0, "two"),
            (0, "words"),
            (1, "third"),
        ]

    asyncio.run(scenario())


def test_a_full_queue_refuses_and_says_when_to_come_again():
    async def scenario():
        async with serving(EXPORT, max_queue_rows=4, max_texts=4) as engine:
            busy = asyncio.create_task(engine.predict((["slow"],)))
            await asyncio.sleep(0.05)
            waiting = asyncio.create_task(engine.predict((["a"] * 3,)))
            await asyncio.sleep(0.05)
            with pytest.raises(Busy, match="3 texts, of 4 at most") as refused:
                await engine.predict((["a"] * 2,))
            assert 1 <= refused.value.retry_after <= 60
            assert lengths(await engine.predict((["b"],))) == [1]  # there is room for one
            await busy
            assert lengths(await waiting) == [1, 1, 1]

    asyncio.run(scenario())


def test_a_queue_of_too_many_characters_is_full_and_says_so(monkeypatch):
    monkeypatch.setattr("mtc_keras.serve.workers.pool.MOST_WAITING_CHARACTERS", 1_000)

    async def scenario():
        async with serving(EXPORT) as engine:
            busy = asyncio.create_task(engine.predict((["slow"],)))
            await asyncio.sleep(0.05)
            waiting = asyncio.create_task(engine.predict((["a" * 900],)))
            await asyncio.sleep(0.05)
            with pytest.raises(Busy, match="1 text, and 1,000 characters may wait at most"):
                await engine.predict((["a" * 200],))
            await asyncio.gather(busy, waiting)

    asyncio.run(scenario())


def test_who_leaves_takes_his_texts_out_of_the_queue():
    class Rows(Observer):
        computed = 0

        def batch(self, rows, tokens, seconds):
            Rows.computed += rows

    async def scenario():
        async with serving(EXPORT, observer=Rows()) as engine:
            busy = asyncio.create_task(engine.predict((["slow"],)))
            await asyncio.sleep(0.05)
            leaving = asyncio.create_task(engine.predict((["a"] * 500,)))
            await asyncio.sleep(0.05)
            leaving.cancel()
            await busy
            await engine.predict((["b"],))
        assert Rows.computed == 2

    asyncio.run(scenario())


def test_a_worker_that_is_killed_is_restarted_and_its_requests_are_told():
    async def scenario():
        async with serving(EXPORT) as engine:
            [pid] = engine.pids
            asked = asyncio.create_task(engine.predict((["slow"] * 3,)))
            await asyncio.sleep(0.1)
            waiting = asyncio.create_task(engine.predict((["abc"],)))
            await asyncio.sleep(0)
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(WorkerDied, match="ask again"):
                await asked
            assert lengths(await waiting) == [3]  # by the next worker
            assert engine.pids != [pid] and engine.is_ready

    asyncio.run(scenario())


def test_a_worker_that_ends_while_nothing_is_asked_costs_no_request():
    async def scenario():
        async with serving(EXPORT, workers=2) as engine:
            for _ in range(3):  # the same text each time, which is not to blame
                before = engine.pids
                os.kill(before[0], signal.SIGKILL)
                await until(lambda: before[0] not in engine.pids)  # noqa: B023
                assert lengths(await engine.predict((["abc"] * 3,))) == [3, 3, 3]
                await until(lambda: len(engine.pids) == 2)

    asyncio.run(scenario())


def test_a_worker_that_hangs_is_killed_and_restarted():
    async def scenario():
        async with serving(EXPORT, timeout=1.0) as engine:
            [pid] = engine.pids
            with pytest.raises(TimedOut, match="1 s"):
                await engine.predict((["hang"],))
            await until(lambda: engine.pids not in ([pid], []))
            assert lengths(await engine.predict((["abc"],))) == [3]
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)

    asyncio.run(scenario())


def test_one_bad_text_fails_itself_alone():
    async def scenario():
        async with serving(EXPORT) as engine:
            busy = asyncio.create_task(engine.predict((["slow"],)))
            await asyncio.sleep(0.05)
            good = [asyncio.create_task(engine.predict((["a" * n] * n,))) for n in range(1, 9)]
            bad = asyncio.create_task(engine.predict((["fine", "raise", "fine"],)))
            with pytest.raises(Failed, match="cannot compute this: ValueError"):
                await bad
            assert [lengths(await task) for task in good] == [[n] * n for n in range(1, 9)]
            await busy

    asyncio.run(scenario())


def test_what_is_no_number_is_no_answer():
    async def scenario():
        async with serving(EXPORT) as engine:
            busy = asyncio.create_task(engine.predict((["slow"],)))
            await asyncio.sleep(0.05)
            good = asyncio.create_task(engine.predict((["a"],)))
            with pytest.raises(Failed, match="no finite number"):
                await engine.predict((["fine", "nan"],))
            assert lengths(await good) == [1]
            await busy
            with pytest.raises(WorkerDied, match="cannot be understood") as refused:
                await engine.predict((["nonsense"],))
            assert "nonsense" not in str(refused.value)
            assert lengths(await engine.predict((["abc"],))) == [3]

    asyncio.run(scenario())


def test_a_text_that_ends_two_workers_is_refused_and_no_other():
    class Restarts(Observer):
        count = 0

        def restarted(self):
            Restarts.count += 1

    async def scenario():
        async with serving(EXPORT, observer=Restarts()) as engine:
            with pytest.raises(WorkerDied):
                await engine.predict((["good", "die"],))
            with pytest.raises(WorkerDied):
                await engine.predict((["fine", "good", "die"],))
            for _ in range(3):
                with pytest.raises(Failed, match="two workers ended"):
                    await engine.predict((["die", "good"],))
            assert lengths(await engine.predict((["good", "fine"],))) == [4, 4]
            assert Restarts.count == 2

    asyncio.run(scenario())


def test_draining_answers_what_was_asked_and_nothing_else():
    async def scenario():
        async with serving(EXPORT) as engine:
            pids = engine.pids
            asked = [asyncio.create_task(engine.predict((["slow", "a"],))) for _ in range(5)]
            await asyncio.sleep(0)
            draining = asyncio.create_task(engine.drain())
            await asyncio.sleep(0)
            assert not engine.is_ready
            with pytest.raises(Draining):
                await engine.predict((["a"],))
            assert [lengths(await task) for task in asked] == [[4, 1]] * 5
            await draining
            for pid in pids:
                with pytest.raises(ProcessLookupError):
                    os.kill(pid, 0)
            assert [version.state for version in engine.versions] == ["END"]

    asyncio.run(scenario())


def test_ctrl_c_and_sigterm_are_the_servers_to_hear():
    async def scenario():
        async with serving(EXPORT) as engine:
            for number in (signal.SIGINT, signal.SIGTERM):
                os.kill(engine.pids[0], number)
            assert lengths(await engine.predict((["abc"],))) == [3]

    asyncio.run(scenario())


def test_limits_are_checked():
    with pytest.raises(ConfigError, match="--max-batch-tokens must be above 0, received 0"):
        Limits(max_batch_tokens=0)
    with pytest.raises(ConfigError, match="--timeout must be above 0, received nan"):
        Limits(timeout=float("nan"))
    with pytest.raises(ConfigError, match="--max-texts 10 is more than --max-queue-rows 5"):
        Limits(max_texts=10, max_queue_rows=5)
