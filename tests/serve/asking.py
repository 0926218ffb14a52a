"""Asks an application without a socket, or by one on the loopback."""

import asyncio
import contextlib
import json
import threading
import time
from typing import Any

import httpx

from tests.serve.fakes import NAME

V1 = f"/v1/models/{NAME}"
V2 = f"/v2/models/{NAME}"
PREDICT, CLASSIFY, EXPLAIN, INFER = (
    f"{V1}:predict",
    f"{V1}:classify",
    f"{V1}:explain",
    f"{V2}/infer",
)


def ask(app, method: str, path: str, **options: Any) -> httpx.Response:
    """Returns the answer to one request."""

    async def asked() -> httpx.Response:
        async with client(app) as asking:
            return await asking.request(method, path, **options)

    return asyncio.run(asked())


def post(app, path: str, body: Any, **options: Any) -> httpx.Response:
    return ask(app, "POST", path, json=body, **options)


def get(app, path: str, **options: Any) -> httpx.Response:
    return ask(app, "GET", path, **options)


def client(app) -> httpx.AsyncClient:
    # A defect of the application is an answer here, as it is over a socket.
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://test")


def infer_body(texts: list[Any], **more: Any) -> dict[str, Any]:
    tensor = {"name": "text", "shape": [len(texts)], "datatype": "BYTES", "data": texts}
    return {"inputs": [tensor], **more}


def escaped(body: Any) -> bytes:
    """Returns JSON in ASCII, in which lone surrogates can be sent."""
    return json.dumps(body).encode("ascii")


@contextlib.contextmanager
def listening(app, **options):
    """Gives the address of a server on the loopback, which is ended afterwards."""
    import uvicorn

    config = uvicorn.Config(
        app, port=0, log_config=None, lifespan="off", access_log=False, **options
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 20
    while not server.started and time.monotonic() < until:
        time.sleep(0.01)
    try:
        [listener] = server.servers[0].sockets
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
