"""Clients that are slow, careless or hostile below HTTP, as over a socket."""

import contextlib
import json
import socket
import time
import urllib.error
import urllib.request

import pytest

from mtc_keras.serve import server
from mtc_keras.serve.http import connection
from mtc_keras.serve.http.app import create_app
from mtc_keras.serve.limits import Limits
from tests.serve.asking import PREDICT, listening
from tests.serve.fakes import FakeEngine

BODY = json.dumps({"instances": ["good"]}).encode("ascii")
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
POST = f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\n".encode("ascii")
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
# What the HTTP client of Java sends with its first request.
UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAA\r\n"
SECONDS = 20.0


@pytest.fixture(scope="module")
def place():
    app = create_app(FakeEngine(limits=Limits(max_body_bytes=5_000)), page=False)
    with listening(app, http=server.protocol()) as address:
        host, _, port = address.partition(":")
        yield host, int(port)


@contextlib.contextmanager
def connected(place):
    with socket.create_connection(place, timeout=SECONDS) as client:
        yield client


def received(client, count: int | None = None) -> bytes:
    """Returns `count` answers, or all until the connection ends."""
    found = b""
    while count is None or found.count(b"HTTP/1.1 ") < count or not found.endswith(b"}"):
        try:
            part = client.recv(2**16)
        except ConnectionResetError:
            break
        if not part:
            break
        found += part
    return found


def test_who_sends_no_head_or_half_of_one_is_not_waited_for(place, monkeypatch):
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.3)
    for sent in (b"", GET[:30]):
        with connected(place) as client:
            client.sendall(sent)
            assert received(client) == b""
    with connected(place) as client:  # nor before a later request
        for _ in range(3):
            client.sendall(GET + b"\r\n")
            assert b"200 OK" in received(client, 1)
        client.sendall(b"\r\n")
        assert received(client) == b""


@pytest.mark.parametrize(
    ("start", "part"),
    [
        (GET + b"X: ", b"a" * 1000),
        (GET, b"X: a\r\n" * 200),
        (b"GET /", b"a" * 1000),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n1;", b"a" * 1000),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ", b"a" * 1000),
    ],
    ids=["header", "headers", "path", "chunk extension", "trailer"],
)
def test_a_head_that_does_not_end_is_refused(place, start, part):
    with connected(place) as client:
        client.sendall(start)
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 2**25:
                client.sendall(part)
                sent += len(part)
        assert sent < 2**25
    with connected(place) as client:
        client.sendall(GET + b"\r\n")
        assert b"200 OK" in received(client, 1)


def test_requests_that_are_sent_at_once_are_answered_in_their_order(place):
    with connected(place) as client:
        client.sendall((POST + LENGTH + b"\r\n" + BODY + GET + b"\r\n") * 20)
        found = received(client, 40)
        assert found.count(b"200 OK") == 40
        kinds = [b"predictions" in part for part in found.split(b"HTTP/1.1 ")[1:]]
        assert kinds == [True, False] * 20


def test_requests_that_wait_on_a_connection_are_bounded(place):
    with connected(place) as client:
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 2**26:  # whoever does not read the answers is stopped
                client.settimeout(2)
                sent += client.send((GET + b"\r\n") * 5_000)
        assert sent < 2**26


@pytest.mark.parametrize("parts", [1, 2, 50])
def test_an_offer_of_another_protocol_is_passed_over(place, parts):
    chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
    sent = (POST + UPGRADE + LENGTH + b"\r\n" + BODY + POST + UPGRADE + chunked) * 2
    sent += GET + UPGRADE + b"\r\n" + GET + b"\r\n"
    size = -(-len(sent) // parts)
    with connected(place) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(sent), size):
            client.sendall(sent[start : start + size])
            time.sleep(0.002)
        found = received(client, 6)
    assert found.count(b"200 OK") == 6
    assert found.count(b"predictions") == 4


def test_many_offers_at_once_are_read(place):
    with connected(place) as client:
        client.sendall((GET + UPGRADE + b"\r\n") * 900)
        assert received(client, 900).count(b"200 OK") == 900


@pytest.mark.parametrize("path", [PREDICT, "/nowhere"])
def test_a_client_that_hears_no_answer_while_it_sends_is_told_too(place, path):
    url = f"http://{place[0]}:{place[1]}{path}"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(url, b" " * 2**25), timeout=SECONDS)
    with refused.value as error:
        assert error.code == (413 if path == PREDICT else 404)


def test_a_body_that_was_announced_and_refused_is_not_waited_for(place):
    with connected(place) as client:
        client.sendall(POST + b"Content-Length: 6000\r\nExpect: 100-continue\r\n\r\n")
        assert received(client).startswith(b"HTTP/1.1 413 ")
