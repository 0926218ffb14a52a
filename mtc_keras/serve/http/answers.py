"""What is sent: JSON, and errors as each protocol here has them, `{"error": "…"}`."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from mtc_keras.serve.http.bad_request import BadRequest
from mtc_keras.serve.refusals import (
    Busy,
    Draining,
    Failed,
    NoVersion,
    Refused,
    TimedOut,
    WorkerDied,
)

# Of each refusal of the engine the status, and what the metrics call it.
STATUSES: Mapping[type[Refused], tuple[int, str]] = {
    Busy: (429, "busy"),
    TimedOut: (504, "timeout"),
    WorkerDied: (503, "worker"),
    NoVersion: (404, "version"),
    Draining: (503, "draining"),
    Failed: (500, "failed"),
}
SOON = "1"  # seconds: another worker, or another server, is there


class JSON(Response):
    """An answer in JSON; arrays are written as lists of the shortest numbers that mean them."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)


def error(message: str, status: int, headers: Mapping[str, str] | None = None) -> JSON:
    """Returns an answer that says what is wrong."""
    return JSON({"error": message}, status, headers)


def bad_request(found: BadRequest, *, is_expecting: bool = False) -> JSON:
    """Returns the answer to a request that cannot be answered as it is.

    Args:
        found: what is wrong.
        is_expecting: bool. Whether the client asked before it sent the body, and may not do so now.
    """
    headers = {}
    # What is left of another body is read and forgotten.
    if found.status in (408, 429) or is_expecting:
        headers["connection"] = "close"
    if found.status == 429:
        headers["retry-after"] = SOON
    return error(found.message, found.status, headers)


def refused(refusal: Refused) -> tuple[JSON, str]:
    """Returns the answer to a request that the engine refuses, and the kind of its error."""
    status, kind = STATUSES.get(type(refusal), (503, "refused"))
    headers = {}
    if isinstance(refusal, Busy):
        headers["retry-after"] = str(refusal.retry_after)
    elif status == 503:
        headers["retry-after"] = SOON
    return error(str(refusal), status, headers), kind
