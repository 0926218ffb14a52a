"""Servers of a model as processes of their own, on this machine alone."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
START_SECONDS = 120.0
STOP_SECONDS = 60.0
NAME = "model"


@dataclass(frozen=True)
class Server:
    """A server that answers.

    Args:
        port: int. Its port on this machine.
        process: its process.
    """

    port: int
    process: subprocess.Popen


def free_port() -> int:
    """Returns a port that nobody listens to."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(path: Path, *options: str, name: str = NAME) -> Iterator[Server]:
    """Runs `mtc-keras serve` while the context lasts; ends it by SIGTERM, as systems do."""
    command = [sys.executable, "-m", "mtc_keras", "serve", "--model", str(path), "--name", name]
    with _running([*command, *options], "/v2/health/ready") as server:
        yield server


@contextlib.contextmanager
def serving_naively(path: Path) -> Iterator[Server]:
    """Runs `benchmarks.naive_server` while the context lasts."""
    with _running([sys.executable, "-m", "benchmarks.naive_server", str(path)], "/") as server:
        yield server


@contextlib.contextmanager
def _running(command: Sequence[str], ready: str) -> Iterator[Server]:
    port = free_port()
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.Popen(
        [*command, "--port", str(port)], stdout=subprocess.DEVNULL, env=environment
    )
    try:
        _wait(process, port, ready)
        yield Server(port, process)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def _wait(process: subprocess.Popen, port: int, path: str) -> None:
    """Waits until a server answers 200."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        with contextlib.suppress(OSError), contextlib.closing(connected(port)) as connection:
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        time.sleep(0.1)
    raise RuntimeError(f"no answer within {START_SECONDS:.0f} s")


def connected(port: int) -> http.client.HTTPConnection:
    """Returns a connection to a server, without the delay for packets that are not full."""
    connection = http.client.HTTPConnection(HOST, port, timeout=STOP_SECONDS)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection
