"""Around every request: who may ask, what is counted, and no defect that shows the inside."""

import asyncio
import contextlib
import logging
import time
import traceback
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mtc_keras.serve.http.answers import error
from mtc_keras.serve.http.auth import Hosts, Tokens
from mtc_keras.serve.http.metrics import Metrics

CLIENT_LEFT = 499  # what proxies call it
AT_ONCE = (408, 429)  # are answered at once: the rest of a body is too slow, or one too many
REST = 5.0  # seconds in which the rest of a body is read and forgotten before a refusal
OPEN_PATHS = ("/", "/docs", "/openapi.json", "/healthz", "/v2/health/live", "/v2/health/ready")
PROTOCOLS = {":predict": "tf_serving", ":classify": "classify", ":explain": "explain"}
MOST_FRAMES = 8
log = logging.getLogger("mtc_keras.serve")


class Guard:
    """Lets through who has a token, counts, and answers where a defect would end the connection.

    Args:
        app: what it guards.
        tokens: the `Tokens`.
        hosts: the `Hosts`.
        metrics: the `Metrics`.
    """

    def __init__(self, app: ASGIApp, *, tokens: Tokens, hosts: Hosts, metrics: Metrics) -> None:
        self.app, self.tokens, self.hosts, self.metrics = app, tokens, hosts, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), CLIENT_LEFT
        has_arrived = "expect" in Headers(scope=scope)  # or is not sent after a refusal

        async def hear() -> Message:
            nonlocal has_arrived
            message = await receive()
            has_arrived |= not message.get("more_body", False)
            return message

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if status >= 400 and status not in AT_ONCE:
                    # Many clients hear no answer as long as they send.
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(REST):
                            while not has_arrived:
                                await hear()
                headers = MutableHeaders(scope=message)
                headers.setdefault("x-content-type-options", "nosniff")
                headers.setdefault("cache-control", "no-store")
            await send(message)

        try:
            if not self.hosts.allow(Headers(scope=scope).get("host")):
                self.metrics.error("host")
                await error(
                    "this server goes by another name; --allowed-host NAME adds one, such as "
                    "that of a proxy",
                    421,
                )(scope, hear, answer)
            elif self._may_ask(scope):
                await self.app(scope, hear, answer)
            else:
                self.metrics.error("token")
                challenge = {"www-authenticate": "Bearer"}
                refusal = error("a valid bearer token is needed", 401, challenge)
                await refusal(scope, hear, answer)
        except Exception as defect:  # whatever it is, the next request is answered
            self.metrics.error("defect")
            log.error("a request failed: %s", _described(defect))
            if status == CLIENT_LEFT:
                await error("the server failed; its log says where", 500)(scope, hear, answer)
        finally:
            seconds = time.perf_counter() - started
            self.metrics.request(protocol_of(scope["path"]), status, seconds)

    def _may_ask(self, scope: Scope) -> bool:
        path = scope["path"]
        if path in OPEN_PATHS or (path.startswith("/v2/models/") and path.endswith("/ready")):
            return True
        return self.tokens.allow(Headers(scope=scope).get("authorization"))


def protocol_of(path: str) -> str:
    """Returns what the metrics call a path's protocol: one of a few, whatever a client asks."""
    for ending, protocol in PROTOCOLS.items():
        if path.startswith("/v1/") and path.endswith(ending):
            return protocol
    if path.startswith("/v2/") and path.endswith("/infer"):
        return "open_inference"
    return "other"


def _described(defect: Exception) -> str:
    """Returns the kind of a defect and where it arose; its message might quote a text."""
    frames: list[Any] = list(traceback.extract_tb(defect.__traceback__))[-MOST_FRAMES:]
    places = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    return f"{type(defect).__name__} in {' > '.join(places)}"
