"""What a server does under load: every request is answered, rightly, whatever happens meanwhile."""

import asyncio
import os
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from benchmarks.servers import HOST, Server, serving
from mtc_keras.predict.predictors import open_predictor
from mtc_keras.tasks.predictions import Shown, prediction_columns
from tests.serve.questions import NAME, Found, Question, all_texts, question
from tests.serve.tiny_exports import write_version

CLIENTS = 64
REQUESTS = 2_000
MOST_REQUESTS = 40_000  # while the versions are switched and the worker is restarted
SECONDS = 120.0
VERSIONS = (1, 2, 3)
TOLERANCE = 1e-5
REFUSALS = {400, 404, 405, 413, 422}  # answers that say what is wrong with a request
LABELS = Shown(("labels",))


@dataclass
class Seen:
    """What the clients of a server have seen.

    Args:
        asked: int. Requests that have been begun.
        statuses: how often each status was answered.
        versions: how often each version has answered.
        is_over: bool. Whether all that was to happen to the server has happened.
    """

    asked: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    versions: Counter[int] = field(default_factory=Counter)
    is_over: bool = False

    def next(self) -> int | None:
        """Returns the number of the next request, `None` if there are enough."""
        if (self.is_over and self.asked >= REQUESTS) or self.asked >= MOST_REQUESTS:
            return None
        self.asked += 1
        return self.asked - 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The folder of versions, at first of one."""
    folder = tmp_path_factory.mktemp("load") / NAME
    write_version(folder, 1)
    return folder


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> dict[int, Any]:
    """For each version the numbers and the labels of all texts, by `predict`."""
    folder = tmp_path_factory.mktemp("offline") / NAME
    found = {}
    for number in VERSIONS:
        predictor = open_predictor(write_version(folder, number))
        predictor.load()
        numbers = predictor.predict((all_texts(),))
        labels = prediction_columns(predictor.tasks, numbers, predictor.decisions, LABELS)
        found[number] = numbers, labels
    return found


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_request_is_answered_rightly_past_two_new_versions_and_a_death(folder, expected):
    with serving(folder, "--workers", "2", "--max-batch-tokens", "4096", name=NAME) as server:
        seen = asyncio.run(under_load(server, folder, expected))
    print(f"{seen.asked} requests: {dict(seen.statuses)}; by version {dict(seen.versions)}")
    assert server.process.returncode == 0  # SIGTERM is an order
    assert REQUESTS <= seen.asked < MOST_REQUESTS and seen.is_over
    answered = seen.statuses[200] + sum(seen.statuses[status] for status in REFUSALS)
    assert answered == seen.asked  # each, whatever it was told before
    assert set(seen.statuses) <= {200, 503, *REFUSALS}
    assert 0 < seen.statuses[503] <= CLIENTS  # no more than the dead worker could have had
    assert set(seen.versions) == set(VERSIONS)


async def under_load(server: Server, folder: Path, expected: Any) -> Seen:
    """Has clients ask while a version appears, a worker dies and another version appears."""
    seen, texts = Seen(), all_texts()
    limits = httpx.Limits(max_connections=CLIENTS + 1)
    async with (
        httpx.AsyncClient(
            base_url=f"http://{HOST}:{server.port}", limits=limits, timeout=SECONDS
        ) as client,
        asyncio.timeout(2 * SECONDS),
        asyncio.TaskGroup() as group,
    ):
        for _ in range(CLIENTS):
            group.create_task(asking(client, texts, expected, seen))
        group.create_task(happenings(client, server, folder, seen))
    return seen


async def happenings(client: httpx.AsyncClient, server: Server, folder: Path, seen: Seen) -> None:
    """Switches to the second version, kills a worker, switches to the third."""
    await asyncio.sleep(1)
    await asyncio.to_thread(write_version, folder, 2)
    await available(client, 2)
    before = workers_of(server.process.pid)
    os.kill(before[0], signal.SIGSTOP)  # so that it has taken texts when it dies
    await asyncio.sleep(0.5)
    os.kill(before[0], signal.SIGKILL)
    until = time.monotonic() + SECONDS
    while len(set(workers_of(server.process.pid)) - {before[0]}) < len(before):
        assert time.monotonic() < until, "the worker was not restarted"
        await asyncio.sleep(0.1)
    await asyncio.sleep(1)
    await asyncio.to_thread(write_version, folder, 3)
    await available(client, 3)
    await asyncio.sleep(1)
    seen.is_over = True


async def available(client: httpx.AsyncClient, version: int) -> None:
    """Waits until a version answers."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        answer = await client.get(f"/v1/models/{NAME}")
        states = {int(v["version"]): v["state"] for v in answer.json()["model_version_status"]}
        if states.get(version) == "AVAILABLE":
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"version {version} was not switched to: {states}")


def workers_of(server: int) -> list[int]:
    """Returns the processes of a server's workers."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            command = (path / "cmdline").read_bytes()
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended
            continue
        if parent == server and b"mtc_keras.serve.workers.worker" in command:
            found.append(int(path.name))
    return sorted(found)


async def asking(client: httpx.AsyncClient, texts: list[str], expected: Any, seen: Seen) -> None:
    """Asks one request after another, and each again that is answered 503."""
    while (number := seen.next()) is not None:
        asked = question(texts, number)
        while True:
            answer = await client.request(asked.method, asked.path, content=asked.body)
            seen.statuses[answer.status_code] += 1
            if answer.status_code != 503:
                break
            await asyncio.sleep(0.1)
        if not asked.rows:
            assert answer.status_code in REFUSALS, (asked.path, answer.status_code)
            assert "error" in answer.json() and "Traceback" not in answer.text
        else:
            assert answer.status_code == 200, answer.text
            seen.versions[version_of(asked, answer.json(), expected)] += 1


def version_of(asked: Question, answer: dict[str, Any], expected: Any) -> int:
    """Returns the version that an answer is of, all of it, text by text and label by label."""
    read, rows = asked.read(answer), list(asked.rows)
    fitting = [
        number
        for number, (numbers, _) in expected.items()
        if read.version in (None, number) and near(read.numbers, numbers, rows)
    ]
    assert len(fitting) == 1, f"{asked.path}: named {read.version}, as of {fitting}"
    labels = expected[fitting[0]][1]
    for task, found in (read.labels or {}).items():
        assert found == [labels[f"predicted_{task}"][row] for row in rows], task
    return fitting[0]


def near(found: Found, numbers: Found, rows: list[int]) -> bool:
    """Whether an answer has the numbers of `predict` for these texts, in their order."""
    assert found.keys() == numbers.keys()
    for task, values in found.items():
        wanted = numbers[task][rows]
        most = TOLERANCE * np.maximum(1, np.abs(wanted))
        if values.shape != wanted.shape or not (np.abs(values - wanted) <= most).all():
            return False
    return True
