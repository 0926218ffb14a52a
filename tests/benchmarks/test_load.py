"""The load test counts what it says: answers, refusals, and the time since a request was due."""

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from fastapi.testclient import TestClient

from benchmarks import load
from benchmarks.clients import PATH, Sent, means_inside, requests_of, send, send_at
from benchmarks.naive_server import create_app
from benchmarks.servers import HOST, serving
from mtc_keras.predict.predictors import open_predictor
from tests.serve.tiny_exports import EXPORT


@contextmanager
def answering(status: int = 200, seconds: float = 0.0):
    """A server that answers each request after so many seconds, one at a time; yields its port
    and the bodies that it was sent."""
    bodies, turn = [], threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            assert self.path == PATH
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            with turn:
                time.sleep(seconds)
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *arguments: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer((HOST, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_port, bodies
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_requests_have_so_many_texts_each():
    bodies = requests_of(["a", "b", "c", "d", "e"], 2)
    assert [json.loads(body)["instances"] for body in bodies] == [["a", "b"], ["c", "d"]]


def test_each_client_asks_as_soon_as_it_is_answered():
    bodies = requests_of(["a", "b", "c"], 1)
    with answering(seconds=0.01) as (port, seen):
        sent = send(port, bodies, 2, 0.2)
    assert set(seen) == set(bodies)
    assert len(sent.seconds) == len(seen) and sent.refused == 0
    assert min(sent.seconds) >= 0.01
    assert 10 < sent.rate(1) <= 100  # one at a time
    assert sent.rate(32) == 32 * sent.rate(1)


def test_what_a_server_counts_meanwhile_is_seen():
    with serving(EXPORT) as server:
        bodies = requests_of(["a", "b"], 1)
        send(server.port, bodies, 1, 0.1)
        with means_inside(server.port) as found:
            send(server.port, bodies, 1, 0.2)
        with means_inside(server.port) as nothing:
            pass
    assert nothing.keys() <= {"mtc_keras_request_seconds other"}  # for /metrics itself
    seconds = found["mtc_keras_request_seconds tf_serving"]
    assert 0 < found["mtc_keras_compute_seconds"] < seconds < 0.2
    assert found["mtc_keras_batch_rows"] == 1


def test_refusals_are_no_answers():
    with answering(status=429) as (port, seen):
        sent = send(port, requests_of(["a"], 1), 1, 0.05)
    assert sent.seconds == [] and sent.refused == len(seen) > 0


def test_the_time_of_a_request_counts_from_when_it_was_due():
    # It takes 20 ms each, and 100 a second are due: those that wait are late, too.
    with answering(seconds=0.02) as (port, seen):
        sent = send_at(port, requests_of(["a"], 1), 4, 0.5, rate=100)
    assert len(sent.seconds) == len(seen) > 25
    assert sent.percentile(99) > 10 * 0.02


def test_percentiles_are_those_of_the_answers():
    sent = Sent([0.001 * n for n in range(101)], 0, 1.0)
    assert sent.percentile(50) == pytest.approx(0.05)
    assert sent.percentile(99) == pytest.approx(0.099)


def test_texts_are_repeated_until_there_are_enough(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a"}\n{"text": null}\n{"text": "b"}\n', encoding="utf-8")
    texts = load.texts_of(path)
    assert len(texts) == load.TEXTS and texts[:3] == ["a", "b", "a"]
    assert len(set(load.texts_of(load.DATA))) > 400


def test_the_naive_server_answers_as_predict_does():
    texts = ["good clerk", "a bad queue"]
    predictor = open_predictor(EXPORT)
    predictor.load()
    expected = predictor.predict((texts,))
    with TestClient(create_app(EXPORT)) as client:
        assert client.get("/").status_code == 200
        rows = client.post(PATH, json={"instances": texts}).json()["predictions"]
    for task, values in expected.items():
        np.testing.assert_allclose([row[task] for row in rows], values, atol=1e-6)


def test_the_table_shows_medians_of_rounds_and_bars_of_what_was_measured_together():
    served = {
        "one_text": 0.0042,
        "rows_per_second": 900.0,
        "rows_per_second_alone": 500.0,
        "half_rate": 250.0,
        "half_median": 0.005,
        "half_99": 0.021,
        "refused": 0,
    }
    slow = {**served, "one_text": 0.0084, "rows_per_second": 450.0}
    offline = [
        {"one_text": 0.002, "rows_per_second": 1000.0},
        {"one_text": 0.004, "rows_per_second": 500.0},  # something else ran beside this round
        {"one_text": 0.002, "rows_per_second": 1000.0},
    ]
    ways = {"offline": offline, "serve": [served, slow, served], "naive": [served] * 3}
    lines = load.table({"exports/int8": ways}).split("\n")
    assert lines[0] == "|  | int8, offline | int8, serve | int8, naive |"
    assert lines[2] == "| one text, median, ms | 2.0 | 4.2 | 4.2 |"
    assert "| one text under this load, 99th percentile, ms |  | 21.0 | 21.0 |" in lines
    assert "| texts/s over offline | int8 | 0.90 | ≥ 0.9 | met |" in lines
    assert "| one text over offline | int8 | 2.10 | ≤ 1.5 | missed |" in lines
