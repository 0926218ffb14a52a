"""A connection of a client: uvicorn's, with bounds on what it may leave open or send as a head.

Uvicorn's protocol by httptools waits for a head for ever, keeps as much of it as comes, and reads
no body of a request that offers to speak another protocol, as Java's own client does at first.
"""

import asyncio
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 20.0  # in which the head of a request arrives
MOST_HEAD_BYTES = 2**16
MOST_PIPELINED = 1_000  # requests of a connection that wait for their turn
FRAMING = (b"content-length", b"transfer-encoding")


class Connection(HttpToolsProtocol):
    """Uvicorn's connection, which ends where a head is too long or does not come."""

    _head_timer: asyncio.TimerHandle | None = None
    _unread = 0  # bytes since the last head or part of a body
    _is_going_on = False  # a parser is told of a head that another one has read

    # === Bounds ===

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        self._unread += len(data)
        try:
            self._feed(data)
        except httptools.HttpParserError:
            self._end("Invalid HTTP request received.")
            return
        if self._unread > MOST_HEAD_BYTES:
            self._end("The head of the request is too long.")
        elif len(self.pipeline) > MOST_PIPELINED:
            self._end("Too many requests wait on this connection.")
        elif self.cycle is None or self.cycle.response_complete:
            self._await_head()

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _end(self, message: str) -> None:
        self.logger.warning(message)
        self.pipeline.clear()
        self.send_400_response(message)

    # === What the parser finds ===

    def on_message_begin(self) -> None:
        if not self._is_going_on:
            super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        if not self._is_going_on:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._is_going_on:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._unread = 0
        if not self._is_going_on:
            self._stop_timer()
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():  # else its body is still to be read
            super().on_message_complete()

    def _feed(self, data: bytes) -> None:
        """Reads on; an offer to speak another protocol is not taken."""
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
                self._go_on()

    def _go_on(self) -> None:
        """Has a new parser read what follows a head, as this one holds it for no HTTP."""
        framing = [name + b": " + value for name, value in self.headers if name in FRAMING]
        self.parser = httptools.HttpRequestParser(self)
        self._is_going_on = True
        try:
            self.parser.feed_data(b"\r\n".join([b"POST / HTTP/1.1", *framing, b"", b""]))
        finally:
            self._is_going_on = False
