"""The process of a server: its socket, its loop, and how it starts and ends."""

import asyncio
import contextlib
import errno
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn

from mtc_keras.errors import ConfigError, Stopped, legible
from mtc_keras.serve.engine import Engine
from mtc_keras.serve.http.app import create_app
from mtc_keras.serve.http.metrics import Metrics
from mtc_keras.serve.limits import Limits

if TYPE_CHECKING:
    from starlette.applications import Starlette

KEEP_ALIVE = 75  # seconds; more than a proxy keeps a connection, so that the proxy closes it
BACKLOG = 2048
UNREAD = 60  # seconds for which an answer waits for a client that does not read it
SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True)
class Address:
    """Where a server listens."""

    host: str
    port: int


class Server(uvicorn.Server):
    """Uvicorn's server, which leaves signals to the program."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def serve(
    path: Path,
    name: str,
    limits: Limits,
    address: Address,
    *,
    tokens: Sequence[str] = (),
    cors: Sequence[str] = (),
    hosts: Sequence[str] = (),
    page: bool = True,
) -> int:
    """Serves a model until a signal ends it; returns the exit code.

    Args:
        path: a run, the folder of an export's version, or of its versions.
        name: str. What clients call the model.
        limits: the `Limits`.
        address: where to listen.
        tokens, cors, page: as of `create_app`.
        hosts: names that it goes by; none, and any will do, unless only this machine reaches it
            and no token is asked for.

    Raises:
        ConfigError: if the address cannot be listened to.
        UserError: if there is no model that can be served.
    """
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logging.getLogger("mtc_keras.serve").setLevel(logging.INFO)
    with listening(address) as listener:  # before the model is loaded, which takes seconds
        metrics = Metrics()
        engine = Engine(path, name, limits, metrics)
        is_local = address.host in ("127.0.0.1", "::1", "localhost")
        app = create_app(
            engine,
            tokens=tokens,
            cors=cors,
            hosts=hosts if hosts or (is_local and not tokens) else None,
            page=page,
            metrics=metrics,
        )
        if not tokens and not is_local:
            print(
                f"note: whoever reaches {legible(address.host)} may ask; --token-file asks for "
                "a token",
                file=sys.stderr,
            )

        def tell() -> None:
            model = engine.model()
            print(
                f"serving {name}, version {model.version} ({model.format}), at "
                f"{url_of(listener, '' if page else 'docs')}",
                flush=True,
            )

        factory = None
        if find_spec("uvloop") is not None:
            import uvloop

            factory = uvloop.new_event_loop
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(run_server(engine, app, listener, ready=tell))
    return 0


@contextlib.contextmanager
def listening(address: Address) -> Iterator[socket.socket]:
    """Gives a socket that listens to an address.

    Raises:
        ConfigError: if it cannot.
    """
    where = f"{address.host}:{address.port}"
    if not address.host:
        raise ConfigError("--host is empty; 0.0.0.0 listens to all addresses of this machine")
    if not 0 <= address.port < 2**16:
        raise ConfigError(f"--port must lie between 0 and 65535, received {address.port}")
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError):
        raise ConfigError(f"--host {address.host!r} is no address of this machine") from None
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # of Linux; its connections inherit it
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD * 1000)
        try:
            listener.bind(place)
            listener.listen(BACKLOG)
        except OSError as error:
            reasons = {
                errno.EADDRINUSE: "is in use; choose another port by --port",
                errno.EACCES: "may not be listened to; choose a --port above 1023",
                errno.EADDRNOTAVAIL: "is no address of this machine; choose another --host",
            }
            reason = reasons.get(error.errno or 0, f"cannot be listened to: {error.strerror}")
            raise ConfigError(f"{where} {reason}") from None
        yield listener


def url_of(listener: socket.socket, path: str = "") -> str:
    """Returns the URL of a server on this machine."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}/{path}" if ":" in host else f"http://{host}:{port}/{path}"


async def run_server(
    engine: Engine, app: "Starlette", listener: socket.socket, *, ready: Callable[[], None]
) -> None:
    """Runs a server until SIGTERM or SIGINT, and answers then what has been asked.

    It answers questions for its health from the beginning, others when the model is loaded.

    Args:
        engine: the `Engine`, which is started here.
        app: the application.
        listener: a socket that listens.
        ready: called when it answers requests.

    Raises:
        UserError: if the engine cannot start.
        Stopped: if a signal came before it was ready.
    """
    config = uvicorn.Config(
        app,
        http=protocol(),
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=max(1, round(engine.limits.timeout)),
    )
    server = Server(config)
    with _signalled() as asked:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        starting = asyncio.create_task(engine.start())
        working: set[asyncio.Future[None]] = {serving, starting}
        first: set[asyncio.Future[Any]] = {asked, *working}
        try:
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            if asked.done():
                raise Stopped(asked.result(), "stopped before the model was loaded")
            await starting  # or what is wrong with it
            ready()
            watching = asyncio.create_task(engine.watch())
            working.add(watching)
            first = {asked, serving, watching}
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            if watching.done() and not asked.done():
                watching.result()
        finally:
            for task in working - {serving}:
                task.cancel()
            await engine.drain()
            server.should_exit = True
            await asyncio.wait({serving})
            await asyncio.gather(*working, return_exceptions=True)


def protocol() -> Any:
    """Returns how HTTP is read: by httptools; without it by h11, which has bounds of its own."""
    if find_spec("httptools") is None:
        return "h11"
    from mtc_keras.serve.http.connection import Connection

    return Connection


@contextlib.contextmanager
def _signalled() -> Iterator["asyncio.Future[signal.Signals]"]:
    """Gives a future that the first signal sets; the second one ends the process."""
    loop = asyncio.get_running_loop()
    asked: asyncio.Future[signal.Signals] = loop.create_future()

    def set_by(number: signal.Signals) -> None:
        if not asked.done():
            asked.set_result(number)
        for known in SIGNALS:
            loop.remove_signal_handler(known)

    for number in SIGNALS:
        loop.add_signal_handler(number, set_by, number)
    try:
        yield asked
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
