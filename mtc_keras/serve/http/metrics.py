"""What the server counts, for Prometheus: never a text, nor a path that a client made up."""

from collections.abc import Sequence

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from mtc_keras.serve.observer import Observer
from mtc_keras.serve.versions import State, Version

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
TOKENS = (16, 64, 256, 1024, 2048, 4096, 8192, 16384, 32768)
CONTENT_TYPE = prometheus_client.CONTENT_TYPE_LATEST


class Metrics(Observer):
    """Counters of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = self._counter("requests", "Requests answered.", "protocol", "status")
        self._errors = self._counter("errors", "Requests answered with an error.", "kind")
        self._rows = self._counter("rows", "Texts, or text pairs, answered.", "protocol")
        self._tokens = self._counter("tokens", "Tokens computed, padding included.")
        self._restarts = self._counter("worker_restarts", "Workers that died or hung.")
        self._queue = Gauge(
            "mtc_keras_queue_rows", "Texts that wait for a worker.", registry=self.registry
        )
        self._versions = Gauge(
            "mtc_keras_version_state",
            "1 for the state that a version is in, 0 for the others.",
            ["version", "state"],
            registry=self.registry,
        )
        self._batch_rows = self._histogram("batch_rows", "Texts per batch.", ROWS)
        self._batch_tokens = self._histogram("batch_tokens", "Tokens per batch.", TOKENS)
        self._queue_seconds = self._histogram("queue_seconds", "Wait for a worker.", SECONDS)
        self._compute_seconds = self._histogram(
            "compute_seconds", "From a batch's way to a worker to its answer.", SECONDS
        )
        self._request_seconds = self._histogram(
            "request_seconds", "From a request to its answer.", SECONDS, "protocol"
        )

    def request(self, protocol: str, status: int, seconds: float) -> None:
        """Counts a request that has been answered."""
        self._requests.labels(protocol, str(status)).inc()
        self._request_seconds.labels(protocol).observe(seconds)

    def error(self, kind: str) -> None:
        """Counts an error by its kind."""
        self._errors.labels(kind).inc()

    def rows(self, protocol: str, rows: int) -> None:
        """Counts rows that have been answered."""
        self._rows.labels(protocol).inc(rows)

    def page(self) -> bytes:
        """Returns all metrics in the text format of Prometheus."""
        return prometheus_client.generate_latest(self.registry)

    # === What the engine tells ===

    def queued(self, rows: int) -> None:
        self._queue.set(rows)

    def waited(self, seconds: float) -> None:
        self._queue_seconds.observe(seconds)

    def batch(self, rows: int, tokens: int, seconds: float) -> None:
        self._tokens.inc(tokens)
        self._batch_rows.observe(rows)
        self._batch_tokens.observe(tokens)
        self._compute_seconds.observe(seconds)

    def restarted(self) -> None:
        self._restarts.inc()

    def versions(self, versions: Sequence[Version]) -> None:
        self._versions.clear()  # of versions that are remembered no longer
        for version in versions:
            for state in State:
                self._versions.labels(str(version.number), state).set(version.state == state)

    def _counter(self, name: str, help: str, *labels: str) -> Counter:
        return Counter(f"mtc_keras_{name}", help, labels, registry=self.registry)

    def _histogram(self, name: str, help: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(f"mtc_keras_{name}", help, labels, buckets=buckets, registry=self.registry)
