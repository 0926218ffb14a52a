"""Clients of a server: one after another, as many as it takes, or at a given rate.

Each is a thread with a connection of its own, of Python's plain `http.client`: on few cores, a
richer client would take from the server what it is measured by.
"""

import contextlib
import http.client
import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.servers import NAME, connected

PATH = f"/v1/models/{NAME}:predict"


def requests_of(texts: Sequence[str], size: int) -> list[bytes]:
    """Returns the bodies of requests of `size` texts each; texts that are left over are left."""
    starts = range(0, len(texts) - size + 1, size)
    return [json.dumps({"instances": list(texts[n : n + size])}).encode() for n in starts]


@dataclass
class Sent:
    """What clients have measured.

    Args:
        seconds: list of the seconds of each request that was answered with 200.
        refused: int. Requests that were answered otherwise.
        elapsed: seconds from the first request to the last answer.
    """

    seconds: list[float] = field(default_factory=list)
    refused: int = 0
    elapsed: float = 0.0

    def rate(self, size: int) -> float:
        """Returns the texts per second of requests of `size` texts."""
        return size * len(self.seconds) / self.elapsed

    def percentile(self, percent: float) -> float:
        """Returns the seconds within which so many of the requests were answered."""
        return float(np.percentile(self.seconds, percent))


def send(port: int, bodies: Sequence[bytes], clients: int, seconds: float) -> Sent:
    """Has clients ask one request after another for so many seconds: what a server can do.

    Args:
        port: int. The server's port.
        bodies: requests, asked in turn, again and again.
        clients: int. Requests that are on the way at any time.
        seconds: how long requests are begun.
    """
    until = time.perf_counter() + seconds

    def moments(client: int) -> Sequence[float] | None:
        return None  # as soon as the last one is answered

    return _together(port, bodies, clients, until, moments)


def send_at(
    port: int, bodies: Sequence[bytes], clients: int, seconds: float, *, rate: float
) -> Sent:
    """Has requests arrive at random, `rate` a second on average, whether or not others wait.

    A request's seconds count from when it was due, also if no client was free then: a server that
    stands still is not asked less. They are the same moments in each call (seed 0).
    """
    started = time.perf_counter()
    random = np.random.default_rng(0)
    due = np.cumsum(random.exponential(1 / rate, int(2 * rate * seconds) + 1))
    due = due[due < seconds] + started

    def moments(client: int) -> Sequence[float] | None:
        return due[client::clients].tolist()

    return _together(port, bodies, clients, started + 4 * seconds, moments)


@contextlib.contextmanager
def means_inside(port: int) -> Iterator[dict[str, float]]:
    """Yields a dict that gets at the end what a server has counted meanwhile.

    They are means of its histograms, by names of `/metrics` and their labels, such as
    `mtc_keras_request_seconds tf_serving`, without those that saw nothing; of a server without
    metrics, none.
    """
    before, found = _histograms(port), dict[str, float]()
    yield found
    for name, (total, count) in _histograms(port).items():
        earlier_total, earlier_count = before.get(name, (0.0, 0.0))
        if count > earlier_count:
            found[name] = (total - earlier_total) / (count - earlier_count)


def _histograms(port: int) -> dict[str, tuple[float, float]]:
    """Returns the sum and the count of each histogram that a server shows."""
    with contextlib.closing(connected(port)) as connection:
        connection.request("GET", "/metrics")
        response = connection.getresponse()
        body = response.read().decode("utf-8")
    if response.status != 200:
        return {}
    sums, counts = dict[str, float](), dict[str, float]()
    for family in text_string_to_metric_families(body):
        for sample in family.samples if family.type == "histogram" else ():
            name = " ".join([family.name, *sample.labels.values()])
            if sample.name.endswith("_sum"):
                sums[name] = sample.value
            elif sample.name.endswith("_count"):
                counts[name] = sample.value
    return {name: (total, counts[name]) for name, total in sums.items()}


def _together(
    port: int,
    bodies: Sequence[bytes],
    clients: int,
    until: float,
    moments: Callable[[int], Sequence[float] | None],
) -> Sent:
    def client(number: int) -> Sent:
        return _client(port, bodies[number:] + bodies[:number], until, moments(number))

    started = time.perf_counter()
    with ThreadPoolExecutor(clients) as threads:
        found = list(threads.map(client, range(clients)))
    elapsed = time.perf_counter() - started
    seconds = [taken for sent in found for taken in sent.seconds]
    return Sent(seconds, sum(sent.refused for sent in found), elapsed)


def _client(port: int, bodies: Sequence[bytes], until: float, due: Sequence[float] | None) -> Sent:
    connection, sent, number = connected(port), Sent(), 0
    while time.perf_counter() < until and (due is None or number < len(due)):
        started = time.perf_counter() if due is None else due[number]
        time.sleep(max(started - time.perf_counter(), 0))
        if _ask(connection, bodies[number % len(bodies)]):
            sent.seconds.append(time.perf_counter() - started)
        else:
            sent.refused += 1
        number += 1
    connection.close()
    return sent


def _ask(connection: http.client.HTTPConnection, body: bytes) -> bool:
    connection.request("POST", PATH, body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    response.read()
    return response.status == 200
